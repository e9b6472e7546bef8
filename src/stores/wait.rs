//! The threads on which requests to stores run, and waiting for them from code that is not async.

use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use crate::error::{Error, Result};

/// Requests wait for the network most of the time.
const THREADS: usize = 2;

/// The threads of all stores. They are never joined: a process that ends takes them along.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();
    let begin = || {
        let builder = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("dhow-store")
            .enable_all()
            .build();
        builder.map_err(|error| error.to_string())
    };
    let runtime = RUNTIME.get_or_init(begin).as_ref();
    runtime.map_err(|error| Error::unavailable("no thread can be started").at("system", error))
}

/// What `work` gives, waited for on this thread; other tasks of the thread move elsewhere.
///
/// # Errors
/// That of `work`.
pub fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let (send, receive) = mpsc::sync_channel(1);
    // Whoever waits is there until the answer has been sent.
    runtime()?.spawn(async move { drop(send.send(work.await)) });
    received(&receive)
}

/// The one thing that is sent.
pub(super) fn received<T>(receive: &mpsc::Receiver<Result<T>>) -> Result<T> {
    let waited = match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| receive.recv()),
        _ => receive.recv(),
    };
    waited.map_err(|_| Error::bug("a request to a store was broken off"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_waits_on_one_thread_without_holding_up_the_answer() {
        let elsewhere = async { std::thread::current().name().map(str::to_owned) };
        let name = wait(async move { Ok(elsewhere.await) }).unwrap();
        assert_eq!(name.as_deref(), Some("dhow-store"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_waits_among_others_that_go_on() {
        let (send, receive) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let _ = send.send(7);
        });
        let answer = wait(async move { receive.await.map_err(|_| Error::bug("gone")) });
        assert_eq!(answer.unwrap(), 7);
    }
}
