//! Reads splits of a frozen SQLite database.
//!
//! A range of rowids is read batch by batch, each with a statement of its own that goes on after
//! the last rowid: between batches no reader is held. What has no rowids is one statement, which
//! keeps its reader to the end.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use tokio::sync::mpsc;

use super::batch::Batch;
use super::cursor::Window;
use super::pool::{Lent, Pool};
use super::quote::identifier;
use super::source::blocking;
use super::split::{Range, clause};
use super::table::Table;
use super::{error, filter};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::source::{BatchStream, Refuse, Snapshot, SnapshotId, Split, Want, Watermark};

/// A table, view or query in one state of its database.
#[derive(Debug)]
pub(super) struct Frozen {
    id: SnapshotId,
    table: Table,
    window: Window,
    splits: Vec<Split>,
    ranges: Vec<Range>,
    pool: Pool,
    memory: Arc<dyn Memory>,
}

impl Frozen {
    /// The view of `table` that the readers in `pool` see; long values draw from `memory`.
    pub(super) fn new(
        id: SnapshotId,
        table: Table,
        window: Window,
        splits: Vec<(Split, Range)>,
        (pool, memory): (Pool, Arc<dyn Memory>),
    ) -> Self {
        let (splits, ranges) = splits.into_iter().unzip();
        Frozen { id, table, window, splits, ranges, pool, memory }
    }
}

#[async_trait]
impl Snapshot for Frozen {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn high(&self) -> Option<&Watermark> {
        self.window.high.as_ref()
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let Some(at) = self.splits.iter().position(|known| known.id == split.id) else {
            return Err(Error::bug(format!("there is no split `{}`", split.id)));
        };
        let memory = Arc::clone(&self.memory);
        let job = Job::new(&self.table, &self.window, self.ranges[at], want, memory)?;
        let job = Arc::new(job);
        let pool = self.pool.clone();
        Ok(match job.rowid {
            Some(_) => by_rowid(job, pool).boxed(),
            None => stream::once(one_statement(job, pool)).try_flatten().boxed(),
        })
    }
}

/// One read of one split.
#[derive(Debug)]
struct Job {
    file: String,
    label: String,
    rowid: Option<&'static str>,
    range: Range,
    sql: String,
    values: Vec<Value>,
    schema: SchemaRef,
    batch_rows: usize,
    limit: usize,
    refuse: Arc<dyn Refuse>,
    memory: Arc<dyn Memory>,
}

impl Job {
    fn new(
        table: &Table,
        window: &Window,
        range: Range,
        want: &Want,
        memory: Arc<dyn Memory>,
    ) -> Result<Self> {
        let columns = want.columns.clone();
        let columns = columns.unwrap_or_else(|| (0..table.schema.fields().len()).collect());
        let schema = table
            .schema
            .project(&columns)
            .map_err(|e| Error::bug("a column was asked for that is not there").at("arrow", e))?;
        let schema = Arc::new(schema);
        let (sql, values) = statement(table, window, &schema, want);
        Ok(Job {
            file: table.file.clone(),
            label: table.label.clone(),
            rowid: table.rowid,
            range,
            sql,
            values,
            schema,
            batch_rows: want.batch_rows.max(1),
            limit: want.limit.unwrap_or(usize::MAX),
            refuse: Arc::clone(&want.refuse),
            memory,
        })
    }

    fn batch(&self) -> Result<Batch> {
        Batch::new(&self.schema, self.memory.reserve("sqlite reader"))
    }

    fn sqlite(&self, e: &rusqlite::Error) -> Error {
        error::of(&self.file, e)
    }
}

/// The statement for a read, and its parameters apart from the range and the limit.
fn statement(
    table: &Table,
    window: &Window,
    schema: &SchemaRef,
    want: &Want,
) -> (String, Vec<Value>) {
    let mut names: Vec<String> =
        schema.fields().iter().map(|field| identifier(field.name())).collect();
    let mut conditions = window.conditions.clone();
    let mut values = window.values.clone();
    let Some(rowid) = table.rowid else {
        if names.is_empty() {
            names.push("1".to_owned());
        }
        // Rows are counted for their place, so that none may be left out by a filter.
        let sql = format!("select {} from {}{}", names.join(", "), table.from, clause(&conditions));
        return (sql, values);
    };
    for (condition, value) in want.filters.iter().filter_map(|f| filter::condition(table, f)) {
        conditions.push(condition);
        values.extend(value);
    }
    names.insert(0, rowid.to_owned());
    conditions.push(format!("{rowid} between ? and ?"));
    let sql = format!(
        "select {} from {} not indexed{} order by {rowid} limit ?",
        names.join(", "),
        table.from,
        clause(&conditions)
    );
    (sql, values)
}

