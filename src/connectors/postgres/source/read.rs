//! Reads one split: `COPY … TO STDOUT`, decoded on a task of its own while rows still arrive.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, pin_mut};
use tokio::sync::mpsc;

use super::filter;
use super::options::SourceOptions;
use super::piece::{Piece, clause};
use super::relation::{self, Relation};
use super::sessions::{Lent, Sessions};
use crate::connectors::postgres::decode::{Decoder, Intake, Passing, Reading};
use crate::connectors::postgres::error;
use crate::connectors::postgres::server::tap::{ROW_BYTES, payloads};
use crate::connectors::underway::{Left, batches};
use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};
use crate::source::{BatchStream, BlockStream, Refuse, Want};

/// What a read needs to know.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Job {
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
    /// The read of `piece`.
    pub(in crate::connectors::postgres) fn new(
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
    async fn check(&self, lent: &Lent) -> Result<()> {
        let Some((options, expected)) = &self.same else { return Ok(()) };
        if Relation::describe(lent.client()?, options).await?.fingerprint() == *expected {
            return Ok(());
        }
        Err(Error::conflict(format!("`{}` changed while it was being read", self.label))
            .hint("run again: the load starts over with the columns that there are now"))
    }

    fn failed(&self, error: &tokio_postgres::Error) -> Error {
        error::of(&format!("could not read `{}`", self.label), error)
    }
}

/// The statement that gives the rows of `piece`.
fn statement(relation: &Relation, piece: &Piece, readings: &[Reading], want: &Want) -> String {
    let selects: Vec<_> = readings.iter().map(|reading| reading.select.as_str()).collect();
    let mut conditions = piece.conditions.clone();
    conditions.extend(want.filters.iter().filter_map(|f| filter::condition(relation, f)));
    let limit = want.limit.map(|rows| format!(" limit {rows}")).unwrap_or_default();
    format!(
        "copy (select {} from {}{}{limit}) to stdout (format binary)",
        selects.join(", "),
        piece.from,
        clause(&conditions)
    )
}

/// Starts a read that decodes.
pub(in crate::connectors::postgres) async fn batches_of(
    job: Job,
    sessions: &Arc<Sessions>,
    memory: &dyn Memory,
) -> Result<BatchStream> {
    let refuse = Arc::clone(&job.refuse);
    let decoder = Decoder::new(&job.readings, job.batch_rows, &job.place, refuse);
    start(job, decoder, sessions, memory).await
}

/// Starts a read of rows as they come.
pub(in crate::connectors::postgres) async fn blocks_of(
    job: Job,
    sessions: &Arc<Sessions>,
    memory: &dyn Memory,
) -> Result<BlockStream> {
    let passing = Passing::new(job.readings.len(), &job.place);
    start(job, passing, sessions, memory).await
}

/// Starts a read; the task ends with the stream, and its session with it unless the read came to
/// its end.
async fn start<I: Intake>(
    job: Job,
    intake: I,
    sessions: &Arc<Sessions>,
    memory: &dyn Memory,
) -> Result<BoxStream<'static, Result<I::Piece>>> {
    let mut lent = sessions.lend().await?;
    let (held, most) = (memory.reserve("postgres reader"), most(memory));
    lent.copying()?.1.take_up_to(most);
    let sessions = Arc::clone(sessions);
    Ok(batches(Left::CutOff, |sender| async move {
        let outlet = Outlet { sender: &sender, held };
        run(&job, intake, lent, &sessions, most, outlet).await
    }))
}

/// The longest row that there is memory for: it is held twice while it is decoded.
fn most(memory: &dyn Memory) -> usize {
    let half = memory.limit().and_then(|bytes| usize::try_from(bytes / 2).ok());
    half.unwrap_or(ROW_BYTES).min(ROW_BYTES)
}

/// The error for a row that is longer.
fn too_long(label: &str, most: usize) -> Error {
    let in_parts = "leave the long value out, or read it in parts, with a `query`";
    let error = match most {
        ROW_BYTES => Error::data("a row has more than 1 GiB").hint(in_parts),
        most => Error::limit(format!("there is no memory for a row of more than {most} bytes"))
            .hint(format!("give more with `--memory`; or {in_parts}")),
    };
    error.at("relation", label)
}

/// Where pieces go, and the memory that is held for them.
struct Outlet<'a, I: Intake> {
    sender: &'a mpsc::Sender<I::Piece>,
    held: Box<dyn Reservation>,
}

impl<I: Intake> Outlet<'_, I> {
    /// Passes a piece on; `false` when nobody wants it.
    async fn pass(&mut self, piece: I::Piece) -> Result<bool> {
        // This piece, the one that waits, and the one that is made next.
        self.held.resize(I::bytes(&piece).saturating_mul(3))?;
        Ok(self.sender.send(piece).await.is_ok())
    }
}

async fn run<I: Intake>(
    job: &Job,
    mut intake: I,
    mut lent: Lent,
    sessions: &Sessions,
    most: usize,
    mut outlet: Outlet<'_, I>,
) -> Result<()> {
    job.check(&lent).await?;
    if !copy(job, &mut intake, &mut lent, most, &mut outlet).await? {
        return Ok(());
    }
    let last = intake.finish()?;
    // The locks are held by now, so that nothing can change any more: did it before?
    relation::unchanged(lent.client()?, &job.label).await?;
    if let Some(piece) = last {
        let _ = outlet.sender.send(piece).await;
    }
    sessions.give_back(lent).await
}

/// Takes all rows in; `false` when nobody wants more of them.
///
/// The driver's stream of the COPY ends here: as long as it is there, the session waits for somebody to
/// take what is left in it, which is how the COPY ended, and gives no other answer.
async fn copy<I: Intake>(
    job: &Job,
    intake: &mut I,
    lent: &mut Lent,
    most: usize,
    outlet: &mut Outlet<'_, I>,
) -> Result<bool> {
    let (client, blocks) = lent.copying()?;
    let copy = client.copy_out(&job.sql).await.map_err(|e| job.failed(&e))?;
    pin_mut!(copy);
    while let Some(block) = blocks.next().await {
        let mut rows = payloads(&block);
        while let Some(piece) = intake.push(&mut rows)? {
            if !outlet.pass(piece).await? {
                return Ok(false);
            }
        }
    }
    if blocks.has_refused() {
        return Err(too_long(&job.label, most));
    }
    // The rows went past the driver, which knows whether these were all.
    if let Some(end) = copy.next().await {
        end.map_err(|e| job.failed(&e))?;
        return Err(Error::bug("the driver was given rows of a COPY"));
    }
    Ok(true)
}
