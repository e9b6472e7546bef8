//! Decides how a relation is cut: by a key, or not at all.

use super::keys::Key;
use super::options::SourceOptions;
use super::piece::{Piece, clause};
use super::relation::Relation;
use super::session::{Session, cell};
use super::table::{Storage, Table};
use crate::connectors::relation_options::Consistency;
use crate::error::Result;

/// Bytes of a split, at least and at most, where nobody says how many rows it has.
const LEAST: u64 = 16 << 20;
const MOST: u64 = 256 << 20;
/// Rows of a split, at least.
const FEWEST: u64 = 10_000;
/// Bytes of a row whose size nobody knows.
const ROW: u64 = 200;

/// How a relation is to be cut.
#[derive(Debug)]
pub(super) struct Cut<'a> {
    /// The relation.
    pub relation: &'a Relation,
    /// The options.
    pub options: &'a SourceOptions,
    /// Whether all of it must be read by one session, one after the other.
    pub is_alone: bool,
    /// Splits in flight at once.
    pub jobs: usize,
    /// Conditions for all rows.
    pub conditions: &'a [String],
}

impl Cut<'_> {
    /// The pieces, in their order.
    pub(super) async fn pieces(&self, session: &mut Session) -> Result<Vec<Piece>> {
        let whole = vec![Piece::new(0, None, self.conditions.to_vec())];
        if self.is_alone {
            return Ok(whole);
        }
        let Some(key) = Key::of(session, self.relation, &self.options.split_by).await? else {
            return Ok(whole);
        };
        let (rows, bytes) = self.size(session).await?;
        let wanted = self.options.split_rows.unwrap_or_else(|| self.rows_of_piece(rows, bytes));
        if rows <= wanted {
            return Ok(whole);
        }
        key.cut(session, self.relation, self.conditions, wanted).await
    }

    fn rows_of_piece(&self, rows: u64, bytes: u64) -> u64 {
        let jobs = u64::try_from(self.jobs).unwrap_or(1).max(1);
        let piece = (bytes / (4 * jobs)).clamp(LEAST, MOST);
        let rows = u128::from(rows) * u128::from(piece) / u128::from(bytes.max(1));
        u64::try_from(rows).unwrap_or(u64::MAX).max(FEWEST)
    }

    /// Rows and bytes: those of a table as the server counts them all the time, of anything else
    /// as they are counted now.
    async fn size(&self, session: &mut Session) -> Result<(u64, u64)> {
        let positive = |number: Option<i64>| u64::try_from(number.unwrap_or(0)).unwrap_or(0);
        let what = format!("could not look at the size of `{}`", self.relation.label);
        // The server counts rows on disk only.
        let is_counted =
            |table: &&Table| table.storage == Storage::Disk && self.conditions.is_empty();
        if let Some(table) = self.relation.table.as_ref().filter(is_counted) {
            let rows = session.rows_with(&what, include_str!("size.sql"), &[&table.id]).await;
            // Not every user may look there.
            if let Some(row) = rows.ok().and_then(|rows| rows.into_iter().next())
                && let Some(rows) = cell::<i64>(&row, 0)?
            {
                return Ok((positive(Some(rows)), positive(cell(&row, 1)?)));
            }
        }
        let clause = clause(self.conditions);
        let sql = format!("select count_big(*) from {}{clause}", self.relation.from);
        let rows = positive(cell(&session.row(&what, &sql).await?, 0)?);
        Ok((rows, rows.saturating_mul(ROW)))
    }
}

/// Whether one session must read all of a relation: several sessions cannot see one moment of a
/// database that others write to.
pub(super) fn is_alone(options: &SourceOptions, is_frozen: bool) -> bool {
    options.consistency == Consistency::Snapshot && !is_frozen
}
