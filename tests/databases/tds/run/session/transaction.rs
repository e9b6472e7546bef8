//! Transactions: what one has written, what it sees, and who waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::super::sql::ast::{Name, Statement};
use super::super::super::store::state::State;
use super::super::super::store::table::{Database, Key, Row, Table};
use super::super::Failure;
use super::{Outcome, Session};

/// A transaction that has not ended.
#[derive(Debug)]
pub(super) struct Open {
    /// The database with what this transaction has written.
    pub(super) work: Option<Arc<Database>>,
    pub(super) written: BTreeMap<Key, Written>,
    /// What it sees at the level SNAPSHOT.
    pub(super) snapshot: Option<Arc<Database>>,
}

/// What a transaction did to one table.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Rows that it added, and did not touch otherwise: they join what others have added since.
    pub(super) added: Vec<Row>,
    /// It did more than that: others wait, and the table is as this transaction left it.
    pub(super) changed: bool,
}

/// A database with what a transaction wrote.
pub(super) fn overlaid(base: &Arc<Database>, open: &Open) -> Arc<Database> {
    let Some(work) = open.work.as_ref().filter(|work| work.id == base.id) else {
        return Arc::clone(base);
    };
    let mut own = Database::clone(base);
    for (key, written) in &open.written {
        let written = Written { added: written.added.clone(), changed: written.changed };
        settle(&mut own, work, key.clone(), written);
    }
    Arc::new(own)
}

/// Puts what a transaction did to a table into a database.
pub(super) fn settle(database: &mut Database, work: &Database, key: Key, written: Written) {
    match (work.tables.get(&key), written.changed, database.tables.get_mut(&key)) {
        (Some(own), false, Some(table)) => {
            let table = Arc::make_mut(table);
            table.next_identity = table.next_identity.max(own.next_identity);
            Arc::make_mut(&mut table.rows).extend(written.added);
        }
        (Some(own), ..) => {
            database.tables.insert(key, Arc::clone(own));
        }
        (None, ..) => {
            database.tables.remove(&key);
        }
    }
}

impl Session {
    /// The level SNAPSHOT: from the first read on, a transaction sees this moment.
    pub(super) fn take_snapshot(&mut self) -> Result<(), Failure> {
        let state = self.shared.state.lock().expect("no thread panicked");
        let committed = Arc::clone(state.database(&self.database)?);
        drop(state);
        if !committed.allow_snapshot && committed.snapshot_of.is_none() {
            let text = format!(
                "Snapshot isolation transaction failed accessing database '{}' because snapshot isolation is not allowed \
                 in this database. Use ALTER DATABASE to allow snapshot isolation.",
                self.database
            );
            return Err(Failure::new(3952, &text));
        }
        if let Some(open) = &mut self.open {
            open.snapshot.get_or_insert(committed);
        }
        Ok(())
    }

    pub(super) fn transaction(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        match statement {
            Statement::Begin => {
                self.depth += 1;
                if self.open.is_none() {
                    self.open = Some(Open { work: None, written: BTreeMap::new(), snapshot: None });
                    return Ok(Outcome::Transaction(true));
                }
            }
            Statement::Commit if self.depth > 1 => self.depth -= 1,
            Statement::Commit if self.open.is_some() => {
                self.end(true);
                return Ok(Outcome::Transaction(false));
            }
            Statement::Rollback if self.open.is_some() => {
                self.end(false);
                return Ok(Outcome::Transaction(false));
            }
            Statement::Commit => {
                return Err(Failure::new(
                    3902,
                    "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
                ));
            }
            _ => {
                return Err(Failure::new(
                    3903,
                    "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
                ));
            }
        }
        Ok(Outcome::Nothing)
    }

    /// Ends the transaction, if there is one.
    pub(crate) fn end(&mut self, keep: bool) {
        self.depth = 0;
        let Some(open) = self.open.take() else { return };
        let mut state = self.shared.state.lock().expect("no thread panicked");
        if let Some(work) = open.work.filter(|_| keep)
            && let Ok(database) = state.database_mut(&work.name)
        {
            for (key, written) in open.written {
                settle(database, &work, key, written);
            }
        }
        for holders in state.locks.values_mut() {
            holders.remove(&self.spid);
        }
        state.locks.retain(|_, holders| !holders.is_empty());
        state.active.remove(&self.spid);
        drop(state);
        self.shared.changed.notify_waiters();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Changes the database that is visible to this session, under a lock on one table.
    pub(super) fn changed<T>(
        &mut self,
        name: &Name,
        only_adds: bool,
        change: impl FnOnce(&mut Database, &mut State, u16, bool) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock().expect("no thread panicked");
        let target = if name.len() == 3 { name[0].clone() } else { self.database.clone() };
        let committed = Arc::clone(state.database(&target)?);
        if committed.snapshot_of.is_some() {
            let text = format!(
                "Failed to update database \"{target}\" because the database is read-only."
            );
            return Err(Failure::new(3906, &text));
        }
        let key = committed.key(name);
        let lock = (committed.id, key.clone());
        let meets = |(spid, whole): (&u16, &bool)| *spid != self.spid && (*whole || !only_adds);
        if state.locks.get(&lock).is_some_and(|holders| holders.iter().any(meets)) {
            return Err(Failure::blocked());
        }
        let Some(open) = &mut self.open else {
            let mut work = Database::clone(&committed);
            drop(committed);
            let done = change(&mut work, &mut state, self.spid, false)?;
            state.databases.insert(target.to_lowercase(), Arc::new(work));
            return Ok(done);
        };
        let mut work = Database::clone(open.work.as_ref().unwrap_or(&committed));
        let own = open.written.get(&key);
        if !own.is_some_and(|own| own.changed) {
            // As it is now, with what this transaction has added.
            let added = own.map(|own| own.added.clone()).unwrap_or_default();
            match committed.tables.get(&key) {
                Some(table) => {
                    let mut table = Table::clone(table);
                    Arc::make_mut(&mut table.rows).extend(added);
                    work.tables.insert(key.clone(), Arc::new(table));
                }
                None => {
                    work.tables.remove(&key);
                }
            }
        }
        let rows = |work: &Database| work.tables.get(&key).map_or(0, |table| table.rows.len());
        let before = rows(&work);
        let done = change(&mut work, &mut state, self.spid, true)?;
        let written = open.written.entry(key.clone()).or_default();
        if only_adds {
            let table = work.tables.get(&key);
            written.added.extend(table.iter().flat_map(|t| t.rows.iter().skip(before).cloned()));
        } else {
            written.changed = true;
        }
        open.work = Some(Arc::new(work));
        *state.locks.entry(lock).or_default().entry(self.spid).or_default() |= !only_adds;
        Ok(done)
    }
}
