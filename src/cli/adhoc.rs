//! Pipelines that are written on the command line: `dhow sql` and `dhow copy`.
//!
//! A source is `name=path`, or a path alone, whose stem is then the name. The connector is known
//! by the ending, or by the scheme of a URL. The table of a database follows after `#`
//! (`shop.db#orders`, `postgres://host/shop#orders`); without it, it is called like the source.

use std::path::{Path, PathBuf};

use super::project;
use crate::config::{Options, Pipeline, SinkDef, SourceDef, Sql, suggest};
use crate::connectors::{self, Connector, Role};
use crate::error::{Error, Result};
use crate::sink::Mode;
use crate::source::SnapshotId;

/// What the command line says of a source or target.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Location<'a> {
    name: Option<&'a str>,
    path: &'a str,
    table: Option<&'a str>,
}

impl Location<'_> {
    fn name(&self) -> Option<String> {
        let stem = || match self.table {
            Some(table) => last_name(table),
            None => stem(self.path),
        };
        self.name.map(str::to_owned).or_else(stem)
    }

    fn source(&self, name: String, connector: &Connector) -> SourceDef {
        let options = options(connector, self.path, self.table.unwrap_or(&name));
        SourceDef { name, connector: connector.name.to_owned(), options }
    }
}

/// Whether SQL takes `text` as a name without quotes.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The source that `--source` names.
pub(super) fn source(text: &str) -> Result<SourceDef> {
    let location = location(text);
    let connector = chosen(location.path, None, Role::Source)?;
    let name = location.name().ok_or_else(|| {
        Error::config(format!("`{text}` gives its source no name that SQL can use"))
            .hint(format!("give it one: `name={text}`"))
    })?;
    Ok(location.source(name, connector))
}

/// The source that the first argument of `copy` names; `name` is for one that has none.
pub(super) fn source_or(text: &str, connector: Option<&str>, name: &str) -> Result<SourceDef> {
    let location = location(text);
    let connector = chosen(location.path, connector, Role::Source)?;
    if connectors::for_url(location.path).is_some() && location.name().is_none() {
        return Err(Error::config("no table is named").hint("name it behind the URL: `…#orders`"));
    }
    let name = location.name().unwrap_or_else(|| name.to_owned());
    Ok(location.source(name, connector))
}

/// The sink that writes the rows of `from` to `path`.
pub(super) fn sink(
    path: &str,
    connector: Option<&str>,
    from: &str,
    mode: Option<&str>,
    key: Vec<String>,
) -> Result<SinkDef> {
    let location = Location { name: None, ..location(path) };
    let is_file = is_file(location.path);
    let connector = chosen(location.path, connector, Role::Sink)?;
    let name = location.name().unwrap_or("result".to_owned());
    let is_url = connectors::for_url(location.path).is_some();
    // A path names a table; the path of a URL names a database.
    let table = location.table.unwrap_or(if is_url { from } else { &name }).to_owned();
    // One file is one table: to write it again is to replace it.
    let usual = if is_file && location.table.is_none() { "replace" } else { "append" };
    Ok(SinkDef {
        options: options(connector, location.path, &table),
        name,
        from: from.to_owned(),
        connector: connector.name.to_owned(),
        mode: Mode::parse(mode.unwrap_or(usual), key)?,
        allow_empty: false,
        max_refused: None,
    })
}

/// The statement in `text`: a file, or SQL itself.
pub(super) fn statement(text: &str) -> Result<Sql> {
    let path = Path::new(text);
    if path.is_file() {
        let read = std::fs::read_to_string(path).map_err(|e| Error::io(&e, "read", path))?;
        return Ok(Sql { file: text.to_owned(), text: read });
    }
    // One word is never a statement, so it was meant to be a file.
    if !text.trim().contains(char::is_whitespace) {
        return Err(Error::missing(format!("`{text}` does not exist"))
            .hint("give a file with SQL, or SQL in quotes: 'select * from name'"));
    }
    Ok(Sql { file: "command line".to_owned(), text: text.to_owned() })
}

