//! Sessions that see one moment together.
//!
//! The server lets nobody join the snapshot of another session. So the readers begin theirs while
//! nothing can be written, under the least lock that is granted:
//!
//! 1. `flush tables with read lock`: nobody on the server commits. Takes the right RELOAD.
//! 2. `lock tables … read`: nobody has written to this table without committing, and nobody begins
//!    to. Takes the right LOCK TABLES, and a table.
//! 3. None: one session reads everything, which is one moment too.
//!
//! A lock is waited for no longer than `lock_timeout`, because everybody who wants to write waits
//! behind it; and it is let go as soon as the last reader has begun.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::timeout;

use super::position::{self, Position};
use super::relation::Relation;
use super::sessions::begin;
use crate::connectors::mysql::error::{self, DENIED, LOCKED, STOPPED};
use crate::connectors::mysql::server::{Kill, Server};
use crate::connectors::mysql::wire::Connection;
use crate::error::{Error, Result};

/// Sessions that see one moment.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Moment {
    /// The sessions; never empty.
    pub readers: Vec<Connection>,
    /// How it was made sure that they see the same.
    pub level: Level,
    /// Where the server was in its log of changes, if that is known exactly.
    pub position: Option<Position>,
}

/// How it was made sure that all readers see the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum Level {
    /// Nobody on the server could write while they began.
    Server,
    /// Nobody could write to the table while they began.
    Table,
    /// There is only one reader; here is why, unless one is enough.
    Alone(Option<String>),
}

/// What the lock of a rung is for.
#[derive(Debug)]
struct Rung {
    level: Level,
    /// The statement that takes the lock.
    sql: String,
}

/// What becomes of a lock that was asked for.
enum Asked {
    Held,
    /// It was not granted, and this is why.
    Not(String),
}

/// A moment for `count` readers of `relation`; `patience` is how long a lock may be waited for,
/// zero for none at all.
///
/// # Errors
/// When sessions cannot begin.
pub(in crate::connectors::mysql) async fn enter(
    server: &Server,
    relation: &Relation,
    count: usize,
    patience: Duration,
) -> Result<Moment> {
    if count <= 1 {
        return alone(server, relation, None).await;
    }
    if patience.is_zero() {
        let reason = "`lock_timeout: 0` lets no lock be taken";
        return alone(server, relation, Some(reason.to_owned())).await;
    }
    let mut readers = try_join_all((0..count).map(|_| server.connect())).await?;
    let mut reasons = Vec::new();
    for rung in rungs(relation) {
        let mut locker = Locker::begin(server, patience).await?;
        match locker.take(server, &rung.sql).await? {
            Asked::Not(reason) => reasons.push(reason),
            Asked::Held => {
                let begun = begin_together(&mut readers, relation);
                let begun = timeout(patience, begun).await;
                let position = locker.position(&mut readers).await;
                locker.let_go().await?;
                let late = || Error::unavailable("the readers did not begin while a lock was held");
                begun.map_err(|_| late().hint("run again, or raise `lock_timeout`"))??;
                return Ok(Moment { readers, level: rung.level, position });
            }
        }
    }
    for reader in readers {
        reader.close().await;
    }
    alone(server, relation, Some(reasons.join("; "))).await
}

/// One reader.
async fn alone(server: &Server, relation: &Relation, reason: Option<String>) -> Result<Moment> {
    let mut readers = vec![server.connect().await?];
    begin_together(&mut readers, relation).await?;
    let mut position = None;
    for reader in &mut readers {
        position = position::of_snapshot(reader).await;
    }
    Ok(Moment { readers, level: Level::Alone(reason), position })
}

fn rungs(relation: &Relation) -> Vec<Rung> {
    let whole = Rung { level: Level::Server, sql: "flush tables with read lock".to_owned() };
    let table = relation.table.as_ref().filter(|table| table.engine.is_some());
    let table = table.map(|table| Rung {
        level: Level::Table,
        sql: format!("lock tables {} read", table.name.sql()),
    });
    std::iter::once(whole).chain(table).collect()
}

/// Begins the transactions, and keeps everybody from changing the tables themselves.
async fn begin_together(readers: &mut [Connection], relation: &Relation) -> Result<()> {
    let touching = relation.touching();
    try_join_all(readers.iter_mut().map(|reader| async {
        begin(reader).await?;
        let touched = reader.query(&touching).await;
        touched.map_err(|e| error::of(&format!("could not read `{}`", relation.label), e))?;
        Ok(())
    }))
    .await?;
    Ok(())
}

/// The session that takes a lock.
struct Locker {
    session: Connection,
    patience: Duration,
}

impl Locker {
    async fn begin(server: &Server, patience: Duration) -> Result<Self> {
        let mut session = server.connect().await?;
        let seconds = patience.as_secs().max(1);
        for sql in [
            format!(
                "set session lock_wait_timeout = {seconds}, session innodb_lock_wait_timeout = {seconds}"
            ),
            // Without this, InnoDB itself is not asked for the lock on a table: a key of another
            // table may change its rows.
            "set session autocommit = 0".to_owned(),
        ] {
            let set = session.execute(&sql).await;
            set.map_err(|e| error::of("could not prepare to lock", e))?;
        }
        Ok(Locker { session, patience })
    }

    /// Asks for a lock. A server that keeps us waiting in several places one after the other is
    /// stopped after twice the time.
    async fn take(&mut self, server: &Server, sql: &str) -> Result<Asked> {
        let id = self.session.id();
        let Ok(taken) = timeout(self.patience * 2, self.session.execute(sql)).await else {
            server.kill(Kill::Session, id).await;
            return Ok(Asked::Not(self.late(sql)));
        };
        match taken {
            Ok(_) => Ok(Asked::Held),
            Err(failure) if error::is_one_of(&failure, DENIED) => {
                Ok(Asked::Not(format!("the user may not `{}`", verb(sql))))
            }
            Err(failure)
                if error::is_one_of(&failure, LOCKED) || error::is_one_of(&failure, STOPPED) =>
            {
                Ok(Asked::Not(self.late(sql)))
            }
            Err(failure) => Err(error::of(&format!("could not `{}`", verb(sql)), failure)),
        }
    }

    fn late(&self, sql: &str) -> String {
        format!("`{}` was not granted within {:?}", verb(sql), self.patience)
    }

    /// Where the server is in its log, while the lock is held.
    async fn position(&mut self, readers: &mut [Connection]) -> Option<Position> {
        match position::of_server(&mut self.session).await {
            Some(position) => Some(position),
            None => position::of_snapshot(readers.first_mut()?).await,
        }
    }

    async fn let_go(mut self) -> Result<()> {
        let done = self.session.execute("unlock tables").await;
        done.map_err(|e| error::of("could not let go of a lock", e))?;
        self.session.close().await;
        Ok(())
    }
}

/// The words of a statement that say what it does.
fn verb(sql: &str) -> &str {
    match sql.starts_with("lock") {
        true => "lock tables",
        false => sql,
    }
}
