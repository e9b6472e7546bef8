//! The options of a CSV source, checked.

use arrow::datatypes::DataType;

use crate::config::{Options, Place, Problem, Reader, Value};
use crate::connectors::csv::fields::Dialect;
use crate::connectors::store_options::{READ, STORES, of_stores};
use crate::connectors::{OptionDoc, Role};
use crate::files::types::parse_type;
use crate::stores::Access;

/// Every option, in the order of the manual.
pub(super) static DOCS: &[OptionDoc] = &of_stores::<{ OWN.len() + STORES }>(OWN, READ);

const OWN: &[OptionDoc] = &[
    doc("path", None, "a path, a glob or a list of them, relative to the pipeline file"),
    doc("header", Some("true"), "whether the first record of each file holds the column names"),
    doc("names", Some("column1, column2, ..."), "the column names where `header` is false"),
    doc("delimiter", Some(", or a tab for .tsv"), "the one character between two fields"),
    doc("quote", Some("\""), "the one character around fields; empty for none"),
    doc("comment", None, "lines that begin with this character are left out"),
    doc(
        "null",
        Some("an empty field"),
        "the texts that mean NULL where they stand without quotes; a quoted field is never NULL",
    ),
    doc("encoding", Some("utf-8"), "the encoding of the files"),
    doc("columns", None, "types by column name, such as `{id: bigint, price: \"decimal(12,2)\"}`"),
    doc(
        "infer",
        Some("sample"),
        "`sample`: undeclared types come from the beginning of each file; `all`: from every value",
    ),
    doc("date_format", Some("ISO 8601"), "how declared dates are written, such as `%d.%m.%Y`"),
    doc(
        "timestamp_format",
        Some("ISO 8601"),
        "how declared timestamps are written, such as `%Y/%m/%d %H:%M`",
    ),
    doc("split_bytes", Some("by size"), "about how many bytes of a file are one split"),
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}

/// What decides how files are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// Paths and globs.
    pub(super) paths: Vec<String>,
    /// Whether the first record holds the names.
    pub(super) header: bool,
    /// Names given for files without header; empty for `column1` and so on.
    pub(super) names: Vec<String>,
    /// How fields are told apart.
    pub(super) dialect: Dialect,
    /// Texts that mean NULL where they are not quoted.
    pub(super) nulls: Vec<String>,
    /// Declared types by name.
    pub(super) columns: Vec<(String, DataType)>,
    /// Whether types are inferred from every value.
    pub(super) infer_all: bool,
    /// How declared dates are written; `None` for ISO 8601.
    pub(super) date_format: Option<String>,
    /// How declared timestamps are written; `None` for ISO 8601.
    pub(super) timestamp_format: Option<String>,
    /// About how many bytes a split has.
    pub(super) split_bytes: u64,
}

impl Settings {
    /// What `options` say, with everything that is wrong with them.
    pub(super) fn of(options: &Options) -> (Self, Access, Vec<Problem>) {
        let reader = options.reader();
        let paths = paths(&reader);
        let settings = Settings {
            header: reader.flag("header", true),
            names: names(&reader),
            dialect: dialect(&reader, &paths),
            nulls: nulls(&reader),
            columns: columns(&reader),
            infer_all: reader.one_of("infer", &["sample", "all"]) == "all",
            date_format: format(&reader, "date_format", "2001-02-03T00:00"),
            timestamp_format: format(&reader, "timestamp_format", "2001-02-03T16:05"),
            split_bytes: reader.number("split_bytes", 0, 1..=1 << 40),
            paths,
        };
        encoding(&reader);
        if settings.header && !settings.names.is_empty() {
            let problem = Problem::new(&reader.place_of("names"), "`names` needs `header: false`");
            reader.problem(problem.hint("files with a header name their columns themselves"));
        }
        let access = Access::read(&reader, &settings.paths);
        (settings, access, reader.finish())
    }
}

fn paths(reader: &Reader<'_>) -> Vec<String> {
    match reader.node("path").map(|node| &node.value) {
        Some(Value::List(_)) => {
            let paths = reader.list("path");
            if paths.is_empty() {
                reader.problem(Problem::new(&reader.place_of("path"), "`path` names no file"));
            }
            paths
        }
        _ => vec![reader.required("path")],
    }
}

