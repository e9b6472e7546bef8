//! A stand-in for an Apache Doris cluster: front ends and back ends that speak HTTP, and the MySQL
//! protocol for statements, in this process and over one state that tests can ask and disturb.
//!
//! What it keeps to was read in Doris' documents and in the source of its front and back ends: the
//! answer with status 307, `Expect: 100-continue`, the headers of a stream load, labels and how
//! they end, strict mode and the NULLs that its absence makes, two-phase commit, the rules of
//! `CREATE TABLE`, and failure told with HTTP status 200. Rows land in SQLite.
//!
//! ```text
//! let doris = Doris::start();
//! doris.sql("create table shop.t (id int) duplicate key (id) distributed by hash (id) buckets 1 \
//!            properties ('replication_num' = '1')");
//! // … point the program at `doris.fe()` and `doris.query()` …
//! assert_eq!(doris.rows("t"), [r#"{"id":1}"#]);
//! ```
//!
//! Faults are scripted: `doris.fault(When::be("_stream_load").nth(2), Fault::LoseAfter)`. Time
//! passes as it does, and further when a test says so ([`Doris::pass`]).

// Each test binary that takes this file in uses another part of it.
#![allow(dead_code, unused_imports)]

mod alter;
mod answer;
mod backend;
mod body;
mod catalog;
mod decimal;
mod definition;
mod fault;
mod frontend;
mod headers;
mod http;
mod kinds;
mod labels;
mod query;
mod schema;
mod select;
mod server;
mod session;
mod sha1;
mod show;
mod state;
mod statement;
mod translate;
mod values;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use fault::{Fault, Latch, When};
pub(crate) use server::Doris;
pub(crate) use state::{Request, Side};

/// How a cluster is laid out.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Front ends.
    pub(crate) fes: usize,
    /// Back ends.
    pub(crate) bes: usize,
    /// The one user.
    pub(crate) user: String,
    /// Its password.
    pub(crate) password: String,
    /// A database that is there from the start.
    pub(crate) database: String,
    /// Rows are counted by their `_dhow_part` and forgotten: for measuring the speed of who sends
    /// them in mode `append`.
    pub(crate) counting: bool,
    /// StarRocks, where it differs.
    pub(crate) starrocks: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            fes: 1,
            bes: 1,
            user: "ann".to_owned(),
            password: "s3cret&/pw".to_owned(),
            database: "shop".to_owned(),
            counting: false,
            starrocks: false,
        }
    }
}

/// What a stand-in offers to tests.
impl Doris {
    /// One front end, one back end, user `ann`, database `shop`.
    pub(crate) fn start() -> Self {
        Doris::with(&Layout::default())
    }

    /// Runs a statement in the database of the layout, as the query port would; its rows as text.
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_sql(sql).unwrap_or_else(|message| panic!("{sql}\n{message}"))
    }

    /// The same, or `code message`.
    pub(crate) fn try_sql(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let mut session = session::Session::of(&self.database);
        let answer = session.run(&mut self.state(), sql).map_err(|e| e.to_string())?;
        Ok(answer.texts())
    }

    /// The rows of a table as JSON objects, sorted by their text. NULLs are written out.
    pub(crate) fn rows(&self, table: &str) -> Vec<String> {
        let state = self.state();
        let table = state.table(&self.database, table).unwrap_or_else(|| panic!("no `{table}`"));
        let mut rows = state.json_rows(table);
        rows.sort();
        rows
    }

    /// How many rows a table has; `None` if there is no such table.
    pub(crate) fn count(&self, table: &str) -> Option<u64> {
        let state = self.state();
        state.table(&self.database, table).map(|table| state.count(table))
    }

    /// Names of the tables, sorted.
    pub(crate) fn tables(&self) -> Vec<String> {
        let state = self.state();
        let names = state.tables.keys().filter(|(database, _)| *database == self.database);
        names.map(|(_, name)| name.clone()).collect()
    }

    /// What `SHOW CREATE TABLE` says.
    pub(crate) fn definition(&self, table: &str) -> String {
        let state = self.state();
        let table = state.table(&self.database, table).unwrap_or_else(|| panic!("no `{table}`"));
        show::create_table(table)
    }

    /// The comment of a table.
    pub(crate) fn comment(&self, table: &str) -> Option<String> {
        let state = self.state();
        state.table(&self.database, table).map(|table| table.comment.clone())
    }

    /// Labels that are remembered, and what became of them.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        let mut state = self.state();
        state.forget_old_labels();
        let mine = state.labels.all.iter().filter(|t| t.database == self.database);
        mine.map(|t| (t.label.clone(), t.status.name().to_owned())).collect()
    }

    /// Does something to a request: the first that matches and was not disturbed by another fault.
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

    /// What was asked so far, in order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Forgets what was asked.
    pub(crate) fn forget_requests(&self) {
        self.state().requests.clear();
    }

    /// Time passes: labels are forgotten, prepared transactions end.
    pub(crate) fn pass(&self, time: Duration) {
        let mut state = self.state();
        state.shifted += time;
        state.forget_old_labels();
    }

    /// Somebody else has used this label for rows of their own, and was done.
    pub(crate) fn take_label(&self, label: &str) {
        let mut state = self.state();
        let id = state.begin(&self.database, "elsewhere", label, "BACKEND_STREAMING");
        if let Ok(id) = id {
            state.finish(id, labels::Status::Visible, "");
        }
    }

    /// Changes a setting of the front ends, such as `label_num_threshold`.
    pub(crate) fn configure(&self, key: &str, value: &str) {
        self.state().config.insert(key.to_owned(), value.to_owned());
    }
}
