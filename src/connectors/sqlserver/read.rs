//! Reads one split: one statement, decoded on a task of its own while rows still arrive.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;

use super::batch::Batch;
use super::filter;
use super::options::SourceOptions;
use super::piece::{Piece, clause};
use super::reading::Reading;
use super::relation::Relation;
use super::sessions::{Lent, Sessions};
use crate::connectors::underway::{Left, batches};
use crate::error::{Error, Result};
use crate::memory::Reservation;
use crate::source::{BatchStream, Refuse, Want};

/// What a read needs to know.
#[derive(Debug)]
pub(super) struct Job {
    label: String,
    place: String,
    /// The statement that is sent.
    pub(super) sql: String,
    readings: Vec<Reading>,
    batch_rows: usize,
    refuse: Arc<dyn Refuse>,
    /// How to look at the relation again, and what it must still be.
    same: Option<(SourceOptions, String)>,
}

impl Job {
    /// The read of `piece`; `described` is how the relation is looked at again, where nothing
    /// keeps it as it is.
    pub(super) fn new(
        relation: &Relation,
        piece: &Piece,
        want: &Want,
        described: Option<SourceOptions>,
    ) -> Result<Self> {
        let readings = match &want.columns {
            None => relation.readings.clone(),
            Some(columns) => {
                let wanted = columns.iter().map(|index| relation.readings.get(*index).cloned());
                wanted
                    .collect::<Option<_>>()
                    .ok_or_else(|| Error::bug("a column is wanted that is not"))?
            }
        };
        Ok(Job {
            label: relation.label.clone(),
            place: format!("{} {}", relation.label, piece.split.id),
            sql: statement(relation, piece, &readings, want),
            readings,
            batch_rows: want.batch_rows.max(1),
            refuse: Arc::clone(&want.refuse),
            same: described.map(|options| (options, relation.fingerprint())),
        })
    }

    /// Makes sure that the relation is still what it was when it was frozen.
    async fn check(&self, lent: &mut Lent) -> Result<()> {
        let Some((options, expected)) = &self.same else { return Ok(()) };
        if Relation::describe(lent.session(), options).await?.fingerprint() == *expected {
            return Ok(());
        }
        Err(Error::conflict(format!("`{}` changed while it was being read", self.label))
            .hint("run again: the load starts over with the columns that there are now"))
    }
}

/// The statement that gives the rows of `piece`.
fn statement(relation: &Relation, piece: &Piece, readings: &[Reading], want: &Want) -> String {
    let mut selects: Vec<_> = readings.iter().map(|reading| reading.select.as_str()).collect();
    if selects.is_empty() {
        selects.push("1");
    }
    let mut conditions = piece.conditions.clone();
    conditions.extend(want.filters.iter().filter_map(|f| filter::condition(relation, f)));
    let top = want.limit.map(|rows| format!("top ({rows}) ")).unwrap_or_default();
    format!("select {top}{} from {}{}", selects.join(", "), relation.from, clause(&conditions))
}

/// Starts the read; the task ends with the stream, and its session with it unless the read came to
/// its end.
pub(super) async fn start(
    job: Job,
    sessions: &Arc<Sessions>,
    held: Box<dyn Reservation>,
) -> Result<BatchStream> {
    let lent = sessions.lend().await?;
    let sessions = Arc::clone(sessions);
    Ok(batches(
        Left::CutOff,
        |sender| async move { run(&job, lent, &sessions, held, &sender).await },
    ))
}

async fn run(
    job: &Job,
    mut lent: Lent,
    sessions: &Sessions,
    mut held: Box<dyn Reservation>,
    sender: &mpsc::Sender<RecordBatch>,
) -> Result<()> {
    job.check(&mut lent).await?;
    let what = format!("could not read `{}`", job.label);
    let longest = lent.session().longest();
    let mut rows = lent.session().stream(&what, &job.sql).await?;
    let (mut batch, mut number) = (Batch::new(&job.readings, longest), 0_u64);
    while let Some(row) = rows.next().await? {
        number += 1;
        batch.push(row, || format!("{} row {number}", job.place), job.refuse.as_ref())?;
        if !batch.is_full(job.batch_rows) {
            continue;
        }
        let full = std::mem::replace(&mut batch, Batch::new(&job.readings, longest));
        // A batch of refused rows is nothing to hand on.
        if full.is_empty() {
            continue;
        }
        let full = full.finish()?;
        // This batch, the one that waits, and the one that is made next.
        held.resize(full.get_array_memory_size().saturating_mul(3))?;
        if sender.send(full).await.is_err() {
            return Ok(());
        }
    }
    drop(rows);
    if !batch.is_empty() {
        let _ = sender.send(batch.finish()?).await;
    }
    sessions.give_back(lent).await
}
