//! The `sqlite` connector: reads tables, views and queries of a SQLite database file.
//!
//! SQLite lets any value stand in any column, so that each value is checked against the type of
//! its column; one of another storage class is refused and never converted. All readers of a load
//! see one state of the database: see `freeze`.

mod batch;
mod cells;
mod cursor;
mod error;
mod filter;
mod freeze;
mod moment;
mod options;
mod pool;
mod quote;
mod read;
#[cfg(test)]
mod rows_tests;
mod source;
mod split;
mod table;
#[cfg(test)]
mod tests;
mod types;

use crate::connectors::{Capability, Connector, OptionDoc, Role};

/// The `sqlite` connector.
pub static CONNECTOR: Connector = Connector {
    name: "sqlite",
    summary: "tables, views and queries of a SQLite database file",
    can: Capability {
        endings: &["sqlite", "sqlite3", "db"],
        schemes: &[],
        splits: Some("rowid range"),
        reopen: true,
        modes: &[],
    },
    options: &[
        doc("path", None, "the database file"),
        doc("table", None, "the table or view to read; this or `query`"),
        doc("query", None, "one SELECT to read; this or `table`"),
        doc("columns", None, "types of columns in place of those declared, such as {id: bigint}"),
        doc("cursor", None, "the column that grows with each change, for incremental loads"),
        doc("split_rows", Some("100000"), "rows of a table in one split"),
    ],
    types: None,
    check: options::check,
    source: Some(source::open),
    sink: None,
};

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}
