//! A frozen view of a relation: its pieces, and the sessions that read them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use tokio_postgres::Client;

use super::hold::Hold;
use super::options::SourceOptions;
use super::piece::Piece;
use super::read;
use super::relation::Relation;
use super::sessions::Sessions;
use crate::error::Result;
use crate::memory::Memory;
use crate::source::{
    BatchStream, Memo, RowForm, Snapshot, SnapshotId, Split, Verbatim, Want, Watermark,
};

/// A frozen view of a relation.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Frozen {
    pub id: SnapshotId,
    pub relation: Arc<Relation>,
    pub pieces: Vec<Piece>,
    pub splits: Vec<Split>,
    pub high: Option<Watermark>,
    /// The columns of its primary key, if it has one.
    pub key: Vec<String>,
    pub memo: Option<Memo>,
    pub notes: Vec<String>,
    /// How the rows look as they are sent, where they can be handed on so.
    pub form: Option<RowForm>,
    /// How to look at the relation again, where nothing keeps it as it is.
    pub described: Option<SourceOptions>,
    pub sessions: Arc<Sessions>,
    pub memory: Arc<dyn Memory>,
    /// The session that exported the moment; the others can enter as long as it lives.
    pub _opener: Option<Client>,
    /// The process that keeps the moment when this one dies.
    pub hold: Option<Hold>,
}

impl Frozen {
    fn piece(&self, split: &Split) -> Result<&Piece> {
        let found = self.pieces.iter().find(|piece| piece.split.id == split.id);
        found.ok_or_else(|| split.unknown())
    }

    fn job(&self, split: &Split, want: &Want) -> Result<read::Job> {
        read::Job::new(&self.relation, self.piece(split)?, want, self.described.clone())
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

    fn key(&self) -> &[String] {
        &self.key
    }

    fn memo(&self) -> Option<Memo> {
        self.memo.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn statement(&self, split: &Split) -> Option<String> {
        Some(self.job(split, &Want::default()).ok()?.sql)
    }

    fn verbatim(&self, split: &Split) -> Option<Verbatim> {
        let form = self.form.clone()?;
        let job = self.job(split, &Want::default()).ok()?;
        let (sessions, memory) = (Arc::clone(&self.sessions), Arc::clone(&self.memory));
        let begun = async move { read::blocks_of(job, &sessions, memory.as_ref()).await };
        Some(Verbatim { form, blocks: stream::once(begun).try_flatten().boxed() })
    }

    async fn release(&self) {
        if let Some(hold) = &self.hold {
            hold.end().await;
        }
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let job = self.job(split, want)?;
        read::batches_of(job, &self.sessions, self.memory.as_ref()).await
    }
}
