//! The readers of one frozen database, lent one at a time.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// How long a read waits for a reader. Readers are busy for the time of a batch, or of a whole
/// query; only streams that are begun and not read from hold one for longer.
const WAIT: Duration = Duration::from_secs(300);

/// Connections that see one state of a database.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    size: usize,
}

impl Pool {
    /// A pool of `connections`.
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let size = connections.len();
        let permits = Arc::new(Semaphore::new(size));
        Pool { free: Arc::new(Mutex::new(connections)), permits, size }
    }

    /// A connection of one's own, until it is dropped.
    pub(super) async fn lend(&self) -> Result<Lent> {
        let asked = Arc::clone(&self.permits).acquire_owned();
        let permit = match tokio::time::timeout(WAIT, asked).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => {
                return Err(Error::limit(format!("all {} readers are in use", self.size))
                    .hint("use more jobs, or read a table with rowids instead of a query"));
            }
        };
        let connection = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if connection.is_none() {
            return Err(Error::bug("a SQLite reader was lent twice"));
        }
        Ok(Lent { connection, free: Arc::clone(&self.free), _permit: permit })
    }
}

/// A connection that goes back to its pool when dropped.
#[derive(Debug)]
pub(super) struct Lent {
    connection: Option<Connection>,
    free: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lent connection is taken only when dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.connection.take());
    }
}
