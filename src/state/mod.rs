//! The state database: the ledger, which must be right, and the history, which is nice to have.
//!
//! Both live in one embedded SQLite file, `state.db` in the project's `.dhow` folder; nothing else
//! opens it. A [`Lease`] keeps two processes off one pipeline.

mod entry;
pub mod history;
mod lease;
mod ledger;
mod record;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

#[cfg(test)]
pub(crate) use entry::Planted;
pub use entry::{Entry, Frozen, OpenRun, Staged};
pub use lease::Lease;
pub use ledger::{Above, Ledger};

use crate::error::{Error, Result};

const FILE: &str = "state.db";

/// Numbered, never edited; `user_version` of the database is the newest that it has seen.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../../sql/state/0001_ledger.sql")),
    (2, include_str!("../../sql/state/0002_history.sql")),
    (VERSION, include_str!("../../sql/state/0003_reopening.sql")),
];
const VERSION: i64 = 3;

/// Opens the database in the folder `state`, which is made with access for its owner alone.
fn open(state: &Path) -> Result<Connection> {
    make_private_folder(state)?;
    let path = state.join(FILE);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut db = Connection::open_with_flags(&path, flags).map_err(|e| failed(&e, &path))?;
    set_up(&mut db).map_err(|e| failed(&e, &path))?;
    let version = migrate(&mut db).map_err(|e| failed(&e, &path))?;
    if version > VERSION {
        return Err(Error::conflict(format!("`{}` was written by a newer dhow", path.display()))
            .at("its version", version)
            .at("this dhow's", VERSION)
            .hint("use the newer dhow, or another state folder with `--state`"));
    }
    Ok(db)
}

fn set_up(db: &mut Connection) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_secs(30))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // A receipt that is in the ledger must survive a power cut: what it points to was fsynced too.
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "foreign_keys", true)
}

/// Brings the database up to date and gives the version it had, which may be a newer one.
fn migrate(db: &mut Connection) -> rusqlite::Result<i64> {
    let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for &(number, migration) in MIGRATIONS {
        if number > version {
            change.execute_batch(migration)?;
            change.pragma_update(None, "user_version", number)?;
        }
    }
    change.commit()?;
    Ok(version)
}

fn make_private_folder(state: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(|e| Error::io(&e, "create", state))
}

/// What a failure of the state database means: the one place that looks at SQLite's codes for it.
fn failed(error: &rusqlite::Error, path: &Path) -> Error {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase,
        PermissionDenied, ReadOnly,
    };
    let shown = path.display();
    let failure = match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => {
            Error::unavailable(format!("the state database `{shown}` is busy"))
        }
        Some(DiskFull) => Error::denied(format!("the disk is full; could not write `{shown}`")),
        Some(CannotOpen | PermissionDenied | ReadOnly) => {
            Error::denied(format!("no permission to write the state database `{shown}`"))
                .hint("choose another state folder with `--state`")
        }
        Some(DatabaseCorrupt | NotADatabase) => {
            Error::conflict(format!("`{shown}` is damaged or not a state database of dhow")).hint(
                "move the file away: published loads are safe, their marks are in the targets; \
                 an unfinished load starts over",
            )
        }
        _ => Error::bug(format!("the state database `{shown}` did not do what it was asked")),
    };
    failure.at("sqlite", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_database_of_a_newer_dhow_is_refused_and_so_is_one_that_is_none() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().kind(), Kind::Conflict);

        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "x".repeat(5000)).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.message().ends_with("is damaged or not a state database of dhow"));
    }

    #[test]
    fn the_state_folder_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(".dhow");
        open(&state).unwrap();
        assert_eq!(std::fs::metadata(state).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
