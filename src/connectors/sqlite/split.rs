//! Cuts a table into ranges of rowids with about as many rows each.
//!
//! The borders are found by walking the table in the order of its rowids, since rowids may have
//! any gaps. The first range is open below, the last one above.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::cursor::Window;
use super::error;
use super::table::Table;
use crate::error::Result;
use crate::source::Split;

/// A range of rowids, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The lowest rowid.
    pub low: i64,
    /// The highest rowid.
    pub high: i64,
}

/// The splits of `table` and, in the same order, their ranges.
pub(super) fn cut(
    connection: &Connection,
    table: &Table,
    window: &Window,
    split_rows: u64,
) -> Result<Vec<(Split, Range)>> {
    let sqlite = |e: rusqlite::Error| error::of(&table.file, &e);
    let Some(rowid) = table.rowid else { return whole(connection, table, window) };
    let mut walk = Walk { connection, table, window, rowid, low: i64::MIN };
    let mut splits = Vec::new();
    let mut add = |rows: u64, low: i64, high: i64| {
        let id = format!("{:06}", splits.len());
        splits.push((Split { id, rows: Some(rows), bytes: None }, Range { low, high }));
    };
    while let Some(border) = walk.border(split_rows).map_err(sqlite)? {
        // What is left may be nothing: then this range is the last one.
        let Some(next) = border.checked_add(1) else {
            add(split_rows, walk.low, i64::MAX);
            return Ok(splits);
        };
        add(split_rows, walk.low, border);
        walk.low = next;
    }
    let rest = walk.count().map_err(sqlite)?;
    if rest > 0 {
        add(rest, walk.low, i64::MAX);
    } else if let Some((_, last)) = splits.last_mut() {
        last.high = i64::MAX;
    }
    Ok(splits)
}

/// All rows as one split; none when there are no rows.
fn whole(connection: &Connection, table: &Table, window: &Window) -> Result<Vec<(Split, Range)>> {
    let walk = Walk { connection, table, window, rowid: "", low: i64::MIN };
    let rows = walk.count().map_err(|e| error::of(&table.file, &e))?;
    if rows == 0 {
        return Ok(Vec::new());
    }
    let split = Split { id: "000000".to_owned(), rows: Some(rows), bytes: None };
    Ok(vec![(split, Range { low: i64::MIN, high: i64::MAX })])
}

struct Walk<'a> {
    connection: &'a Connection,
    table: &'a Table,
    window: &'a Window,
    rowid: &'static str,
    low: i64,
}

impl Walk<'_> {
    /// The rowid of the last of the next `rows` rows, if there are as many.
    fn border(&self, rows: u64) -> rusqlite::Result<Option<i64>> {
        let (conditions, mut values) = self.rest();
        let sql = format!(
            "select {rowid} from {}{conditions} order by {rowid} limit 1 offset ?",
            self.table.from,
            rowid = self.rowid
        );
        values.push(Value::Integer(i64::try_from(rows - 1).unwrap_or(i64::MAX)));
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement.query_row(params_from_iter(values), |row| row.get(0)).optional()
    }

    /// How many rows there are from here on.
    fn count(&self) -> rusqlite::Result<u64> {
        let (conditions, values) = self.rest();
        let sql = format!("select count(*) from {}{conditions}", self.table.from);
        let rows = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let rows = self.connection.query_row(&sql, params_from_iter(values), rows)?;
        Ok(rows.unsigned_abs())
    }

    fn rest(&self) -> (String, Vec<Value>) {
        let mut conditions = self.window.conditions.clone();
        let mut values = self.window.values.clone();
        if !self.rowid.is_empty() {
            conditions.push(format!("{} >= ?", self.rowid));
            values.push(Value::Integer(self.low));
        }
        (clause(&conditions), values)
    }
}

/// ` where …` with all `conditions`, or nothing.
pub(super) fn clause(conditions: &[String]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    format!(" where {}", conditions.join(" and "))
}
