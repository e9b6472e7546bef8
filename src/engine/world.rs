//! A pipeline with its sources frozen and its sinks open, and the plan for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::Settings;
use super::chosen::Chosen;
use super::load::Settling;
use crate::config::{CheckDef, ModelDef, Pipeline, SinkDef, SourceDef};
use crate::connectors::{self, Connector, Context};
use crate::error::{Error, Result};
use crate::faults::point;
use crate::plan::dag::{self, Edges};
use crate::plan::{self, Facts, Plan, SourceFacts, Step};
use crate::sink::{Load, LoadId, Sink, Target};
use crate::source::{BatchStream, Snapshot, SnapshotId, Watermark, Watermarks, Window};
use crate::state::{Lease, Ledger, OpenRun};
use crate::transform::{self, Query, Session};

/// Why a pipeline is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look: nothing is written, and nobody is kept off.
    Look,
    /// To run it: the lease is taken, and what a killed process left is put right first.
    Run,
}

/// A pipeline with its sources frozen and its sinks open, and the plan for it.
#[derive(Debug)]
pub struct World {
    /// What a run would do.
    pub plan: Plan,
    /// What the plan was made from.
    pub facts: Facts,
    pub(super) pipeline: Pipeline,
    pub(super) session: Arc<Session>,
    pub(super) snapshots: BTreeMap<String, Arc<dyn Snapshot>>,
    pub(super) sinks: BTreeMap<String, Opened>,
    /// What a run needs of the state folder; `None` when the world was opened to look.
    pub(super) desk: Option<Desk>,
}

/// A sink that is open, and the watermarks that its load starts above.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) rejects: Arc<dyn Sink>,
    pub(super) rejects_name: String,
    pub(super) above: Watermarks,
}

/// The ledger, the run, and the right to work on it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) ledger: Arc<Ledger>,
    pub(super) run: OpenRun,
    _lease: Lease,
}

impl World {
    /// Opens sources and sinks, freezes and inspects, plans.
    ///
    /// # Errors
    /// Everything that stands against the plan, as one error with others beside it.
    pub async fn open(pipeline: &Pipeline, settings: &Settings, purpose: Purpose) -> Result<World> {
        let pipeline = pipeline.clone();
        let lineage = transform::lineage(&pipeline).map_err(Error::several)?;
        let chosen = Chosen::of(&pipeline, &lineage, &settings.select);
        let mut session = Session::new(&settings.limits)?;
        if let Some(name) = &pipeline.geo_ip {
            session.set_geo_database(&pipeline.base.join(name), name)?;
        }
        let context = Context {
            base: pipeline.base.clone(),
            jobs: settings.limits.jobs,
            memory: session.memory(),
            state: (purpose == Purpose::Run).then(|| settings.state.clone()),
        };
        let desk = match purpose {
            Purpose::Look => None,
            Purpose::Run => Some(Desk::take(&pipeline.name, settings).await?),
        };
        let ledger = match &desk {
            Some(desk) => Some(Arc::clone(&desk.ledger)),
            None => existing_ledger(&settings.state, settings.full_refresh)?,
        };
        let mut sinks = BTreeMap::new();
        for def in &chosen.sinks {
            let mut opened = Opened::of(def, &pipeline, &context)?;
            if let Some(desk) = &desk {
                let settled = opened.settle(desk, &pipeline.name, def, settings.full_refresh).await;
                settled.map_err(|error| error.at("sink", &def.name))?;
            }
            if let Some(ledger) = &ledger {
                opened.above = ledger.watermarks(&pipeline.name, &def.name)?;
            }
            sinks.insert(def.name.clone(), opened);
        }
        let freezing = Freezing {
            pipeline: &pipeline,
            chosen: &chosen,
            edges: &lineage.models,
            sinks: &sinks,
            context: &context,
            desk: desk.as_ref(),
        };
        let snapshots = freezing.all().await?;
        for (name, snapshot) in &snapshots {
            session.add_source(name, Arc::clone(snapshot))?;
        }
        let (models, checks) = (chosen.models(&pipeline), chosen.checks(&pipeline, &lineage));
        session.add_models(&models, &pipeline.vars).await.map_err(Error::several)?;
        session.add_checks(&checks, &pipeline.vars).await.map_err(Error::several)?;
        let mut facts = facts(&session, &snapshots, &models, &checks)?;
        facts.geo_database = session.geo_fingerprint().map(str::to_owned);
        facts.targets = targets(&facts, &chosen, &sinks).await?;
        let mut plan = plan_of(&pipeline, &facts, &settings.select)?;
        if let Some(rows) = settings.limit {
            limit(&mut plan, rows);
        }
        let session = Arc::new(session);
        Ok(World { plan, facts, pipeline, session, snapshots, sinks, desk })
    }

