//! All that a stand-in knows: databases, who is writing where, faults, and what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::super::fault::{Faults, Gate};
use super::super::run::Failure;
use super::collation::Collation;
use super::table::{Database, Key};

/// A statement that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The session, counted from 51.
    pub(crate) session: u16,
    pub(crate) database: String,
    /// `snapshot`, `read committed` …
    pub(crate) isolation: String,
    pub(crate) text: String,
    /// What it ended with: 0, or the number of an error; `None` while it runs.
    pub(crate) ended: Option<i32>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// By name in lower case.
    pub(crate) databases: BTreeMap<String, Arc<Database>>,
    /// Who has written to a table and has not committed, and whether it did more than add rows.
    pub(crate) locks: BTreeMap<(i32, Key), BTreeMap<u16, bool>>,
    /// The counter of rowversions of each database.
    pub(crate) versions: BTreeMap<i32, u64>,
    /// The first rowversion that an open transaction used.
    pub(crate) active: BTreeMap<u16, (i32, u64)>,
    pub(crate) next_object: i32,
    pub(crate) next_session: u16,
    pub(crate) faults: Faults,
    pub(crate) log: Vec<Statement>,
    /// Statements that read what is not committed.
    pub(crate) dirty: Vec<String>,
    /// Sessions that are there: their application, and whether they came for reading only.
    pub(crate) sessions: BTreeMap<u16, (String, bool)>,
    /// All sessions that ever logged in, with what they said of themselves.
    pub(crate) logins: Vec<super::super::wire::login::Login>,
    pub(crate) product_version: String,
    pub(crate) edition: String,
}

/// Handed to everybody who takes part.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// A transaction has ended, or a gate was opened.
    pub(crate) changed: Notify,
    /// Where statements stand that wait for another session.
    pub(crate) blocked: Gate,
}

impl State {
    pub(crate) fn new(collation: Collation) -> Self {
        let mut state = State {
            databases: BTreeMap::new(),
            locks: BTreeMap::new(),
            versions: BTreeMap::new(),
            active: BTreeMap::new(),
            next_object: 565_577_053,
            next_session: 50,
            faults: Faults::default(),
            log: Vec::new(),
            dirty: Vec::new(),
            sessions: BTreeMap::new(),
            logins: Vec::new(),
            product_version: "16.0.4233.0".to_owned(),
            edition: "Developer Edition (64-bit)".to_owned(),
        };
        for name in ["master", "tempdb", "shop"] {
            state.add(name, collation);
        }
        state
    }

    /// A new database.
    pub(crate) fn add(&mut self, name: &str, collation: Collation) -> i32 {
        let id = i32::try_from(self.databases.len()).unwrap_or(0) + 1;
        let database = Arc::new(Database::new(id, name, collation));
        self.databases.insert(name.to_lowercase(), database);
        self.versions.insert(id, 2000);
        id
    }

    pub(crate) fn database(&self, name: &str) -> Result<&Arc<Database>, Failure> {
        self.databases.get(&name.to_lowercase()).ok_or_else(|| {
            let text = format!(
                "Database '{name}' does not exist. Make sure that the name is entered correctly."
            );
            Failure::new(911, &text)
        })
    }

    /// The database, to be changed at once.
    pub(crate) fn database_mut(&mut self, name: &str) -> Result<&mut Database, Failure> {
        self.database(name)?;
        let found = self.databases.get_mut(&name.to_lowercase());
        Ok(Arc::make_mut(found.ok_or_else(|| Failure::new(911, "no database"))?))
    }

    pub(crate) fn next_object(&mut self) -> i32 {
        self.next_object += 16;
        self.next_object
    }

    /// The next rowversion of a database.
    pub(crate) fn next_version(&mut self, database: i32) -> u64 {
        let counter = self.versions.entry(database).or_insert(2000);
        *counter += 1;
        *counter
    }

    /// The smallest rowversion that may still become visible.
    pub(crate) fn min_active(&self, database: i32) -> u64 {
        let open =
            self.active.values().filter(|(own, _)| *own == database).map(|(_, first)| *first);
        open.min().unwrap_or_else(|| self.versions.get(&database).copied().unwrap_or(2000) + 1)
    }
}
