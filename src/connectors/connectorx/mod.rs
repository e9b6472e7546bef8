//! The `connectorx` connector: reads a table or a query of whatever the crate connectorx reads.
//!
//! It is the road to databases that dhow has no reader of its own for, and a second one to those
//! that it has (`reader: connectorx`). connectorx changes some values on the way; columns of such
//! types are refused before anything is read (`types`), unless they are asked for as text.
//!
//! - `server`: which databases those are; `types`: what becomes of each type, and which are refused.
//! - `road`: all that needs the crate connectorx, built with the feature `connectorx` alone: the SQL
//!   that is sent (`road/statement`), one way to each database (`road/lanes`), and the rows, which
//!   are pulled one batch at a time, so that memory is bounded (`road/pull`).
//!
//! Nothing is frozen: each split is a query of its own. A snapshot cannot be opened again, and its
//! notes say so.

#[cfg(not(feature = "connectorx"))]
mod absent;
#[cfg_attr(not(feature = "connectorx"), allow(dead_code, reason = "only the road uses all of it"))]
mod options;
#[cfg(feature = "connectorx")]
mod road;
mod server;
#[cfg_attr(not(feature = "connectorx"), allow(dead_code, reason = "only the road uses all of it"))]
mod types;

#[cfg(not(feature = "connectorx"))]
use absent as road;

use crate::connectors::{Capability, Connector, OptionDoc, Role};

/// The `connectorx` connector.
pub static CONNECTOR: Connector = Connector {
    name: "connectorx",
    summary: "tables and queries of Oracle, Trino, ClickHouse and others, by the crate connectorx",
    can: Capability {
        endings: &[],
        schemes: &["clickhouse", "oracle", "trino", "trino+https"],
        splits: Some("range of a column"),
        reopen: false,
        modes: &[],
    },
    options: &[
        doc("url", None, "the database, such as `oracle://user@host:1521/service`"),
        doc("table", None, "the table or view, as `name` or `schema.name`; this or `query`"),
        doc("query", None, "one SELECT to read; this or `table`"),
        doc("columns", None, "columns to be read as text, such as {price: text}"),
        doc("split_by", None, "a column of whole numbers whose ranges are read side by side"),
        doc("partitions", Some("1"), "ranges of `split_by`; each is a query of its own"),
        doc("batch_rows", Some("8192"), "rows that are held at once"),
    ],
    types: Some(types::manual),
    check: options::check,
    source: Some(road::open),
    sink: None,
};

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}
