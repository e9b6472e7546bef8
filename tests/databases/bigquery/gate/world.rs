//! The project as it stands: datasets, tables, jobs, uploads, accounts and the clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::contract;
use super::jobs::{Job, JobName};
use super::oauth::Accounts;
use super::schema::Field;
use super::server::Asked;
use super::store::{Row, Store};
use super::uploads::Session;

/// A table by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableName {
    pub(crate) project: String,
    pub(crate) dataset: String,
    pub(crate) table: String,
}

/// A table but for its rows.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its number in the store.
    pub(crate) id: u64,
    pub(crate) fields: Vec<Field>,
    /// What clients set: description, labels, partitioning, clustering, expiration …
    pub(crate) set: Map<String, Value>,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
    pub(crate) modified: i64,
    /// Grows with every change.
    pub(crate) version: u64,
    /// Rows that were counted only.
    pub(crate) counted: u64,
}

#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) location: String,
    pub(crate) set: Map<String, Value>,
    pub(crate) created: i64,
}

/// What tests set.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Bytes that a row of a load job may have.
    pub(crate) row_bytes: usize,
    /// How often a job is asked for while it is `PENDING` and while it is `RUNNING`.
    pub(crate) pace: (u32, u32),
    /// Rows of load jobs are counted and thrown away.
    pub(crate) is_counting: bool,
    /// Permissions that the caller lacks.
    pub(crate) denied: BTreeSet<String>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) project: String,
    pub(crate) accounts: Accounts,
    pub(crate) settings: Settings,
    pub(crate) datasets: BTreeMap<(String, String), Dataset>,
    pub(crate) tables: BTreeMap<TableName, Table>,
    pub(crate) jobs: BTreeMap<JobName, Job>,
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) requests: HashMap<String, JobName>,
    pub(crate) store: Store,
    /// Milliseconds by which the gate's clock is ahead.
    pub(crate) ahead: i64,
    serial: u64,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table {}:{}.{}", self.project, self.dataset, self.table)
    }
}

impl TableName {
    /// From a `TableReference`.
    pub(crate) fn of(reference: &Value) -> Outcome<Self> {
        let text = |key: &str| match reference[key].as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => {
                Err(Refusal::new(400, "required", format!("Required parameter is missing: {key}")))
            }
        };
        let table = text("tableId")?;
        if table.contains('$') {
            return Err(Refusal::invalid(format!("the gate has no partition decorators: {table}")));
        }
        Ok(TableName { project: text("projectId")?, dataset: text("datasetId")?, table })
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "projectId": self.project, "datasetId": self.dataset, "tableId": self.table })
    }

    pub(crate) fn dataset(&self) -> (String, String) {
        (self.project.clone(), self.dataset.clone())
    }
}

impl World {
    pub(crate) fn new(url: &str, project: &str) -> Self {
        let denied = BTreeSet::new();
        let settings = Settings { row_bytes: 100 << 20, pace: (0, 1), is_counting: false, denied };
        World {
            url: url.to_owned(),
            project: project.to_owned(),
            accounts: Accounts::new(url),
            settings,
            datasets: BTreeMap::new(),
            tables: BTreeMap::new(),
            jobs: BTreeMap::new(),
            sessions: HashMap::new(),
            requests: HashMap::new(),
            store: Store::new(),
            ahead: 0,
            serial: 0,
        }
    }

    /// Milliseconds since 1970, by the gate's clock.
    pub(crate) fn now(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond() + self.ahead
    }

