//! The options of a Postgres source and sink.

use std::time::Duration;

use crate::config::{Options, Problem, Reader};
use crate::connectors::postgres::decode::{Policies, Special};
use crate::connectors::postgres::server::Server;
use crate::connectors::postgres::sink::sink_options;
use crate::connectors::postgres::source::SHARD;
use crate::connectors::relation_options::{Consistency, Reads, columns, split_rows};
use crate::connectors::{Role, shards};

/// What to read, and how.
#[derive(Debug, Clone)]
pub(in crate::connectors::postgres) struct SourceOptions {
    /// Where.
    pub server: Server,
    /// What to read of it.
    pub reads: Reads,
    /// What is done with values that have no place in Arrow's types.
    pub policies: Policies,
    /// Whether the author says so, or names other types.
    pub has_policies: bool,
    /// Whether all readers see one moment.
    pub consistency: Consistency,
    /// How long a snapshot is held for the next process when this one dies; zero is not at all.
    pub hold_snapshot: Duration,
    /// Whose ranges cut the rows, instead of the key of the table.
    pub split_by: Vec<String>,
    /// Rows of a split, about; by the size of the table when it is not given.
    pub split_rows: Option<u64>,
    /// The column that grows with each change, and how its window is closed.
    pub cursor: Option<CursorOptions>,
}

/// The column of an incremental load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct CursorOptions {
    /// Its name.
    pub column: String,
    /// How far below the last position rows are read again, as written: `10m`, or a number for a
    /// column of numbers. Without it only rows are taken below which nothing can appear any more.
    pub overlap: Option<String>,
    /// The time zone in which a column without one is written.
    pub zone: String,
}

/// Everything that is wrong with `options`.
pub(in crate::connectors::postgres) fn check(options: &Options, role: Role) -> Vec<Problem> {
    match role {
        Role::Source if shards::are_sharded(options) => SHARD.check_all(options),
        Role::Source => source(options).1,
        Role::Sink => sink_options::read(options).1,
    }
}

/// The options of a source as read, and everything that is wrong with them.
pub(in crate::connectors::postgres) fn source(options: &Options) -> (SourceOptions, Vec<Problem>) {
    let reader = options.reader();
    shards::refuse_without_shards(&reader);
    let consistency = Consistency::read(&reader, Consistency::Snapshot);
    let wanted = SourceOptions {
        server: Server::read(&reader),
        reads: Reads::read(&reader, options, |_| Ok(())),
        policies: policies(&reader),
        has_policies: ["nan", "infinity", "columns"].iter().any(|of| reader.node(of).is_some()),
        consistency,
        hold_snapshot: hold_snapshot(&reader, consistency),
        split_by: reader.list("split_by"),
        split_rows: split_rows(&reader),
        cursor: cursor(&reader),
    };
    (wanted, reader.finish())
}

fn policies(reader: &Reader<'_>) -> Policies {
    let special = |name| match reader.one_of(name, &["refuse", "null"]) {
        "null" => Special::Null,
        _ => Special::Refuse,
    };
    let (nan, infinity) = (special("nan"), special("infinity"));
    Policies { nan, infinity, columns: columns(reader), ..Policies::default() }
}

fn hold_snapshot(reader: &Reader<'_>, consistency: Consistency) -> Duration {
    let limit = reader.duration("hold_snapshot", Duration::from_secs(15 * 60));
    if consistency == Consistency::Split && reader.node("hold_snapshot").is_some() {
        let place = reader.place_of("hold_snapshot");
        let problem = Problem::new(&place, "`hold_snapshot` needs `consistency: snapshot`");
        reader.problem(problem.hint("leave it out: there is no snapshot to be held"));
    }
    limit
}

fn cursor(reader: &Reader<'_>) -> Option<CursorOptions> {
    let (overlap, zone) = (reader.text("overlap"), reader.text("cursor_zone"));
    let Some(column) = reader.text("cursor") else {
        for (name, _) in
            [("overlap", &overlap), ("cursor_zone", &zone)].iter().filter(|o| o.1.is_some())
        {
            let message = format!("`{name}` needs a `cursor`");
            reader.problem(Problem::new(&reader.place_of(name), message));
        }
        return None;
    };
    Some(CursorOptions { column, overlap, zone: zone.unwrap_or_else(|| "UTC".to_owned()) })
}