fn names(reader: &Reader<'_>) -> Vec<String> {
    let names = reader.list("names");
    let place = reader.place_of("names");
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            reader.problem(Problem::new(&place, format!("name {} is empty", at + 1)));
        } else if names[..at].contains(name) {
            reader.problem(Problem::new(&place, format!("the name `{name}` stands there twice")));
        }
    }
    names
}

fn dialect(reader: &Reader<'_>, paths: &[String]) -> Dialect {
    let quote = match reader.text("quote") {
        Some(text) if text.is_empty() => None,
        _ => Some(character(reader, "quote").unwrap_or(b'"')),
    };
    let usual = if paths.first().is_some_and(|path| is_tsv(path)) { b'\t' } else { b',' };
    let delimiter = character(reader, "delimiter").unwrap_or(usual);
    let comment = character(reader, "comment");
    for (name, other) in [("quote", quote), ("comment", comment)] {
        if other == Some(delimiter) {
            let message = format!("`{name}` and `delimiter` are the same character");
            reader.problem(Problem::new(&reader.place_of(name), message));
        }
    }
    if comment.is_some() && comment == quote {
        let message = "`comment` and `quote` are the same character";
        reader.problem(Problem::new(&reader.place_of("comment"), message));
    }
    Dialect { delimiter, quote, comment }
}

fn is_tsv(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let stem = [".gz", ".zst", ".bz2"].iter().find_map(|end| lower.strip_suffix(end));
    stem.unwrap_or(&lower).ends_with(".tsv")
}

/// An option that is one ASCII character; `\t` and `tab` stand for the tab.
fn character(reader: &Reader<'_>, name: &'static str) -> Option<u8> {
    let text = reader.text(name)?;
    match text.as_bytes() {
        br"\t" | b"tab" => Some(b'\t'),
        [byte @ (b'\t' | b' '..=b'~')] => Some(*byte),
        _ => {
            let message = format!("`{name}` must be one ASCII character, not `{text}`");
            let hint = r"write `\t` for a tab";
            reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
            None
        }
    }
}

fn nulls(reader: &Reader<'_>) -> Vec<String> {
    match reader.node("null") {
        Some(_) => reader.list("null"),
        None => vec![String::new()],
    }
}

fn columns(reader: &Reader<'_>) -> Vec<(String, DataType)> {
    let pairs = reader.pairs("columns");
    let typed = |(name, place, text): (String, Place, String)| match parse_type(&text) {
        Ok(kind) => Some((name, kind)),
        Err(error) => {
            reader.problem(Problem::told(&place, &error));
            None
        }
    };
    pairs.into_iter().filter_map(typed).collect()
}

/// A format that can write a moment and read it again.
fn format(reader: &Reader<'_>, name: &'static str, moment: &str) -> Option<String> {
    let format = reader.text(name)?;
    let moment: jiff::civil::DateTime = moment.parse().ok()?;
    let written = jiff::fmt::strtime::format(&format, moment);
    let again = written.and_then(|text| match name {
        "date_format" => Ok(jiff::civil::Date::strptime(&format, text)?.to_datetime(moment.time())),
        _ => jiff::civil::DateTime::strptime(&format, text),
    });
    if again.is_ok_and(|again| again == moment) {
        return Some(format);
    }
    let message = format!("`{name}` cannot be `{format}`: what it writes cannot be read again");
    let hint = "%Y, %m, %d, %H, %M, %S and %f stand for year, month, day, hour, minute, second \
                and its fraction";
    reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
    None
}

fn encoding(reader: &Reader<'_>) {
    let Some(text) = reader.text("encoding") else { return };
    if !["utf-8", "utf8"].contains(&text.to_ascii_lowercase().as_str()) {
        let message = format!("`encoding` must be utf-8, not `{text}`");
        let hint = "convert the files first: `iconv -f latin1 -t utf-8 in.csv > out.csv`";
        reader.problem(Problem::new(&reader.place_of("encoding"), message).hint(hint));
    }
}
