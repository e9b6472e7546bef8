//! The `postgres` connector: reads tables, views and queries of PostgreSQL, and writes tables.

#![expect(dead_code, reason = "under construction")]

mod address;
#[cfg(test)]
mod address_tests;
#[cfg(test)]
#[path = "../../../tests/databases/cluster.rs"]
mod cluster;
mod decode;
mod encode;
mod error;
#[cfg(test)]
mod error_tests;
mod options;
mod password;
mod patience;
#[cfg(test)]
#[path = "../../../tests/databases/proxy.rs"]
mod proxy;
mod quote;
mod server;
#[cfg(test)]
mod server_tests;
mod server_type;
mod session;
mod sink;
mod socket;
mod source;
mod tls;
#[cfg(test)]
mod tls_tests;
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
