//! Waits for a server that is still starting.

use futures::future::BoxFuture;
use std::time::{Duration, Instant};

use crate::config::{Options, Problem, Reader, Value};
use crate::error::{Kind, Result};

/// How often a server is asked whether it is ready, and how long to wait in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    tries: u64,
    delay: Duration,
}

impl Wait {
    /// Takes `wait_for`.
    pub fn read(reader: &Reader<'_>) -> Self {
        let mut wait = Wait { tries: 1, delay: Duration::from_secs(2) };
        let Some(node) = reader.node("wait_for") else { return wait };
        let Value::Map(entries) = &node.value else {
            let message = format!("`wait_for` must be a map, not {}", node.shown());
            let problem = Problem::new(&node.place, message);
            reader.problem(problem.hint("write `wait_for: {tries: 30, delay: 2s}`"));
            return wait;
        };
        let options = Options::new(node.place.clone(), entries.clone());
        let own = options.reader();
        wait.tries = own.number("tries", 30, 1..=100_000);
        wait.delay = own.duration("delay", wait.delay);
        own.finish_as("key").into_iter().for_each(|problem| reader.problem(problem));
        wait
    }

    /// What `attempt` gives, as soon as the server is there. A server that answers and refuses us
    /// is there.
    pub async fn ready<'a, T>(&self, attempt: impl Fn() -> BoxFuture<'a, Result<T>>) -> Result<T> {
        let begun = Instant::now();
        for _ in 1..self.tries {
            match attempt().await {
                Err(error) if error.kind() == Kind::Unavailable => {
                    tracing::debug!(%error, delay = ?self.delay, "the server is not ready");
                    tokio::time::sleep(self.delay).await;
                }
                settled => return settled,
            }
        }
        attempt().await.map_err(|error| match self.tries {
            1 => error,
            tries => {
                let seconds = begun.elapsed().as_secs();
                error.at("tried", format!("{tries} times in {seconds} s"))
            }
        })
    }
}
