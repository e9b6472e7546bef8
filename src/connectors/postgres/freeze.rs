//! Freezes a relation: enters a moment, looks at the relation in it, cuts it, and names the result.

use std::sync::Arc;

use tokio_postgres::Client;

use super::blocks::{self, Size};
use super::error;
use super::frozen::Frozen;
use super::piece::Piece;
use super::relation::{Form, Relation};
use super::row::cell;
use super::server::Purpose;
use super::sessions::{self, Sessions, View};
use super::source::Plan;
use crate::error::Result;
use crate::source::{SnapshotId, Window};

/// The work of freezing a relation once.
pub(super) struct Freeze<'a> {
    plan: &'a Plan,
    window: &'a Window,
}

/// The server, as far as snapshots go.
struct Instance {
    /// Which server, since when, and which database.
    name: String,
    /// `150018` is 15.18.
    version: i32,
    /// Bytes in a block.
    block: u64,
}

/// The first version that finds the rows of a range of blocks without reading the others.
const BLOCK_RANGES: i32 = 140_000;

impl<'a> Freeze<'a> {
    /// The work for `window`.
    pub(super) fn new(plan: &'a Plan, window: &'a Window) -> Self {
        Freeze { plan, window }
    }

    /// A frozen view of the rows.
    pub(super) async fn freeze(&self) -> Result<Frozen> {
        let options = &self.plan.options;
        let client = options.server.connect(Purpose::Read, "snapshot").await?;
        sessions::begin(&client, None).await?;
        let exported = export(&client).await?;
        let current = sessions::current_of(&client).await?;
        let relation = Relation::describe(&client, options).await?;
        relation.lock(&client).await?;
        let instance = Instance::of(&client).await?;
        let pieces = self.cut(&relation, &instance);
        let id = self.id(&instance, &relation, &current, &pieces);
        let view = View::Moment { exported, current };
        // One more than there are jobs: a stream that is not read from may hold one.
        let sessions = Sessions::new(options.server.clone(), view, self.plan.jobs + 1);
        Ok(Frozen {
            id,
            splits: pieces.iter().map(|piece| piece.split.clone()).collect(),
            relation: Arc::new(relation),
            pieces,
            high: None,
            memo: None,
            notes: Vec::new(),
            sessions: Arc::new(sessions),
            _opener: client,
            memory: Arc::clone(&self.plan.memory),
        })
    }

    fn cut(&self, relation: &Relation, instance: &Instance) -> Vec<Piece> {
        let size = Size {
            block: instance.block,
            jobs: self.plan.jobs,
            rows: self.plan.options.split_rows,
        };
        let is_open = relation.leaves.iter().all(|leaf| leaf.is_open);
        match relation.form {
            Form::Stored if is_open && instance.version >= BLOCK_RANGES => {
                blocks::cut(relation, &[], size)
            }
            _ => vec![Piece::new(0, &relation.from, Vec::new())],
        }
    }

    fn id(
        &self,
        instance: &Instance,
        relation: &Relation,
        current: &str,
        pieces: &[Piece],
    ) -> SnapshotId {
        let fingerprint = relation.fingerprint();
        let mut parts = vec![instance.name.clone(), fingerprint, current.to_owned()];
        parts.extend(pieces.iter().map(|piece| format!("{piece:?}")));
        SnapshotId::of(parts)
    }
}

impl Instance {
    async fn of(client: &Client) -> Result<Self> {
        let row = client.query_one(include_str!("instance.sql"), &[]).await;
        let row = row.map_err(|e| error::of("could not look at the server", &e))?;
        Ok(Instance {
            name: cell(&row, 0)?,
            version: cell(&row, 1)?,
            block: u64::try_from(cell::<i64>(&row, 2)?).unwrap_or(8192),
        })
    }
}

async fn export(client: &Client) -> Result<String> {
    let row = client.query_one("select pg_catalog.pg_export_snapshot()", &[]).await;
    cell(&row.map_err(|e| error::of("could not export a snapshot", &e))?, 0)
}
