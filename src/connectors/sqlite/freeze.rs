//! Connections that all see one state of a database.
//!
//! A reader sees the database as it was when its transaction began. For several readers to see one
//! state, nobody may commit between the first and the last beginning. With a rollback journal the
//! first reader prevents that alone: a commit needs a lock that no reader allows. In WAL mode a
//! second connection holds the writer's place for a moment, without writing; where it cannot have
//! it, there is one reader only.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error;
use crate::error::{Error, Result};
use crate::files::{self, Stamp};
use crate::source::SnapshotId;

/// How long another program may keep us waiting.
const WAIT: Duration = Duration::from_secs(5);

/// How long it may keep us from one more reader, which only makes us faster.
const WAIT_MORE: Duration = Duration::from_millis(250);

/// A database file.
#[derive(Debug, Clone)]
pub(super) struct Database {
    /// Absolute and without links: the path is never taken for a URI with parameters.
    path: PathBuf,
    /// As the user named it.
    pub shown: String,
}

/// Readers of one state of a database, and the name of that state.
#[derive(Debug)]
pub(super) struct Readers {
    /// At least one, each with its transaction begun.
    pub connections: Vec<Connection>,
    /// Equal for equal states.
    pub state: SnapshotId,
}

impl Database {
    /// The database at `path`, relative to `base`.
    ///
    /// # Errors
    /// When there is no such file, or it is not a file.
    pub(super) fn find(base: &Path, path: &str) -> Result<Self> {
        let joined = base.join(path);
        Stamp::of(&joined, path)?;
        let path_found =
            joined.canonicalize().map_err(|e| Error::io(&e, "read", Path::new(path)))?;
        Ok(Database { path: path_found, shown: path.to_owned() })
    }

    /// One connection that can only read, with its transaction begun.
    pub(super) fn reader(&self) -> Result<Connection> {
        self.begin(WAIT).map_err(|e| error::of(&self.shown, &e))
    }

    /// Up to `wanted` connections that all see one state.
    pub(super) fn readers(&self, wanted: usize) -> Result<Readers> {
        let probe = self.reader()?;
        let mode: String = probe
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(|e| error::of(&self.shown, &e))?;
        if mode == "wal" {
            // The probe began before the writer's place was taken: it may see an older state.
            drop(probe);
            return self.readers_of_wal(wanted);
        }
        let state = self.state()?;
        let mut connections = vec![probe];
        self.add_readers(&mut connections, wanted);
        Ok(Readers { connections, state })
    }

    fn readers_of_wal(&self, wanted: usize) -> Result<Readers> {
        let held = self.hold_writers().ok();
        loop {
            let before = self.state()?;
            let mut connections = vec![self.reader()?];
            if held.is_some() {
                self.add_readers(&mut connections, wanted);
            }
            // Without the writer's place somebody may commit just now; then the name is not the
            // name of what the reader sees.
            let state = self.state()?;
            if held.is_some() || state == before {
                return Ok(Readers { connections, state });
            }
        }
    }

    /// Adds readers up to `wanted`, as far as that works at once: a writer that waits for us keeps
    /// new readers out.
    fn add_readers(&self, connections: &mut Vec<Connection>, wanted: usize) {
        while connections.len() < wanted {
            match self.begin(WAIT_MORE) {
                Ok(connection) => connections.push(connection),
                Err(_) => return,
            }
        }
    }

    fn begin(&self, wait: Duration) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(wait)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.execute_batch("pragma query_only = on; begin")?;
        // A transaction begins with its first read.
        connection.query_row("select count(*) from main.sqlite_schema", [], |_| Ok(()))?;
        connection.busy_timeout(WAIT)?;
        Ok(connection)
    }

    /// Takes the place of the one writer, and writes nothing.
    fn hold_writers(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(WAIT)?;
        // The last connection to close would otherwise move the log into the database.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.execute_batch("begin immediate")?;
        Ok(connection)
    }

    /// The name of the present state: the file, its change counter, and how far the log goes.
    fn state(&self) -> Result<SnapshotId> {
        let stamp = Stamp::of(&self.path, &self.shown)?;
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        let index = PathBuf::from(format!("{}-shm", self.path.display()));
        let file = files::snapshot_id("sqlite", &[stamp]).0;
        let counter = bytes_of(&self.path, 24, 4);
        let log_bytes = std::fs::metadata(&log).map_or(0, |meta| meta.len());
        // Salts and running checksum of the last frame: they name the whole log.
        let end = if log_bytes == 0 { Vec::new() } else { bytes_of(&index, 14, 26) };
        let end = if end.get(2..6) == Some(&[0; 4]) { Vec::new() } else { end };
        let salts = if end.is_empty() { Vec::new() } else { bytes_of(&log, 0, 32) };
        Ok(SnapshotId::of([file.as_bytes(), &counter, &end, &salts]))
    }
}

/// Files that were looked into, by device and inode. They are never closed: closing any handle of
/// a file gives up every lock that this process holds on it, those of SQLite's readers among them.
static LOOKED_INTO: LazyLock<Mutex<HashMap<(u64, u64), File>>> = LazyLock::new(Mutex::default);

/// `count` bytes of a file from `offset`; nothing when they are not there.
fn bytes_of(path: &Path, offset: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut read = || -> std::io::Result<()> {
        let meta = std::fs::metadata(path)?;
        let mut files = LOOKED_INTO.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match files.entry((meta.dev(), meta.ino())) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(File::open(path)?),
        };
        file.read_exact_at(&mut bytes, offset)
    };
    match read() {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}
