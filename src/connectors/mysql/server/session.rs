//! The settings of a session: set when it begins, and read back.

use crate::connectors::mysql::error;
use crate::connectors::mysql::quote::literal;
use crate::connectors::mysql::wire::{Connection, Failure, Flavour};
use crate::error::{Error, Result};

/// Settings on which the meaning of values and of our SQL depends, as SQL and as the server shows
/// them. A limit on rows that somebody set for all sessions would cut a table in silence.
const VALUES: &[(&str, &str, &str)] = &[
    ("time_zone", "'+00:00'", "+00:00"),
    ("sql_mode", "'NO_ENGINE_SUBSTITUTION'", "NO_ENGINE_SUBSTITUTION"),
    ("sql_select_limit", "18446744073709551615", "18446744073709551615"),
    ("sql_auto_is_null", "0", "0"),
    ("sql_big_selects", "1", "1"),
    ("autocommit", "1", "1"),
    ("character_set_results", "'utf8mb4'", "utf8mb4"),
    ("character_set_client", "'utf8mb4'", "utf8mb4"),
];

/// A sink may be slow, and a snapshot is kept until the last row is read: a day.
const PATIENCE: &str = "net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 86400, \
                        completion_type = 0, sql_buffer_result = 0, \
                        lock_wait_timeout = 60, innodb_lock_wait_timeout = 60";

/// Settings that not every server has, or lets us set: a statement may take as long as it does,
/// what is known of tables is not taken from a cache, lists are not cut, and no warning is
/// forgotten over others.
const SOME: &[&str] = &[
    "max_statement_time = 0",
    "max_execution_time = 0",
    "idle_transaction_timeout = 0",
    "idle_readonly_transaction_timeout = 0",
    "information_schema_stats_expiry = 0",
    "query_cache_type = 0",
    "group_concat_max_len = 1073741824",
    "max_error_count = 65535",
];

/// The oldest versions that are spoken to.
const OLDEST: [(Flavour, (u16, u16, u16), &str); 2] =
    [(Flavour::MySql, (5, 7, 0), "MySQL"), (Flavour::MariaDb, (10, 3, 0), "MariaDB")];

/// Sets up the session of `connection` with `server`, and makes sure that it is what we talk to.
pub(in crate::connectors::mysql) async fn settle(
    connection: &mut Connection,
    server: &str,
) -> Result<()> {
    refuse_old(connection)?;
    let failed = |failure| error::of("could not set up the session", failure);
    let values: Vec<_> = VALUES.iter().map(|(name, sql, _)| format!("{name} = {sql}")).collect();
    for sql in [
        "set names utf8mb4".to_owned(),
        format!("set session {}", PATIENCE.replace(", ", ", session ")),
        format!("set session {}", values.join(", session ")),
        "set session transaction isolation level repeatable read, read only".to_owned(),
    ] {
        connection.execute(&sql).await.map_err(failed)?;
    }
    for some in SOME {
        match connection.execute(&format!("set session {some}")).await {
            Ok(_) => {}
            Err(failure) if error::is_one_of(&failure, &[error::UNKNOWN_VARIABLE]) => {}
            // What a server does not let us set is as good as on one that does not have it.
            Err(Failure::Server(_)) => {}
            Err(failure) => return Err(failed(failure)),
        }
    }
    read_back(connection, server).await
}

/// Makes sure that whoever answers keeps our settings, and is the one that we logged in to: one
/// that spreads statements over several servers would break every promise about snapshots.
async fn read_back(connection: &mut Connection, server: &str) -> Result<()> {
    let names: Vec<_> = VALUES.iter().map(|(name, ..)| format!("@@session.{name}")).collect();
    let sql = format!("select connection_id(), {}", names.join(", "));
    let rows = connection.query(&sql).await;
    let rows = rows.map_err(|e| error::of("could not read the settings of the session", e))?;
    let row = rows.into_iter().next().unwrap_or_default();
    let value = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    for (at, (name, _, wanted)) in VALUES.iter().enumerate() {
        let found = value(at + 1);
        if found != *wanted {
            let found = format!("{}, not {}", literal(&found), literal(wanted));
            return Err(proxied(server).at(*name, found));
        }
    }
    // The login tells the lower half of a number that may be larger.
    let id = value(0).parse::<u64>().unwrap_or(0);
    if id & u64::from(u32::MAX) != u64::from(connection.id()) {
        return Err(proxied(server));
    }
    Ok(())
}

fn proxied(server: &str) -> Error {
    Error::unsupported(format!("`{server}` is not the server itself: it looks like a proxy"))
        .hint("connect to the server itself: a proxy may send each statement to another one")
}

fn refuse_old(connection: &Connection) -> Result<()> {
    let server = connection.server();
    let oldest = OLDEST.iter().find(|(flavour, ..)| *flavour == server.flavour);
    match oldest {
        Some((_, oldest, name)) if server.version < *oldest => {
            let (major, minor, _) = oldest;
            let found = format!("{}.{}.{}", server.version.0, server.version.1, server.version.2);
            Err(Error::unsupported(format!(
                "the server is {name} {found}, and dhow speaks to {name} {major}.{minor} and newer"
            )))
        }
        _ => Ok(()),
    }
}
