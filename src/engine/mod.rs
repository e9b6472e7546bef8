//! Runs a plan: checks, then loads, each exactly once.
//!
//! [`World::open`] finds out about everything a pipeline names and plans it; [`run`] takes the
//! steps. `dhow plan` does the first and prints the plan; `dhow run` does both.

mod backoff;
mod check;
mod chosen;
mod job;
mod load;
mod peak;
mod reject;
mod run;
mod task;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use run::run;
pub use world::{Purpose, World};

use crate::event::Observers;
use crate::sink::Mode;
use crate::transform::Limits;

/// What a person may choose for one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the ledger and of spilled data, usually `.dhow`.
    pub state: PathBuf,
    /// Memory, spilling and how much is done at once.
    pub limits: Limits,
    /// Names of sinks or models: only sinks that are named or depend on a named model are loaded.
    /// Empty for all.
    pub select: Vec<String>,
    /// Forget watermarks and unfinished loads, and read everything again.
    pub full_refresh: bool,
    /// Write at most this many rows to each sink.
    pub limit: Option<usize>,
    /// Tries of a part, at most, and the first delay between two.
    pub tries: u32,
    /// The first delay between two tries; it doubles.
    pub retry_delay: Duration,
    /// Who is told what happens.
    pub observers: Observers,
    /// The way to stop.
    pub cancel: Cancel,
}

/// Asks a run to stop: splits in flight are finished, nothing new is begun.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Cancel(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    /// Asks.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The run's id.
    pub run: String,
    /// Whether an earlier, unfinished run was continued.
    pub resumed: bool,
    /// Each load, in order.
    pub loads: Vec<LoadReport>,
    /// Rows that each `warn` check returned, where there were any.
    pub warnings: Vec<(String, u64)>,
    /// From the first step to the last.
    pub elapsed: Duration,
    /// The largest resident size of the process so far, in bytes.
    pub peak_memory: u64,
}

/// What one load did.
#[derive(Debug, Clone)]
pub struct LoadReport {
    /// The sink's name.
    pub sink: String,
    /// How the table changed.
    pub mode: Mode,
    /// Where the rows went, for people.
    pub target: String,
    /// Rows read by this process.
    pub rows_read: u64,
    /// Rows that the published mark names, including those staged by an earlier process.
    pub rows_written: u64,
    /// Rows refused.
    pub rows_refused: u64,
    /// The table of refused rows, when there are any.
    pub rejects: Option<String>,
    /// Bytes staged, as stored.
    pub bytes: u64,
    /// Parts altogether, and how many of them an earlier process had staged.
    pub parts: usize,
    /// Parts that an earlier process had staged.
    pub kept: usize,
    /// Rows by shard; empty when the source is not sharded.
    pub shards: BTreeMap<String, u64>,
    /// Shards that could not be reached and were left for a later run, each as `source/shard`.
    pub late: Vec<String>,
    /// How consistent the rows are, as the sources say.
    pub notes: Vec<String>,
    /// Parts that were tried more than once.
    pub retried: usize,
    /// Whether nothing had to be done: this run had published it before.
    pub skipped: bool,
    /// From opening to the mark.
    pub elapsed: Duration,
}
