//! Sessions whose transactions all see one moment of a database, lent out and reused.
//!
//! A session that a read has ended well with goes back; one that was left in the middle is closed,
//! because the server would otherwise send the rest of the rows first.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;

use crate::connectors::postgres::error;
use crate::connectors::postgres::quote::literal;
use crate::connectors::postgres::row::cell;
use crate::connectors::postgres::server::tap::Blocks;
use crate::connectors::postgres::server::{Copying, Server};
use crate::error::{Error, Result};

/// What every reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum View {
    /// One moment, by the name under which it was exported and the transactions that it sees.
    Moment {
        /// What `pg_export_snapshot` gave.
        exported: String,
        /// What `pg_current_snapshot` says in it.
        current: String,
    },
    /// The moment at which a read begins.
    Now,
}

/// Sessions with one view, a few at a time.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Sessions {
    server: Server,
    view: View,
    idle: Mutex<Vec<Copying>>,
    places: Arc<Semaphore>,
}

/// A session on loan. Dropped before it is given back, it ends at once: the server stops sending.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Lent {
    session: Option<Copying>,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    /// The session, in a transaction.
    ///
    /// # Errors
    /// Never before it is given back.
    pub(in crate::connectors::postgres) fn client(&self) -> Result<&Client> {
        let session = self.session.as_ref();
        session.map(|session| &session.client).ok_or_else(given_back)
    }

    /// The session, and the rows of its copies.
    ///
    /// # Errors
    /// Never before it is given back.
    pub(in crate::connectors::postgres) fn copying(&mut self) -> Result<(&Client, &mut Blocks)> {
        let session = self.session.as_mut().ok_or_else(given_back)?;
        Ok((&session.client, &mut session.blocks))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.leash.abort();
        }
    }
}

fn given_back() -> Error {
    Error::bug("a session was given back")
}

impl Sessions {
    /// At most `most` sessions at a time, made when they are needed.
    pub(in crate::connectors::postgres) fn new(server: Server, view: View, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Sessions { server, view, idle: Mutex::default(), places }
    }

    /// A session in a transaction with the view.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the moment is gone.
    pub(in crate::connectors::postgres) async fn lend(&self) -> Result<Lent> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| Error::bug("the places of sessions were closed"))?;
        let idle = self.idle().pop().filter(|session| !session.client.is_closed());
        let session = match idle {
            Some(session) => session,
            None => self.open().await?,
        };
        if self.view == View::Now {
            begin(&session.client, None).await?;
        }
        Ok(Lent { session: Some(session), _place: place })
    }

    /// Takes back a session that has been read from to the end.
    pub(in crate::connectors::postgres) async fn give_back(&self, mut lent: Lent) -> Result<()> {
        if self.view == View::Now {
            let done = lent.client()?.batch_execute("commit").await;
            done.map_err(|e| error::of("could not end a read", &e))?;
        }
        self.idle().extend(lent.session.take());
        Ok(())
    }

    /// What the readers see.
    #[cfg(test)]
    pub(in crate::connectors::postgres) fn view(&self) -> &View {
        &self.view
    }

    async fn open(&self) -> Result<Copying> {
        let session = self.server.connect_to_copy("reader").await?;
        let client = &session.client;
        if let View::Moment { exported, current } = &self.view {
            begin(client, Some(exported)).await?;
            let seen = current_of(client).await?;
            if seen != *current {
                return Err(Error::bug("two readers of one snapshot see different rows")
                    .at("snapshot", current)
                    .at("seen", seen));
            }
        }
        Ok(session)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Copying>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a transaction that only reads, in the moment that was exported under this name.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when that moment is gone.
pub(in crate::connectors::postgres) async fn begin(
    client: &Client,
    exported: Option<&str>,
) -> Result<()> {
    let failed = |e| error::of("could not begin to read", &e);
    client
        .batch_execute("begin isolation level repeatable read read only")
        .await
        .map_err(failed)?;
    if let Some(exported) = exported {
        let sql = format!("set transaction snapshot {}", literal(exported));
        client.batch_execute(&sql).await.map_err(|e| match e.as_db_error() {
            Some(_) => gone(),
            None => failed(e),
        })?;
    }
    client.batch_execute(STEADY).await.map_err(failed)
}

/// Rows come in the same order whenever they are read.
const STEADY: &str = "set local synchronize_seqscans = off; \
                      set local max_parallel_workers_per_gather = 0";

/// The error for a moment that can no longer be entered.
pub(in crate::connectors::postgres) fn gone() -> Error {
    Error::conflict("the snapshot is gone with the session that kept it")
        .hint("run again: the load starts over with a new snapshot")
}

/// The transactions that `client` sees.
pub(in crate::connectors::postgres) async fn current_of(client: &Client) -> Result<String> {
    let row =
        client.query_one("select pg_catalog.pg_current_snapshot()::pg_catalog.text", &[]).await;
    let row = row.map_err(|e| error::of("could not look at the snapshot", &e))?;
    cell(&row, 0)
}

/// A name under which others can enter the moment of `client`, as long as its transaction lives.
pub(in crate::connectors::postgres) async fn export(client: &Client) -> Result<String> {
    let row = client.query_one("select pg_catalog.pg_export_snapshot()", &[]).await;
    cell(&row.map_err(|e| error::of("could not export a snapshot", &e))?, 0)
}

/// When the transaction of `client` began, by the clock of the server: `2026-03-01 12:00:00+00`.
pub(in crate::connectors::postgres) async fn time_of(client: &Client) -> Result<String> {
    let sql = "select pg_catalog.date_trunc('second', pg_catalog.now())::pg_catalog.text";
    let row = client.query_one(sql, &[]).await;
    cell(&row.map_err(|e| error::of("could not look at the clock", &e))?, 0)
}
