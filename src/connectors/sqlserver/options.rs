//! The options of a SQL Server source.

use super::reading::{Fraction, Policies};
use super::server::Server;
use super::statement;
use crate::config::{Options, Problem, Reader};
use crate::connectors::relation_options::{Consistency, Reads, columns, split_rows};
use crate::connectors::shards::{are_sharded, refuse_without_shards};
use crate::connectors::{OptionDoc, Role};
use crate::error::{Error, Result};

/// What to read, and how.
#[derive(Debug, Clone)]
pub(super) struct SourceOptions {
    /// Where.
    pub server: Server,
    /// What to read of it.
    pub reads: Reads,
    /// What is done with values that have no place in Arrow's types.
    pub policies: Policies,
    /// Whether all readers see one moment.
    pub consistency: Consistency,
    /// Whether what the server hides from the user is left out without a word.
    pub accepts_hidden: bool,
    /// Whose ranges cut the rows, instead of the key of the table.
    pub split_by: Vec<String>,
    /// Rows of a split, about; by the size of the table when it is not given.
    pub split_rows: Option<u64>,
    /// The column that grows with each change, and how its window is closed.
    pub cursor: Option<CursorOptions>,
}

/// The column of an incremental load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CursorOptions {
    /// Its name.
    pub column: String,
    /// How far below the last position rows are read again, as written: `10m`, or a number for a
    /// column of numbers.
    pub overlap: Option<String>,
}

/// What a source takes, apart from its connection.
pub(super) const SOURCE: &[OptionDoc] = &[
    read("table", None, "the table or view, as `name` or `schema.name`"),
    read("query", None, "a SELECT instead of a table"),
    read(
        "shards",
        None,
        "the same table of several databases: {eu: URL, us: {host: …}}, or a list",
    ),
    read("shard_column", Some("shard"), "the column that tells the shard: the first one"),
    read(
        "shard_down",
        Some("fail"),
        "fail, or skip: with a cursor, a shard that cannot be reached is left for a later run",
    ),
    read("columns", None, "types in place of those that follow from the server's: {a: text}"),
    read(
        "fraction",
        Some("refuse"),
        "refuse, or truncate: tenths of a microsecond in time(7), datetime2(7), datetimeoffset(7)",
    ),
    read(
        "hidden",
        Some("refuse"),
        "refuse, or accept: rows and values that policies and masks hide from the user",
    ),
    read(
        "consistency",
        Some("split"),
        "split: each split its own moment; snapshot: one moment, read by one session",
    ),
    read("split_by", Some("the key"), "columns whose ranges cut a table, view or query"),
    read("split_rows", Some("by size"), "rows of a split, about"),
    read("cursor", None, "a column that grows with each change: rows above the last load's"),
    read(
        "overlap",
        None,
        "how far below the last position is read again; 0: nothing is ever added there",
    ),
];

const fn read(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}

/// Everything that is wrong with `options`.
pub(super) fn check(options: &Options, role: Role) -> Vec<Problem> {
    match role {
        Role::Source if are_sharded(options) => super::SHARD.check_all(options),
        Role::Source => source(options).1,
        // Nobody asks: there is no sink.
        Role::Sink => Vec::new(),
    }
}

/// The options of a source as read, and everything that is wrong with them.
pub(super) fn source(options: &Options) -> (SourceOptions, Vec<Problem>) {
    let reader = options.reader();
    refuse_without_shards(&reader);
    let wanted = SourceOptions {
        server: Server::read(&reader),
        reads: Reads::read(&reader, options, readable),
        policies: policies(&reader),
        consistency: Consistency::read(&reader, Consistency::Split),
        accepts_hidden: reader.one_of("hidden", &["refuse", "accept"]) == "accept",
        split_by: reader.list("split_by"),
        split_rows: split_rows(&reader),
        cursor: cursor(&reader),
    };
    (wanted, reader.finish())
}

fn readable(reads: &Reads) -> Result<()> {
    let Reads::Query(query) = reads else { return Ok(()) };
    match statement::trouble(query) {
        Some((message, hint)) => Err(Error::config(message).hint(hint)),
        None => Ok(()),
    }
}

fn policies(reader: &Reader<'_>) -> Policies {
    let fraction = match reader.one_of("fraction", &["refuse", "truncate"]) {
        "truncate" => Fraction::Truncate,
        _ => Fraction::Refuse,
    };
    Policies { fraction, columns: columns(reader) }
}

fn cursor(reader: &Reader<'_>) -> Option<CursorOptions> {
    let overlap = reader.text("overlap");
    match reader.text("cursor") {
        Some(column) => Some(CursorOptions { column, overlap }),
        None => {
            if overlap.is_some() {
                let place = reader.place_of("overlap");
                reader.problem(Problem::new(&place, "`overlap` needs a `cursor`"));
            }
            None
        }
    }
}
