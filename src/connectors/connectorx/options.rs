//! The options of a connectorx source.

use super::server::{SCHEMES, Server};
use crate::config::{Options, Problem, Reader, Secret};
use crate::connectors::Role;
use crate::connectors::relation_options::Reads;
use crate::source::BATCH_ROWS;

/// What to read, and how.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The kind of database.
    pub server: Server,
    /// The URL as written, password and all.
    pub url: Secret,
    /// The URL without user, password and parameters, for people.
    pub shown: String,
    /// What to read.
    pub rows: Rows,
    /// Columns to be read as text.
    pub as_text: Vec<String>,
    /// The column whose ranges are read side by side.
    pub split_by: Option<String>,
    /// How many ranges.
    pub partitions: u64,
    /// Rows that are held at once.
    pub batch_rows: usize,
}

/// What to read of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rows {
    /// A table or view: its name, with schema and catalog before it where there are any.
    Table(Vec<String>),
    /// One `SELECT`, without a semicolon at its end.
    Query(String),
}

impl Rows {
    /// The name shown to people.
    pub(super) fn label(&self) -> String {
        match self {
            Rows::Table(parts) => parts.join("."),
            Rows::Query(_) => "query".to_owned(),
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
    let url = reader.required("url");
    let most = u64::try_from(BATCH_ROWS * 8).unwrap_or(u64::MAX);
    let batch_rows = reader.number("batch_rows", BATCH_ROWS as u64, 1..=most);
    let (split_by, partitions) = (reader.text("split_by"), reader.number("partitions", 1, 1..=256));
    if partitions > 1 && split_by.is_none() {
        let problem = Problem::new(&reader.place_of("partitions"), "`split_by` is missing");
        reader.problem(problem.hint("name a column of whole numbers whose ranges cut the rows"));
    }
    let wanted = Wanted {
        server: server(&reader, &url),
        shown: shown(&url),
        url: Secret::new(url),
        rows: rows(&reader, options),
        as_text: as_text(&reader),
        split_by,
        partitions,
        batch_rows: usize::try_from(batch_rows).unwrap_or(BATCH_ROWS),
    };
    (wanted, reader.finish())
}

fn server(reader: &Reader<'_>, url: &str) -> Server {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = scheme.as_deref().and_then(Server::of_scheme);
    if known.is_none() && !url.is_empty() {
        // What stands there may be a password: it is not shown.
        let problem = Problem::new(&reader.place_of("url"), "`url` is of no database known here");
        reader.problem(problem.hint(format!("it must begin with one of {SCHEMES}")));
    }
    known.unwrap_or(Server::Postgres)
}

/// `url` without what may be secret: user, password and parameters.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let rest = rest.split(['?', '#']).next().unwrap_or("");
    let rest = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    format!("{scheme}://{rest}")
}

fn rows(reader: &Reader<'_>, options: &Options) -> Rows {
    match Reads::read(reader, options, |_| Ok(())) {
        // What is missing has been said.
        Reads::Table(name) if name.is_empty() => Rows::Table(Vec::new()),
        Reads::Table(name) => Rows::Table(parts(reader, &name)),
        Reads::Query(query) => Rows::Query(query),
    }
}

fn parts(reader: &Reader<'_>, table: &str) -> Vec<String> {
    let parts: Vec<String> = table.split('.').map(str::to_owned).collect();
    if parts.len() > 3 || parts.iter().any(String::is_empty) {
        let problem = Problem::new(&reader.place_of("table"), "`table` is no name of a table");
        reader.problem(problem.hint("write `name` or `schema.name`; for other names, a `query`"));
    }
    parts
}

fn as_text(reader: &Reader<'_>) -> Vec<String> {
    let mut columns = Vec::new();
    for (name, place, kind) in reader.pairs("columns") {
        if kind == "text" {
            columns.push(name);
        } else {
            let message = format!("`{name}` cannot be asked for as `{kind}` here");
            let hint = "write `text`, and cast the text in a model: that is exact";
            reader.problem(Problem::new(&place, message).hint(hint));
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(entries: &[(&str, &str)]) -> Vec<String> {
        read(&Options::of_arguments(entries)).1.into_iter().map(|p| p.message).collect()
    }

    #[test]
    fn what_is_wrong_is_said_at_once() {
        assert_eq!(messages(&[]), ["`url` is missing", "`table` is missing"]);
        assert_eq!(
            messages(&[("url", "redshift-iam://a:b@c/d"), ("table", "a..b"), ("partitions", "4")]),
            [
                "`split_by` is missing",
                "`url` is of no database known here",
                "`table` is no name of a table",
            ]
        );
        let both = [("url", "mysql://a/b"), ("table", "a"), ("query", "select 1")];
        assert_eq!(messages(&both), ["`table` and `query` are both given"]);
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        let read = |url| read(&Options::of_arguments(&[("url", url), ("table", "a")])).0;
        let wanted = read("oracle://scott:tig@er@db:1521/xe?token=abc");
        assert_eq!((wanted.shown.as_str(), wanted.server), ("oracle://db:1521/xe", Server::Oracle));
        assert!(!format!("{wanted:?}").contains("tig"), "{wanted:?}");
    }
}
