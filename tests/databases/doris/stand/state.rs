//! What all servers of a stand-in share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::Layout;
use super::catalog::{Table, sqlite_name};
use super::fault::Faults;
use super::labels::{Change, Labels, Status, Transaction};
use super::values;

/// Which kind of server was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Fe,
    Be,
    Query,
}

/// One request, or one statement.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) side: Side,
    /// Which of the servers of its kind, from 0.
    pub(crate) which: usize,
    /// `PUT /path?query`, or the statement.
    pub(crate) line: String,
    /// Of a request over HTTP, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes of the body that were read.
    pub(crate) body_bytes: u64,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A change of a schema, which takes its time.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) database: String,
    pub(crate) table_id: u64,
    pub(crate) table: String,
    /// Questions until it is done.
    pub(crate) questions: u32,
    pub(crate) state: &'static str,
    pub(crate) message: String,
    /// The table as it will be.
    pub(crate) target: Table,
}

/// Shared by the servers; never held across an await.
pub(crate) type Shared = Arc<Mutex<State>>;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) layout: Layout,
    pub(crate) databases: Vec<String>,
    pub(crate) tables: BTreeMap<(String, String), Table>,
    pub(crate) labels: Labels,
    pub(crate) jobs: Vec<Job>,
    /// Reasons why rows were filtered, by the name of their file.
    pub(crate) error_logs: BTreeMap<String, String>,
    /// Rows that were counted and not kept, by their place.
    pub(crate) counted: BTreeMap<String, u64>,
    pub(crate) faults: Faults,
    pub(crate) requests: Vec<Request>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) sqlite: Connection,
    /// Time that tests let pass.
    pub(crate) shifted: Duration,
    /// Ports of the back ends over HTTP, and whether they are up.
    pub(crate) backends: Vec<(u16, bool)>,
    /// Ports of the front ends: HTTP, query; and whether they are up.
    pub(crate) frontends: Vec<(u16, u16, bool)>,
    pub(crate) turn: usize,
    started: Instant,
    last_id: u64,
}

