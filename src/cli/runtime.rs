//! The threads on which a command works.

use std::time::Duration;

use crate::error::{Error, Result};

/// Plans of large queries are walked recursively.
const STACK: usize = 8 << 20;
/// How long work that cannot be interrupted may go on after the end.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `future` to its end on `jobs` threads, two at least: one may be busy with SQL while the
/// other listens for signals.
pub(super) fn block_on<F, T>(jobs: usize, future: F) -> Result<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(jobs.max(2))
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(|error| Error::denied("could not start threads").at("system", error))?;
    // Spawned, so that it has the large stack too.
    let task = runtime.spawn(future);
    let done = runtime.block_on(task);
    runtime.shutdown_timeout(GRACE);
    done.map_err(|error| Error::bug("a task ended in a panic").at("task", error))
}
