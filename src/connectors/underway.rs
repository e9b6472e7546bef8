//! A read under way: a task that makes batches, or other pieces, while whoever reads works on those
//! before.

use std::future::Future;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::faults::carry;

/// What becomes of the task when nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It is cut off, wherever it is.
    CutOff,
    /// It finds out by itself, and has something to do then.
    Alone,
}

/// The batches that `work` sends, made on a task of its own; an error ends them.
pub(super) fn batches<T, F>(
    left: Left,
    work: impl FnOnce(Sender<T>) -> F,
) -> BoxStream<'static, Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    // One batch waits while the next one is made: enough for both sides to be at work.
    let (sender, receiver) = mpsc::channel(1);
    let task = Task { handle: Some(tokio::spawn(carry(work(sender)))), left };
    let reading = Underway { receiver, task };
    let batches = stream::try_unfold(reading, |mut reading| async move {
        if let Some(batch) = reading.receiver.recv().await {
            return Ok(Some((batch, reading)));
        }
        // No more batches: only the task knows whether that is the end.
        if let Some(task) = reading.task.handle.take() {
            task.await.map_err(|e| Error::bug("reading ended early").at("task", e))??;
        }
        Ok(None)
    });
    batches.boxed()
}

struct Underway<T> {
    receiver: Receiver<T>,
    task: Task,
}

struct Task {
    handle: Option<JoinHandle<Result<()>>>,
    left: Left,
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = self.handle.as_ref().filter(|_| self.left == Left::CutOff) {
            task.abort();
        }
    }
}
