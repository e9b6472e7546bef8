//! The options of a MySQL source.

use std::time::Duration;

use super::decode::{Policies, ZeroDates};
use super::name::TableName;
use super::server::Server;
use crate::config::{Options, Problem, Reader, measure};
use crate::connectors::Role;
use crate::connectors::relation_options::{Consistency, Reads, columns, split_rows};

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
    /// How long writers may be kept waiting while the readers begin; zero for no lock.
    pub lock_timeout: Duration,
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
    /// How far below the last position rows are read again. Without it only rows are taken below
    /// which, as far as the server can tell, nothing appears any more.
    pub overlap: Option<Overlap>,
    /// The time zone in which a column without one is written.
    pub zone: String,
}

/// How far below the last position rows are read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overlap {
    /// Of a column of times.
    Time(Duration),
    /// Of a column of numbers.
    Number(u64),
}

/// Everything that is wrong with `options`.
pub(super) fn check(options: &Options, _: Role) -> Vec<Problem> {
    source(options).1
}

/// The options of a source as read, and everything that is wrong with them.
pub(super) fn source(options: &Options) -> (SourceOptions, Vec<Problem>) {
    let reader = options.reader();
    let consistency = Consistency::read(&reader, Consistency::Snapshot);
    let server = Server::read(&reader);
    let wanted = SourceOptions {
        reads: Reads::read(&reader, options, |reads| match reads {
            Reads::Table(name) => TableName::parse(name, server.database()).map(drop),
            Reads::Query(_) => Ok(()),
        }),
        server,
        policies: policies(&reader),
        consistency,
        lock_timeout: lock_timeout(&reader, consistency),
        split_by: reader.list("split_by"),
        split_rows: split_rows(&reader),
        cursor: cursor(&reader),
    };
    (wanted, reader.finish())
}

fn policies(reader: &Reader<'_>) -> Policies {
    Policies {
        zero_dates: match reader.one_of("zero_dates", &["reject", "null", "fail"]) {
            "null" => ZeroDates::Null,
            "fail" => ZeroDates::Fail,
            _ => ZeroDates::Reject,
        },
        tinyint1_is_boolean: reader.one_of("tinyint1", &["integer", "boolean"]) == "boolean",
        columns: columns(reader),
    }
}

fn lock_timeout(reader: &Reader<'_>, consistency: Consistency) -> Duration {
    let limit = reader.duration("lock_timeout", Duration::from_secs(5));
    if consistency == Consistency::Split && reader.node("lock_timeout").is_some() {
        let place = reader.place_of("lock_timeout");
        let problem = Problem::new(&place, "`lock_timeout` needs `consistency: snapshot`");
        reader.problem(problem.hint("leave it out: no lock is taken"));
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
    let zone = zone.unwrap_or_else(|| "UTC".to_owned());
    if jiff::tz::TimeZone::get(&zone).is_err() {
        let problem = Problem::new(
            &reader.place_of("cursor_zone"),
            format!("`{zone}` is not the name of a time zone"),
        );
        reader.problem(problem.hint("write `UTC` or a name such as `Europe/Berlin`"));
    }
    let overlap = overlap.and_then(|text| self::overlap(reader, &text));
    Some(CursorOptions { column, overlap, zone })
}

fn overlap(reader: &Reader<'_>, text: &str) -> Option<Overlap> {
    if let Ok(number) = text.parse() {
        return Some(Overlap::Number(number));
    }
    match measure::duration(text) {
        Ok(duration) => Some(Overlap::Time(duration)),
        Err(message) => {
            let problem = Problem::new(&reader.place_of("overlap"), message);
            reader.problem(problem.hint("write `10m`; or a number, for a cursor of numbers"));
            None
        }
    }
}
