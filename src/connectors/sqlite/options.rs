//! The options of a SQLite source.

use arrow::datatypes::DataType;

use super::types;
use crate::config::{Options, Problem, Reader};
use crate::connectors::Role;

/// What to read, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The database file, relative to the folder of the pipeline.
    pub path: String,
    /// What to read of it.
    pub rows: Rows,
    /// Types in place of those declared in the database.
    pub columns: Vec<(String, DataType)>,
    /// The column that grows with each change.
    pub cursor: Option<String>,
    /// Rows of a table in one split.
    pub split_rows: u64,
}

/// What to read of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rows {
    /// A table or view.
    Table(String),
    /// One `SELECT`, without a semicolon at its end.
    Query(String),
}

impl Rows {
    /// The name shown to people.
    pub(super) fn label(&self) -> &str {
        match self {
            Rows::Table(name) => name,
            Rows::Query(_) => "query",
        }
    }
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
        rows: rows(&reader, options),
        columns: columns(&reader),
        cursor: reader.text("cursor"),
        split_rows: reader.number("split_rows", 100_000, 1..=1_000_000_000),
    };
    (wanted, reader.finish())
}

fn rows(reader: &Reader<'_>, options: &Options) -> Rows {
    match (reader.text("table"), reader.text("query")) {
        (Some(table), None) => Rows::Table(table),
        (None, Some(query)) => Rows::Query(query.trim_end_matches([';', ' ', '\n', '\t']).into()),
        (Some(table), Some(_)) => {
            let place = reader.place_of("query");
            reader.problem(Problem::new(&place, "`table` and `query` are both given"));
            Rows::Table(table)
        }
        (None, None) => {
            let problem = Problem::new(options.place(), "`table` is missing");
            reader.problem(problem.hint("name a table or view, or write a `query`"));
            Rows::Table(String::new())
        }
    }
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