/// `pipeline` with a name of its own and the current folder as its base, if nothing is wrong.
///
/// The name follows from what is read and written, so that the ledger keeps two of them apart and
/// knows one again.
pub(super) fn finished(verb: &str, mut pipeline: Pipeline) -> Result<Pipeline> {
    pipeline.base = std::env::current_dir().unwrap_or(PathBuf::from("."));
    let sources = pipeline.sources.iter().map(|s| format!("{} {:?}", s.name, s.options));
    let sinks = pipeline.sinks.iter().map(|s| format!("{:?} {}", s.options, s.mode));
    let id = SnapshotId::of(sources.chain(sinks)).0;
    pipeline.name = format!("{verb}-{}", id.get(..8).unwrap_or(&id));
    pipeline.declare_date(project::today());
    let mut errors = repeated_names(&pipeline);
    errors.extend(wrong_options(&pipeline));
    errors.extend(project::statement_errors(&pipeline));
    if errors.is_empty() { Ok(pipeline) } else { Err(Error::several(errors)) }
}

fn repeated_names(pipeline: &Pipeline) -> Vec<Error> {
    let names = pipeline.sources.iter().map(|source| source.name.as_str());
    let names: Vec<_> = names.chain(pipeline.models.iter().map(|m| m.name.as_str())).collect();
    let repeated = names.iter().enumerate().filter(|(at, name)| names[..*at].contains(name));
    repeated
        .map(|(_, name)| {
            Error::config(format!("two sources are called `{name}`"))
                .hint("give each a name of its own: `--source name=path`")
        })
        .collect()
}

fn wrong_options(pipeline: &Pipeline) -> Vec<Error> {
    let sources = pipeline.sources.iter().map(|s| (&s.connector, &s.options, Role::Source));
    let sinks = pipeline.sinks.iter().map(|s| (&s.connector, &s.options, Role::Sink));
    let checked = sources
        .chain(sinks)
        .flat_map(|(name, options, role)| connectors::check(name, options, role));
    checked.map(|problem| problem.into_error(None)).collect()
}

fn location(text: &str) -> Location<'_> {
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) if is_name(name) => (Some(name), rest),
        // An equal sign in a path, as in `year=2024/`, is none of ours.
        _ => (None, text),
    };
    match rest.rsplit_once('#') {
        Some((path, table)) if !is_file(rest) && !table.is_empty() => {
            Location { name, path, table: Some(table) }
        }
        _ => Location { name, path: rest, table: None },
    }
}

fn is_file(path: &str) -> bool {
    connectors::for_url(path).is_none() && connectors::for_path(path).is_some()
}

/// What a table is called without its schema, if SQL takes that as a name.
fn last_name(table: &str) -> Option<String> {
    let name = table.rsplit('.').next()?;
    is_name(name).then(|| name.to_owned())
}

fn stem(path: &str) -> Option<String> {
    if connectors::for_url(path).is_some() {
        return None;
    }
    let file = path.trim_end_matches('/').rsplit('/').next()?;
    let stem = file.split('.').next()?;
    is_name(stem).then(|| stem.to_owned())
}

fn chosen(path: &str, name: Option<&str>, role: Role) -> Result<&'static Connector> {
    let fits = |connector: &Connector| match role {
        Role::Source => connector.source.is_some(),
        Role::Sink => connector.sink.is_some(),
    };
    let (verb, flag) = match role {
        Role::Source => ("reads", "--from-type"),
        Role::Sink => ("writes", "--to-type"),
    };
    let known: Vec<_> = connectors::ALL.iter().filter(|c| fits(c)).copied().collect();
    if let Some(name) = name {
        let names: Vec<_> = known.iter().map(|c| c.name).collect();
        return known.iter().find(|c| c.name == name).copied().ok_or_else(|| {
            Error::config(format!("there is no connector `{name}` that {verb}"))
                .hint(suggest(name, &names))
        });
    }
    match connectors::for_url(path).or_else(|| connectors::for_path(path)) {
        Some(connector) if fits(connector) => Ok(connector),
        None if is_folder(path) => of_folders(path),
        _ => {
            let endings: Vec<_> =
                known.iter().flat_map(|c| c.can.endings).map(|e| format!(".{e}")).collect();
            Err(Error::config(format!("no connector {verb} `{path}`: its ending says nothing"))
                .hint(format!(
                    "known endings: {}; or say it: `{flag}` of `dhow copy`, `type` in a pipeline",
                    endings.join(", ")
                )))
        }
    }
}

