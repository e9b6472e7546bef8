//! SQL over snapshots: the only code that knows DataFusion.
//!
//! [`check`] reads the statements of a pipeline without a world. A [`Session`] is given frozen
//! sources, models and checks, tells what is known of them, and gives their rows as streams, whole
//! or one split at a time, all within one budget of memory. It never writes anything but spilled
//! data, and never tries anything twice.

mod budget;
mod common_parts;
mod exact;
mod exact_sum;
mod failure;
mod functions;
mod join;
mod lineage;
mod loss;
mod parameter;
mod pushdown;
mod refusal;
mod relation;
mod runtime;
mod session;
mod statement;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

pub use functions::{FunctionDoc, manual};
pub use lineage::{Lineage, check, lineage};
pub use session::Session;

use crate::source::{Refuse, Split};

/// What SQL may use of the machine.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the one memory pool.
    pub memory: u64,
    /// Partitions worked on at once.
    pub jobs: usize,
    /// The folder for spilled data; made when needed, removed at the end.
    pub spill: PathBuf,
    /// Bytes of spilled data, at most.
    pub spill_bytes: u64,
}

/// Told of rows that are read from sources, with their size in memory.
pub trait Meter: std::fmt::Debug + Send + Sync {
    /// Takes note of `rows` rows of `bytes` bytes.
    fn read(&self, rows: u64, bytes: u64);
}

/// Takes no note of anything.
#[derive(Debug, Clone, Copy)]
pub struct Unmetered;

impl Meter for Unmetered {
    fn read(&self, _rows: u64, _bytes: u64) {}
}

/// The rows of a relation, wanted as streams.
#[derive(Debug, Clone)]
pub struct Query {
    /// A source, model or check.
    pub relation: String,
    /// Only this split of this source.
    pub only: Option<(String, Split)>,
    /// Names of checks whose rows are refused.
    pub rejecting: Vec<String>,
    /// Stop after this many rows altogether.
    pub limit: Option<usize>,
    /// Where refused rows go, whether a source or a check refuses them; places begin with the
    /// name of the source or check.
    pub refuse: Arc<dyn Refuse>,
    /// Told of every batch read.
    pub meter: Arc<dyn Meter>,
}

#[cfg(test)]
mod tests;
