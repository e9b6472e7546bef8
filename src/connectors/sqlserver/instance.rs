//! The database, as far as snapshots go: what it is, and how its rows can be read.

use super::relation::Relation;
use super::session::{Session, cell};
use super::table::Storage;
use crate::error::Result;

/// The database of a session.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    /// Which server, which database, and since when it is that database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Whether a policy that hides rows from the user could be there unseen.
    pub is_blind: bool,
    /// What the readers of one statement see.
    pub isolation: Isolation,
    /// Whether a statement that is no part of a transaction sees one moment of what is on disk.
    is_versioned: bool,
}

/// What the readers of a database see of those who write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Nobody writes: it is a database snapshot.
    Frozen,
    /// A transaction sees one moment, and waits for nobody.
    Snapshot,
    /// A statement sees one moment, and waits for nobody.
    Statement,
    /// A statement waits for those who write, and sees each row as it is when it comes to it.
    Locking,
}

impl Instance {
    /// The database of `session`.
    pub(super) async fn of(session: &mut Session) -> Result<Self> {
        let sql = include_str!("instance.sql");
        let row = session.row("could not look at the database", sql).await?;
        let text = |at| Ok::<_, crate::error::Error>(cell::<&str>(&row, at)?.unwrap_or_default());
        let is = |at| Ok::<_, crate::error::Error>(cell::<i32>(&row, at)?.unwrap_or(0) != 0);
        let isolation = match (is(3)?, is(4)?, is(5)?) {
            (true, ..) => Isolation::Frozen,
            (_, true, _) => Isolation::Snapshot,
            (_, _, true) => Isolation::Statement,
            _ => Isolation::Locking,
        };
        let name = text(1)?.to_owned();
        let database = format!("{} {name} {}", text(0)?, text(2)?);
        Ok(Instance { database, name, is_blind: !is(6)?, isolation, is_versioned: is(5)? })
    }

    /// What the readers of `relation` see: not every table takes part in a SNAPSHOT transaction.
    pub(super) async fn isolation_of(
        &self,
        session: &mut Session,
        relation: &Relation,
    ) -> Result<Isolation> {
        match (self.isolation, relation.storage()) {
            (Isolation::Frozen, _) => Ok(Isolation::Frozen),
            (_, Storage::Memory | Storage::External) => Ok(Isolation::Statement),
            (Isolation::Snapshot, Storage::Disk)
                if relation.table.is_none() && !takes_part(session, relation).await? =>
            {
                Ok(if self.is_versioned { Isolation::Statement } else { Isolation::Locking })
            }
            (isolation, Storage::Disk) => Ok(isolation),
        }
    }
}

/// Whether the server takes a view or a query into a SNAPSHOT transaction; it is asked for a row
/// where there are tables that it leaves out. What it refuses is read without one: if that fails,
/// too, it says why.
async fn takes_part(session: &mut Session, relation: &Relation) -> Result<bool> {
    let what = format!("could not look at what `{}` reads", relation.label);
    if !session.can_hide() {
        return Ok(true);
    }
    let row = session.row(&what, include_str!("apart.sql")).await?;
    if cell::<i32>(&row, 0)? != Some(1) {
        return Ok(true);
    }
    session.run(&what, "set transaction isolation level snapshot").await?;
    let first = format!("select top (1) 1 from {}", relation.from);
    let found = session.run(&what, &first).await;
    session.run(&what, "set transaction isolation level read committed").await?;
    match found {
        Err(error) if !error.kind().is_transient() => Ok(false),
        found => found.map(|()| true),
    }
}

impl Isolation {
    /// What a statement of a reader begins with, and ends with when it has come to its end.
    pub(super) fn around(self) -> Option<(&'static str, &'static str)> {
        match self {
            Isolation::Snapshot => {
                Some(("set transaction isolation level snapshot; begin transaction", "commit"))
            }
            Isolation::Frozen | Isolation::Statement | Isolation::Locking => None,
        }
    }
}
