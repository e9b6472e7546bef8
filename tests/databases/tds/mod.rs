//! A stand-in for SQL Server: it speaks MS-TDS 7.4 (and the TLS of TDS 8) on a port of this
//! computer, understands the Transact-SQL that the tests and their clients need, and can be asked
//! and disturbed by tests.
//!
//! What it keeps to was read in the open specification MS-TDS and in the reference of
//! Transact-SQL. Tables are kept in memory, in versions: a reader at the level SNAPSHOT keeps the
//! version that it saw, one at READ COMMITTED waits for writers unless the database has
//! READ_COMMITTED_SNAPSHOT, and a read of what is not committed fails the test.
//!
//! ```text
//! let server = Tds::start();
//! server.execute("shop", "create table t (id int primary key, v rowversion); insert t (id) values (1)");
//! // … point the program at `server.url("shop")` …
//! assert_eq!(server.rows("shop", "select id from t"), [[Some("1".to_owned())]]);
//! ```
//!
//! Faults are scripted: `server.fault(When::statement("from [dbo].[t]"), Fault::error(1205))`.

// Each test binary that takes this file in uses another part of it.
#![allow(dead_code, unused_imports)]
// The wire takes numbers apart and puts them together.
#![allow(clippy::large_enum_variant)]

mod answer;
mod connection;
mod fault;
mod run;
mod server;
mod sql;
mod store;
mod wire;

use std::sync::Arc;

pub(crate) use fault::{Fault, Gate, When};
use run::Failure;
use run::session::{Batch, Outcome, Session as Inside};
pub(crate) use server::{Setup, Tds};
pub(crate) use store::state::Statement;
pub(crate) use wire::login::{Encryption, Login};
pub(crate) use wire::tls::Certificate;

/// Rows as texts; `None` is NULL.
pub(crate) type Texts = Vec<Vec<Option<String>>>;

/// What a stand-in offers to tests.
impl Tds {
    /// User `ann`, databases `master`, `tempdb` and `shop`, TLS for whoever wants it.
    pub(crate) fn start() -> Self {
        Tds::with(&Setup::default())
    }

    /// `mssql://…` with the user and the password, and nothing said of TLS.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut password = String::new();
        for byte in self.password.bytes() {
            if byte.is_ascii_alphanumeric() {
                password.push(char::from(byte));
            } else {
                password.push_str(&format!("%{byte:02X}"));
            }
        }
        format!("mssql://{}:{password}@127.0.0.1:{}/{database}", self.user, self.port())
    }

    /// A session of somebody else, who may do everything: an open transaction, for instance.
    pub(crate) fn session(&self, database: &str) -> Session {
        let spid = {
            let mut state = self.state();
            state.next_session += 1;
            state.next_session
        };
        Session(Inside::new(Arc::clone(&self.shared), spid, database, "dbo", true))
    }

    /// Runs statements as the owner.
    pub(crate) fn execute(&self, database: &str, sql: &str) {
        self.session(database).execute(sql);
    }

    /// The same, or `number message`.
    pub(crate) fn try_execute(&self, database: &str, sql: &str) -> Result<(), String> {
        self.session(database).run(sql).map(|_| ()).map_err(|f| format!("{} {}", f.number, f.text))
    }

    /// The rows of the last query in `sql`.
    pub(crate) fn rows(&self, database: &str, sql: &str) -> Texts {
        self.session(database).rows(sql)
    }

    /// Does something to a statement: the first that matches and was not disturbed otherwise.
    pub(crate) fn fault(&self, when: When, fault: Fault) {
        self.state().faults.add(when, fault);
    }

    /// How often scripted faults struck.
    pub(crate) fn struck(&self) -> usize {
        self.state().faults.struck
    }

    /// Faults that have not struck are taken back.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// The statements of clients, in the order in which they came.
    pub(crate) fn log(&self) -> Vec<Statement> {
        self.state().log.clone()
    }

    /// Forgets them.
    pub(crate) fn forget_log(&self) {
        self.state().log.clear();
    }

    /// Everybody who tried to log in, in order.
    pub(crate) fn logins(&self) -> Vec<Login> {
        self.state().logins.clone()
    }

    /// Sessions of clients that are there now.
    pub(crate) fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    /// Waits until so many statements of clients wait for another session.
    pub(crate) fn wait_for_blocked(&self, count: usize) {
        self.shared.blocked.wait_for(count);
    }

    /// What clients read that was not committed; the test need not fail any more.
    pub(crate) fn forgive_dirty_reads(&self) -> Vec<String> {
        std::mem::take(&mut self.state().dirty)
    }

    /// What `SERVERPROPERTY` says of version and edition.
    pub(crate) fn call_it(&self, version: &str, edition: &str) {
        let mut state = self.state();
        version.clone_into(&mut state.product_version);
        edition.clone_into(&mut state.edition);
    }
}

/// See [`Tds::session`].
#[derive(Debug)]
pub(crate) struct Session(Inside);

impl Session {
    /// Runs statements.
    pub(crate) fn execute(&mut self, sql: &str) {
        self.rows(sql);
    }

    /// Runs statements; the rows of the last query.
    pub(crate) fn rows(&mut self, sql: &str) -> Texts {
        self.run(sql).unwrap_or_else(|failure| panic!("{sql}\n{} {}", failure.number, failure.text))
    }

    fn run(&mut self, sql: &str) -> Result<Texts, Failure> {
        self.0.begin_batch(Default::default());
        let mut batch = Batch::of(sql)?;
        let mut last = Vec::new();
        while let Some((statement, _)) = self.0.next(&mut batch)? {
            if let Outcome::Rows(heads, rows) = self.0.execute(&statement)? {
                let text = |(value, head): (&store::value::Value, &wire::tokens::Head)| {
                    (!value.is_null()).then(|| run::convert::display(value, head.of.kind, 121))
                };
                last = rows.iter().map(|row| row.iter().zip(&heads).map(text).collect()).collect();
            }
        }
        Ok(last)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.end(false);
    }
}
