//! Where a server is in its log of changes: equal positions are equal rows, as long as every change
//! is written to that log.

use crate::connectors::mysql::wire::{Connection, Flavour};

/// A place in the log of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Position {
    /// The server, as it names itself.
    pub server: String,
    /// The file and the place in it: `binlog.000002:4711`.
    pub place: String,
}

/// The position while nobody can write; `None` when there is no log, when it leaves out databases,
/// or when we may not look at it.
pub(in crate::connectors::mysql) async fn of_server(
    connection: &mut Connection,
) -> Option<Position> {
    let (file, place) = whole_log(connection).await?;
    Some(Position { server: server(connection).await?, place: format!("{file}:{place}") })
}

/// The position that the snapshot of `connection` sees exactly, which only MariaDB tells.
pub(in crate::connectors::mysql) async fn of_snapshot(
    connection: &mut Connection,
) -> Option<Position> {
    if connection.server().flavour != Flavour::MariaDb {
        return None;
    }
    whole_log(connection).await?;
    let rows = connection.query("show session status like 'binlog_snapshot_%'").await.ok()?;
    let value = |name: &str| {
        let is = |row: &&Vec<Option<String>>| {
            row.first().and_then(Option::as_deref).is_some_and(|n| n.eq_ignore_ascii_case(name))
        };
        rows.iter().find(is)?.get(1)?.clone().filter(|value| !value.is_empty())
    };
    let (file, place) = (value("binlog_snapshot_file")?, value("binlog_snapshot_position")?);
    Some(Position { server: server(connection).await?, place: format!("{file}:{place}") })
}

/// File and place of a log that leaves nothing out.
async fn whole_log(connection: &mut Connection) -> Option<(String, String)> {
    let server = connection.server();
    // The old words are an error from 8.4 on, and the new ones before.
    let is_new = server.flavour == Flavour::MySql && server.version >= (8, 4, 0);
    let sql = if is_new { "show binary log status" } else { "show master status" };
    let rows = connection.query(sql).await.ok()?;
    let row = rows.into_iter().next()?;
    let cell = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let leaves_out = !cell(2).is_empty() || !cell(3).is_empty();
    (!leaves_out && !cell(0).is_empty()).then(|| (cell(0), cell(1)))
}

async fn server(connection: &mut Connection) -> Option<String> {
    let sql = "select concat_ws(' ', @@hostname, @@port, @@server_id, @@datadir, @@version)";
    let rows = connection.query(sql).await.ok()?;
    rows.into_iter().next()?.into_iter().next()?
}
