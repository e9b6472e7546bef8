//! What ran, when, and how it ended: nice to have. Its errors are warnings.

use std::path::Path;

use crate::error::{Error, Result};

/// One run of the past.
#[derive(Debug, Clone)]
pub struct PastRun {
    /// The run's id.
    pub id: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// When it began, in RFC 3339.
    pub started: String,
    /// How long it took; `None` when it was killed.
    pub seconds: Option<f64>,
    /// `succeeded`, `failed`, or `unfinished`.
    pub outcome: String,
    /// The error's message, if it failed.
    pub error: Option<String>,
    /// Each load.
    pub loads: Vec<PastLoad>,
}

/// One load of a past run.
#[derive(Debug, Clone)]
pub struct PastLoad {
    /// The sink's name.
    pub sink: String,
    /// How the table changed.
    pub mode: String,
    /// Rows read, written and refused.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Rows refused.
    pub rows_refused: u64,
    /// Bytes staged.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// The newest `most` runs of the project whose state folder this is, newest first; `pipeline`
/// narrows it to one pipeline.
pub fn runs(_state: &Path, _pipeline: Option<&str>, _most: usize) -> Result<Vec<PastRun>> {
    Err(Error::bug("not built yet"))
}

/// One run by its id or the beginning of it.
pub fn run(_state: &Path, _id: &str) -> Result<PastRun> {
    Err(Error::bug("not built yet"))
}
