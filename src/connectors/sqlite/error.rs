//! SQLite's errors as ours.

use rusqlite::ErrorCode;

use crate::error::{Error, Kind};

/// The error for what SQLite says while it works on the database shown as `file`.
pub(super) fn of(file: &str, error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    let (kind, message, hint) = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Kind::Unavailable,
            format!("`{file}` is locked by another program"),
            Some("nothing was changed; run again once the other program has finished writing"),
        ),
        Some(ErrorCode::NotADatabase) => (
            Kind::Data,
            format!("`{file}` is not a SQLite database, or it is encrypted"),
            Some("name a SQLite 3 file without encryption"),
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            Kind::Data,
            format!("`{file}` is damaged"),
            Some("run `pragma integrity_check` on it, or restore it from a copy"),
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => (
            Kind::Denied,
            format!("`{file}` cannot be opened for reading"),
            Some(
                "a database in WAL mode or with an unfinished transaction needs a folder that may \
                 be written to; copy it, or open it once with the program that wrote it",
            ),
        ),
        Some(ErrorCode::TooBig) => (
            Kind::Data,
            format!("`{file}` has a value that is too long to be read"),
            Some(
                "a value may have up to 1,000,000,000 bytes, and half of `--memory`: give more, or \
                 leave it out, or take parts of it, with a `query`",
            ),
        ),
        Some(ErrorCode::OutOfMemory) => {
            (Kind::Limit, format!("no memory was left to read `{file}`"), None)
        }
        Some(ErrorCode::SystemIoFailure) => (Kind::Data, format!("could not read `{file}`"), None),
        _ => (Kind::Config, format!("SQLite cannot run the statement on `{file}`"), None),
    };
    let error = Error::new(kind, message).at("sqlite", error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
