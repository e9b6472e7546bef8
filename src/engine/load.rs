//! One load: settle what an earlier process left, freeze, stage every part, commit once.
//!
//! The rules that keep it exactly once, and who keeps them:
//!
//! 1. The mark goes in with the rows (the sink).
//! 2. `commit` returns the mark that is in the target, and the ledger copies it ([`finish`]).
//! 3. Every write stages in a place of its own; commit publishes only what receipts name (the sink).
//! 4. Receipts belong to a snapshot (the ledger), and they are read back from it, under its fence,
//!    before they are committed ([`run`]).
//! 5. A resumed load stays on its snapshot or starts over ([`Ledger::freeze`]).
//! 6. The window is closed before the first row is read (the source).
//! 7. A lease keeps two processes off one pipeline; 1 to 6 hold without it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::FutureExt;
use tokio::task::JoinSet;

use super::LoadReport;
use super::job::Job;
use super::reject::reject_load;
use super::task::{panicked, stage_part, stage_whole, tries};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::faults::{carry, point};
use crate::plan::PartStep;
use crate::sink::{Load, LoadId, Mark, Mode, Receipt, Sink};
use crate::state::{Frozen, Ledger, Staged};

/// What an earlier process left of a sink's loads in this run, put right before anything is read.
#[derive(Debug)]
pub(super) struct Settling<'a> {
    pub(super) pipeline: &'a str,
    pub(super) run: &'a str,
    pub(super) sink_name: &'a str,
    pub(super) ledger: &'a Ledger,
    pub(super) sink: &'a dyn Sink,
    pub(super) rejects: &'a dyn Sink,
}

impl Settling<'_> {
    /// A process that was killed after the target took the rows never told the ledger: ask the
    /// target, and finish that load with its own mark.
    pub(super) async fn settle(&self, load: impl FnOnce(LoadId) -> Load) -> Result<()> {
        let Some(entry) = self.ledger.newest(self.run, self.sink_name)? else { return Ok(()) };
        let load = load(entry.id);
        if entry.mark.is_some() {
            // Killed since, perhaps before it could clean up.
            self.sweep(&load).await;
            return Ok(());
        }
        let found = self.sink.inspect(&load).await?.mark;
        point("load.settled").await;
        let Some(mark) = found else { return Ok(()) };
        let left = self.ledger.left(&load.id)?;
        self.finish(&load, &mark, &left).await
    }

    /// Takes back what loads have staged that nobody will finish. A target that a killed process
    /// had published to without telling the ledger keeps its mark: such a load is settled, not
    /// swept.
    pub(super) async fn give_up(&self, load: impl Fn(LoadId) -> Load) -> Result<()> {
        for id in self.ledger.abandoned(self.pipeline, self.sink_name)? {
            let load = load(id);
            self.sink.sweep(&load).await?;
            let _ = self.rejects.sweep(&reject_load(&load)).await;
            point("load.given_up").await;
            self.ledger.give_up(&load.id)?;
        }
        Ok(())
    }

    /// Publishes the refused rows, tells the ledger what the target says, and cleans up.
    async fn finish(&self, load: &Load, mark: &Mark, staged: &[Staged]) -> Result<()> {
        let rejects: Vec<Receipt> = staged.iter().filter_map(|s| s.rejects.clone()).collect();
        if !rejects.is_empty() {
            let load = reject_load(load);
            self.rejects.commit(&load, &rejects, &Default::default()).await?;
        }
        point("rejects.committed").await;
        self.ledger.publish(self.pipeline, self.sink_name, mark)?;
        point("ledger.published").await;
        self.sweep(load).await;
        point("load.swept").await;
        Ok(())
    }

    /// Cleans up after a load that is published: what is left is only space.
    async fn sweep(&self, load: &Load) {
        if let Err(error) = self.sink.sweep(load).await {
            tracing::warn!(load = %load.id, %error, "could not remove what is no longer needed");
        }
        let _ = self.rejects.sweep(&reject_load(load)).await;
    }
}

