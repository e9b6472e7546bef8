//! The parts of a load that is not published, in the table `_dhow.part` of the target database.
//!
//! A part's row is written in the transaction of its rows, so that it says what is there. The
//! number of that transaction tells the rows of one part from those of another: `xmin` keeps its
//! lower half.

use std::collections::BTreeMap;

use super::work::Work;
use crate::connectors::postgres::name::TableName;
use crate::error::{Error, Result};
use crate::sink::{LoadId, Receipt};

/// What a part put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Noted {
    /// Rows.
    pub rows: u64,
    /// Bytes sent.
    pub bytes: u64,
}

/// The parts of a load, by their own name and their token.
pub(in crate::connectors::postgres) type Parts = BTreeMap<(String, String), Noted>;

/// The lower half of each transaction's number, as `xmin` has it.
const XMINS: &str = "select pg_catalog.mod(p.xid, 4294967296)::pg_catalog.text::pg_catalog.xid \
                     from _dhow.part p where p.load = $1";

/// Takes note of a part before its rows are sent; false when it is there already. Waits for
/// another process that is writing the same part.
pub(in crate::connectors::postgres) async fn claim(
    work: &Work,
    load: &LoadId,
    part: &str,
    repeatable: bool,
) -> Result<Option<String>> {
    // The token of a part that is never written again alike is the transaction that wrote it.
    let token = match repeatable {
        true => "''",
        false => "pg_catalog.txid_current()::pg_catalog.text",
    };
    let sql = format!(
        "insert into _dhow.part (load, part, token, rows, bytes, xid) \
         values ($1, $2, {token}, 0, 0, pg_catalog.txid_current()) \
         on conflict do nothing returning token"
    );
    let row = work.row("could not take note of a part", &sql, &[&load.as_str(), &part]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Completes the note of a part.
pub(in crate::connectors::postgres) async fn note(
    work: &Work,
    load: &LoadId,
    receipt: &Receipt,
) -> Result<()> {
    let sql = "update _dhow.part set rows = $4, bytes = $5 \
               where load = $1 and part = $2 and token = $3";
    let number = |n: u64| i64::try_from(n).map_err(|e| Error::bug("too many rows").at("rows", e));
    let (rows, bytes) = (number(receipt.rows)?, number(receipt.bytes)?);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&load.as_str(), &receipt.part, &receipt.token, &rows, &bytes];
    work.change("could not take note of a part", sql, &values).await?;
    Ok(())
}

/// Every part of `load` that is in place.
pub(in crate::connectors::postgres) async fn of(work: &Work, load: &LoadId) -> Result<Parts> {
    let sql = "select part, token, rows, bytes from _dhow.part where load = $1";
    let rows = work.rows("could not look for parts", sql, &[&load.as_str()]).await?;
    let number = |n: i64| u64::try_from(n).map_err(|e| Error::bug("negative rows").at("rows", e));
    let noted = rows.iter().map(|row| {
        let noted = Noted { rows: number(row.get(2))?, bytes: number(row.get(3))? };
        Ok(((row.get(0), row.get(1)), noted))
    });
    noted.collect()
}

/// Forgets all parts of `load`.
pub(in crate::connectors::postgres) async fn forget(work: &Work, load: &LoadId) -> Result<()> {
    let sql = "delete from _dhow.part where load = $1";
    work.change("could not forget parts", sql, &[&load.as_str()]).await?;
    Ok(())
}

/// Deletes from `table` the rows that parts of `load` put there; they must all still be there.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when somebody has changed or deleted some since.
pub(in crate::connectors::postgres) async fn take_back(
    work: &Work,
    load: &LoadId,
    table: &TableName,
) -> Result<()> {
    let put: u64 = of(work, load).await?.values().map(|noted| noted.rows).sum();
    if put > 0 {
        let sql = format!("delete from {} where xmin = any (array({XMINS}))", table.sql());
        let failed = format!("could not take back the rows of load {load}");
        let found = work.change(&failed, &sql, &[&load.as_str()]).await?;
        if found != put {
            return Err(moved(load, table, put, found));
        }
    }
    forget(work, load).await
}

fn moved(load: &LoadId, table: &TableName, put: u64, found: u64) -> Error {
    Error::conflict(format!("rows of an unfinished load in `{table}` have been changed since"))
        .at("load", load)
        .at("put there", format!("{put} rows"))
        .at("found as they were", format!("{found} rows"))
        .hint(format!(
            "nothing was deleted; put the table right by hand, then let dhow forget the load: \
             delete from _dhow.part where load = '{load}'"
        ))
}

/// Makes sure that exactly the parts of `staged` are in place. In a stage table (`stage`), rows of
/// other parts are deleted: they are of writes whose answers were lost.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] for a part that is not there, or not with as many rows.
pub(in crate::connectors::postgres) async fn settle(
    work: &Work,
    load: &LoadId,
    stage: Option<&TableName>,
    staged: &[Receipt],
) -> Result<()> {
    let mut there = of(work, load).await?;
    for receipt in staged {
        let noted = there.remove(&(receipt.part.clone(), receipt.token.clone()));
        if noted.is_none_or(|noted| noted.rows != receipt.rows) {
            return Err(unlike(load, &receipt.part, "is no longer staged"));
        }
    }
    match (there.first_key_value(), stage) {
        (None, _) => Ok(()),
        (Some(((part, _), _)), None) => Err(unlike(load, part, "has no receipt")),
        (Some(_), Some(stage)) => delete_others(work, load, stage, staged).await,
    }
}

async fn delete_others(
    work: &Work,
    load: &LoadId,
    stage: &TableName,
    staged: &[Receipt],
) -> Result<()> {
    let parts: Vec<&str> = staged.iter().map(|receipt| receipt.part.as_str()).collect();
    let tokens: Vec<&str> = staged.iter().map(|receipt| receipt.token.as_str()).collect();
    let others = "not exists (select from rows from (pg_catalog.unnest($2::pg_catalog.text[]), \
                  pg_catalog.unnest($3::pg_catalog.text[])) as s (part, token) \
                  where s.part = p.part and s.token = p.token)";
    let sql = format!("delete from {} where xmin = any (array({XMINS} and {others}))", stage.sql());
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&load.as_str(), &parts, &tokens];
    work.change("could not delete rows of lost writes", &sql, &values).await?;
    let sql = format!("delete from _dhow.part p where p.load = $1 and {others}");
    work.change("could not forget lost writes", &sql, &values).await?;
    Ok(())
}

fn unlike(load: &LoadId, part: &str, what: &str) -> Error {
    Error::conflict(format!("part `{part}` {what}"))
        .at("load", load)
        .hint("another process has started the load over; run again, or with `--full-refresh`")
}
