//! Decides how a relation is cut: by the ranges of its key, or not at all.

use super::borders;
use super::guess;
use super::key::Key;
use super::piece::{Piece, clause};
use super::relation::Relation;
use crate::connectors::mysql::error;
use crate::connectors::mysql::options::SourceOptions;
use crate::connectors::mysql::wire::{Connection, Flavour};
use crate::error::Result;

/// A piece is not smaller than this, because each costs a file or a transaction in the target, …
const LEAST: u64 = 8 << 20;
/// … and not larger, because a piece is what is lost when a run is killed.
const MOST: u64 = 128 << 20;
/// More pieces than this are too many to keep in mind.
const PIECES: u64 = 10_000;
/// Rows of a piece, at least, where the size of rows decides.
const FEWEST: u64 = 1000;

/// How a relation is to be cut.
#[derive(Debug, Clone, Copy)]
pub(in crate::connectors::mysql) struct Cut<'a> {
    /// The relation.
    pub relation: &'a Relation,
    /// The options.
    pub options: &'a SourceOptions,
    /// Splits in flight at once.
    pub jobs: usize,
    /// Conditions for all rows.
    pub conditions: &'a [String],
}

impl Cut<'_> {
    /// Rows of a piece; `None` when everything is one piece.
    ///
    /// # Errors
    /// When the server does not say how many rows there are.
    pub(in crate::connectors::mysql) async fn rows_of_piece(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<u64>> {
        if self.key()?.is_none() || self.must_be_whole() {
            return Ok(None);
        }
        let all = self.relation.table.as_ref().map_or((0, 0), |table| (table.rows, table.bytes));
        let rows = match self.conditions.is_empty() && all.0 > 0 {
            true => all.0,
            false => expected(connection, self.relation, "", self.conditions).await?,
        };
        let wanted = self.options.split_rows.unwrap_or_else(|| self.by_size(all));
        Ok((rows > wanted).then_some(wanted))
    }

    /// The pieces of `rows` rows each, in their order; none when there can be no rows.
    ///
    /// # Errors
    /// When the server does not find borders.
    pub(in crate::connectors::mysql) async fn pieces(
        &self,
        connection: &mut Connection,
        rows: Option<u64>,
    ) -> Result<Vec<Piece>> {
        let (Some(rows), Some(key)) = (rows, self.key()?) else {
            return Ok(vec![Piece::new(0, self.conditions.to_vec(), self.whole_rows())]);
        };
        if self.conditions.is_empty()
            && key.is_primary
            && let Some(pieces) = guess::cut(connection, self.relation, &key, rows).await?
        {
            return Ok(pieces);
        }
        borders::cut(connection, self.relation, &key, self.conditions, rows).await
    }

    /// The key whose ranges cut the relation.
    ///
    /// # Errors
    /// As [`Key::of`].
    pub(in crate::connectors::mysql) fn key(&self) -> Result<Option<Key>> {
        Key::of(self.relation, &self.options.split_by)
    }

    /// An engine without snapshots shows one moment only to a single statement.
    fn must_be_whole(&self) -> bool {
        use crate::connectors::relation_options::Consistency;
        self.options.consistency == Consistency::Snapshot
            && self.relation.engine_without_snapshots().is_some()
    }

    fn whole_rows(&self) -> Option<u64> {
        let table = self.relation.table.as_ref().filter(|_| self.conditions.is_empty())?;
        table.engine.as_ref().map(|_| table.rows)
    }

    /// Four pieces for each job, within bounds; a view or query is taken to have rows of a hundred
    /// bytes.
    fn by_size(&self, (rows, bytes): (u64, u64)) -> u64 {
        let jobs = u64::try_from(self.jobs).unwrap_or(1).max(1);
        if rows == 0 || bytes == 0 {
            return MOST / 100;
        }
        let piece = (bytes / (jobs * 4)).clamp(LEAST, MOST).max(bytes / PIECES);
        let rows = u128::from(rows) * u128::from(piece) / u128::from(bytes);
        u64::try_from(rows).unwrap_or(u64::MAX).max(FEWEST)
    }
}

/// The rows for which `conditions` hold, as the planner of the server expects them; `by` says which
/// index it may take.
///
/// # Errors
/// When the server cannot plan to read them.
pub(in crate::connectors::mysql) async fn expected(
    connection: &mut Connection,
    relation: &Relation,
    by: &str,
    conditions: &[String],
) -> Result<u64> {
    let sql = format!("explain select 1 from {}{by}{}", relation.from, clause(conditions));
    // One column fewer, because MariaDB does not tell partitions without being asked to.
    let at = match connection.server().flavour {
        Flavour::MariaDb => 8,
        Flavour::MySql => 9,
    };
    let rows = connection.query(&sql).await;
    let rows =
        rows.map_err(|e| error::of(&format!("could not plan to read `{}`", relation.label), e))?;
    let number = |row: &Vec<Option<String>>| row.get(at)?.as_ref()?.parse::<u64>().ok();
    Ok(rows.iter().filter_map(number).max().unwrap_or(0))
}
