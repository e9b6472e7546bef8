//! What a test may have happen to a request.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::state::Side;

/// Which request a fault strikes.
#[derive(Debug, Clone)]
pub(crate) struct When {
    side: Side,
    which: Option<usize>,
    holds: String,
    skip: usize,
    times: usize,
}

impl When {
    /// A request to any front end whose first line or headers hold `text`.
    pub(crate) fn fe(text: &str) -> Self {
        When::on(Side::Fe, text)
    }

    /// A request to any back end whose first line or headers hold `text`.
    pub(crate) fn be(text: &str) -> Self {
        When::on(Side::Be, text)
    }

    /// A statement that holds `text`, whatever its case.
    pub(crate) fn query(text: &str) -> Self {
        When::on(Side::Query, text)
    }

    fn on(side: Side, text: &str) -> Self {
        When { side, which: None, holds: text.to_lowercase(), skip: 0, times: 1 }
    }

    /// Only at this server, counted from 0.
    pub(crate) fn at(mut self, which: usize) -> Self {
        self.which = Some(which);
        self
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

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The connection is closed before anything is done.
    LoseBefore,
    /// It is done, and the connection closed without an answer.
    LoseAfter,
    /// The connection is reset after so many bytes of the body; a load is aborted.
    Reset(u64),
    /// The server dies after so many bytes of the body; a load stays PREPARE for so many questions
    /// after its state, and is ABORTED then.
    Die(u64, u32),
    /// It is done, and only so many bytes of the answer arrive.
    Truncate(usize),
    /// Somebody else's page, with status 200.
    Html,
    /// Nothing is done; this status.
    Status(u16),
    /// A redirect to this very address.
    RedirectToSelf,
    /// A redirect to this address, path and query added.
    RedirectTo(String),
    /// Committed, and visible only after so many questions; told as `Publish Timeout`.
    PublishTimeout(u32),
    /// The same, and the connection closed without an answer.
    LosePublishTimeout(u32),
    /// The load or the statement fails with this message and leaves nothing.
    Fail(String),
    /// Rows are filtered, the load fails, and this is the log of errors.
    Filter(String),
    /// As a tablet says that has taken too many small loads.
    TooManyVersions,
    /// Somebody else takes the label first, for rows of their own, and is done.
    LabelTaken,
    /// Somebody has prepared rows of their own under the label, and not committed them.
    LabelPrecommitted,
    /// A front end that lags behind: it has not heard of the label.
    Unheard,
    /// Answers later.
    Slow(Duration),
    /// Waits until released, before anything is done.
    Hold(Latch),
    /// Waits until released, when all is done and nothing answered.
    HoldAnswer(Latch),
}

/// The faults that wait, and how many have struck.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<(When, Fault)>,
    pub(crate) struck: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, when: When, fault: Fault) {
        self.waiting.push((when, fault));
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The fault for a request, if there is one.
    pub(crate) fn take(&mut self, side: Side, which: usize, request: &str) -> Option<Fault> {
        let request = request.to_lowercase();
        for (when, fault) in &mut self.waiting {
            let is_it = when.side == side
                && when.which.is_none_or(|it| it == which)
                && request.contains(&when.holds);
            if !is_it || when.times == 0 {
                continue;
            }
            if when.skip > 0 {
                when.skip -= 1;
                continue;
            }
            when.times -= 1;
            self.struck += 1;
            return Some(fault.clone());
        }
        None
    }
}

/// A door at which a request waits until a test opens it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latch(Arc<Door>);

#[derive(Debug, Default)]
struct Door {
    reached: Mutex<bool>,
    arrival: Condvar,
    open: tokio::sync::Notify,
}

impl Latch {
    /// Waits until a request has come to it.
    pub(crate) fn wait_reached(&self) {
        let reached = self.0.reached.lock().expect("no thread panicked");
        let wait = self.0.arrival.wait_while(reached, |reached| !*reached);
        drop(wait.expect("no thread panicked"));
    }

    /// Lets the request go on.
    pub(crate) fn release(&self) {
        self.0.open.notify_one();
    }

    pub(crate) async fn pass(&self) {
        *self.0.reached.lock().expect("no thread panicked") = true;
        self.0.arrival.notify_all();
        self.0.open.notified().await;
    }
}
