//! Publishes a load once: settles what an earlier process left, writes an intent, publishes it, and
//! makes it the mark.

use super::DorisSink;
use super::error::is_label_used;
use super::keys;
use super::label::Names;
use super::mark::{self, Attempt, Intent, Phase};
use super::publish::{self, Outcome};
use super::query::Session;
use super::stage::{self, at_places, found, gone, places};
use super::swap;
use super::table::{self, Column, Model, Table};
use crate::error::{Error, Kind, Result};
use crate::faults::point;
use crate::sink::{Load, Mark, Mode, Receipt};
use crate::source::Watermarks;

/// How often somebody else may come first.
const ROUNDS: usize = 20;

/// A load that is to be published.
#[derive(Debug)]
pub(super) struct Work<'a> {
    /// The sink.
    pub sink: &'a DorisSink,
    /// The load.
    pub load: &'a Load,
    /// Its names.
    pub names: Names,
    /// The target.
    pub target: Table,
    /// The table that has its rows.
    pub stage: String,
    /// The columns of the load, as the stage has them.
    pub columns: Vec<Column>,
    /// The places that its receipts name.
    pub places: Vec<String>,
    /// How many rows they name.
    pub rows: u64,
    /// How many bytes they took.
    pub bytes: u64,
    /// `database.table`, under which marks are kept.
    shown: String,
}

impl Work<'_> {
    /// Under which names marks are written.
    pub(super) fn marking(&self) -> (&Names, &str) {
        (&self.names, &self.shown)
    }

    /// Whether the mode puts a new table in the place of the target.
    fn swaps(&self) -> bool {
        let mode = &self.load.mode;
        matches!(mode, Mode::Truncate | Mode::Replace | Mode::DeleteInsert(_))
    }

    /// What became of an attempt.
    pub(super) async fn settle(&self, session: &mut Session, attempt: &Attempt) -> Result<Outcome> {
        match self.swaps() {
            true => swap::settle(self, session, attempt).await,
            false => publish::settle(self, session, attempt).await,
        }
    }

    /// Gives an attempt up; `false` when it may be published already.
    pub(super) async fn burn(&self, session: &mut Session, attempt: &Attempt) -> Result<bool> {
        match self.swaps() {
            true => swap::burn(self, session, attempt).await,
            false => publish::burn(self, session, attempt).await,
        }
    }

    async fn publish(&self, session: &mut Session, attempt: &Attempt) -> Result<()> {
        match self.swaps() {
            true => swap::publish(self, session, attempt).await,
            false => publish::publish(self, session, attempt).await,
        }
    }

    /// Publishes an attempt; whether it is published now.
    async fn carry_out(&self, session: &mut Session, attempt: &Attempt) -> Result<Outcome> {
        self.is_all_there(session).await?;
        point("doris.counted").await;
        match self.publish(session, attempt).await {
            // The statement itself is the proof; what took the target's place shows it as well.
            Ok(()) if !self.swaps() => Ok(Outcome::Published),
            Ok(()) => self.settle(session, attempt).await,
            Err(error) if is_label_used(&error) => self.settle(session, attempt).await,
            Err(error) => match self.settle(session, attempt).await? {
                Outcome::Published => Ok(Outcome::Published),
                Outcome::Open | Outcome::Burnt => Err(error),
            },
        }
    }

    /// Whether the stage has the rows that the receipts name.
    async fn is_all_there(&self, session: &mut Session) -> Result<()> {
        let condition = format!(" s where {}", at_places("s", &self.places));
        let there = match table::count(session, &self.stage, &condition).await {
            Err(error) if table::is_missing(&error) => return Err(gone(&self.stage)),
            there => there?,
        };
        match there == self.rows {
            true => Ok(()),
            false => Err(gone(&self.stage).at("expected", self.rows).at("there", there)),
        }
    }
}

/// Publishes what `staged` names, or answers the mark that is there already.
pub(super) async fn commit(
    sink: &DorisSink,
    load: &Load,
    staged: &[Receipt],
    high: &Watermarks,
) -> Result<Mark> {
    let mut session = sink.session().await?;
    for _ in 0..ROUNDS {
        let attempts = mark::attempts(&mut session, sink.names(load).key()).await?;
        if let Some(mark) = published(&attempts) {
            return Ok(mark);
        }
        let work = work(sink, load, staged, &mut session).await?;
        if work.swaps()
            && let Some(attempt) = swap::in_place(&work, &attempts)
        {
            return note(&work, &mut session, attempt).await;
        }
        let done = match attempts.last() {
            Some(last) if last.phase == Phase::Intended => {
                go_on(&work, &mut session, last, staged).await?
            }
            last => {
                begin(&work, &mut session, last, staged, high).await?;
                None
            }
        };
        if let Some(mark) = done {
            return Ok(mark);
        }
    }
    Err(Error::unavailable("others publish this load at the same time").at("load", &load.id))
}

