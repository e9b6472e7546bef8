//! Reads one split: a SELECT, decoded on a task of its own while rows still arrive.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;

use super::filter;
use super::frozen::Frozen;
use super::piece::{Piece, clause};
use super::relation::Relation;
use super::sessions::{Lent, Sessions};
use super::warning;
use crate::connectors::mysql::decode::{Decoder, Reading};
use crate::connectors::mysql::error;
use crate::connectors::mysql::options::SourceOptions;
use crate::connectors::mysql::wire::Failure;
use crate::connectors::underway::{Left, batches};
use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};
use crate::source::{BatchStream, Refuse, Want};

/// What a read needs to know.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Job {
    label: String,
    place: String,
    /// The statement that is sent.
    pub(super) sql: String,
    /// How the columns arrive; none when only the number of rows is wanted.
    readings: Vec<Reading>,
    batch_rows: usize,
    refuse: Arc<dyn Refuse>,
    /// How to look at the relation again, and what it must still be.
    same: Option<(SourceOptions, String)>,
}

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the last row.
    Last,
    /// Nobody wants the rest.
    GivenUp,
}

impl Job {
    /// The read of `piece`.
    ///
    /// # Errors
    /// When a column is wanted that is not there.
    pub(in crate::connectors::mysql) fn new(
        frozen: &Frozen,
        piece: &Piece,
        want: &Want,
    ) -> Result<Self> {
        let relation = &frozen.relation;
        let all: Vec<usize> = (0..relation.readings.len()).collect();
        let columns = want.columns.as_ref().unwrap_or(&all);
        let missing = || Error::bug("a column is wanted that is not");
        let readings = columns.iter().map(|index| relation.readings.get(*index).cloned());
        let selects = columns.iter().map(|index| relation.select(*index));
        let selects: Vec<_> = selects.collect::<Option<_>>().ok_or_else(missing)?;
        Ok(Job {
            label: relation.label.clone(),
            place: format!("{} {}", relation.label, piece.split.id),
            sql: statement(frozen, piece, &selects, want),
            readings: readings.collect::<Option<_>>().ok_or_else(missing)?,
            batch_rows: want.batch_rows.max(1),
            refuse: Arc::clone(&want.refuse),
            same: frozen.described.clone().map(|options| (options, relation.fingerprint())),
        })
    }

    /// Makes sure that the relation is still what it was when it was frozen.
    async fn check(&self, lent: &mut Lent) -> Result<()> {
        let Some((options, expected)) = &self.same else { return Ok(()) };
        let now = Relation::describe(lent.connection()?, options).await?;
        if now.fingerprint() == *expected {
            return Ok(());
        }
        Err(Error::conflict(format!("`{}` changed while it was being read", self.label))
            .hint("run again: the load starts over with the columns that there are now"))
    }

    fn failed(&self, failure: Failure) -> Error {
        error::of(&format!("could not read `{}`", self.label), failure)
    }
}

/// The statement that gives the rows of `piece`.
fn statement(frozen: &Frozen, piece: &Piece, selects: &[String], want: &Want) -> String {
    let relation = &frozen.relation;
    let mut conditions = piece.conditions.clone();
    conditions.extend(want.filters.iter().filter_map(|f| filter::condition(relation, f)));
    let order = frozen.order.as_ref().map(|order| format!(" order by {order}"));
    let limit = want.limit.map(|rows| format!(" limit {rows}"));
    format!(
        "select {} from {}{}{}{}{}",
        if selects.is_empty() { "1".to_owned() } else { selects.join(", ") },
        relation.from,
        frozen.by,
        clause(&conditions),
        order.unwrap_or_default(),
        limit.unwrap_or_default(),
    )
}

/// Starts the read; a task goes on until its last row, or until nobody wants the rest.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when the snapshot is gone.
pub(in crate::connectors::mysql) async fn start(
    job: Job,
    sessions: &Arc<Sessions>,
    memory: &dyn Memory,
) -> Result<BatchStream> {
    let mut lent = sessions.lend().await?;
    lent.connection()?.draw_from(memory.reserve("mysql row"));
    let held = memory.reserve("mysql reader");
    let sessions = Arc::clone(sessions);
    Ok(batches(
        Left::Alone,
        |sender| async move { run(&job, lent, &sessions, held, &sender).await },
    ))
}

async fn run(
    job: &Job,
    mut lent: Lent,
    sessions: &Sessions,
    held: Box<dyn Reservation>,
    sender: &mpsc::Sender<RecordBatch>,
) -> Result<()> {
    job.check(&mut lent).await?;
    let refuse = Arc::clone(&job.refuse);
    let mut decoder = Decoder::new(&job.readings, job.batch_rows, &job.place, refuse);
    let connection = lent.connection()?;
    let id = connection.id();
    let mut rows = connection.rows(&job.sql).await.map_err(|e| job.failed(e))?;
    let outlet = Outlet { sender, held };
    let end = outlet.pour(job, &mut rows, &mut decoder).await?;
    if end == End::GivenUp {
        sessions.stop(id).await;
        // An error is the answer to having been stopped; all others are found with the next use.
        let _ = rows.skip().await;
    }
    let warnings = rows.warnings();
    drop(rows);
    if end == End::GivenUp && !is_in_step(&mut lent).await {
        return Ok(());
    }
    if end == End::Last && warnings > 0 {
        warning::refuse_cuts(lent.connection()?, &job.label).await?;
    }
    lent.give_back().await;
    Ok(())
}

/// Where batches go.
struct Outlet<'a> {
    sender: &'a mpsc::Sender<RecordBatch>,
    held: Box<dyn Reservation>,
}

impl Outlet<'_> {
    async fn pour(
        mut self,
        job: &Job,
        rows: &mut crate::connectors::mysql::wire::Rows<'_>,
        decoder: &mut Decoder,
    ) -> Result<End> {
        loop {
            let next = tokio::select! {
                biased;
                next = rows.next(decoder) => next.map_err(|e| job.failed(e))?,
                () = self.sender.closed() => return Ok(End::GivenUp),
            };
            let Some(batch) = next else { return Ok(End::Last) };
            // This batch, the one that waits, and the one that is made next.
            self.held.resize(batch.get_array_memory_size().saturating_mul(3))?;
            if self.sender.send(batch).await.is_err() {
                return Ok(End::GivenUp);
            }
        }
    }
}

/// Whether the session answers as it should after its statement was stopped: the word to stop may
/// come late, and then hits the next statement.
async fn is_in_step(lent: &mut Lent) -> bool {
    for _ in 0..2 {
        if let Ok(connection) = lent.connection()
            && connection.query("select 1").await.is_ok()
        {
            return true;
        }
    }
    false
}
