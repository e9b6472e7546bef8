//! The `postgres` connector: reads tables, views and queries of PostgreSQL, and writes tables.

#![expect(dead_code, reason = "under construction")]

mod address;
mod blocks;
mod catalog;
mod cursor;
mod cut;
#[cfg(test)]
#[path = "../../../tests/databases/cluster.rs"]
mod cluster;
mod decode;
mod encode;
mod error;
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
mod cut_tests;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod address_tests;
#[cfg(test)]
mod tls_tests;
mod tls;
mod wait;

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
