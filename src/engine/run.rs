//! Takes the steps of a plan, one after the other, and notes how it ended.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::job::{Job, Rows};
use super::reject::Budget;
use super::world::{Desk, World};
use super::{LoadReport, Report, Settings, check, load, peak};
use crate::config::scrub;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::faults::point;
use crate::plan::{LoadStep, Step};
use crate::source::{BatchStream, Refuse, Snapshot, SnapshotId, Split, Verbatim, Watermarks};
use crate::state::history::{self, PastLoad, PastRun};
use crate::transform::{Meter, Query, Session};

/// Takes the steps of `world.plan`, which was opened to run.
///
/// # Errors
/// The first step that fails ends the run; what is staged until then is kept for the next one.
pub async fn run(world: World, settings: &Settings) -> Result<Report> {
    let desk = world.desk.as_ref().ok_or_else(|| Error::bug("the world was opened to look"))?;
    let began = Instant::now();
    let (run, pipeline) = (desk.run.id.clone(), world.pipeline.name.clone());
    note(history::begin(&settings.state, &run, &pipeline));
    let resumed = desk.run.resumed;
    settings.observers.on(&Event::RunStarted {
        run: run.clone(),
        pipeline: pipeline.clone(),
        resumed,
    });
    let mut report = Report { run: run.clone(), resumed, ..Report::default() };
    let outcome = steps(&world, desk, settings, &mut report).await;
    report.elapsed = began.elapsed();
    report.peak_memory = peak::resident_bytes();
    note(history::end(&settings.state, &past(&report, pipeline, outcome.as_ref().err())));
    settings.observers.on(&Event::RunFinished {
        run,
        succeeded: outcome.is_ok(),
        elapsed: report.elapsed,
    });
    outcome.map(|()| report)
}

async fn steps(world: &World, desk: &Desk, settings: &Settings, report: &mut Report) -> Result<()> {
    for step in &world.plan.steps {
        if settings.cancel.is_asked() {
            return Err(Error::cancelled("the run was interrupted"));
        }
        match step {
            Step::Check(step) => {
                let rows = check::run(world, step, settings).await?;
                if rows > 0 {
                    report.warnings.push((step.check.clone(), rows));
                }
            }
            Step::Load(step) => report.loads.push(one_load(world, desk, settings, step).await?),
        }
    }
    desk.ledger.finish_run(&desk.run.id)?;
    // Only now: whoever is killed before goes on in these snapshots.
    futures::future::join_all(world.snapshots.values().map(|snapshot| snapshot.release())).await;
    point("run.finished").await;
    Ok(())
}

async fn one_load(
    world: &World,
    desk: &Desk,
    settings: &Settings,
    step: &LoadStep,
) -> Result<LoadReport> {
    let job = Arc::new(job(world, desk, settings, step)?);
    load::run(&job).await.map_err(|error| {
        let (sink, message) = (step.sink.clone(), error.message().to_owned());
        settings.observers.on(&Event::LoadFailed { sink: sink.clone(), error: message });
        let is_named = error.places().iter().any(|(what, _)| what == "sink" || what == "load");
        if is_named { error } else { error.at("sink", sink) }
    })
}

fn job(world: &World, desk: &Desk, settings: &Settings, step: &LoadStep) -> Result<Job> {
    let opened = world
        .sinks
        .get(&step.sink)
        .ok_or_else(|| Error::bug(format!("sink `{}` is not open", step.sink)))?;
    let def = world.pipeline.sinks.iter().find(|def| def.name == step.sink);
    let rejects = def.map_or(world.pipeline.rejects.clone(), |def| world.pipeline.rejects.of(def));
    let reads = || world.snapshots.iter().filter(|(name, _)| step.reads.contains(name));
    let ids = reads().flat_map(|(name, snapshot)| [name.clone(), snapshot.id().0.clone()]);
    let high = reads().filter_map(|(name, s)| Some((name.clone(), s.high()?.clone())));
    let followed = step.by_split_of.as_ref().and_then(|name| world.snapshots.get(name));
    let rows = SessionRows {
        session: Arc::clone(&world.session),
        relation: step.from.clone(),
        source: step.by_split_of.clone(),
        splits: followed.map(|snapshot| snapshot.splits().to_vec()).unwrap_or_default(),
        rejecting: step.rejecting.clone(),
        limit: settings.limit,
        as_read: followed
            .filter(|_| step.as_read().is_some() && settings.limit.is_none())
            .map(Arc::clone),
    };
    Ok(Job {
        pipeline: world.pipeline.name.clone(),
        run: desk.run.id.clone(),
        step: step.clone(),
        ledger: Arc::clone(&desk.ledger),
        sink: Arc::clone(&opened.sink),
        rejects: Arc::clone(&opened.rejects),
        rejects_name: opened.rejects_name.clone(),
        budget: Budget::new(rejects, world.session.memory()),
        rows: Arc::new(rows),
        snapshot: SnapshotId::of(ids),
        above: opened.above.clone(),
        high: high.collect::<Watermarks>(),
        notes: reads()
            .flat_map(|(name, snapshot)| {
                snapshot.notes().into_iter().map(move |note| format!("{name}: {note}"))
            })
            .collect(),
        late: reads()
            .flat_map(|(name, snapshot)| {
                snapshot.late().into_iter().map(move |shard| format!("{name}/{shard}"))
            })
            .collect(),
        settings: settings.clone(),
        tally: Arc::default(),
    })
}

/// The rows of a relation, out of SQL.
#[derive(Debug)]
struct SessionRows {
    session: Arc<Session>,
    relation: String,
    source: Option<String>,
    splits: Vec<Split>,
    rejecting: Vec<String>,
    limit: Option<usize>,
    /// The source itself, where nothing is done to its rows.
    as_read: Option<Arc<dyn Snapshot>>,
}

#[async_trait]
impl Rows for SessionRows {
    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn verbatim(&self, split: &Split) -> Option<Verbatim> {
        self.as_read.as_ref()?.verbatim(split)
    }

    async fn open(
        &self,
        split: Option<&Split>,
        refuse: Arc<dyn Refuse>,
        meter: Arc<dyn Meter>,
    ) -> Result<Vec<BatchStream>> {
        let query = Query {
            relation: self.relation.clone(),
            only: self.source.clone().zip(split.cloned()),
            rejecting: self.rejecting.clone(),
            limit: self.limit,
            refuse,
            meter,
        };
        self.session.stream(&query).await
    }
}

fn past(report: &Report, pipeline: String, error: Option<&Error>) -> PastRun {
    let load = |load: &LoadReport| PastLoad {
        sink: load.sink.clone(),
        mode: load.mode.to_string(),
        rows_read: load.rows_read,
        rows_written: load.rows_written,
        rows_refused: load.rows_refused,
        bytes: load.bytes,
        seconds: load.elapsed.as_secs_f64(),
    };
    PastRun {
        id: report.run.clone(),
        pipeline,
        started: String::new(),
        seconds: Some(report.elapsed.as_secs_f64()),
        outcome: if error.is_none() { "succeeded" } else { "failed" }.to_owned(),
        error: error.map(|error| scrub(error.message()).into_owned()),
        loads: report.loads.iter().map(load).collect(),
    }
}

/// The history is nice to have: what goes wrong with it is said once and stops nothing.
fn note(result: Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the history could not be written");
    }
}