    /// The header `Date`, by the gate's clock.
    pub(crate) fn date(&self) -> String {
        let now = jiff::Timestamp::from_millisecond(self.now()).expect("a time within reason");
        now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// A number that nothing else has.
    pub(crate) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Answers a request that came whole.
    pub(crate) fn answer(&mut self, asked: Asked) -> Answer {
        let now = self.now();
        let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
        match asked.call.name {
            "token" => return self.accounts.token(&asked.body, now / 1_000),
            "metadata" => {
                let flavor = header("metadata-flavor");
                return self.accounts.metadata(
                    &asked.call.table,
                    flavor,
                    &self.project,
                    now / 1_000,
                );
            }
            "sts" => return self.accounts.exchange(&asked.body, now / 1_000),
            "subject" => return super::oauth::subject(header("x-who")),
            "act" => {
                let (account, header) = (&asked.call.table, header("authorization"));
                return self.accounts.act(account, header, &asked.body, now / 1_000);
            }
            "" => return Answer::html(404),
            _ => {}
        }
        // The URI of an upload's session is a secret of its own.
        if !matches!(asked.call.name, "upload.put" | "upload.ask")
            && let Err(answer) = self.accounts.admit(header("authorization"), now / 1_000)
        {
            return answer;
        }
        self.expire(now);
        self.granted(asked).unwrap_or_else(|refusal| refusal.answer())
    }

    fn granted(&mut self, asked: Asked) -> Outcome {
        let call = &asked.call;
        let (permission, resource) = match call.name {
            "datasets.insert" => ("bigquery.datasets.create", format!("Project {}", call.project)),
            "datasets.get" | "datasets.list" => ("bigquery.datasets.get", self.shown(call)),
            "datasets.delete" => ("bigquery.datasets.delete", self.shown(call)),
            "datasets.patch" | "datasets.update" => ("bigquery.datasets.update", self.shown(call)),
            "tables.get" => ("bigquery.tables.get", self.shown(call)),
            "tables.list" => ("bigquery.tables.list", self.shown(call)),
            "tables.insert" => ("bigquery.tables.create", self.shown(call)),
            "tables.patch" | "tables.update" => ("bigquery.tables.update", self.shown(call)),
            "tables.delete" => ("bigquery.tables.delete", self.shown(call)),
            "tabledata.list" => ("bigquery.tables.getData", self.shown(call)),
            "jobs.insert" | "jobs.query" | "upload.multipart" | "upload.open" => {
                ("bigquery.jobs.create", format!("Project {}", call.project))
            }
            "jobs.get" | "jobs.getQueryResults" => {
                ("bigquery.jobs.get", format!("Job {}", call.job))
            }
            "jobs.list" => ("bigquery.jobs.list", format!("Project {}", call.project)),
            "jobs.cancel" => ("bigquery.jobs.update", format!("Job {}", call.job)),
            "jobs.delete" => ("bigquery.jobs.delete", format!("Job {}", call.job)),
            _ => ("", String::new()),
        };
        self.permit(permission, &resource)?;
        self.called(asked)
    }

    fn shown(&self, call: &super::route::Call) -> String {
        match call.table.as_str() {
            "" => format!("Dataset {}:{}", call.project, call.dataset),
            table => format!("Table {}:{}.{table}", call.project, call.dataset),
        }
    }

    /// Refuses what the caller has no permission for, in Google's words.
    pub(crate) fn permit(&self, permission: &str, resource: &str) -> Outcome<()> {
        if !self.settings.denied.contains(permission) {
            return Ok(());
        }
        let on = resource.to_lowercase();
        Err(Refusal::new(
            403,
            "accessDenied",
            format!(
                "Access Denied: {resource}: Permission {permission} denied on {on} (or it may not exist)."
            ),
        ))
    }

    fn called(&mut self, asked: Asked) -> Outcome {
        let call = &asked.call;
        match call.name {
            "datasets.insert" => {
                let body = contract::parse("Dataset", &asked.body)?;
                self.make_dataset(&call.project, body)
            }
            "datasets.get" => self.dataset_answer(&call.project, &call.dataset),
            "datasets.list" => Ok(self.list_datasets(call)),
            "datasets.delete" => self.delete_dataset(call),
            "tables.insert" => {
                let body = contract::parse("Table", &asked.body)?;
                self.make_table(call, body)
            }
            "tables.get" => self.table_answer(&self.named(call)),
            "tables.list" => self.list_tables(call),
            "tables.patch" | "tables.update" => {
                let body = contract::parse("Table", &asked.body)?;
                let tag = asked.headers.get("if-match").and_then(|tag| tag.to_str().ok());
                self.patch_table(&self.named(call), body, tag)
            }
            "tables.delete" => self.delete_table(&self.named(call)),
            "tabledata.list" => self.list_rows(call),
            "jobs.insert" => self.plain_job(&asked),
            "upload.multipart" => self.multipart(&asked),
            "upload.open" => self.open_session(&asked),
            "upload.put" => Ok(self.put(&asked)),
            "upload.ask" => Ok(self.ask(&asked)),
            "jobs.get" => self.get_job(call),
            "jobs.list" => Ok(self.list_jobs(call)),
            "jobs.cancel" => self.cancel_job(call),
            "jobs.delete" => self.delete_job(call),
            "jobs.query" => self.query_now(&asked),
            "jobs.getQueryResults" => self.query_results(call),
            name => {
                Err(Refusal::new(501, "notImplemented", format!("the gate does not know {name}")))
            }
        }
    }

    pub(crate) fn named(&self, call: &super::route::Call) -> TableName {
        let (project, dataset, table) =
            (call.project.clone(), call.dataset.clone(), call.table.clone());
        TableName { project, dataset, table }
    }

    pub(crate) fn table(&self, name: &TableName) -> Outcome<&Table> {
        let dataset = self.datasets.get(&name.dataset());
        dataset.ok_or_else(|| {
            Refusal::not_found(format!("Dataset {}:{}", name.project, name.dataset))
        })?;
        self.tables.get(name).ok_or_else(|| Refusal::not_found(name.to_string()))
    }

    /// Does `work`, or nothing of it.
    pub(crate) fn atomically<T, E: From<Refusal>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let tables = self.tables.clone();
        self.store.run("SAVEPOINT work")?;
        let done = work(self);
        if done.is_err() {
            self.store.run("ROLLBACK TO work")?;
            self.tables = tables;
        }
        self.store.run("RELEASE work")?;
        done
    }

