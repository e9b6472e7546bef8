//! The options of a SQLite source.

use arrow::datatypes::DataType;

use super::types;
use crate::config::{Options, Problem, Reader};
use crate::connectors::Role;
use crate::connectors::relation_options::Reads;

/// What to read, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The database file, relative to the folder of the pipeline.
    pub path: String,
    /// What to read of it.
    pub reads: Reads,
    /// Types in place of those declared in the database.
    pub columns: Vec<(String, DataType)>,
    /// The column that grows with each change.
    pub cursor: Option<String>,
    /// Rows of a table in one split.
    pub split_rows: u64,
}

/// Everything that is wrong with `options`; there is no sink.
pub(super) fn check(options: &Options, _role: Role) -> Vec<Problem> {
    read(options).1
}

/// The options as read, and everything that is wrong with them.
pub(super) fn read(options: &Options) -> (Wanted, Vec<Problem>) {
    let reader = options.reader();
    let wanted = Wanted {
        path: reader.required("path"),
        reads: Reads::read(&reader, options, |_| Ok(())),
        columns: columns(&reader),
        cursor: reader.text("cursor"),
        split_rows: reader.number("split_rows", 100_000, 1..=1_000_000_000),
    };
    (wanted, reader.finish())
}

fn columns(reader: &Reader<'_>) -> Vec<(String, DataType)> {
    let mut columns = Vec::new();
    for (name, place, text) in reader.pairs("columns") {
        match types::of_declared(&text) {
            Some(data_type) => columns.push((name, data_type)),
            None => reader.problem(
                Problem::new(&place, format!("`{text}` is not a type")).hint(types::KNOWN),
            ),
        }
    }
    columns
}