/// Runs one load from its first split to its mark.
pub(super) async fn run(job: &Arc<Job>) -> Result<LoadReport> {
    let began = Instant::now();
    let entry = job.ledger.newest(&job.run, &job.step.sink)?;
    let same = entry.as_ref().is_some_and(|e| e.fingerprint == job.step.fingerprint);
    let id = match entry {
        Some(entry) if same && entry.mark.is_none() => entry.id,
        Some(entry) if same && entry.snapshot.as_ref() == Some(&job.snapshot) => {
            return Ok(skipped(job, &entry.id, entry.mark, began));
        }
        _ => job.ledger.begin_load(&job.run, &job.step.sink, &job.step.fingerprint)?,
    };
    point("load.begun").await;
    settling(job).give_up(|id| job.load(id)).await?;
    let load = job.load(id);
    let frozen = job.ledger.freeze(&load.id, &job.snapshot, &job.above())?;
    point("load.frozen").await;
    job.budget.count(refused(&frozen.kept));
    announce(job, &load, &frozen);
    job.sink.prepare(&load).await?;
    point("load.prepared").await;
    stage(job, &load, &frozen.kept).await?;
    point("load.staged").await;
    let staged = job.ledger.staged(&load.id, &job.snapshot)?;
    guard(job, &staged)?;
    let mark = commit(job, &load, &staged).await?;
    Ok(report(job, &staged, frozen.kept.len(), &mark, began))
}

async fn commit(job: &Arc<Job>, load: &Load, staged: &[Staged]) -> Result<Mark> {
    let receipts: Vec<Receipt> = staged.iter().map(|s| s.receipt.clone()).collect();
    point("load.committing").await;
    let mark = tries(job, "commit", || job.sink.commit(load, &receipts, &job.high).boxed()).await?;
    point("load.committed").await;
    settling(job).finish(load, &mark, staged).await?;
    let sink = job.step.sink.clone();
    job.tell(Event::LoadPublished { sink, mark: mark.clone(), found: false });
    Ok(mark)
}

fn settling(job: &Job) -> Settling<'_> {
    Settling {
        pipeline: &job.pipeline,
        run: &job.run,
        sink_name: &job.step.sink,
        ledger: &job.ledger,
        sink: &*job.sink,
        rejects: &*job.rejects,
    }
}

async fn stage(job: &Arc<Job>, load: &Load, kept: &[Staged]) -> Result<()> {
    if job.step.by_split_of.is_none() {
        // The parts of a whole load are noted together, so some means all.
        return if kept.is_empty() { stage_whole(job, load).await } else { Ok(()) };
    }
    let is_open = |part: &PartStep| !kept.iter().any(|s| s.receipt.part == part.id);
    let mut todo: VecDeque<PartStep> = job.parts().into_iter().filter(is_open).collect();
    let mut flying = JoinSet::new();
    let mut errors = Vec::new();
    loop {
        while flying.len() < job.settings.limits.jobs && !job.settings.cancel.is_asked() {
            let Some(part) = todo.pop_front() else { break };
            let (job, load) = (Arc::clone(job), load.clone());
            flying.spawn(carry(async move {
                let done = stage_part(&job, &load, &part).await;
                done.map_err(|error| (part.shard().map(str::to_owned), error))
            }));
        }
        let failed = match flying.join_next().await {
            None => break,
            Some(done) => done.map_err(|error| (None, panicked(error))).and_then(|done| done).err(),
        };
        if let Some((shard, error)) = failed {
            // What other shards have to give does not depend on this one: they go on.
            todo.retain(|part| part.shard().is_some() && part.shard() != shard.as_deref());
            let is_told = error.places().iter().any(|(what, _)| what == "shard");
            errors.push(match shard.filter(|_| !is_told) {
                Some(shard) => error.at("shard", shard),
                None => error,
            });
        }
    }
    match (errors.is_empty(), todo.len()) {
        (true, 0) => Ok(()),
        (true, left) => Err(Error::cancelled("the run was interrupted")
            .at("load", &job.step.sink)
            .at("parts left", left)),
        (false, _) => Err(Error::several(errors)),
    }
}

