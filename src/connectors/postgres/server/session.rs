//! The settings of a session: asked for when it begins, and read back.
//!
//! They are startup options, because whoever stands between us and the server either passes those
//! on or is found out; `set` could change a session that a pooler then gives to somebody else.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::Purpose;
use crate::connectors::postgres::error;
use crate::connectors::postgres::quote;
use crate::error::{Error, Result};

/// Settings on which the meaning of values depends, as the server shows them.
const VALUES: &[(&str, &str)] = &[
    ("search_path", ""),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    // 3 is exact in every version; from 12 on it means the same as 1.
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("standard_conforming_strings", "on"),
    ("array_nulls", "on"),
    ("quote_all_identifiers", "off"),
];

/// Rows that a policy hides are an error, and nothing can be changed. A snapshot may be held longer
/// than the server lets sessions idle, and a long table read longer than it lets statements run.
const READ: &[(&str, &str)] = &[
    ("default_transaction_read_only", "on"),
    ("row_security", "off"),
    // A scan of a large table is not made faster by being compiled for each of its splits.
    ("jit", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "1min"),
    ("idle_in_transaction_session_timeout", "0"),
];

/// What is committed stays; nobody waits for us for ever, and we for nobody.
const WRITE: &[(&str, &str)] = &[
    ("synchronous_commit", "on"),
    ("lock_timeout", "1min"),
    ("idle_in_transaction_session_timeout", "15min"),
];

/// The server gives up a peer that has gone; a socket of its own machine needs none of it.
const KEEPALIVES: &[(&str, &str)] = &[
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

/// Settings that only newer servers have: from which version on, name and value. Where the system
/// of the server cannot do one of them, the session is as good as on an older server.
const NEWER: &[(u32, &str, &str)] = &[
    (120_000, "tcp_user_timeout", "45s"),
    (140_000, "client_connection_check_interval", "10s"),
    (170_000, "transaction_timeout", "0"),
];

/// The encoding of databases that hold bytes without an encoding.
pub(in crate::connectors::postgres) const BYTES: &str = "SQL_ASCII";

/// The oldest version that is spoken to.
const OLDEST: u32 = 110_000;

/// The settings of a session for `purpose`, without those that only newer servers have.
fn settings(purpose: Purpose) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = match purpose {
        Purpose::Read => READ,
        Purpose::Write => WRITE,
    };
    VALUES.iter().chain(own).copied()
}

/// The settings as the `options` of a startup message; `more` are added.
pub(in crate::connectors::postgres) fn options(
    purpose: Purpose,
    more: &[(&str, String)],
) -> String {
    let fixed = settings(purpose).chain(KEEPALIVES.iter().copied());
    let option = |name: &str, value: &str| {
        let value = value.replace(' ', "\\ ");
        format!("-c {name}={value}")
    };
    let fixed = fixed.map(|(name, value)| option(name, value));
    let more = more.iter().map(|(name, value)| option(name, value));
    fixed.chain(more).collect::<Vec<_>>().join(" ")
}

/// Makes sure that the session has the settings it began with, and adds those that depend on the
/// version of the server.
pub(in crate::connectors::postgres) async fn settle(
    client: &Client,
    purpose: Purpose,
    server: &str,
) -> Result<()> {
    let wanted: Vec<_> = settings(purpose).chain([("client_encoding", "UTF8")]).collect();
    let asked = ["server_version_num", "server_encoding"];
    let names = wanted.iter().map(|(name, _)| *name).chain(asked);
    let shown =
        names.map(|name| format!("pg_catalog.current_setting({}, true)", quote::literal(name)));
    let ask = format!("select {}", shown.collect::<Vec<_>>().join(", "));
    let answer = client.simple_query(&ask).await;
    let answer = answer.map_err(|e| error::of("could not read the settings of the session", &e))?;
    let (version, encoding) = read_back(&answer, &wanted, server)?;
    let newer = NEWER.iter().filter(|(since, ..)| version >= *since);
    let mut more: Vec<_> = newer.map(|(_, name, value)| (*name, *value)).collect();
    if purpose == Purpose::Read && encoding == BYTES {
        // The server would end the whole answer at the first text that is not UTF-8; this way such
        // a text arrives as it is, and only its row is refused.
        more.push(("client_encoding", BYTES));
    }
    for (name, value) in more {
        let set = format!("set {name} = {}", quote::literal(value));
        match client.batch_execute(&set).await {
            Ok(()) => {}
            Err(e) if e.code().is_some() => {}
            Err(e) => return Err(error::of("could not set up the session", &e)),
        }
    }
    Ok(())
}

/// Makes sure that `answer` has the settings that are `wanted`; gives the version of the server and
/// the encoding of the database.
fn read_back(
    answer: &[SimpleQueryMessage],
    wanted: &[(&str, &str)],
    server: &str,
) -> Result<(u32, String)> {
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| pooled(server))?;
    let value = |at: usize| row.try_get(at).ok().flatten().unwrap_or_default();
    let version = value(wanted.len()).parse().unwrap_or(0);
    if version < OLDEST {
        return Err(too_old(version).at("server", server));
    }
    for (at, (name, wanted)) in wanted.iter().enumerate() {
        if value(at) != *wanted {
            let found = format!("`{}`, not `{wanted}`", value(at));
            return Err(pooled(server).at(*name, found));
        }
    }
    Ok((version, value(wanted.len() + 1).to_owned()))
}

/// The error for whoever takes our settings and does not keep them.
pub(in crate::connectors::postgres) fn pooled(server: &str) -> Error {
    let message = format!(
        "the server at `{server}` ignores session settings: it looks like a connection pooler"
    );
    Error::unsupported(message).hint(
        "connect to the server itself, past the pooler, or through a pool in session mode that \
         passes startup options on",
    )
}

fn too_old(version: u32) -> Error {
    let shown = match version {
        0 => "of an unknown version".to_owned(),
        100_000.. => format!("version {}", version / 10_000),
        _ => format!("version {}.{}", version / 10_000, version / 100 % 100),
    };
    Error::unsupported(format!("the server is {shown}, and dhow speaks to 11 and newer"))
}
