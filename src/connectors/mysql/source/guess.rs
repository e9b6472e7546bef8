//! Finds borders in a primary key that begins with a whole number, without walking along it.
//!
//! To walk is to read the whole table once more. The server knows, from a few pages of the index,
//! about how many rows a range has; so that ranges that have too many are halved until they fit.
//! A wrong guess makes a split longer or shorter, and nothing else.

use super::borders::{by_key, ranges};
use super::cut::expected;
use super::key::{Border, Form, Key};
use super::piece::Piece;
use super::relation::Relation;
use crate::connectors::mysql::error;
use crate::connectors::mysql::wire::Connection;
use crate::error::Result;

/// Ranges that the server is asked about, at most: after that, walking is quicker.
const QUESTIONS: usize = 4096;

/// A range of the first column of a key, both ends in it, and its rows, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    low: i128,
    high: i128,
    rows: u64,
}

/// `relation` in ranges of about `rows` rows; `None` when that takes a walk: the key begins with
/// something else, or too many rows share its beginning.
///
/// # Errors
/// When the server does not answer.
pub(in crate::connectors::mysql) async fn cut(
    connection: &mut Connection,
    relation: &Relation,
    key: &Key,
    rows: u64,
) -> Result<Option<Vec<Piece>>> {
    let Some(first) = key.parts.first().filter(|part| part.form == Form::Whole) else {
        return Ok(None);
    };
    let first = Key { parts: vec![first.clone()], has_nulls: false, is_primary: true };
    let Some((low, high)) = ends(connection, relation, &first).await? else { return Ok(None) };
    let mut guess = Guess { connection, relation, key: &first, rows, asked: 0 };
    let Some(found) = guess.halve(low, high).await? else { return Ok(None) };
    let joined = join(found, rows);
    let borders: Vec<Border> =
        joined.iter().skip(1).map(|range| vec![range.low.to_string()]).collect();
    let rows_of = |at: usize| joined.get(at).map(|range| range.rows);
    Ok(Some(ranges(&first, &[], &borders, 0, rows_of)))
}

async fn ends(
    connection: &mut Connection,
    relation: &Relation,
    key: &Key,
) -> Result<Option<(i128, i128)>> {
    let name = key.order();
    let sql = format!("select min({name}), max({name}) from {}", relation.from);
    let rows = connection.query(&sql).await;
    let what = format!("could not find the ends of `{}`", relation.label);
    let rows = rows.map_err(|e| error::of(&what, e))?;
    let number = |at: usize| rows.first()?.get(at)?.as_ref()?.parse::<i128>().ok();
    Ok(number(0).zip(number(1)))
}

struct Guess<'a> {
    connection: &'a mut Connection,
    relation: &'a Relation,
    key: &'a Key,
    rows: u64,
    asked: usize,
}

impl Guess<'_> {
    /// Ranges from `low` to `high` that have few enough rows, in their order.
    async fn halve(&mut self, low: i128, high: i128) -> Result<Option<Vec<Range>>> {
        let (mut found, mut left) = (Vec::new(), vec![(low, high)]);
        while let Some((low, high)) = left.pop() {
            if self.asked >= QUESTIONS {
                return Ok(None);
            }
            let rows = self.ask(low, high).await?;
            if rows <= self.rows.saturating_add(self.rows / 2) {
                found.push(Range { low, high, rows });
            } else if low < high {
                let middle = low + (high - low) / 2;
                // The lower half is looked at first.
                left.extend([(middle + 1, high), (low, middle)]);
            } else if rows <= self.rows.saturating_mul(4) {
                found.push(Range { low, high, rows });
            } else {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    async fn ask(&mut self, low: i128, high: i128) -> Result<u64> {
        self.asked += 1;
        let name = self.key.order();
        let conditions = [format!("{name} between {low} and {high}")];
        expected(self.connection, self.relation, by_key(self.key), &conditions).await
    }
}

/// Joins neighbours as long as they have few enough rows together.
fn join(found: Vec<Range>, rows: u64) -> Vec<Range> {
    let mut joined: Vec<Range> = Vec::new();
    for range in found {
        match joined.last_mut() {
            Some(last) if last.rows.saturating_add(range.rows) <= rows => {
                last.high = range.high;
                last.rows = last.rows.saturating_add(range.rows);
            }
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_neighbours_become_one_range_and_large_ones_stay() {
        let range = |low, high, rows| Range { low, high, rows };
        let found = vec![range(0, 9, 40), range(10, 19, 50), range(20, 29, 20), range(30, 30, 400)];
        let expected = [range(0, 19, 90), range(20, 29, 20), range(30, 30, 400)];
        assert_eq!(join(found, 100), expected);
    }
}
