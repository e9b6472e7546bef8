//! What one load needs to run.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::Settings;
use super::reject::{Budget, Collector};
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::plan::{self, LoadStep, PartStep};
use crate::sink::{Load, LoadId, Sink};
use crate::source::{BatchStream, Refuse, SnapshotId, Split, Verbatim, Watermarks};
use crate::state::{Above, Ledger};
use crate::transform::Meter;

/// The rows of a load's relation, as often as they are wanted.
#[async_trait]
pub(super) trait Rows: Debug + Send + Sync {
    /// The splits, for a load that runs split by split.
    fn splits(&self) -> &[Split];

    /// The rows of one split as their server sends them, where they go to the sink as they are.
    fn verbatim(&self, _split: &Split) -> Option<Verbatim> {
        None
    }

    /// The rows of one split, or of everything: a stream for each partition.
    async fn open(
        &self,
        split: Option<&Split>,
        refuse: Arc<dyn Refuse>,
        meter: Arc<dyn Meter>,
    ) -> Result<Vec<BatchStream>>;
}

/// One load, with everything that it needs.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) pipeline: String,
    pub(super) run: String,
    pub(super) step: LoadStep,
    pub(super) ledger: Arc<Ledger>,
    pub(super) sink: Arc<dyn Sink>,
    /// The reject table, and what it is called for people.
    pub(super) rejects: Arc<dyn Sink>,
    pub(super) rejects_name: String,
    pub(super) budget: Arc<Budget>,
    pub(super) rows: Arc<dyn Rows>,
    /// Stands for the snapshots of all sources together.
    pub(super) snapshot: SnapshotId,
    /// Where the windows of the sources began, and where they end.
    pub(super) above: Watermarks,
    pub(super) high: Watermarks,
    /// What the sources say of how consistent the rows are.
    pub(super) notes: Vec<String>,
    /// The shards that were left for a later run, each as `source/shard`.
    pub(super) late: Vec<String>,
    pub(super) settings: Settings,
    pub(super) tally: Arc<Tally>,
}

/// Counts what this process did for a load.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rows_read: AtomicU64,
    pub(super) parts_retried: AtomicUsize,
}

impl Job {
    pub(super) fn tell(&self, event: Event) {
        self.settings.observers.on(&event);
    }

    pub(super) fn load(&self, id: LoadId) -> Load {
        self.step.load(id, self.snapshot.clone())
    }

    /// The parts of a load that runs split by split.
    pub(super) fn parts(&self) -> Vec<PartStep> {
        plan::parts(self.rows.splits(), self.step.part_bytes)
    }

    pub(super) fn above(&self) -> Above<'_> {
        Above { pipeline: &self.pipeline, sink: &self.step.sink, watermarks: &self.above }
    }

    pub(super) async fn open(
        &self,
        split: Option<&Split>,
        collector: &Arc<Collector>,
    ) -> Result<Vec<BatchStream>> {
        let refuse: Arc<dyn Refuse> = Arc::clone(collector) as _;
        self.rows.open(split, refuse, self.meter()).await
    }

    /// Counts what is read.
    pub(super) fn meter(&self) -> Arc<dyn Meter> {
        Arc::new(Reading {
            tally: Arc::clone(&self.tally),
            observers: self.settings.observers.clone(),
            sink: self.step.sink.clone(),
        })
    }

    pub(super) fn retried(&self, part: &str, attempt: u32, delay: Duration, error: &Error) {
        self.tally.parts_retried.fetch_add(1, Ordering::Relaxed);
        self.tell(Event::PartRetried {
            sink: self.step.sink.clone(),
            part: part.to_owned(),
            attempt,
            delay,
            error: error.message().to_owned(),
        });
    }
}

#[derive(Debug)]
struct Reading {
    tally: Arc<Tally>,
    observers: crate::event::Observers,
    sink: String,
}

impl Meter for Reading {
    fn read(&self, rows: u64, bytes: u64) {
        self.tally.rows_read.fetch_add(rows, Ordering::Relaxed);
        self.observers.on(&Event::RowsRead { sink: self.sink.clone(), rows, bytes });
    }
}
