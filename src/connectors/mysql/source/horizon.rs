//! Who is at work at a server now, and since when: as far as it tells.
//!
//! `innodb_trx` has the transactions that are open, by the clock and in the time zone of the machine
//! of the server; those that were begun to read only, as our own, write nothing. A statement takes its time before its transaction begins, so that the statements
//! that are running count as well.

use std::collections::BTreeSet;

use crate::connectors::mysql::error;
use crate::connectors::mysql::quote::literal;
use crate::connectors::mysql::wire::Connection;
use crate::error::{Error, Result};

/// How often others are looked at, a tenth of a second apart, before it is said that they take too
/// long.
const LOOKS: usize = 100;

/// What nobody who writes does: replicas fetch, daemons wait.
const IDLE: &str = "('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID')";

/// Makes sure that the server can tell who is at work.
///
/// # Errors
/// [`crate::error::Kind::Denied`] when it does not tell us, or does not know.
pub(in crate::connectors::mysql) async fn refuse_unknown(
    connection: &mut Connection,
    column: &str,
) -> Result<()> {
    let open = connection.query("select count(*) from information_schema.innodb_trx").await;
    let granted = match open {
        Ok(_) => true,
        Err(failure) if error::is_one_of(&failure, error::DENIED) => false,
        Err(failure) => return Err(error::of("could not look at the open transactions", failure)),
    };
    let replicates = "select count(*) from information_schema.processlist \
                      where command in ('Slave_SQL', 'Slave_worker', 'Slave_IO') \
                      or user = 'system user'";
    let (reason, hint) = if !granted {
        ("the user may not see what others do", "grant it: `grant process on *.* to …`")
    } else if numbers(connection, replicates).await?.first().copied().unwrap_or(0) > 0 {
        ("the server is a replica: its rows have the times of another one", "read from the primary")
    } else {
        return Ok(());
    };
    Err(Error::denied(format!("the horizon of the cursor `{column}` cannot be known"))
        .at("reason", reason)
        .hint(format!("{hint}; or set `overlap: 10m` and merge")))
}

/// The earliest beginning of all that is at work, less five seconds for what does not show yet: in
/// microseconds since 1970.
///
/// # Errors
/// When the server does not answer.
pub(in crate::connectors::mysql) async fn earliest(connection: &mut Connection) -> Result<i64> {
    // The times of transactions are those of the machine. Where its clock was moved by a season in
    // the last hours, an hour more is taken off: the same time may have come twice.
    set_zone(connection, "SYSTEM").await?;
    let ages = format!(
        "select coalesce(max(timestampdiff(second, trx_started, now())), 0) \
         + if(timestampdiff(second, from_unixtime(unix_timestamp() - 10800), now()) = 10800, 0, 3600) \
         from information_schema.innodb_trx \
         where trx_mysql_thread_id <> connection_id() and trx_is_read_only = 0 \
         union all select coalesce(max(time), 0) from information_schema.processlist \
         where command not in {IDLE} and id <> connection_id() \
         union all select unix_timestamp()"
    );
    let found = numbers(connection, &ages).await;
    set_zone(connection, "+00:00").await?;
    match found?.as_slice() {
        [transaction, statement, now] => {
            let age = (*transaction).max(*statement).max(0);
            Ok(now.saturating_sub(age).saturating_sub(5).saturating_mul(1_000_000))
        }
        _ => Err(Error::bug("the server gave other numbers than it was asked for")),
    }
}

/// Waits until everybody who is at work now has ended.
///
/// # Errors
/// [`crate::error::Kind::Unavailable`] when that takes too long.
pub(in crate::connectors::mysql) async fn wait_for_others(
    connection: &mut Connection,
    label: &str,
    column: &str,
) -> Result<()> {
    let seen = at_work(connection).await?;
    for _ in 0..LOOKS {
        if seen.is_disjoint(&at_work(connection).await?) {
            return Ok(());
        }
        // The server waits, so that an interrupted run has nothing to wait for.
        let waited = connection.query("select sleep(0.1)").await;
        waited.map_err(|e| error::of("could not wait for writers", e))?;
    }
    Err(Error::unavailable(format!("somebody has been at work beside `{label}` for too long"))
        .at("cursor", column)
        .hint(
            "nobody knows which numbers are still added: run again when the transaction has ended \
             (`select * from information_schema.innodb_trx`), or set `overlap`",
        ))
}

/// The transactions that are open and the statements that run, but not our own.
async fn at_work(connection: &mut Connection) -> Result<BTreeSet<String>> {
    let sql = format!(
        "select concat('t', trx_mysql_thread_id, ' ', trx_started) \
         from information_schema.innodb_trx \
         where trx_mysql_thread_id <> connection_id() and trx_is_read_only = 0 \
         union all select concat('s', id, ' ', unix_timestamp() - time) \
         from information_schema.processlist \
         where command not in {IDLE} and id <> connection_id()"
    );
    let rows = connection.query(&sql).await;
    let rows = rows.map_err(|e| error::of("could not look at the open transactions", e))?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

async fn set_zone(connection: &mut Connection, zone: &str) -> Result<()> {
    let sql = format!("set session time_zone = {}", literal(zone));
    let set = connection.execute(&sql).await;
    set.map_err(|e| error::of("could not set the time zone of the session", e))?;
    Ok(())
}

async fn numbers(connection: &mut Connection, sql: &str) -> Result<Vec<i64>> {
    let rows = connection.query(sql).await;
    let rows = rows.map_err(|e| error::of("could not look at who is at work", e))?;
    let number = |row: Vec<Option<String>>| row.into_iter().next()??.parse().ok();
    Ok(rows.into_iter().filter_map(number).collect())
}
