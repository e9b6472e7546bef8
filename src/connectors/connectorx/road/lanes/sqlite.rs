//! SQLite, opened for reading only.

use std::path::PathBuf;

use ::connectorx::prelude::{
    SQLiteArrowStreamTransport, SQLiteArrowStreamTransportError, SQLiteSource,
};
use ::connectorx::sources::sqlite::SQLiteSourceError;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Place, Statement, ended};
use crate::connectors::connectorx::road::pull::{Give, pull};
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Kind, Result};

/// The database file. Behind `sqlite://` stands a path, from the folder of the pipeline on.
fn file(place: &Place<'_>) -> Result<PathBuf> {
    let url = place.wanted.url.reveal();
    let path = url.split_once("://").map_or("", |(_, path)| path);
    let path = percent_decode_str(path).decode_utf8_lossy();
    let path = place.base.join(path.as_ref());
    path.canonicalize().map_err(|e| Error::io(&e, "read", &path))
}

/// The columns of `sql`: by what is declared, and by the first row where nothing is.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(file(place)?, flags);
    let database = database.map_err(|e| of_sqlite(place, &e))?;
    let mut statement = database.prepare(sql).map_err(|e| of_sqlite(place, &e))?;
    let declared: Vec<(String, Option<Native>)> = statement
        .columns()
        .iter()
        .map(|c| (c.name().to_owned(), c.decl_type().map(declared)))
        .collect();
    let first = match declared.iter().all(|(_, native)| native.is_some()) {
        true => Vec::new(),
        false => classes(place, &mut statement, declared.len())?,
    };
    let column = |(at, (name, native)): (usize, (String, Option<Native>))| {
        let native = native.unwrap_or_else(|| expression(first.get(at)));
        Column { name, native }
    };
    Ok(declared.into_iter().enumerate().map(column).collect())
}

/// The storage class of each value of the first row.
fn classes(
    place: &Place<'_>,
    statement: &mut rusqlite::Statement<'_>,
    columns: usize,
) -> Result<Vec<Type>> {
    let mut rows = statement.query([]).map_err(|e| of_sqlite(place, &e))?;
    let Some(row) = rows.next().map_err(|e| of_sqlite(place, &e))? else { return Ok(Vec::new()) };
    let class = |at| row.get_ref(at).map(|value| value.data_type());
    (0..columns).map(class).collect::<rusqlite::Result<_>>().map_err(|e| of_sqlite(place, &e))
}

/// The name of `types` for a column whose values alone tell what it is.
fn expression(class: Option<&Type>) -> Native {
    Native::plain(match class {
        Some(Type::Integer) => "integer expression",
        // Without rows connectorx takes it for text.
        Some(Type::Text) | None => "text expression",
        Some(Type::Blob) => "blob expression",
        Some(Type::Real) => "real expression",
        Some(Type::Null) => "expression that is NULL in the first row",
    })
}

/// The name of `types` for what is declared, by the rules of connectorx: an exact word first, then
/// what the word contains.
fn declared(text: &str) -> Native {
    let native = Native::parse(text);
    let word = text.to_lowercase();
    let exact = ["int2", "int4", "boolean", "bool", "date", "time", "datetime", "timestamp"];
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if exact.contains(&word.as_str()) {
        native
    } else if has(&["int"]) {
        Native::plain("any int")
    } else if has(&["char", "clob", "text"]) {
        Native::plain("text")
    } else if has(&["real", "floa", "doub"]) {
        Native::plain("real")
    } else if has(&["blob"]) {
        Native::plain("blob")
    } else {
        native
    }
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let path = file(place)?;
    let path = path.to_string_lossy();
    // A URI, because it alone can say that nothing is to be written. connectorx decodes it once.
    let parts = path.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
    let uri = format!("file:{}?mode=ro", parts.collect::<Vec<_>>().join("/"));
    let uri = utf8_percent_encode(&uri, NON_ALPHANUMERIC).to_string();
    let source = SQLiteSource::new(&uri, 1).map_err(|e| of_source(place, &e))?;
    let pulled = pull::<_, SQLiteArrowStreamTransport>(source, read, give);
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

fn of_transport(place: &Place<'_>, error: &SQLiteArrowStreamTransportError) -> Error {
    match error {
        SQLiteArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &SQLiteSourceError) -> Error {
    match error {
        SQLiteSourceError::SQLiteError(error) => of_sqlite(place, error),
        SQLiteSourceError::InferTypeFromNull => {
            Error::unsupported("connectorx tells the type of an expression by the first row alone")
                .at("reason", "it is NULL there")
                .at("server", &place.wanted.shown)
                .hint("read it with dhow's own reader, `type: sqlite`")
        }
        SQLiteSourceError::SQLitePoolError(error) => place.refused(Kind::Unavailable, error),
        _ => place.broken(),
    }
}

fn of_sqlite(place: &Place<'_>, error: &rusqlite::Error) -> Error {
    let Some(code) = error.sqlite_error_code() else {
        // A value of another class than its column: the message may quote it.
        return place.broken();
    };
    let said = error.to_string();
    let kind = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Kind::Unavailable,
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Kind::Denied,
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Kind::Data,
        _ if said.contains("no such") => Kind::Missing,
        _ => Kind::Config,
    };
    // The statement stands behind the message.
    let said = said.split(" in ").next().unwrap_or_default();
    place.refused(kind, said)
}