/// The last look before anything can be seen: not too many rows refused, and no table emptied by a
/// source that had nothing to give.
fn guard(job: &Job, staged: &[Staged]) -> Result<()> {
    let rows: u64 = staged.iter().map(|s| s.receipt.rows).sum();
    let refused = refused(staged);
    job.budget.check_ratio(&job.step.sink, rows, refused)?;
    let empties = matches!(job.step.mode, Mode::Truncate | Mode::Replace);
    let has_rows = job.step.before.exists && job.step.before.rows != Some(0);
    if rows == 0 && empties && has_rows && !job.step.allow_empty {
        let before = match job.step.before.rows {
            Some(1) => "1 row".to_owned(),
            Some(rows) => format!("{rows} rows"),
            None => "has rows".to_owned(),
        };
        return Err(Error::refused(format!("`{}` would become empty", job.step.target))
            .at("sink", &job.step.sink)
            .at("now", before)
            .hint("nothing was changed; set `allow_empty: true` if no rows is what you mean"));
    }
    Ok(())
}

fn refused(staged: &[Staged]) -> u64 {
    staged.iter().filter_map(|s| s.rejects.as_ref()).map(|receipt| receipt.rows).sum()
}

fn announce(job: &Job, load: &Load, frozen: &Frozen) {
    let sink = job.step.sink.clone();
    if frozen.over {
        job.tell(Event::LoadStartedOver {
            sink: sink.clone(),
            load: load.id.to_string(),
            reason: "its source has changed since the parts were staged".to_owned(),
        });
    }
    job.tell(Event::LoadStarted {
        sink,
        load: load.id.to_string(),
        parts: job.step.by_split_of.as_ref().map(|_| job.parts().len()),
        kept: frozen.kept.len(),
        rows: job.step.rows,
        bytes: job.step.bytes,
    });
}

fn report(job: &Job, staged: &[Staged], kept: usize, mark: &Mark, began: Instant) -> LoadReport {
    let rows_refused = refused(staged);
    let rejects = (rows_refused > 0).then(|| job.rejects_name.clone());
    if let Some(table) = &rejects {
        let (sink, table) = (job.step.sink.clone(), table.clone());
        job.tell(Event::RowsRefused { sink, rows: rows_refused, table });
    }
    LoadReport {
        sink: job.step.sink.clone(),
        mode: job.step.mode.clone(),
        target: job.step.target.clone(),
        rows_read: job.tally.rows_read.load(Ordering::Relaxed),
        rows_written: mark.rows,
        rows_refused,
        rejects,
        bytes: staged.iter().map(|s| s.receipt.bytes).sum(),
        parts: staged.len(),
        kept,
        shards: rows_of_shards(job, staged),
        late: job.late.clone(),
        notes: job.notes.clone(),
        retried: job.tally.parts_retried.load(Ordering::Relaxed),
        skipped: false,
        elapsed: began.elapsed(),
    }
}

/// The rows that each shard gave; empty for a load whose source is not sharded.
fn rows_of_shards(job: &Job, staged: &[Staged]) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for part in job.parts() {
        let Some(shard) = part.shard() else { continue };
        let of_part = staged.iter().filter(|staged| staged.receipt.part == part.id);
        *rows.entry(shard.to_owned()).or_default() += of_part.map(|s| s.receipt.rows).sum::<u64>();
    }
    rows
}

fn skipped(job: &Job, id: &LoadId, mark: Option<Mark>, began: Instant) -> LoadReport {
    job.tell(Event::LoadSkipped { sink: job.step.sink.clone(), load: id.to_string() });
    LoadReport {
        sink: job.step.sink.clone(),
        mode: job.step.mode.clone(),
        target: job.step.target.clone(),
        rows_read: 0,
        rows_written: mark.map_or(0, |mark| mark.rows),
        rows_refused: 0,
        rejects: None,
        bytes: 0,
        parts: 0,
        kept: 0,
        shards: BTreeMap::new(),
        late: Vec::new(),
        notes: Vec::new(),
        retried: 0,
        skipped: true,
        elapsed: began.elapsed(),
    }
}
