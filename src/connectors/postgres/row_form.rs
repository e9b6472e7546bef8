//! Which rows one server can take from another as they are.

use super::server_type::{Column, Form};
use crate::source::RowForm;

/// Rows of `COPY` in binary, without header and trailer.
pub(super) const LAYOUT: &str = "postgres copy binary";

/// Types whose bytes depend on no setting, no locale and nothing in the catalog of a server. Tried
/// with PostgreSQL 15 on both sides; a value that an older server does not know, such as the infinity of
/// `numeric` before 14, is refused by that server.
const COMMON: &[&str] = &[
    "bool",
    "bpchar",
    "bytea",
    "date",
    "float4",
    "float8",
    "int2",
    "int4",
    "int8",
    "json",
    "jsonb",
    "numeric",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "varchar",
];

/// The form of rows of `columns`; `None` when a type among them means something on one server only.
pub(super) fn of(columns: &[Column]) -> Option<RowForm> {
    let is_common = |column: &&Column| {
        let kind = &column.kind;
        kind.form == Form::Base && kind.is_built_in() && COMMON.contains(&kind.name.as_str())
    };
    let types: Vec<_> =
        columns.iter().filter(is_common).map(|column| column.kind.shown.clone()).collect();
    (types.len() == columns.len()).then_some(RowForm { layout: LAYOUT, types })
}
