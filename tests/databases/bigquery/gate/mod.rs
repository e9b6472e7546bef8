//! A stand-in for BigQuery: its REST API, version 2, over HTTP on a free loopback port.
//!
//! It lives in the process of the test, on a thread of its own, and needs nothing but a Python with
//! the packages of `tests/databases/requirements.txt`, from which it takes Google's discovery
//! document. Every body of a request is checked against that document, so that a field that Google
//! does not know, an int64 that is not text or a value outside an enum is refused with 400. Rows of
//! load jobs are checked against their table's schema as BigQuery does, and land in SQLite. Queries
//! are parsed as GoogleSQL and carried out there.
//!
//! Jobs keep their ids (409 the second time), run in the location of their dataset, are `RUNNING`
//! for as many polls as a test says, and can be made to fail. Tests order faults with a [`When`] and
//! a [`Fault`], hold requests half-way, forget jobs, expire tables and tokens, and take permissions
//! away. Afterwards they look at rows, schemas, jobs, and at the log of all requests.
//!
//! What it is not: no quotas, no slots, no cost, no streaming, no views, no partition decorators, no
//! time travel, no legacy SQL, and of GoogleSQL only what a sink needs. It says so when asked for
//! more; it never guesses. `proof.py`, beside this folder, shows that Google's own Python client
//! cannot tell it from BigQuery in what it does know.
//!
//! This folder names neither dhow nor anything else of the tests, so that unit tests and benches can
//! take it in by `#[path]`.
#![allow(dead_code, reason = "each user of the stand-in needs another part of it")]

mod answer;
mod columnar;
mod contract;
mod copies;
mod direct;
mod fault;
mod functions;
mod jobs;
mod loads;
pub(crate) mod oauth;
mod python;
mod query;
mod results;
mod route;
mod schema;
mod server;
mod store;
mod tables;
mod uploads;
mod values;
mod world;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

#[allow(unused_imports, reason = "not every test makes answers of its own")]
pub(crate) use answer::{Answer, Refusal};
pub(crate) use fault::{Fault, Held, When};
#[allow(unused_imports, reason = "not every test runs Python")]
pub(crate) use python::python;
pub(crate) use server::Seen;

use server::Shared;
use world::{TableName, World};

/// The project that everything is in.
pub(crate) const PROJECT: &str = "dhow-tests";

/// A running stand-in; it ends when this is dropped.
///
/// Tables are named `dataset.table`, and are in [`PROJECT`].
#[derive(Debug)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A job as a test sees it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) location: String,
    /// `PENDING`, `RUNNING` or `DONE`.
    pub(crate) state: &'static str,
    /// Reason and message, when it failed.
    pub(crate) error: Option<(String, String)>,
    /// As `jobs.get` shows it.
    pub(crate) json: Value,
}

