//! The `postgres` connector: reads tables, views and queries of PostgreSQL, and writes tables.

#![expect(dead_code, reason = "under construction")]

mod address;
#[cfg(test)]
mod address_tests;
mod bound;
mod catalog;
#[cfg(test)]
#[path = "../../../tests/databases/cluster.rs"]
mod cluster;
mod commit;
mod ddl;
mod decode;
mod encode;
mod error;
mod house;
mod inspect;
mod mark;
mod merge;
mod misfits;
mod options;
mod parts;
mod password;
mod patience;
mod pool;
mod prepare;
mod quote;
#[cfg(test)]
mod replace_tests;
mod server;
#[cfg(test)]
mod server_tests;
mod server_type;
mod session;
mod shadow;
mod sink;
mod sink_options;
#[cfg(test)]
mod sink_tests;
mod socket;
mod source;
mod swap;
mod sweep;
mod table;
mod table_name;
mod tls;
#[cfg(test)]
mod tls_tests;
mod truncate;
mod wait;
mod work;
mod write;

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
