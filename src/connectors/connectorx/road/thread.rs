//! A thread of its own for what blocks and may panic, away from the threads that others wait on.
//!
//! connectorx panics where it meets what it does not know. The message may quote a row: it is
//! neither printed nor kept, only the place in the code is.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use arrow::record_batch::RecordBatch;
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Result};
use crate::source::BatchStream;

/// What `work` gives, run on a thread of its own.
pub(super) async fn ask<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    // Nobody waits any more when the answer cannot be sent.
    spawn(move || drop(answer.send(caught(work))))?;
    answered.await.map_err(|_| Error::bug("a thread of connectorx ended without an answer"))?
}

/// The batches that `work` gives away, as they come. One waits in between while the next one is
/// made; giving one away tells whether anybody still wants more.
pub(super) fn batches(
    work: impl FnOnce(&mut dyn FnMut(RecordBatch) -> bool) -> Result<()> + Send + 'static,
) -> Result<BatchStream> {
    let (sender, receiver) = mpsc::channel(1);
    spawn(move || {
        let worked = caught(|| work(&mut |batch| sender.blocking_send(Ok(batch)).is_ok()));
        if let Err(error) = worked {
            drop(sender.blocking_send(Err(error)));
        }
    })?;
    Ok(stream::unfold(receiver, async |mut receiver: mpsc::Receiver<_>| {
        receiver.recv().await.map(|batch| (batch, receiver))
    })
    .boxed())
}

/// Runs `work` on a thread of its own; nobody waits for it.
pub(super) fn apart(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    spawn(move || drop(caught(work)))
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = std::thread::Builder::new().name("connectorx".to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| {
        Error::limit("no thread could be started to read with connectorx").at("system", error)
    })
}

thread_local! {
    /// Where this thread panicked; `None` on threads that are not ours.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic becomes an error that names no more than its place in the code.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !kept(info) {
                before(info)
            }
        }));
    });
    PLACE.set(Some("unknown".to_owned()));
    let worked = catch_unwind(AssertUnwindSafe(work));
    let place = PLACE.take().unwrap_or_default();
    worked.unwrap_or_else(|_| {
        Err(Error::data("connectorx broke off: it met a value or a type that it does not know")
            .at("panic", place)
            .hint("cast the columns in question to text: `columns: {name: text}`, or in the query"))
    })
}

/// Keeps the place of a panic if this thread is ours.
fn kept(info: &PanicHookInfo<'_>) -> bool {
    PLACE.with_borrow_mut(|place| {
        let Some(place) = place else { return false };
        if let Some(at) = info.location() {
            let file = at.file().rsplit_once("/registry/src/").map_or(at.file(), |(_, f)| f);
            let file = file.split_once('/').map_or(file, |(_, f)| f);
            *place = format!("{file}:{}", at.line());
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn a_panic_is_an_error_without_its_message() {
        let error = ask(|| -> Result<()> { panic!("row 17: hunter2") }).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(!error.report().contains("hunter2"), "{}", error.report());
        assert!(error.report().contains("thread.rs:"), "{}", error.report());
    }

    #[tokio::test]
    async fn a_panic_ends_a_stream_after_what_was_read() {
        let batch = RecordBatch::new_empty(std::sync::Arc::new(arrow::datatypes::Schema::empty()));
        let rows = batches(move |give| {
            assert!(give(batch));
            panic!("row 17");
        });
        let found: Vec<_> = rows.unwrap().collect().await;
        assert_eq!(found.len(), 2);
        assert!(found[0].is_ok() && found[1].is_err());
    }
}