/// Where a read by rowid stands.
struct Cursor {
    job: Arc<Job>,
    pool: Pool,
    /// The lowest rowid still to be read; `None` at the end.
    low: Option<i64>,
    /// Rows that may still be given out.
    left: usize,
}

fn by_rowid(job: Arc<Job>, pool: Pool) -> impl Stream<Item = Result<RecordBatch>> {
    let (low, left) = (Some(job.range.low), job.limit);
    stream::try_unfold(Cursor { job, pool, low, left }, |mut cursor| async move {
        while let (Some(low), 1..) = (cursor.low, cursor.left) {
            let (job, lent) = (Arc::clone(&cursor.job), cursor.pool.lend().await?);
            let rows = job.batch_rows.min(cursor.left);
            let (batch, next) = blocking(move || rows_from(&lent, &job, low, rows)).await?;
            cursor.low = next;
            cursor.left -= batch.num_rows();
            // A batch of refused rows is nothing to hand on.
            if batch.num_rows() > 0 {
                return Ok(Some((batch, cursor)));
            }
        }
        Ok(None)
    })
}

/// Up to `rows` rows from the rowid `low` on, and the rowid to go on from.
fn rows_from(
    connection: &Connection,
    job: &Job,
    low: i64,
    rows: usize,
) -> Result<(RecordBatch, Option<i64>)> {
    let sqlite = |e: rusqlite::Error| job.sqlite(&e);
    let limit = i64::try_from(rows).unwrap_or(i64::MAX);
    let range = [low, job.range.high, limit].map(Value::Integer);
    let mut statement = connection.prepare_cached(&job.sql).map_err(sqlite)?;
    let values = params_from_iter(job.values.iter().chain(&range));
    let mut found = statement.query(values).map_err(sqlite)?;
    let mut batch = job.batch()?;
    let mut last = None;
    while let Some(row) = found.next().map_err(sqlite)? {
        let rowid: i64 = row.get(0).map_err(sqlite)?;
        batch.push(
            row,
            1,
            || format!("{}: {} rowid {rowid}", job.file, job.label),
            job.refuse.as_ref(),
        )?;
        last = Some(rowid);
        if batch.is_full(rows) {
            break;
        }
    }
    let next = last.filter(|_| batch.is_full(rows)).and_then(|rowid| rowid.checked_add(1));
    let next = next.filter(|low| *low <= job.range.high);
    Ok((batch.finish()?, next))
}

/// Runs the one statement of a read on a thread of its own, which waits for whoever reads.
async fn one_statement(job: Arc<Job>, pool: Pool) -> Result<BatchStream> {
    let lent = pool.lend().await?;
    let (sender, receiver) = mpsc::channel(1);
    let worker = tokio::task::spawn_blocking(move || send_all(&lent, &job, &sender));
    let state = (receiver, Some(worker));
    let batches = stream::try_unfold(state, |(mut receiver, mut worker)| async move {
        if let Some(batch) = receiver.recv().await {
            return Ok(Some((batch, (receiver, worker))));
        }
        // No more batches: only the worker knows whether that is the end.
        if let Some(worker) = worker.take() {
            let ended = worker.await;
            ended.map_err(|e| Error::bug("reading SQLite ended early").at("task", e))??;
        }
        Ok(None)
    });
    Ok(batches.boxed())
}

fn send_all(connection: &Lent, job: &Job, sender: &mpsc::Sender<RecordBatch>) -> Result<()> {
    let sqlite = |e: rusqlite::Error| job.sqlite(&e);
    let mut statement = connection.prepare(&job.sql).map_err(sqlite)?;
    let mut found = statement.query(params_from_iter(&job.values)).map_err(sqlite)?;
    let (mut number, mut left) = (0_u64, job.limit);
    let mut batch = job.batch()?;
    while left > batch.kept() {
        let Some(row) = found.next().map_err(sqlite)? else { break };
        number += 1;
        batch.push(
            row,
            0,
            || format!("{}: {} row {number}", job.file, job.label),
            job.refuse.as_ref(),
        )?;
        if batch.is_full(job.batch_rows) {
            left -= batch.kept();
            let full = std::mem::replace(&mut batch, job.batch()?);
            // Nobody reads any more: the end.
            if sender.blocking_send(full.finish()?).is_err() {
                return Ok(());
            }
        }
    }
    if batch.kept() > 0 {
        let _ = sender.blocking_send(batch.finish()?);
    }
    Ok(())
}
