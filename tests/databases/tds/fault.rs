//! What a test may have happen to a statement.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::run::Failure;

/// Which statement a fault strikes.
#[derive(Debug, Clone)]
pub(crate) struct When {
    holds: String,
    skip: usize,
    times: usize,
}

impl When {
    /// A statement that holds `text`, whatever its case. `login` is what comes before all of them.
    pub(crate) fn statement(text: &str) -> Self {
        When { holds: text.to_lowercase(), skip: 0, times: 1 }
    }

    /// A log-in.
    pub(crate) fn login() -> Self {
        When::statement(LOGIN)
    }

    /// The nth that matches, counted from 1.
    pub(crate) fn nth(mut self, nth: usize) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// So many in a row.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Every one from there on.
    pub(crate) fn always(self) -> Self {
        self.times(usize::MAX)
    }
}

/// What stands for the statement at a log-in.
pub(crate) const LOGIN: &str = "-- log-in --";

/// What happens to it.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is refused with this error.
    Error(i32, String),
    /// The error comes after so many rows.
    ErrorAfter(usize, i32, String),
    /// The connection is cut after so many rows.
    CutAfterRows(usize),
    /// The connection is cut after so many bytes of the answer.
    CutAfterBytes(usize),
    /// It has its effect, and then the connection is cut.
    LoseAnswer,
    /// It waits until the gate is opened.
    Hold(Gate),
    /// It waits before it sends the row of this number.
    HoldAfter(usize, Gate),
    /// A message of the server before its answer.
    Info(i32, String),
    /// The client is sent to another server; at a log-in only.
    Route(String, u16),
    /// It is answered after this time.
    Slow(Duration),
    /// Each row takes this long.
    SlowRows(Duration),
}

impl Fault {
    /// The error of this number, with a text like the server's.
    pub(crate) fn error(number: i32) -> Self {
        let text = match number {
            1205 => {
                "Transaction (Process ID 52) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction."
            }
            4060 => "Cannot open database \"shop\" requested by the login. The login failed.",
            18_456 => "Login failed for user 'ann'.",
            40_613 => {
                "Database 'shop' on server 'standin' is not currently available. Please retry the connection later."
            }
            10_928 => {
                "Resource ID: 1. The request limit for the database is 180 and has been reached."
            }
            701 => {
                "There is insufficient system memory in resource pool 'default' to run this query."
            }
            8152 => "String or binary data would be truncated.",
            9002 => "The transaction log for database 'shop' is full due to 'LOG_BACKUP'.",
            _ => "scripted",
        };
        Fault::Error(number, text.to_owned())
    }

    /// As it is told.
    pub(crate) fn failure(number: i32, text: &str) -> Failure {
        Failure::new(number, text)
    }
}

/// Something that statements wait at until it is opened. All clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Held>);

/// Who stands at a gate: how many, and whether it is open.
type Held = (Mutex<(usize, bool)>, Condvar, tokio::sync::Notify);

impl Gate {
    pub(crate) fn closed() -> Self {
        Gate::default()
    }

    /// Waits until so many statements stand at the gate at once.
    pub(crate) fn wait_for(&self, count: usize) {
        let (state, changed, _) = &*self.0;
        let held = state.lock().expect("no thread panicked");
        let (held, late) = changed
            .wait_timeout_while(held, Duration::from_secs(60), |held| held.0 < count)
            .expect("no thread panicked");
        assert!(!late.timed_out(), "only {} of {count} statements came to the gate", held.0);
    }

    /// How many stand at it.
    pub(crate) fn count(&self) -> usize {
        self.0.0.lock().expect("no thread panicked").0
    }

    /// Lets all go on, and whoever comes later.
    pub(crate) fn open(&self) {
        self.0.0.lock().expect("no thread panicked").1 = true;
        self.0.2.notify_waiters();
    }

    /// Counted at the gate while the answer is kept.
    pub(crate) fn stand(&self) -> Standing<'_> {
        Standing::at(self)
    }

    /// A statement waits here.
    pub(crate) async fn pass(&self) {
        let _standing = self.stand();
        loop {
            let notified = self.0.2.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.0.0.lock().expect("no thread panicked").1 {
                return;
            }
            notified.await;
        }
    }
}

/// Counted at a gate until dropped.
pub(crate) struct Standing<'a>(&'a Gate);

impl<'a> Standing<'a> {
    fn at(gate: &'a Gate) -> Self {
        gate.0.0.lock().expect("no thread panicked").0 += 1;
        gate.0.1.notify_all();
        Standing(gate)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        if let Ok(mut held) = self.0.0.0.lock() {
            held.0 -= 1;
        }
        self.0.0.1.notify_all();
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    scripted: Vec<(When, Fault)>,
    pub(crate) struck: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, when: When, fault: Fault) {
        self.scripted.push((when, fault));
    }

    pub(crate) fn clear(&mut self) {
        self.scripted.clear();
    }

    /// What is to happen to a statement.
    pub(crate) fn take(&mut self, text: &str) -> Option<Fault> {
        let lower = text.to_lowercase();
        for (when, fault) in &mut self.scripted {
            if when.times == 0 || !lower.contains(&when.holds) {
                continue;
            }
            if when.skip > 0 {
                when.skip -= 1;
                continue;
            }
            when.times = when.times.saturating_sub(1);
            self.struck += 1;
            return Some(fault.clone());
        }
        None
    }
}
