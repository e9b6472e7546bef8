//! A frozen view of a relation: its pieces, and the sessions that read them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::options::SourceOptions;
use super::piece::Piece;
use super::read;
use super::relation::Relation;
use super::sessions::Sessions;
use crate::error::Result;
use crate::memory::Memory;
use crate::source::{BatchStream, Memo, Snapshot, SnapshotId, Split, Want, Watermark};

/// A frozen view of a relation.
#[derive(Debug)]
pub(super) struct Frozen {
    pub id: SnapshotId,
    pub relation: Relation,
    pub pieces: Vec<Piece>,
    pub splits: Vec<Split>,
    pub high: Option<Watermark>,
    pub memo: Option<Memo>,
    pub notes: Vec<String>,
    /// How to look at the relation again.
    pub options: SourceOptions,
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
        let job = read::Job::new(&self.relation, piece, &Want::default(), None);
        Some(job.ok()?.sql)
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let piece = self.piece(split)?;
        let described = (!self.sessions.is_one()).then(|| self.options.clone());
        let job = read::Job::new(&self.relation, piece, want, described)?;
        read::start(job, &self.sessions, self.memory.reserve("sqlserver reader")).await
    }
}
