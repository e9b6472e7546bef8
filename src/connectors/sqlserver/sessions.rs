//! Sessions that read, lent out and reused.
//!
//! A session that a read has ended well with goes back; one that was left in the middle is closed:
//! the server ends its statement, and would otherwise send the rest of the rows first.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::instance::Isolation;
use super::server::Server;
use super::session::Session;
use crate::error::{Error, Result};

/// What the readers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Each the moment at which it reads its split, as far as this goes.
    Each(Isolation),
    /// The moment of the one session there is, in a transaction.
    One,
}

/// Sessions with one view, a few at a time.
#[derive(Debug)]
pub(super) struct Sessions {
    server: Server,
    view: View,
    idle: Mutex<Vec<Session>>,
    places: Arc<Semaphore>,
}

/// A session on loan. Dropped before it is given back, it ends at once.
#[derive(Debug)]
pub(super) struct Lent {
    session: Session,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    /// The session.
    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Sessions {
    /// At most `most` sessions at a time, made when they are needed.
    pub(super) fn each(server: Server, isolation: Isolation, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Sessions { server, view: View::Each(isolation), idle: Mutex::default(), places }
    }

    /// `session`, which is in a transaction, and no other.
    pub(super) fn one(server: Server, session: Session) -> Self {
        let (idle, places) = (Mutex::new(vec![session]), Arc::new(Semaphore::new(1)));
        Sessions { server, view: View::One, idle, places }
    }

    /// Whether the relation can change between two reads.
    pub(super) fn is_one(&self) -> bool {
        self.view == View::One
    }

    /// A session to read with.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the one session there was is gone.
    pub(super) async fn lend(&self) -> Result<Lent> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| Error::bug("the places of sessions were closed"))?;
        let idle = self.idle().pop();
        let mut session = match (idle, self.view) {
            (Some(session), _) => session,
            (None, View::Each(_)) => self.server.connect("reader").await?,
            (None, View::One) => return Err(gone()),
        };
        if let View::Each(isolation) = self.view
            && let Some((begin, _)) = isolation.around()
        {
            session.run("could not begin to read", begin).await?;
        }
        Ok(Lent { session, _place: place })
    }

    /// Takes back a session that has been read from to the end.
    pub(super) async fn give_back(&self, mut lent: Lent) -> Result<()> {
        if let View::Each(isolation) = self.view
            && let Some((_, end)) = isolation.around()
        {
            lent.session.run("could not end a read", end).await?;
        }
        self.idle().push(lent.session);
        Ok(())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> Error {
    Error::conflict("the snapshot is gone with the session that kept it")
        .hint("run again: the load starts over with a new snapshot")
}
