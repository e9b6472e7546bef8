//! Finds borders by walking along a key: from each border so many rows further.
//!
//! A border has all columns of the key. The first range is open below, the last one above, and rows
//! without a key are a range of their own.

use super::key::{Border, Key};
use super::piece::{Piece, clause};
use super::relation::Relation;
use crate::connectors::mysql::error;
use crate::connectors::mysql::wire::Connection;
use crate::error::{Error, Result};

/// The rows of `relation` for which `conditions` hold, in ranges of about `rows` rows.
///
/// # Errors
/// When the server does not find borders.
pub(in crate::connectors::mysql) async fn cut(
    connection: &mut Connection,
    relation: &Relation,
    key: &Key,
    conditions: &[String],
    rows: u64,
) -> Result<Vec<Piece>> {
    let mut walk = Walk { connection, relation, key, conditions: conditions.to_vec(), rows };
    let mut pieces = Vec::new();
    if key.has_nulls {
        let mut without = conditions.to_vec();
        without.push(key.with_nulls());
        if walk.exists(&without).await? {
            pieces.push(Piece::new(0, without, None));
        }
        walk.conditions.extend(key.without_nulls());
    }
    if !walk.exists(&walk.conditions.clone()).await? {
        return Ok(pieces);
    }
    let borders = walk.borders().await?;
    pieces.extend(ranges(key, &walk.conditions, &borders, pieces.len(), |_| Some(rows)));
    Ok(pieces)
}

/// The ranges between `borders`, numbered from `first` on.
pub(in crate::connectors::mysql) fn ranges(
    key: &Key,
    conditions: &[String],
    borders: &[Border],
    first: usize,
    rows: impl Fn(usize) -> Option<u64>,
) -> Vec<Piece> {
    let lows = std::iter::once(None).chain(borders.iter().map(Some));
    let highs = borders.iter().map(Some).chain(std::iter::once(None));
    let piece = |(at, (low, high)): (usize, (Option<&Border>, Option<&Border>))| {
        let mut all = conditions.to_vec();
        all.extend(low.map(|border| key.at_least(border)));
        all.extend(high.map(|border| key.below(border)));
        Piece::new(first + at, all, rows(at))
    };
    lows.zip(highs).enumerate().map(piece).collect()
}

struct Walk<'a> {
    connection: &'a mut Connection,
    relation: &'a Relation,
    key: &'a Key,
    conditions: Vec<String>,
    rows: u64,
}

impl Walk<'_> {
    /// The key of every row that begins a range, except the first.
    async fn borders(&mut self) -> Result<Vec<Border>> {
        let mut borders: Vec<Border> = Vec::new();
        while let Some(next) = self.next(borders.last()).await? {
            // The server said that it is above the last one: never the same twice.
            if borders.last() == Some(&next) {
                return Err(Error::data(format!(
                    "the order of `{}` cannot be walked along",
                    self.relation.label
                ))
                .hint("name other columns as `split_by`"));
            }
            borders.push(next);
        }
        Ok(borders)
    }

    /// The border that is so many rows above `last`, or above the beginning.
    async fn next(&mut self, last: Option<&Border>) -> Result<Option<Border>> {
        let mut conditions = self.conditions.clone();
        conditions.extend(last.map(|border| self.key.above(border)));
        let skipped = self.rows.saturating_sub(u64::from(last.is_some()));
        let sql = format!(
            "select {} from {}{}{} order by {} limit 1 offset {skipped}",
            self.key.shown(),
            self.relation.from,
            by_key(self.key),
            clause(&conditions),
            self.key.order(),
        );
        let rows = self.ask(&sql).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let border: Option<Border> = row.into_iter().collect();
        border.map(Some).ok_or_else(|| {
            Error::conflict(format!("the key of `{}` became NULL", self.relation.label))
        })
    }

    async fn exists(&mut self, conditions: &[String]) -> Result<bool> {
        let sql = format!("select 1 from {}{} limit 1", self.relation.from, clause(conditions));
        Ok(!self.ask(&sql).await?.is_empty())
    }

    async fn ask(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let rows = self.connection.query(sql).await;
        rows.map_err(|e| {
            let label = &self.relation.label;
            error::of(&format!("could not find the borders of splits in `{label}`"), e)
        })
    }
}

/// Makes the server read along the key in which the rows are kept: it never sorts then, and gives
/// the rows of a range in the same order whenever it is asked.
pub(in crate::connectors::mysql) fn by_key(key: &Key) -> &'static str {
    if key.is_primary { " force index (primary)" } else { "" }
}
