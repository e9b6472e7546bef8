//! The `postgres` connector: reads tables, views and queries of PostgreSQL, and writes tables.

#![expect(dead_code, reason = "under construction")]

#[cfg(test)]
#[path = "../../../tests/databases/cluster.rs"]
mod cluster;
mod catalog;
mod decode;
mod encode;
mod error;
mod options;
mod quote;
mod server;
mod server_type;
mod sink;
mod source;

use crate::connectors::{Capability, Connector, OptionDoc};
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
    options: &[doc("table", None, "the table or view, as `name` or `schema.name`")],
    types: Some(decode::manual),
    check: options::check,
    source: Some(source::open),
    sink: Some(sink::open),
};

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: None, default, summary }
}
