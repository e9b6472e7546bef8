//! The `postgres` connector: reads tables, views and queries of PostgreSQL, and writes tables.
//!
//! - `server`: how a server is reached, and sessions with it. Rows of a COPY are taken off the wire
//!   before the driver sees them (`server/tap.rs`).
//! - `source`: a snapshot of a database, cut into pieces that are read side by side; who keeps it
//!   when dhow dies (`source/hold.rs`), and what an incremental load may read (`source/cursor.rs`).
//! - `decode` and `encode`: between the bytes of a COPY and Arrow; how a column goes is decided
//!   once, before the first row.
//! - `sink`: loads, by mode. A part and the note of it are one transaction (`sink/write.rs`); a load
//!   is bound to the snapshot that it is read from, and whoever writes under another one is turned
//!   away (`sink/bound.rs`). The mark goes in with the rows (`sink/commit.rs`).

mod catalog;
#[cfg(test)]
#[path = "../../../tests/databases/cluster.rs"]
pub(super) mod cluster;
mod decode;
mod encode;
mod error;
mod name;
#[cfg(test)]
#[path = "../../../tests/databases/proxy.rs"]
#[expect(dead_code, reason = "tests/databases uses the rest")]
mod proxy;
mod quote;
mod row;
mod row_form;
mod server;
mod server_type;
mod sink;
mod source;

use crate::connectors::{Capability, Connector, OptionDoc, Role};
use crate::error::Result;
use crate::sink::Mode;

/// The `postgres` connector.
pub static CONNECTOR: Connector = Connector {
    name: "postgres",
    summary: "tables, views and queries of PostgreSQL, both ways",
    can: Capability {
        endings: &[],
        schemes: &["postgres", "postgresql"],
        splits: Some("key or block range"),
        reopen: true,
        modes: Mode::NAMES,
    },
    options: &OPTIONS,
    types: Some(decode::manual),
    check: source::options::check,
    source: Some(source::open),
    sink: Some(sink::open),
};

/// Holds a snapshot for as long as `order`, a line of JSON, says. `answer` is called with the line
/// that the process that gave the order waits for.
///
/// # Errors
/// Why it cannot be held.
pub(in crate::connectors) async fn hold(
    order: &str,
    answer: impl FnOnce(&str) + Send,
) -> Result<()> {
    let order = source::order::Order::read(order)?;
    source::holder::hold(order, |said| answer(&said.line())).await
}

/// The table, then what only a source or only a sink takes, then how the server is reached.
const OPTIONS: [OptionDoc; COUNT] = {
    let lists = [TABLE, SOURCE, sink::sink_options::OPTIONS, server::CONNECTION];
    let mut all = [TABLE[0]; COUNT];
    let (mut list, mut at, mut next) = (0, 0, 0);
    while list < lists.len() {
        if at == lists[list].len() {
            (list, at) = (list + 1, 0);
        } else {
            all[next] = lists[list][at];
            (at, next) = (at + 1, next + 1);
        }
    }
    all
};
const COUNT: usize =
    TABLE.len() + SOURCE.len() + sink::sink_options::OPTIONS.len() + server::CONNECTION.len();

const TABLE: &[OptionDoc] = &[OptionDoc {
    name: "table",
    role: None,
    default: None,
    summary: "the table or view, as `name` or `schema.name`",
}];

const SOURCE: &[OptionDoc] = &[
    read("query", None, "a SELECT instead of a table"),
    read(
        "shards",
        None,
        "the same table of several databases: {eu: URL, us: {host: …}}, or a list",
    ),
    read("shard_column", Some("shard"), "the column that tells the shard: the first one"),
    read(
        "shard_down",
        Some("fail"),
        "fail, or skip: with a cursor, a shard that cannot be reached is left for a later run",
    ),
    read("columns", None, "types in place of those that follow from the server's: {a: text}"),
    read("nan", Some("refuse"), "refuse, or null: NaN in a column of decimals"),
    read("infinity", Some("refuse"), "refuse, or null: infinity in decimals, dates and times"),
    read(
        "consistency",
        Some("snapshot"),
        "snapshot: one moment for all splits; split: each its own",
    ),
    read(
        "hold_snapshot",
        Some("15m"),
        "how long a snapshot is held for the next run when dhow is killed; 0: not at all",
    ),
    read("split_by", Some("the key"), "columns whose ranges cut a table, view or query"),
    read("split_rows", Some("by size"), "rows of a split, about"),
    read("cursor", None, "a column that grows with each change: rows above the last load's"),
    read("cursor_zone", Some("UTC"), "the time zone of a cursor that has none"),
    read("overlap", None, "how far below the last position is read again, instead of a horizon"),
];

const fn read(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}
