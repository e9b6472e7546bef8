//! The `postgres` connector: reads tables, views and queries of PostgreSQL, and writes tables.

#![expect(dead_code, reason = "under construction")]

mod address;
#[cfg(test)]
mod address_tests;
mod blocks;
mod catalog;
#[cfg(test)]
#[path = "../../../tests/databases/cluster.rs"]
mod cluster;
mod cursor;
mod cut;
#[cfg(test)]
mod cut_tests;
mod decode;
mod encode;
mod error;
#[cfg(test)]
mod error_tests;
mod filter;
mod freeze;
mod frozen;
mod instance;
mod kept;
mod keys;
mod name;
mod options;
mod password;
mod patience;
mod piece;
#[cfg(test)]
#[path = "../../../tests/databases/proxy.rs"]
mod proxy;
mod quote;
mod read;
mod relation;
mod row;
mod server;
#[cfg(test)]
mod server_tests;
mod server_type;
mod session;
mod sessions;
mod sink;
mod socket;
mod source;
#[cfg(test)]
mod source_tests;
mod tls;
#[cfg(test)]
mod tls_tests;
mod wait;

use crate::connectors::{Capability, Connector, OptionDoc, Role};
use crate::sink::Mode;

/// The `postgres` connector.
pub static CONNECTOR: Connector = Connector {
    name: "postgres",
    summary: "tables, views and queries of PostgreSQL, both ways",
    can: Capability {
        endings: &[],
        splits: Some("key or block range"),
        reopen: true,
        modes: Mode::NAMES,
    },
    options: OPTIONS,
    types: Some(decode::manual),
    check: options::check,
    source: Some(source::open),
    sink: Some(sink::open),
};

const OPTIONS: &[OptionDoc] = &[
    doc("table", None, "the table or view, as `name` or `schema.name`"),
    read("query", None, "a SELECT instead of a table"),
    read("columns", None, "types in place of those that follow from the server's: {a: text}"),
    read("nan", Some("refuse"), "refuse, or null: NaN in a column of decimals"),
    read("infinity", Some("refuse"), "refuse, or null: infinity in decimals, dates and times"),
    read(
        "consistency",
        Some("snapshot"),
        "snapshot: one moment for all splits; split: each its own",
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

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: None, default, summary }
}
