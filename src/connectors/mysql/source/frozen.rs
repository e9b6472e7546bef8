//! A frozen view of a relation: its pieces, and the sessions that read them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::piece::Piece;
use super::read;
use super::relation::Relation;
use super::sessions::Sessions;
use crate::connectors::mysql::options::SourceOptions;
use crate::error::Result;
use crate::memory::Memory;
use crate::source::{BatchStream, Memo, Snapshot, SnapshotId, Split, Want, Watermark};

/// A frozen view of a relation.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Frozen {
    pub id: SnapshotId,
    pub relation: Arc<Relation>,
    pub order: Option<String>,
    pub by: &'static str,
    pub pieces: Vec<Piece>,
    pub splits: Vec<Split>,
    pub high: Option<Watermark>,
    pub memo: Option<Memo>,
    pub notes: Vec<String>,
    /// How to look at the relation again, where nothing keeps it as it is.
    pub described: Option<SourceOptions>,
    pub sessions: Arc<Sessions>,
    pub memory: Arc<dyn Memory>,
}

impl Frozen {
    fn piece(&self, split: &Split) -> Result<&Piece> {
        let found = self.pieces.iter().find(|piece| piece.split.id == split.id);
        found.ok_or_else(|| split.unknown())
    }
}

#[async_trait]
impl Snapshot for Frozen {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.relation.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn high(&self) -> Option<&Watermark> {
        self.high.as_ref()
    }

    fn memo(&self) -> Option<Memo> {
        self.memo.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn statement(&self, split: &Split) -> Option<String> {
        let piece = self.piece(split).ok()?;
        let job = read::Job::new(self, piece, &Want::default());
        Some(job.ok()?.sql)
    }

    async fn release(&self) {
        self.sessions.close().await;
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let piece = self.piece(split)?;
        let job = read::Job::new(self, piece, want)?;
        read::start(job, &self.sessions, self.memory.as_ref()).await
    }
}
