//! The `mysql` connector: reads tables, views and queries of MySQL and MariaDB.
//!
//! - `server`: how a server is reached, and sessions whose settings are known.
//! - `wire`: the protocol; `decode`: from the bytes of rows to Arrow.
//! - `catalog`: what the server says of a table: columns, keys, engine, size.
//! - `source`: a snapshot of a table, cut into ranges of its key. Readers cannot join a snapshot
//!   that exists: they begin theirs together, while a brief lock keeps everybody from writing
//!   (`source/moment.rs`).

mod catalog;
mod decode;
mod error;
#[cfg(test)]
#[path = "../../../tests/databases/mariadb.rs"]
#[expect(dead_code, reason = "tests/databases uses the rest")]
pub(super) mod mariadb;
mod name;
mod options;
mod quote;
mod server;
mod source;
mod wire;

use crate::connectors::{Capability, Connector, OptionDoc, Role};

/// The `mysql` connector.
pub static CONNECTOR: Connector = Connector {
    name: "mysql",
    summary: "tables, views and queries of MySQL and MariaDB",
    can: Capability {
        endings: &[],
        schemes: &["mysql", "mariadb"],
        splits: Some("key range"),
        reopen: true,
        modes: &[],
    },
    options: &OPTIONS,
    types: Some(decode::manual),
    check: options::check,
    source: Some(source::open),
    sink: None,
};

/// What is read, then how the server is reached.
const OPTIONS: [OptionDoc; COUNT] = {
    let lists = [SOURCE, server::CONNECTION];
    let mut all = [SOURCE[0]; COUNT];
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
const COUNT: usize = SOURCE.len() + server::CONNECTION.len();

const SOURCE: &[OptionDoc] = &[
    doc("table", None, "the table or view, as `name` or `database.name`"),
    doc("query", None, "a SELECT instead of a table"),
    doc("columns", None, "types in place of those that follow from the server's: {a: text}"),
    doc(
        "zero_dates",
        Some("reject"),
        "0000-00-00 and dates without a month or day: reject the row, null, or fail",
    ),
    doc("tinyint1", Some("integer"), "integer, or boolean: what tinyint(1) is"),
    doc(
        "consistency",
        Some("snapshot"),
        "snapshot: one moment for all splits; split: each its own",
    ),
    doc(
        "lock_timeout",
        Some("5s"),
        "how long writers may be kept waiting while the readers begin together; 0: no lock is taken",
    ),
    doc("split_by", Some("the key"), "columns whose ranges cut a table, view or query"),
    doc("split_rows", Some("by size"), "rows of a split, about"),
    doc("cursor", None, "a column that grows with each change: rows above the last load's"),
    doc("cursor_zone", Some("UTC"), "the time zone of a cursor that has none"),
    doc("overlap", None, "how far below the last position is read again, instead of a horizon"),
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}