    /// What the target of each load of the plan would be sent, under the name of its sink: see
    /// [`Sink::statements`].
    ///
    /// # Errors
    /// Those of the servers that are asked.
    pub async fn statements(&self) -> Result<Vec<(String, Vec<String>)>> {
        let mut all = Vec::new();
        for step in self.plan.loads() {
            let Some(opened) = self.sinks.get(&step.sink) else { continue };
            let load = step.load(plan_id()?, SnapshotId(String::new()));
            let statements = opened.sink.statements(&load).await;
            all.push((step.sink.clone(), statements.map_err(|e| e.at("sink", &step.sink))?));
        }
        Ok(all)
    }

    /// Columns and rows of one relation, for `dhow sql` without a target: a stream for each
    /// partition.
    pub async fn rows(
        &self,
        relation: &str,
        settings: &Settings,
    ) -> Result<(SchemaRef, Vec<BatchStream>)> {
        let streams = self
            .session
            .stream(&Query {
                relation: relation.to_owned(),
                only: None,
                rejecting: Vec::new(),
                limit: settings.limit,
                refuse: Arc::new(crate::source::Stop),
                meter: Arc::new(transform::Unmetered),
            })
            .await?;
        Ok((self.session.facts(relation)?.schema, streams))
    }
}

/// A pipeline without sinks is one that is only looked at.
fn plan_of(pipeline: &Pipeline, facts: &Facts, select: &[String]) -> Result<Plan> {
    if pipeline.sinks.is_empty() && select.is_empty() {
        let (steps, notes) = (Vec::new(), Vec::new());
        return Ok(Plan { pipeline: pipeline.name.clone(), steps, notes });
    }
    plan::plan(pipeline, facts, select).map_err(Error::several)
}

/// A load that is cut off after some rows runs whole, and is another load than the full one.
fn limit(plan: &mut Plan, rows: usize) {
    for step in &mut plan.steps {
        if let Step::Load(load) = step {
            load.by_split_of = None;
            (load.splits, load.parts) = (None, None);
            load.fingerprint.push_str(&format!(" limit {rows}"));
        }
    }
}

/// For a plan: a project that never ran has no ledger, and gets none by being looked at.
fn existing_ledger(state: &Path, full_refresh: bool) -> Result<Option<Arc<Ledger>>> {
    match !full_refresh && Ledger::exists(state) {
        true => Ok(Some(Arc::new(Ledger::open(state)?))),
        false => Ok(None),
    }
}

impl Desk {
    async fn take(pipeline: &str, settings: &Settings) -> Result<Self> {
        let lease = Lease::take(&settings.state, pipeline)?;
        let ledger = Arc::new(Ledger::open(&settings.state)?);
        if settings.full_refresh {
            ledger.forget(pipeline)?;
        }
        let run = ledger.begin_run(pipeline, &run_id())?;
        point("run.begun").await;
        Ok(Desk { ledger, run, _lease: lease })
    }
}

/// Sorts by time; the end tells runs of one second apart.
fn run_id() -> String {
    let now = jiff::Timestamp::now();
    let salt = blake3::hash(format!("{now} {}", std::process::id()).as_bytes()).to_hex();
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%S"), &salt[..4])
}

impl Opened {
    fn of(def: &SinkDef, pipeline: &Pipeline, context: &Context) -> Result<Self> {
        let connector = connector(&def.connector)?;
        let open = connector.sink.ok_or_else(|| {
            Error::config(format!("connector `{}` cannot be written to", connector.name))
        })?;
        let (rejects, rejects_name) =
            connectors::rejects(&pipeline.rejects.path, &def.name, context)?;
        let above = Watermarks::new();
        Ok(Opened { sink: open(&def.options, context)?, rejects, rejects_name, above })
    }

    /// Finishes what a killed process left half told, and takes over the watermarks of the target
    /// where the ledger has none.
    async fn settle(
        &self,
        desk: &Desk,
        pipeline: &str,
        def: &SinkDef,
        full_refresh: bool,
    ) -> Result<()> {
        let settling = Settling {
            pipeline,
            run: &desk.run.id,
            sink_name: &def.name,
            ledger: &desk.ledger,
            sink: &*self.sink,
            rejects: &*self.rejects,
        };
        settling.settle(|id| Load::question(id, &def.mode)).await?;
        settling.give_up(|id| Load::question(id, &def.mode)).await?;
        if full_refresh || !desk.ledger.watermarks(pipeline, &def.name)?.is_empty() {
            return Ok(());
        }
        let target = self.sink.inspect(&Load::question(plan_id()?, &def.mode)).await?;
        desk.ledger.adopt(pipeline, &def.name, &target.watermarks)
    }
}

