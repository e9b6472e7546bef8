//! The sessions of a sink: one for each part under way, used again for the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio_postgres::Client;

use crate::connectors::postgres::server::{Purpose, Server};
use crate::error::Result;

/// Sessions that nobody uses just now, and the way to more.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Sessions {
    server: Server,
    idle: Mutex<Vec<Client>>,
    opened: AtomicUsize,
}

impl Sessions {
    /// No sessions yet.
    pub(in crate::connectors::postgres) fn new(server: Server) -> Self {
        Sessions { server, idle: Mutex::default(), opened: AtomicUsize::new(0) }
    }

    /// A session of the caller's own. Whoever is done with it and had no error gives it back.
    pub(in crate::connectors::postgres) async fn take(&self) -> Result<Client> {
        while let Some(client) = self.idle().pop() {
            if !client.is_closed() {
                return Ok(client);
            }
        }
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        self.server.connect(Purpose::Write, &format!("writer {number}")).await
    }

    /// Keeps a session, which is in no transaction, for the next one who needs one.
    pub(in crate::connectors::postgres) fn give(&self, client: Client) {
        self.idle().push(client);
    }

    /// Where they lead, for people.
    pub(in crate::connectors::postgres) fn shown(&self) -> &str {
        self.server.shown()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
