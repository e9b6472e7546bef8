//! How to reach a server, and sessions with it.

use tokio_postgres::Client;

use crate::config::Reader;
use crate::error::{Error, Result};

/// How to reach a database: cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Server {
    shown: String,
}

/// What a session is for: decides its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Read-only; hidden rows are an error.
    Read,
    /// Writes.
    Write,
}

impl Server {
    /// Takes the options of a connection.
    pub(super) fn read(_reader: &Reader<'_>) -> Self {
        Server { shown: String::new() }
    }

    /// `postgres://user@host:5432/database`, without any secret.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// A session; `role` is for the application name, such as `reader 3`.
    pub(super) async fn connect(&self, _purpose: Purpose, _role: &str) -> Result<Client> {
        Err(Error::bug("nobody can be connected to yet"))
    }
}