impl Gate {
    /// Starts a stand-in without datasets, which asks for no tokens.
    pub(crate) fn start() -> Self {
        let (listener, address) = server::bind();
        let url = format!("http://{address}");
        let world = Mutex::new(World::new(&url, PROJECT));
        let shared =
            Arc::new(Shared { world, script: fault::Script::default(), log: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener =
                    tokio::net::TcpListener::from_std(listener).expect("a listener of our own");
                tokio::select! {
                    _ = stopped => {}
                    never = server::listen(listener, served) => match never {},
                }
            });
        });
        Gate { shared, url, stop: Some(stop), thread: Some(thread) }
    }

    /// A stand-in that counts the rows of load jobs and throws them away, for measurements.
    pub(crate) fn counting() -> Self {
        let gate = Gate::start();
        gate.world().settings.is_counting = true;
        gate
    }

    /// With a dataset in this location.
    pub(crate) fn with_dataset(self, dataset: &str, location: &str) -> Self {
        let body = json!({ "datasetReference": { "projectId": PROJECT, "datasetId": dataset }, "location": location });
        let made =
            self.world().make_dataset(PROJECT, body.as_object().cloned().unwrap_or_default());
        made.expect("a name that is free");
        self
    }

    /// With a table of the columns `schema.fields` of the API.
    pub(crate) fn with_table(self, table: &str, fields: &Value) -> Self {
        self.make_table(table, &json!({ "schema": { "fields": fields } }));
        self
    }

    /// Makes a table with this body of `tables.insert`, in which the reference is filled in.
    pub(crate) fn make_table(&self, table: &str, body: &Value) {
        let name = named(table);
        let mut body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        body.insert("tableReference".to_owned(), name.json());
        let call = route::Call {
            project: PROJECT.to_owned(),
            dataset: name.dataset,
            ..route::Call::default()
        };
        self.world().make_table(&call, body).expect("a table that can be made");
    }

    /// `http://127.0.0.1:port`, as `endpoint` and as `BIGQUERY_EMULATOR_HOST`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().expect("no thread panicked")
    }

    // What goes wrong.

    /// Orders a fault.
    pub(crate) fn order(&self, when: When, fault: Fault) {
        self.shared.script.order(when, fault);
    }

    /// A request that is held until the test lets it go, before or after its effect.
    pub(crate) fn hold(&self, when: When, after: bool) -> Held {
        self.shared.script.hold(when, after)
    }

    /// Takes back all orders.
    pub(crate) fn calm(&self) {
        self.shared.script.clear();
    }

    /// How many orders have not been carried out as often as they say.
    pub(crate) fn open_orders(&self) -> usize {
        self.shared.script.open()
    }

    /// Says for how many answers a job is `PENDING`, and then `RUNNING`, from its insertion on.
    pub(crate) fn pace(&self, pending: u32, running: u32) {
        self.world().settings.pace = (pending, running);
    }

    /// Does the work of all jobs that are under way.
    pub(crate) fn finish_jobs(&self) {
        let mut world = self.world();
        let names: Vec<_> = world
            .jobs
            .iter()
            .filter(|(_, job)| !job.is_done())
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            world.finish(&name);
        }
    }

    /// Forgets all jobs that are done, as BigQuery does after six months.
    pub(crate) fn forget_jobs(&self) {
        self.world().jobs.retain(|_, job| !job.is_done());
    }

    /// All tables expire that have a time to do so.
    pub(crate) fn expire_tables(&self) {
        self.world().expire(i64::MAX);
    }

    /// Sets the gate's clock ahead: tables and tokens expire.
    pub(crate) fn advance(&self, time: Duration) {
        self.world().ahead += i64::try_from(time.as_millis()).expect("a time within reason");
    }

    /// Bytes that a row of a load job may have, instead of 100 MiB.
    pub(crate) fn limit_rows(&self, bytes: usize) {
        self.world().settings.row_bytes = bytes;
    }

    /// The caller lacks this permission, such as `bigquery.tables.create`.
    pub(crate) fn deny(&self, permission: &str) {
        self.world().settings.denied.insert(permission.to_owned());
    }

    /// The caller has every permission again.
    pub(crate) fn allow_all(&self) {
        self.world().settings.denied.clear();
    }

    // Who asks.

    /// Calls without a token are refused from now on.
    pub(crate) fn require_tokens(&self) {
        self.world().accounts.are_needed = true;
    }

    /// The key file of a service account whose tokens are given by this gate.
    pub(crate) fn credentials(&self) -> Value {
        self.world().accounts.key(PROJECT)
    }

    /// Writes the key file into a folder, for its owner's eyes only.
    pub(crate) fn write_credentials(&self, folder: &Path) -> PathBuf {
        let path = folder.join("credentials.json");
        let _ = std::fs::remove_file(&path);
        let private =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written =
            private.and_then(|mut file| file.write_all(self.credentials().to_string().as_bytes()));
        written.expect("files can be written");
        path
    }

    /// How long tokens last from now on.
    pub(crate) fn tokens_last(&self, time: Duration) {
        self.world().accounts.life = i64::try_from(time.as_secs()).expect("a time within reason");
    }

    /// All tokens given so far are no longer good.
    pub(crate) fn expire_tokens(&self) {
        self.world().accounts.expire();
    }

    /// The token endpoint answers `invalid_grant`.
    pub(crate) fn refuse_grants(&self) {
        self.world().accounts.is_refused = true;
    }

    // What came of it.

    /// All requests so far.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.shared.log.lock().expect("no thread panicked").clone()
    }

    /// How many requests there were to calls of this name, or whose names begin so.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.log().iter().filter(|seen| seen.call.starts_with(name)).count()
    }

    /// The rows of a table, ordered by their columns from left to right: INT64 and FLOAT64 as
    /// numbers (`"NaN"`, `"Infinity"`, `"-Infinity"` as text), BOOL as truth, decimals as text
    /// without needless zeros, BYTES as Base64, dates and times as text with six digits of the
    /// second, TIMESTAMP in UTC with `Z`, JSON as itself.
    pub(crate) fn rows(&self, table: &str) -> Vec<Value> {
        let rows = self.world().rows_of(&named(table));
        rows.unwrap_or_else(|refusal| panic!("{}", refusal.message))
            .into_iter()
            .map(Value::Object)
            .collect()
    }

    /// How many rows a table has, counted ones too.
    pub(crate) fn count(&self, table: &str) -> u64 {
        let world = self.world();
        let table =
            world.table(&named(table)).unwrap_or_else(|refusal| panic!("{}", refusal.message));
        world.count(table)
    }

    /// What `tables.get` says of a table; none when it is not there.
    pub(crate) fn table(&self, table: &str) -> Option<Value> {
        self.world().table_json(&named(table)).ok()
    }

    /// Columns as `name TYPE`, with `NOT NULL` or `REPEATED` where it is so.
    pub(crate) fn columns(&self, table: &str) -> Vec<String> {
        let world = self.world();
        let table =
            world.table(&named(table)).unwrap_or_else(|refusal| panic!("{}", refusal.message));
        let shown = |field: &schema::Field| match field.mode {
            schema::Mode::Nullable => format!("{} {}", field.name, field.kind.name()),
            schema::Mode::Required => format!("{} {} NOT NULL", field.name, field.kind.name()),
            schema::Mode::Repeated => format!("{} {} REPEATED", field.name, field.kind.name()),
        };
        table.fields.iter().map(shown).collect()
    }

    /// The tables of a dataset, by name.
    pub(crate) fn tables(&self, dataset: &str) -> Vec<String> {
        let world = self.world();
        let names = world.tables.keys().filter(|name| name.dataset == dataset);
        names.map(|name| name.table.clone()).collect()
    }

    /// All jobs, by location and id.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let world = self.world();
        let jobs = world.jobs.iter().map(|(name, job)| Job {
            id: name.id.clone(),
            location: name.location.clone(),
            state: job.state(),
            error: job.error.clone().map(|error| (error.reason, error.message)),
            json: job.json(name, &self.url),
        });
        jobs.collect()
    }

    /// Runs GoogleSQL and answers the rows, each an array; fails with BigQuery's message.
    pub(crate) fn sql(&self, sql: &str) -> Result<Vec<Vec<Value>>, String> {
        let mut world = self.world();
        let location = world
            .datasets
            .values()
            .next()
            .map_or("US".to_owned(), |dataset| dataset.location.clone());
        let name = jobs::JobName { project: PROJECT.to_owned(), location, id: String::new() };
        let done = world.query(&name, &json!({ "query": sql, "useLegacySql": false }));
        done.map(|done| done.results.rows).map_err(|refusal| refusal.message)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn named(table: &str) -> TableName {
    let (dataset, table) = table.split_once('.').expect("a table is named `dataset.table`");
    TableName { project: PROJECT.to_owned(), dataset: dataset.to_owned(), table: table.to_owned() }
}
