//! The crate's [`Memory`] drawn from DataFusion's pool, so that one number bounds both.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};

/// The pool of a session.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    pub(super) pool: Arc<dyn MemoryPool>,
    pub(super) bytes: u64,
}

impl Memory for Budget {
    fn reserve(&self, name: &str) -> Box<dyn Reservation> {
        let held = MemoryConsumer::new(name).register(&self.pool);
        Box::new(Drawn { held, name: name.to_owned() })
    }

    fn limit(&self) -> Option<u64> {
        Some(self.bytes)
    }
}

#[derive(Debug)]
struct Drawn {
    held: MemoryReservation,
    name: String,
}

impl Reservation for Drawn {
    fn resize(&mut self, bytes: usize) -> Result<()> {
        self.held.try_resize(bytes).map_err(|error| {
            exhausted(&error.message()).at("wanted", format!("{bytes} bytes for {}", self.name))
        })
    }

    fn held(&self) -> usize {
        self.held.size()
    }
}

/// The error for a pool that has no more; `detail` says who holds what.
pub(super) fn exhausted(detail: &str) -> Error {
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    Error::limit("the memory limit is reached")
        .at("detail", detail)
        .hint("give more with `--memory`, or work on fewer parts at once with `--jobs`")
}