impl State {
    pub(crate) fn of(layout: &Layout) -> Self {
        let defaults = [
            ("streaming_label_keep_max_second", "43200"),
            ("label_keep_max_second", "259200"),
            ("label_num_threshold", "2000"),
            ("stream_load_default_precommit_timeout_second", "3600"),
            ("max_running_txn_num_per_db", "1000"),
            ("table_name_length_limit", "64"),
        ];
        State {
            layout: layout.clone(),
            databases: vec![layout.database.clone()],
            tables: BTreeMap::new(),
            labels: Labels::default(),
            jobs: Vec::new(),
            error_logs: BTreeMap::new(),
            counted: BTreeMap::new(),
            faults: Faults::default(),
            requests: Vec::new(),
            config: defaults.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            sqlite: Connection::open_in_memory().expect("SQLite opens"),
            shifted: Duration::ZERO,
            backends: Vec::new(),
            frontends: Vec::new(),
            turn: 0,
            started: Instant::now(),
            last_id: 10_000,
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed() + self.shifted
    }

    pub(crate) fn table(&self, database: &str, name: &str) -> Option<&Table> {
        self.tables.get(&(database.to_owned(), name.to_owned()))
    }

    fn table_by_id(&self, id: u64) -> Option<&Table> {
        self.tables.values().find(|table| table.id == id)
    }

    fn seconds(&self, key: &str) -> Duration {
        let seconds = self.config.get(key).and_then(|text| text.parse().ok());
        Duration::from_secs(seconds.unwrap_or(0))
    }

    /// What front ends do now and then: forget labels, abort what was never committed.
    pub(crate) fn forget_old_labels(&mut self) {
        let now = self.now();
        let patience = self.seconds("stream_load_default_precommit_timeout_second");
        let late: Vec<u64> = self
            .labels
            .all
            .iter()
            .filter(|t| t.status == Status::Precommitted && t.begun + patience < now)
            .map(|t| t.id)
            .collect();
        for id in late {
            self.finish(
                id,
                Status::Aborted,
                "transaction is timeout and is cancelled automatically",
            );
        }
        let oldest = now.checked_sub(self.seconds("streaming_label_keep_max_second"));
        let most = self.config.get("label_num_threshold").and_then(|text| text.parse().ok());
        self.labels.forget(oldest, most.unwrap_or(2_000));
    }

    /// Begins a transaction, or answers the one that has the label.
    pub(crate) fn begin(
        &mut self,
        database: &str,
        table: &str,
        label: &str,
        source: &'static str,
    ) -> Result<u64, Box<Transaction>> {
        self.forget_old_labels();
        if let Some(other) = self.labels.by_label(database, label)
            && other.status != Status::Aborted
        {
            return Err(Box::new(other.clone()));
        }
        let id = self.next_id();
        let table_id = self.table(database, table).map_or(0, |table| table.id);
        self.labels.all.push(Transaction {
            id,
            database: database.to_owned(),
            table: table.to_owned(),
            table_id,
            label: label.to_owned(),
            status: Status::Prepare,
            source,
            reason: String::new(),
            changes: Vec::new(),
            questions: None,
            begun: self.now(),
            finished: None,
        });
        Ok(id)
    }

    /// Brings a transaction to `status`; its rows are there when it is visible.
    pub(crate) fn finish(&mut self, id: u64, status: Status, reason: &str) {
        let now = self.now();
        let Some(transaction) = self.labels.by_id(id) else { return };
        transaction.status = status;
        transaction.reason = reason.to_owned();
        if !status.is_final() {
            return;
        }
        transaction.finished = Some(now);
        transaction.questions = None;
        let changes = std::mem::take(&mut transaction.changes);
        let table = transaction.table_id;
        if status == Status::Visible {
            self.apply(table, &changes);
        }
    }

    /// A transaction that never was, as an INSERT of no rows.
    pub(crate) fn drop_transaction(&mut self, id: u64) {
        self.labels.all.retain(|t| t.id != id);
    }

    fn apply(&self, table: u64, changes: &[Change]) {
        // The table may have been dropped in the meantime.
        let Some(table) = self.table_by_id(table) else { return };
        if changes.is_empty() {
            return;
        }
        let places = vec!["?"; table.columns.len()].join(", ");
        let put = format!("insert or replace into {} values ({places})", table.stored());
        let keys: Vec<_> = table.keys().map(|c| format!("{} is ?", sqlite_name(&c.name))).collect();
        let delete = format!("delete from {} where {}", table.stored(), keys.join(" and "));
        self.sqlite.execute_batch("begin").expect("SQLite begins");
        {
            let mut put = self.sqlite.prepare_cached(&put).expect("SQLite prepares");
            let mut delete = self.sqlite.prepare_cached(&delete).expect("SQLite prepares");
            for change in changes {
                match change {
                    Change::Put(row) => put.execute(rusqlite::params_from_iter(row)),
                    Change::Delete(row) => {
                        let keys = table.columns.iter().zip(row).filter(|(c, _)| c.key);
                        delete.execute(rusqlite::params_from_iter(keys.map(|(_, v)| v)))
                    }
                }
                .expect("SQLite takes rows");
            }
        }
        self.sqlite.execute_batch("commit").expect("SQLite commits");
    }

    /// What a label means now; to ask is to let time pass for what waits for it.
    pub(crate) fn ask(&mut self, database: &str, label: &str) -> Option<Transaction> {
        self.forget_old_labels();
        let id = self.labels.by_label(database, label)?.id;
        self.wait_for(id);
        self.labels.by_id(id).cloned()
    }

    /// One question after a transaction.
    fn wait_for(&mut self, id: u64) {
        let Some(transaction) = self.labels.by_id(id) else { return };
        let Some(left) = transaction.questions else { return };
        if left > 0 {
            transaction.questions = Some(left - 1);
            return;
        }
        match transaction.status {
            Status::Prepare => self.finish(id, Status::Aborted, "coordinate BE is down"),
            Status::Committed => self.finish(id, Status::Visible, ""),
            _ => {}
        }
    }

    /// A statement reads this table: what is committed comes nearer to being seen.
    pub(crate) fn wait_for_table(&mut self, table: u64) {
        let waiting: Vec<u64> = self
            .labels
            .all
            .iter()
            .filter(|t| t.table_id == table && t.status == Status::Committed)
            .map(|t| t.id)
            .collect();
        for id in waiting {
            self.wait_for(id);
        }
    }

    pub(crate) fn count(&self, table: &Table) -> u64 {
        let sql = format!("select count(*) from {}", table.stored());
        let count: i64 = self.sqlite.query_row(&sql, [], |row| row.get(0)).expect("SQLite counts");
        u64::try_from(count).expect("not negative")
    }

    /// All rows of a table, in the order they came.
    pub(crate) fn all_rows(&self, table: &Table) -> Vec<Vec<Value>> {
        let sql = format!("select * from {} order by rowid", table.stored());
        let mut statement = self.sqlite.prepare(&sql).expect("SQLite prepares");
        let width = table.columns.len();
        let rows = statement
            .query_map([], |row| (0..width).map(|n| row.get::<_, Value>(n)).collect())
            .expect("SQLite reads");
        rows.map(|row| row.expect("SQLite reads")).collect()
    }

    pub(crate) fn json_rows(&self, table: &Table) -> Vec<String> {
        let told = |row: &Vec<Value>| {
            let pairs = table.columns.iter().zip(row).map(|(column, value)| {
                let name = serde_json::to_string(&column.name).expect("text can be written");
                format!("{name}:{}", values::json(value, &column.kind))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        self.all_rows(table).iter().map(told).collect()
    }

    /// Why rows were filtered, as a file that a back end shows.
    pub(crate) fn keep_errors(&mut self, reasons: &str) -> String {
        let id = self.next_id();
        let name = format!("__shard_0/error_log_insert_stmt_{id:x}");
        self.error_logs.insert(name.clone(), reasons.to_owned());
        name
    }
}
