//! The marks of published loads, in the table `_dhow.mark` of the target database.

use super::work::Work;
use crate::connectors::postgres::name::TableName;
use crate::error::{Error, Result};
use crate::sink::{LoadId, Mark};
use crate::source::Watermarks;

/// The mark of `load`, if it is published.
pub(in crate::connectors::postgres) async fn of(
    work: &Work,
    load: &LoadId,
) -> Result<Option<Mark>> {
    let sql = "select rows, watermarks, at from _dhow.mark where load = $1";
    let row = work.row("could not look for the mark of the load", sql, &[&load.as_str()]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Mark {
        load: load.clone(),
        rows: u64::try_from(row.get::<_, i64>(0)).map_err(|e| damaged().at("rows", e))?,
        watermarks: watermarks(row.get(1))?,
        at: row.get(2),
    }))
}

/// The watermarks of the newest mark of any load of `table`.
pub(in crate::connectors::postgres) async fn newest(
    work: &Work,
    table: &TableName,
) -> Result<Watermarks> {
    let sql = "select watermarks from _dhow.mark \
               where schema_name = $1 and table_name = $2 order by number desc limit 1";
    let row = work.row("could not look for watermarks", sql, &[&table.schema, &table.name]).await?;
    row.map_or_else(|| Ok(Watermarks::new()), |row| watermarks(row.get(0)))
}

/// Leaves `mark`; the caller holds the lock of the table, so that marks are numbered in the order
/// in which they can be seen.
pub(in crate::connectors::postgres) async fn put(
    work: &Work,
    table: &TableName,
    mark: &Mark,
) -> Result<()> {
    let rows = i64::try_from(mark.rows).map_err(|e| Error::bug("too many rows").at("rows", e))?;
    let watermarks = serde_json::to_string(&mark.watermarks)
        .map_err(|e| Error::bug("watermarks could not be written").at("json", e))?;
    let sql = "insert into _dhow.mark (load, schema_name, table_name, rows, watermarks, at) \
               values ($1, $2, $3, $4, $5, $6)";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&mark.load.as_str(), &table.schema, &table.name, &rows, &watermarks, &mark.at];
    work.change("could not leave the mark of the load", sql, &values).await?;
    Ok(())
}

fn watermarks(text: &str) -> Result<Watermarks> {
    serde_json::from_str(text).map_err(|e| damaged().at("watermarks", e))
}

fn damaged() -> Error {
    Error::data("a mark in the table `_dhow.mark` cannot be read")
        .hint("somebody has changed it; restore it, or delete the row")
}