/// Whether `path` names a folder: it ends in `/`, or its last part has no ending.
fn is_folder(path: &str) -> bool {
    path.ends_with('/')
        || path.trim_end_matches('/').rsplit('/').next().is_some_and(|last| !last.contains('.'))
}

/// The one connector that writes files, which then fills folders and reads them back as well.
fn of_folders(path: &str) -> Result<&'static Connector> {
    let writes_files = |c: &&&Connector| c.sink.is_some() && !c.can.endings.is_empty();
    let mut writers = connectors::ALL.iter().filter(writes_files);
    match (writers.next(), writers.next()) {
        (Some(connector), None) => Ok(connector),
        _ => Err(Error::config(format!("nothing says what the folder `{path}` holds"))
            .hint("name a connector with `--from-type` or `--to-type`")),
    }
}

fn options(connector: &Connector, path: &str, table: &str) -> Options {
    let is_url = connectors::for_url(path).is_some();
    if is_url && has_password(path) && std::env::args().any(|argument| argument.contains(path)) {
        tracing::warn!(
            "a password on the command line can be seen by others: every process list shows it; \
             write a pipeline with `password_file`, or with `password: ${{VARIABLE}}`"
        );
    }
    let place = if is_url { "url" } else { "path" };
    let mut entries = vec![(place, path)];
    if connector.options.iter().any(|option| option.name == "table") {
        entries.push(("table", table));
    }
    Options::of_arguments(&entries)
}

/// Whether `url` has a password in front of its host.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let login = authority.rsplit_once('@').map_or("", |(login, _)| login);
    login.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_source_is_a_name_and_a_path_and_perhaps_a_table() {
        let plain = |name, path, table| Location { name, path, table };
        for (text, expected) in [
            ("f=data/flights-*.csv", plain(Some("f"), "data/flights-*.csv", None)),
            ("data/flights.csv", plain(None, "data/flights.csv", None)),
            ("o=shop.db#orders", plain(Some("o"), "shop.db", Some("orders"))),
            ("shop.db#orders", plain(None, "shop.db", Some("orders"))),
            (
                "postgres://ann@db.example:5432/shop.db#sales.orders",
                plain(None, "postgres://ann@db.example:5432/shop.db", Some("sales.orders")),
            ),
            ("a=b=c.csv", plain(Some("a"), "b=c.csv", None)),
            ("t/year=2024/a.csv", plain(None, "t/year=2024/a.csv", None)),
            ("odd#name.csv", plain(None, "odd#name.csv", None)),
        ] {
            assert_eq!(location(text), expected, "{text}");
        }
    }

    #[test]
    fn a_stem_is_a_name_or_nothing() {
        assert_eq!(stem("data/flights.csv.gz").as_deref(), Some("flights"));
        assert_eq!(stem("out/flights/").as_deref(), Some("flights"));
        assert_eq!(stem("data/flights-*.json"), None);
        assert_eq!(stem("2024.csv"), None);
    }

    #[test]
    fn a_password_of_a_url_stands_between_the_colon_and_the_last_at() {
        for (url, expected) in [
            ("postgres://ann:hunter2@db/shop", true),
            ("postgres://ann:hunter@2@db", true),
            ("postgres://ann@db:5432/shop", false),
            ("postgres://ann:@db/shop", false),
            ("postgres://db:5432/a:b@c", false),
        ] {
            assert_eq!(has_password(url), expected, "{url}");
        }
    }

    #[test]
    fn one_word_is_a_file_that_is_missing_and_never_a_statement() {
        let error = statement("report.sql").unwrap_err();
        assert_eq!(error.kind(), Kind::Missing);
        assert_eq!(error.message(), "`report.sql` does not exist");
        assert_eq!(statement("select 1").unwrap().file, "command line");
    }

    #[test]
    fn an_ending_that_says_nothing_is_refused_with_those_known() {
        let error = source("f=a.dat").unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.message(), "no connector reads `a.dat`: its ending says nothing");
    }
}
