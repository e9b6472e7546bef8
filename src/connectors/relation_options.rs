//! The options of sources that read a table or a query of a database.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use crate::config::{Options, Problem, Reader};
use crate::error::Result;
use crate::files::types::parse_type;

/// What to read of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reads {
    /// A table or view, as written.
    Table(String),
    /// One `SELECT`, without a semicolon at its end.
    Query(String),
}

impl Reads {
    /// Takes `table` or `query`; `check` looks at what was given, when it is one of them.
    pub(super) fn read(
        reader: &Reader<'_>,
        options: &Options,
        check: impl FnOnce(&Reads) -> Result<()>,
    ) -> Self {
        let (reads, key) = match (reader.text("table"), reader.text("query")) {
            (Some(table), None) => (Reads::Table(table), "table"),
            (None, Some(query)) => {
                let end = |c: char| c == ';' || c.is_whitespace();
                (Reads::Query(query.trim_end_matches(end).to_owned()), "query")
            }
            (Some(table), Some(_)) => {
                let place = reader.place_of("query");
                reader.problem(Problem::new(&place, "`table` and `query` are both given"));
                return Reads::Table(table);
            }
            (None, None) => {
                let problem = Problem::new(options.place(), "`table` is missing");
                reader.problem(problem.hint("name a table or view, or write a `query`"));
                return Reads::Table(String::new());
            }
        };
        if let Err(error) = check(&reads) {
            reader.problem(Problem::told(&reader.place_of(key), &error));
        }
        reads
    }

    /// The name shown to people.
    pub(super) fn label(&self) -> &str {
        match self {
            Reads::Table(name) => name,
            Reads::Query(_) => "query",
        }
    }
}

/// What the readers see together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consistency {
    /// All of them one moment.
    Snapshot,
    /// Each the moment at which it reads its split.
    Split,
}

impl Consistency {
    /// Takes `consistency`; `default` when it is not given.
    pub(super) fn read(reader: &Reader<'_>, default: Consistency) -> Self {
        let words = match default {
            Consistency::Snapshot => ["snapshot", "split"],
            Consistency::Split => ["split", "snapshot"],
        };
        match reader.one_of("consistency", &words) {
            "split" => Consistency::Split,
            _ => Consistency::Snapshot,
        }
    }
}

/// Takes `columns`: types in place of those that follow from the server's.
pub(super) fn columns(reader: &Reader<'_>) -> BTreeMap<String, DataType> {
    let mut columns = BTreeMap::new();
    for (name, place, text) in reader.pairs("columns") {
        match parse_type(&text) {
            Ok(data_type) => {
                columns.insert(name, data_type);
            }
            Err(error) => reader.problem(Problem::told(&place, &error)),
        }
    }
    columns
}

/// Takes `split_rows`: rows of a split, about; by the size of the table when it is not given.
pub(super) fn split_rows(reader: &Reader<'_>) -> Option<u64> {
    reader.node("split_rows")?;
    Some(reader.number("split_rows", 1_000_000, 1..=1_000_000_000_000))
}
