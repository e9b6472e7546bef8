//! Decides how a relation is cut: by blocks, by key, or not at all.

use tokio_postgres::Client;

use super::blocks::{self, Size};
use super::instance::Instance;
use super::keys::{self, Key};
use super::options::SourceOptions;
use super::piece::Piece;
use super::relation::{Form, Relation};
use crate::connectors::relation_options::Consistency;
use crate::error::Result;

/// The first version that finds the rows of a range of blocks without reading the others.
const BLOCK_RANGES: i32 = 140_000;

/// How a relation is to be cut.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Cut<'a> {
    /// The session that sees it.
    pub client: &'a Client,
    /// The relation.
    pub relation: &'a Relation,
    /// The options.
    pub options: &'a SourceOptions,
    /// Its server.
    pub instance: &'a Instance,
    /// Splits in flight at once.
    pub jobs: usize,
    /// Conditions for all rows.
    pub conditions: &'a [String],
}

impl Cut<'_> {
    /// The pieces, in their order; none when there can be no rows.
    pub(in crate::connectors::postgres) async fn pieces(&self) -> Result<Vec<Piece>> {
        let size = self.size();
        // A window is mostly small, and found through an index: then a cut would be in the way.
        if !self.conditions.is_empty() && self.is_small(size).await? {
            return Ok(vec![self.whole()]);
        }
        if self.has_blocks() {
            return Ok(blocks::cut(self.relation, self.conditions, size));
        }
        let key = Key::of(self.client, self.relation, &self.options.split_by).await?;
        let Some(key) = key else { return Ok(vec![self.whole()]) };
        let rows = self.rows_of_piece(size).await?;
        key.cut(self.client, self.relation, self.conditions, rows).await
    }

    /// Whether every row stays where it is for as long as it is read.
    fn has_blocks(&self) -> bool {
        self.options.consistency == Consistency::Snapshot
            && self.options.split_by.is_empty()
            && self.relation.form == Form::Stored
            && self.instance.version >= BLOCK_RANGES
            && self.relation.leaves.iter().all(|leaf| leaf.is_open)
    }

    fn size(&self) -> Size {
        let (block, rows) = (self.instance.block, self.options.split_rows);
        Size { block, jobs: self.jobs, rows }
    }

    fn whole(&self) -> Piece {
        Piece::new(0, &self.relation.from, self.conditions.to_vec())
    }

    async fn is_small(&self, size: Size) -> Result<bool> {
        let (rows, width) = keys::expected(self.client, self.relation, self.conditions).await?;
        Ok(match self.options.split_rows {
            Some(wanted) => rows <= wanted,
            None => rows.saturating_mul(width) <= size.piece(0),
        })
    }

    async fn rows_of_piece(&self, size: Size) -> Result<u64> {
        if let Some(rows) = self.options.split_rows {
            return Ok(rows);
        }
        let (rows, width) = keys::expected(self.client, self.relation, self.conditions).await?;
        let total = rows.saturating_mul(width).max(self.relation.bytes()).max(1);
        let rows = u128::from(rows) * u128::from(size.piece(total)) / u128::from(total);
        Ok(u64::try_from(rows).unwrap_or(u64::MAX).max(1000))
    }
}
