//! Sessions that readers borrow: with one moment, of which there are only so many, or with none.
//!
//! A session with a moment cannot be replaced: the moment is gone with the last of them. So one
//! whose read was given up is stopped, emptied and kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connectors::mysql::error;
use crate::connectors::mysql::server::{Kill, Server};
use crate::connectors::mysql::wire::Connection;
use crate::error::{Error, Result};

/// Sessions with one view, a few at a time.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Sessions {
    server: Server,
    /// How many sessions with the moment are left; `None` when each read has its own moment.
    left: Option<AtomicUsize>,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

/// A session on loan, in a transaction. Dropped before it is given back, it is lost.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Lent {
    session: Option<Connection>,
    place: Option<OwnedSemaphorePermit>,
    was_given_back: bool,
    of: Arc<Sessions>,
}

impl Sessions {
    /// These sessions, all of which see one moment.
    pub(in crate::connectors::mysql) fn of_moment(
        server: Server,
        sessions: Vec<Connection>,
    ) -> Self {
        let count = sessions.len();
        Sessions {
            server,
            left: Some(AtomicUsize::new(count)),
            idle: Mutex::new(sessions),
            places: Arc::new(Semaphore::new(count)),
        }
    }

    /// At most `most` sessions at a time, made when they are needed; each read sees its own moment.
    pub(in crate::connectors::mysql) fn without_moment(server: Server, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Sessions { server, left: None, idle: Mutex::default(), places }
    }

    /// A session in a transaction with the view.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the moment is gone.
    pub(in crate::connectors::mysql) async fn lend(self: &Arc<Self>) -> Result<Lent> {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = Some(place.map_err(|_| gone())?);
            let session = self.idle().pop();
            let of = Arc::clone(self);
            let mut lent = Lent { session, place, was_given_back: false, of };
            if self.left.is_none() {
                lent.begin().await?;
                return Ok(lent);
            }
            // One that was lost while nobody looked is dropped, and counted as such.
            if lent.is_alive().await {
                return Ok(lent);
            }
        }
    }

    /// Stops the statement of the session with this number.
    pub(in crate::connectors::mysql) async fn stop(&self, id: u32) {
        self.server.kill(Kill::Query, id).await;
    }

    /// Says good-bye to the server.
    pub(in crate::connectors::mysql) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        self.places.close();
        for session in idle {
            session.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// The session.
    ///
    /// # Errors
    /// Never before it is given back.
    pub(in crate::connectors::mysql) fn connection(&mut self) -> Result<&mut Connection> {
        self.session.as_mut().ok_or_else(|| Error::bug("a session was given back"))
    }

    /// Gives back a session that has been read from to the end. All rows are there by now: one
    /// whose transaction does not end is let go.
    pub(in crate::connectors::mysql) async fn give_back(mut self) {
        if let (None, Some(session)) = (&self.of.left, &mut self.session)
            && session.execute("commit").await.is_err()
        {
            return;
        }
        let of = Arc::clone(&self.of);
        of.idle().extend(self.session.take());
        self.was_given_back = true;
    }

    async fn begin(&mut self) -> Result<()> {
        if self.session.as_ref().is_none_or(|session| !session.is_usable()) {
            self.session = Some(self.of.server.connect().await?);
        }
        begin(self.connection()?).await
    }

    async fn is_alive(&mut self) -> bool {
        match &mut self.session {
            Some(session) if session.is_usable() => session.query("select 1").await.is_ok(),
            _ => false,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(left) = self.of.left.as_ref().filter(|_| !self.was_given_back) else { return };
        // Its place is gone with it.
        if let Some(place) = self.place.take() {
            place.forget();
        }
        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.of.places.close();
        }
    }
}

/// Begins a transaction that only reads, and that sees this moment.
///
/// # Errors
/// When the server does not let us.
pub(in crate::connectors::mysql) async fn begin(connection: &mut Connection) -> Result<()> {
    let sql = "start transaction with consistent snapshot, read only";
    let begun = connection.execute(sql).await;
    begun.map_err(|e| error::of("could not begin to read", e))?;
    Ok(())
}

/// The error for a moment that can no longer be entered.
fn gone() -> Error {
    Error::conflict("the snapshot is gone with the sessions that saw it")
        .hint("run again: the load starts over with a new snapshot")
}