    /// Makes a table without rows.
    pub(crate) fn create(
        &mut self,
        name: &TableName,
        fields: Vec<Field>,
        set: Map<String, Value>,
    ) -> Outcome<()> {
        if !self.datasets.contains_key(&name.dataset()) {
            return Err(Refusal::not_found(format!("Dataset {}:{}", name.project, name.dataset)));
        }
        let (id, now) = (self.next(), self.now());
        self.store.create(id, &fields)?;
        let table = Table { id, fields, set, created: now, modified: now, version: 1, counted: 0 };
        if let Some(old) = self.tables.insert(name.clone(), table) {
            self.store.drop(old.id)?;
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &TableName) -> Outcome<()> {
        match self.tables.remove(name) {
            Some(table) => self.store.drop(table.id),
            None => Err(Refusal::not_found(name.to_string())),
        }
    }

    /// The table changes; answers it with its new version.
    pub(crate) fn touch(&mut self, name: &TableName) -> Outcome<&mut Table> {
        let now = self.now();
        let table =
            self.tables.get_mut(name).ok_or_else(|| Refusal::not_found(name.to_string()))?;
        table.modified = now;
        table.version += 1;
        Ok(table)
    }

    /// Gives a table other columns.
    pub(crate) fn reshape(&mut self, name: &TableName, fields: Vec<Field>) -> Outcome<()> {
        let table = self.table(name)?;
        self.store.reshape(table.id, &table.fields, &fields)?;
        self.touch(name)?.fields = fields;
        Ok(())
    }

    /// Adds rows whose values are in their form.
    pub(crate) fn append(&mut self, name: &TableName, rows: Vec<Row>) -> Outcome<()> {
        let table = self.table(name)?;
        self.store.insert(table.id, &table.fields, rows.into_iter())?;
        self.touch(name).map(|_| ())
    }

    pub(crate) fn rows_of(&self, name: &TableName) -> Outcome<Vec<Row>> {
        let table = self.table(name)?;
        self.store.rows(table.id, &table.fields)
    }

    pub(crate) fn count(&self, table: &Table) -> u64 {
        self.store.count(table.id) + table.counted
    }

    /// Tables whose time has come by then are gone.
    pub(crate) fn expire(&mut self, now: i64) {
        let is_over = |table: &Table| {
            let end = table.set.get("expirationTime").and_then(Value::as_str);
            end.and_then(|end| end.parse::<i64>().ok()).is_some_and(|end| end <= now)
        };
        let over = self.tables.iter().filter(|(_, table)| is_over(table));
        let over: Vec<TableName> = over.map(|(name, _)| name.clone()).collect();
        for name in over {
            self.remove(&name).expect("it was just seen");
        }
    }
}