/// The mark of the attempt that is published.
pub(super) fn published(attempts: &[Attempt]) -> Option<Mark> {
    let found = attempts.iter().find(|attempt| attempt.phase == Phase::Published);
    found.map(|attempt| attempt.intent.mark.clone())
}

/// What is known of the load and its tables.
pub(super) async fn work<'a>(
    sink: &'a DorisSink,
    load: &'a Load,
    staged: &[Receipt],
    session: &mut Session,
) -> Result<Work<'a>> {
    let names = sink.names(load);
    let stage = names.stage(load);
    let columns = match stage::columns(session, &stage).await {
        Ok(columns) => columns,
        // What is published already needs no stage; what is not is found to be gone.
        Err(error) if error.kind() == Kind::Conflict => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Work {
        sink,
        load,
        names,
        target: found(session, &sink.options.table).await?,
        stage,
        columns,
        places: places(staged)?,
        rows: staged.iter().map(|receipt| receipt.rows).sum(),
        bytes: staged.iter().map(|receipt| receipt.bytes).sum(),
        shown: sink.shown(),
    })
}

/// Writes the intent of a new attempt.
async fn begin(
    work: &Work<'_>,
    session: &mut Session,
    last: Option<&Attempt>,
    staged: &[Receipt],
    high: &Watermarks,
) -> Result<()> {
    work.is_all_there(session).await?;
    fits_model(&work.load.mode, &work.target)?;
    keys::check(session, (&work.stage, &work.places), &work.load.mode, &work.target).await?;
    let mark = Mark {
        load: work.load.id.clone(),
        rows: work.rows,
        watermarks: high.clone(),
        at: mark::now(),
    };
    let intent = Intent { mark, receipts: mark::digest(staged), seen: work.target.comment.clone() };
    let number = last.map_or(0, |last| last.number + 1);
    let attempt = Attempt { number, phase: Phase::Intended, intent };
    mark::intend(session, work.marking(), &attempt).await?;
    point("doris.intended").await;
    Ok(())
}

/// Goes on with an attempt that somebody has begun: settles, publishes or burns it. The mark, when
/// it is published.
async fn go_on(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
    staged: &[Receipt],
) -> Result<Option<Mark>> {
    let mut outcome = work.settle(session, attempt).await?;
    if outcome == Outcome::Open {
        if attempt.intent.receipts != mark::digest(staged) || is_overtaken(work, attempt) {
            // Of another snapshot, or made before the target was replaced: never to be published.
            work.burn(session, attempt).await?;
            return Ok(None);
        }
        outcome = work.carry_out(session, attempt).await?;
    }
    if outcome != Outcome::Published {
        return Ok(None);
    }
    note(work, session, attempt).await.map(Some)
}

/// Makes the intent of an attempt that is published the mark.
pub(super) async fn note(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<Mark> {
    mark::publish(session, work.marking(), attempt).await?;
    point("doris.noted").await;
    Ok(attempt.intent.mark.clone())
}

/// Whether the target was replaced since the intent was written.
fn is_overtaken(work: &Work<'_>, attempt: &Attempt) -> bool {
    work.swaps() && work.target.comment != attempt.intent.seen
}

/// Whether rows can be written in this mode into a table of this model.
///
/// # Errors
/// [`Kind::Config`] when rows would be lost or doubled.
pub(super) fn fits_model(mode: &Mode, target: &Table) -> Result<()> {
    let key: Vec<_> = target.key().collect();
    let (name, key) = (&target.name, key.join(", "));
    match (mode, target.model) {
        (Mode::Merge(wanted), Model::Unique) if !target.has_key(wanted) => {
            Err(Error::config(format!("the key of `{name}` is {key}, and not that of the mode"))
                .hint(format!("set `key: [{key}]`")))
        }
        (Mode::Merge(wanted), Model::Duplicate | Model::Aggregate) => {
            let wanted = wanted.join(", ");
            Err(Error::config(format!("`{name}` keeps every row of a key, so none can be merged"))
                .hint(format!(
                    "merge needs a table made with UNIQUE KEY ({wanted}); or use mode \
                     `delete+insert`"
                )))
        }
        (Mode::Append, Model::Unique) => Err(Error::config(format!(
            "appending to `{name}` would replace rows: it keeps one row of each key"
        ))
        .hint(format!("use mode `merge` with `key: [{key}]`"))),
        (Mode::DeleteInsert(_), Model::Aggregate) => {
            Err(Error::config(format!("`{name}` puts rows of one key together"))
                .hint("use mode `append`, `truncate` or `replace`"))
        }
        _ => Ok(()),
    }
}
