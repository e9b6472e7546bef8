//! Named points at which a test may kill, hold or fail the program.
//!
//! Code that changes anything durable passes a [`point`] before and after each step; the names are
//! listed in [`POINTS`] and, for each connector with more of them, beside it. In release builds a point is nothing. In debug builds there are two ways
//! to act on one:
//!
//! - In one process, tests run a task inside [`Script::scope`]; the script decides at each point
//!   whether the task goes on, waits, or is dead (it is then never polled again by the test, which
//!   is what a killed process looks like from the outside).
//! - For the real binary, `DHOW_FAULT=name` or `DHOW_FAULT=name:3` sends SIGKILL to the process the
//!   first (or third) time that it passes the point.

/// Every point that a load without a database passes, in its order.
pub const POINTS: &[&str] = &[
    "run.begun",
    "load.settled",
    "load.given_up",
    "source.remembered",
    "load.begun",
    "load.frozen",
    "load.prepared",
    "part.started",
    "part.first_batch",
    "part.written",
    "part.recorded",
    "load.staged",
    "load.committing",
    "sink.staged_file",
    "sink.rewritten",
    "sink.before_mark",
    "sink.after_mark",
    "sink.shown",
    "load.committed",
    "rejects.committed",
    "ledger.published",
    "load.swept",
    "run.finished",
];

/// Further points, which only a load into Postgres passes, in its order.
pub const POSTGRES: &[&str] = &[
    "pg.house_made",
    "pg.taken_back",
    "pg.shadow_made",
    "pg.binding",
    "pg.bound",
    "pg.begun",
    "pg.locked",
    "pg.part_noted",
    "pg.copying",
    "pg.copied",
    "pg.committing",
    "pg.part_committed",
    "pg.indexing",
    "pg.indexed",
    "pg.alone",
    "pg.swapped",
    "pg.refilled",
    "pg.applied",
    "pg.publishing",
    "pg.published",
    "pg.sweeping",
    "pg.swept",
];

/// Further points, which only a load into BigQuery passes, in its order.
pub const BIGQUERY: &[&str] = &[
    "bq.house_made",
    "bq.bound",
    "bq.target_made",
    "bq.target_changed",
    "bq.stage_made",
    "bq.uploading",
    "bq.piece_sent",
    "bq.uploaded",
    "bq.job_inserted",
    "bq.job_done",
    "bq.marks_made",
    "bq.intended",
    "bq.publishing",
    "bq.publish_inserted",
    "bq.published",
    "bq.noted",
    "bq.sweeping",
    "bq.swept",
];

/// Further points, which only a load into Doris passes, in its order.
pub const DORIS: &[&str] = &[
    "doris.target_made",
    "doris.target_changed",
    "doris.stage_made",
    "doris.sending",
    "doris.half_sent",
    "doris.sent",
    "doris.settled",
    "doris.visible",
    "doris.intended",
    "doris.counted",
    "doris.publishing",
    "doris.new_made",
    "doris.filled",
    "doris.swapping",
    "doris.swapped",
    "doris.published",
    "doris.noted",
    "doris.sweeping",
    "doris.swept",
];

/// Further points, which only a load into an object store passes, in its order.
pub const STORES: &[&str] = &["store.probed", "store.copied"];

#[cfg(not(any(debug_assertions, test)))]
/// Does nothing in a release build.
#[inline(always)]
pub async fn point(_name: &'static str) {}

#[cfg(not(any(debug_assertions, test)))]
/// The future as it is, in a release build.
pub fn carry<F: Future>(future: F) -> F {
    future
}

#[cfg(any(debug_assertions, test))]
pub use enabled::{Script, carry, point};

#[cfg(any(debug_assertions, test))]
mod enabled {
    use std::future::Future;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, LazyLock};

    use futures::future::BoxFuture;
    use rustix::process::Signal;

    use super::{BIGQUERY, DORIS, POINTS, POSTGRES, STORES};

    tokio::task_local! {
        static SCRIPT: Script;
    }

    /// What a test does at each point that a task passes.
    #[derive(Clone)]
    pub struct Script(Arc<dyn Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync>);

    impl Script {
        /// A script that calls `act` at each point and waits for what it returns; a future that
        /// never ends stands for a dead process.
        pub fn new<A>(act: A) -> Self
        where
            A: Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync + 'static,
        {
            Script(Arc::new(act))
        }

        /// Runs `future` under this script.
        pub async fn scope<F: Future>(self, future: F) -> F::Output {
            SCRIPT.scope(self, future).await
        }

        fn current() -> Option<Script> {
            SCRIPT.try_with(Clone::clone).ok()
        }
    }

    impl std::fmt::Debug for Script {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Script")
        }
    }

    /// The future under the script of the running task: for tasks that it spawns.
    pub fn carry<F: Future + Send + 'static>(future: F) -> BoxFuture<'static, F::Output> {
        match Script::current() {
            Some(script) => Box::pin(script.scope(future)),
            None => Box::pin(future),
        }
    }

    /// Passes the point `name`, which must stand in one of the lists.
    pub async fn point(name: &'static str) {
        debug_assert!(
            [POINTS, POSTGRES, BIGQUERY, DORIS, STORES].iter().any(|list| list.contains(&name)),
            "`{name}` is not in `faults`"
        );
        kill_if_asked(name);
        if let Some(script) = Script::current() {
            script.0(name).await;
        }
    }

    const KILL: Signal = Signal::KILL;

    static ASKED: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let asked = std::env::var("DHOW_FAULT").ok()?;
        match asked.split_once(':') {
            Some((name, nth)) => Some((name.to_owned(), nth.parse().ok()?)),
            None => Some((asked, 1)),
        }
    });
    static PASSED: AtomicUsize = AtomicUsize::new(0);

    fn kill_if_asked(name: &str) {
        let Some((asked, nth)) = &*ASKED else { return };
        if asked == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
            // SIGKILL, not `abort` or `exit`: nothing of ours may run after it.
            let _ = rustix::process::kill_process(rustix::process::getpid(), KILL);
            loop {
                std::thread::park();
            }
        }
    }
}
