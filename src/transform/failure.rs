//! DataFusion's errors become ours here, and nowhere else.
//!
//! An error of ours that travelled through DataFusion comes out as it went in, however often it
//! was wrapped. Everything else gets a kind by what went wrong, and a place if there is one.

use std::error::Error as StdError;

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::tokenizer::Location;

use crate::config::suggest;
use crate::error::{Error, Excerpt, Kind};
use crate::transform::statement::{Statement, excerpt, lower_first};
use crate::transform::{budget, functions};

/// What DataFusion says when its folder of spilled data is full by its own count.
const SPILL_LIMIT: &str = "exceeded the allowable limit";

/// Sends an error of ours through DataFusion.
pub(super) fn carried(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The error of a statement that cannot be planned.
pub(super) fn planning(error: &DataFusionError, statement: &Statement) -> Error {
    if let Some(error) = ours(error) {
        return error.at("file", &statement.sql.file);
    }
    let plain = match error.find_root() {
        DataFusionError::SchemaError(error, _) => schema_error(error, statement),
        DataFusionError::NotImplemented(text) => {
            Error::unsupported(format!("{}: {}", statement.subject, sentence(text)))
        }
        DataFusionError::Internal(text) => internal(text).at("in", &statement.subject),
        other => mismatch(&other.message(), statement).unwrap_or_else(|| {
            let text = sentence(&other.message());
            let error = Error::config(format!("{} cannot be planned: {text}", statement.subject));
            match functions::bracket_hint(&other.message()) {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }),
    };
    if plain.shown_excerpt().is_some() {
        return plain;
    }
    match spanned(error, statement) {
        Some(excerpt) => plain.excerpt(excerpt),
        None => plain.at("file", &statement.sql.file),
    }
}

/// The error of a statement that failed while rows were on their way; `subject` is "model `x`".
pub(super) fn running(error: &DataFusionError, subject: &str) -> Error {
    if let Some(error) = ours(error) {
        return error;
    }
    match error.find_root() {
        DataFusionError::ResourcesExhausted(text) => budget::exhausted(text).at("in", subject),
        DataFusionError::ArrowError(error, _) => arrow_error(error, subject),
        DataFusionError::IoError(error) => spill_error(error).at("in", subject),
        DataFusionError::ExecutionJoin(error) => {
            Error::bug(format!("a task of {subject} did not end: {error}"))
        }
        DataFusionError::NotImplemented(text) => {
            Error::unsupported(format!("{subject}: {}", sentence(text)))
        }
        DataFusionError::Internal(text) => internal(text).at("in", subject),
        other => failed(subject, &other.message()),
    }
}

/// Our own error, if it is one that travelled.
fn ours(error: &DataFusionError) -> Option<Error> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        next = error.source();
    }
    None
}

fn arrow_error(error: &ArrowError, subject: &str) -> Error {
    match error {
        ArrowError::IoError(_, error) => spill_error(error).at("in", subject),
        ArrowError::MemoryError(text) => budget::exhausted(text).at("in", subject),
        ArrowError::NotYetImplemented(text) => {
            Error::unsupported(format!("{subject}: {}", sentence(text)))
        }
        ArrowError::DivideByZero => {
            failed(subject, "division by zero").hint("divide by `nullif(x, 0)` to get NULL instead")
        }
        other => failed(subject, &other.to_string()),
    }
}

fn failed(subject: &str, text: &str) -> Error {
    Error::data(format!("{subject} failed: {}", sentence(text)))
        .hint("change the statement so that it takes every value that its sources hold")
}

/// Files are read by sources, whose errors are ours; what is left is spilled data.
fn spill_error(error: &std::io::Error) -> Error {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    // DataFusion tells its own limit in words alone.
    if error.to_string().contains(SPILL_LIMIT) {
        return Error::limit("the limit of spilled data is reached")
            .hint("give more with `--spill-limit`, or spill less with a larger `--memory`");
    }
    let full = matches!(error.kind(), StorageFull | QuotaExceeded);
    let kind = if full { Kind::Denied } else { Kind::Unavailable };
    Error::new(kind, "spilled data could not be written or read back").at("system", error)
}

fn internal(text: &str) -> Error {
    Error::bug(sentence(text))
}

/// The first line, as a sentence of the house.
fn sentence(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim().trim_end_matches('.');
    let known = [
        "Cast error: ",
        "Compute error: ",
        "Arithmetic overflow: ",
        "Parser error: ",
        "Invalid argument error: ",
        "Error during planning: ",
        "External error: ",
        "Schema error: ",
        "Arrow error: ",
    ];
    let plain = known.iter().fold(line, |line, prefix| line.trim_start_matches(prefix));
    lower_first(plain)
}

fn schema_error(error: &SchemaError, statement: &Statement) -> Error {
    let subject = &statement.subject;
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            let error = Error::config(format!(
                "{subject} names a column `{}`, which is not there",
                field.name
            ))
            .hint(suggest(&field.name, &known));
            match statement.find(&field.name) {
                Some(excerpt) => error.excerpt(excerpt),
                None => error,
            }
        }
        SchemaError::AmbiguousReference { field } => {
            let name = &field.name;
            let error = Error::config(format!(
                "{subject} names a column `{name}`, which more than one relation has"
            ))
            .hint("put the name of the relation and a dot before it");
            match statement.find(name) {
                Some(excerpt) => error.excerpt(excerpt),
                None => error,
            }
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::config(format!("{subject} has two columns called `{name}`"))
                .hint("give one of them another name with `as`")
        }
    }
}

/// A function that does not take what it is given, out of DataFusion's list of all it would take.
fn mismatch(text: &str, statement: &Statement) -> Option<Error> {
    let (before, after) = text.split_once("' failed to match any signature")?;
    let (_, function) = before.rsplit_once("Function '")?;
    let (_, given) = after.split_once("(DataType: ")?;
    let (given, _) = given.split_once(')')?;
    let error = Error::config(format!(
        "{} gives `{function}` a value of type {given}, which it does not take",
        statement.subject
    ))
    .hint(format!("convert it first, such as `{function}(cast(x as double))`"));
    Some(match statement.find(function) {
        Some(excerpt) => error.excerpt(excerpt),
        None => error,
    })
}

/// The place that DataFusion itself names.
fn spanned(error: &DataFusionError, statement: &Statement) -> Option<Excerpt> {
    let span = match error {
        DataFusionError::Diagnostic(diagnostic, inner) => {
            diagnostic.span.or_else(|| inner.diagnostic().and_then(|found| found.span))
        }
        other => other.diagnostic().and_then(|found| found.span),
    }?;
    let at = Location { line: span.start.line, column: span.start.column };
    let one_line = span.start.line == span.end.line;
    let width = if one_line { span.end.column.saturating_sub(span.start.column) } else { 1 };
    Some(excerpt(&statement.sql, at, usize::try_from(width).unwrap_or(1)))
}
