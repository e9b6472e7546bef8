//! Something that happened in a run, and who is told.
//!
//! A run is a stream of events; the progress bar, the log, the history and the metrics are
//! listeners. Events carry what happened, never how to show it.

use std::sync::Arc;
use std::time::Duration;

use crate::sink::Mark;

/// Something that happened in a run.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are named by what they carry")]
pub enum Event {
    /// A run began, or goes on where an earlier process left it.
    RunStarted { run: String, pipeline: String, resumed: bool },
    /// A check returned `rows` rows; zero is what it should be.
    CheckFinished { check: String, rows: u64, refused: &'static str },
    /// A load began. `parts` is unknown for loads that run whole until they are planned.
    LoadStarted {
        sink: String,
        load: String,
        parts: Option<usize>,
        kept: usize,
        rows: Option<u64>,
        bytes: Option<u64>,
    },
    /// A load's staged parts cannot be used, and why: it starts over.
    LoadStartedOver { sink: String, load: String, reason: String },
    /// Rows were read from a source for a load; `bytes` is their size in memory.
    RowsRead { sink: String, rows: u64, bytes: u64 },
    /// Rows were handed to the sink; `bytes` is their size in memory.
    RowsWritten { sink: String, rows: u64, bytes: u64 },
    /// A part is staged and in the ledger; `bytes` is its size as stored.
    PartStaged { sink: String, part: String, rows: u64, bytes: u64 },
    /// A part failed and is tried again after `delay`.
    PartRetried { sink: String, part: String, attempt: u32, delay: Duration, error: String },
    /// Rows were refused and went to the reject table.
    RowsRefused { sink: String, rows: u64, table: String },
    /// The load is in its target. `found` is true when an earlier process had published it.
    LoadPublished { sink: String, mark: Mark, found: bool },
    /// The load was already published by this run and its source has not changed.
    LoadSkipped { sink: String, load: String },
    /// The load failed.
    LoadFailed { sink: String, error: String },
    /// The run is over.
    RunFinished { run: String, succeeded: bool, elapsed: Duration },
}

/// Listens to a run. Never fails, never waits: whoever must do slow things queues them.
pub trait Observer: Send + Sync {
    /// Takes note of `event`.
    fn on(&self, event: &Event);
}

/// Several observers as one, told in order.
#[derive(Clone, Default)]
pub struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// Adds an observer.
    pub fn with(mut self, observer: Arc<dyn Observer>) -> Self {
        self.0.push(observer);
        self
    }
}

impl Observer for Observers {
    fn on(&self, event: &Event) {
        for observer in &self.0 {
            observer.on(event);
        }
    }
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Observers({})", self.0.len())
    }
}
