//! What stands in for a snapshot: the statement of each split, sent when it is read.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::fit::Fitter;
use super::source::Plan;
use super::{lanes, source, statement, thread};
use crate::connectors::connectorx::options::Rows;
use crate::connectors::connectorx::server::Server;
use crate::error::{Error, Result};
use crate::source::{BatchStream, Snapshot, SnapshotId, Split, Want};

/// A table or query whose columns are known.
#[derive(Debug)]
pub(super) struct Frozen {
    id: SnapshotId,
    plan: Arc<Plan>,
    schema: SchemaRef,
    splits: Vec<Split>,
    conditions: Vec<Option<String>>,
}

impl Frozen {
    /// One split for each of `conditions`.
    pub(super) fn new(
        id: SnapshotId,
        plan: Arc<Plan>,
        schema: SchemaRef,
        conditions: Vec<Option<String>>,
    ) -> Self {
        let split = |number| Split { id: format!("{number:06}"), rows: None, bytes: None };
        let splits = (0..conditions.len()).map(split).collect();
        Frozen { id, plan, schema, splits, conditions }
    }

    /// The statement for some columns of a split, and which of its columns these are.
    fn statement(&self, split: usize, columns: &[usize]) -> Result<Sent> {
        let wanted = &self.plan.wanted;
        let condition = self.conditions.get(split).and_then(Option::as_deref);
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        // A query is sent as it was written wherever that is possible.
        let as_written = matches!(wanted.rows, Rows::Query(_))
            && condition.is_none()
            && wanted.as_text.is_empty();
        // Rows without columns are counted by the first one.
        let first = all.get(..1).unwrap_or_default();
        let read = match columns {
            _ if as_written => all.as_slice(),
            [] => first,
            _ => columns,
        };
        let position = |at: &usize| read.iter().position(|known| known == at);
        let schema = self.schema.project(read).map_err(lost)?;
        let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let sql = match as_written {
            true => statement::plain(wanted),
            false => statement::select(wanted, &names, condition),
        };
        Ok(Sent { sql, schema, columns: columns.iter().filter_map(position).collect() })
    }
}

/// What is sent, and what comes back.
struct Sent {
    sql: String,
    schema: Schema,
    /// The columns that are wanted, as indexes into `schema`.
    columns: Vec<usize>,
}

#[async_trait]
impl Snapshot for Frozen {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn notes(&self) -> Vec<String> {
        let view = match self.splits.len() {
            1 => {
                "connectorx reads it with one query, as the rows are when that begins; nothing is \
                  frozen, and a second read may find other rows"
            }
            _ => {
                "connectorx reads each split with a query of its own, not one point in time: rows \
                  that are added, deleted or given another key meanwhile may be there or not"
            }
        };
        let killed = "nothing is kept for a later run: a load that is killed starts over";
        let mut notes = vec![view.to_owned(), killed.to_owned()];
        notes.extend(trust(self.plan.wanted.server).map(str::to_owned));
        notes
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let Some(at) = self.splits.iter().position(|known| known.id == split.id) else {
            return Err(Error::bug(format!("there is no split `{}`", split.id)));
        };
        let all = (0..self.schema.fields().len()).collect();
        let Sent { sql, schema, columns } =
            self.statement(at, want.columns.as_ref().unwrap_or(&all))?;
        let mut fitter = Fitter {
            schema: Arc::new(schema),
            label: self.plan.wanted.rows.label(),
            split: split.id.clone(),
            refuse: Arc::clone(&want.refuse),
            seen: 0,
        };
        let plan = Arc::clone(&self.plan);
        let reading = Reading::new(Arc::clone(&plan));
        let mark = reading.mark.clone();
        let batch_rows = want.batch_rows.min(self.plan.wanted.batch_rows).max(1);
        let mut left = want.limit.unwrap_or(usize::MAX);
        let rows = thread::batches(move |send| {
            if left == 0 {
                return Ok(());
            }
            let place = plan.place();
            let read =
                lanes::Statement { sql: &sql, batch_rows: batch_rows.min(left), mark: &mark };
            let mut give = |arrays: Vec<ArrayRef>, rows: usize| -> Result<bool> {
                let batch = fitter.batch(&arrays, rows)?;
                let batch = batch.slice(0, batch.num_rows().min(left));
                left -= batch.num_rows();
                let wanted = batch.project(&columns).map_err(lost)?;
                // A batch of refused rows is nothing to hand on.
                let more = (wanted.num_rows() == 0 || send(wanted)) && left > 0;
                if !more {
                    lanes::cancel(&place, &mark)?;
                }
                Ok(more)
            };
            lanes::rows(&place, read, &mut give)
        })?;
        Ok(stream::unfold((rows, reading), async |(mut rows, mut reading)| {
            let batch = rows.next().await;
            reading.is_over = batch.is_none();
            batch.map(|batch| (batch, (rows, reading)))
        })
        .boxed())
    }
}

/// A read that somebody waits for. When nobody does any more, the server is told, because the
/// thread that reads may wait for its first row.
struct Reading {
    plan: Arc<Plan>,
    mark: String,
    is_over: bool,
}

impl Reading {
    fn new(plan: Arc<Plan>) -> Self {
        let mark = source::fresh_id(&plan.wanted).0;
        Reading { plan, mark, is_over: false }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.is_over {
            let (plan, mark) = (Arc::clone(&self.plan), std::mem::take(&mut self.mark));
            // Where it fails, the thread still finds out with its next batch.
            drop(thread::apart(move || lanes::cancel(&plan.place(), &mark)));
        }
    }
}

/// What a person should know of the way to a server, if it is not checked who answers.
fn trust(server: Server) -> Option<&'static str> {
    match server {
        Server::Postgres => Some(
            "connectorx does not check who the server is unless `url` has `sslmode=require` and \
             `sslrootcert`",
        ),
        Server::MySql => Some(
            "connectorx does not encrypt unless `url` has `ssl-mode=VERIFY_IDENTITY` or another \
             mode",
        ),
        Server::SqlServer => Some("connectorx does not encrypt unless `url` has `encrypt=true`"),
        Server::ClickHouse => Some("connectorx does not encrypt unless `url` has `protocol=https`"),
        Server::Oracle | Server::Sqlite | Server::Trino => None,
    }
}

fn lost(error: arrow::error::ArrowError) -> Error {
    Error::bug("a column was asked for that is not there").at("arrow", error)
}