fn plan_id() -> Result<LoadId> {
    "plan".parse()
}

fn connector(name: &str) -> Result<&'static Connector> {
    connectors::named(name).ok_or_else(|| Error::bug(format!("there is no connector `{name}`")))
}

/// Freezes each source that is needed, above the watermark of the sinks that it feeds.
struct Freezing<'a> {
    pipeline: &'a Pipeline,
    chosen: &'a Chosen<'a>,
    edges: &'a Edges,
    sinks: &'a BTreeMap<String, Opened>,
    context: &'a Context,
    desk: Option<&'a Desk>,
}

impl Freezing<'_> {
    async fn all(&self) -> Result<BTreeMap<String, Arc<dyn Snapshot>>> {
        let mut snapshots = BTreeMap::new();
        let needed = |def: &&SourceDef| self.chosen.relations.contains(&def.name);
        for def in self.pipeline.sources.iter().filter(needed) {
            let snapshot = self.one(def).await.map_err(|error| error.at("source", &def.name))?;
            snapshots.insert(def.name.clone(), snapshot);
        }
        Ok(snapshots)
    }

    /// Opens the snapshot that an unfinished run left, where that can be, or a new one; the ledger
    /// keeps what the next process needs to do the same.
    async fn one(&self, def: &SourceDef) -> Result<Arc<dyn Snapshot>> {
        let connector = connector(&def.connector)?;
        let memo = match self.desk {
            Some(desk) => desk.ledger.memo(&desk.run.id, &def.name)?,
            None => None,
        };
        let window = Window { above: self.above(def)?, memo };
        let snapshot =
            connectors::open(connector, &def.options, self.context)?.open(&window).await?;
        if let Some(desk) = self.desk {
            desk.ledger.remember(&desk.run.id, &def.name, snapshot.memo().as_ref())?;
            point("source.remembered").await;
        }
        Ok(snapshot)
    }

    fn above(&self, def: &SourceDef) -> Result<Option<Watermark>> {
        let feeds = |sink: &&&SinkDef| dag::upstream(self.edges, &sink.from).contains(&def.name);
        let fed = self.chosen.sinks.iter().filter(feeds);
        let fed = fed.filter_map(|sink| self.sinks.get(&sink.name));
        let above: BTreeSet<_> = fed.map(|opened| opened.above.get(&def.name).cloned()).collect();
        one_watermark(&def.name, above)
    }
}

fn one_watermark(source: &str, above: BTreeSet<Option<Watermark>>) -> Result<Option<Watermark>> {
    if above.len() > 1 {
        return Err(Error::config(format!(
            "source `{source}` feeds sinks that have got to different places"
        ))
        .at(
            "watermarks",
            above.iter().flatten().map(|w| w.0.as_str()).collect::<Vec<_>>().join(", "),
        )
        .hint("give each sink a source of its own, or load them together with `--full-refresh`"));
    }
    Ok(above.into_iter().next().flatten())
}

fn facts(
    session: &Session,
    snapshots: &BTreeMap<String, Arc<dyn Snapshot>>,
    models: &[ModelDef],
    checks: &[CheckDef],
) -> Result<Facts> {
    let mut facts = Facts::default();
    for (name, snapshot) in snapshots {
        let first = snapshot.splits().first();
        let source = SourceFacts {
            snapshot: snapshot.id().clone(),
            splits: snapshot.splits().to_vec(),
            high: snapshot.high().cloned(),
            key: snapshot.key().to_vec(),
            notes: snapshot.notes(),
            statement: first.and_then(|split| snapshot.statement(split)),
            form: first.and_then(|split| snapshot.verbatim(split)).map(|rows| rows.form),
        };
        facts.sources.insert(name.clone(), source);
        facts.relations.insert(name.clone(), session.facts(name)?);
    }
    for model in models {
        facts.relations.insert(model.name.clone(), session.facts(&model.name)?);
    }
    for check in checks {
        facts.checks.insert(check.name.clone(), session.facts(&check.name)?);
    }
    Ok(facts)
}

async fn targets(
    facts: &Facts,
    chosen: &Chosen<'_>,
    sinks: &BTreeMap<String, Opened>,
) -> Result<BTreeMap<String, Target>> {
    let mut targets = BTreeMap::new();
    for def in &chosen.sinks {
        let Some(opened) = sinks.get(&def.name) else { continue };
        let mut load = Load::question(plan_id()?, &def.mode);
        if let Some(relation) = facts.relations.get(&def.from) {
            load.schema = Arc::clone(&relation.schema);
        }
        load.source_key = facts.source_key(&def.from);
        let target = opened.sink.inspect(&load).await;
        targets.insert(def.name.clone(), target.map_err(|error| error.at("sink", &def.name))?);
    }
    Ok(targets)
}
