//! Sources and models as relations of SQL, one pool of memory, and rows out of it.
//!
//! A session reads; it can neither create nor change anything, and knows no table but those that it
//! was given. Names are matched as written, upper and lower case apart, with and without quotes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::prelude::SessionConfig;
use futures::{StreamExt, TryStreamExt};

use crate::config::{CheckDef, ModelDef, OnRefused, Var};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::plan::RelationFacts;
use crate::source::{BATCH_ROWS, BatchStream, Snapshot};
use crate::transform::budget::Budget;
use crate::transform::lineage::{self, Read};
use crate::transform::refusal::{self, Sieve};
use crate::transform::relation::{Relation, Scope};
use crate::transform::statement::Statement;
use crate::transform::{Limits, Query, failure, loss};

/// SQL over snapshots.
#[derive(Debug)]
pub struct Session {
    state: SessionState,
    budget: Budget,
    jobs: usize,
    /// Dropped after the state, which removes its own folder in it first.
    _spill: SpillFolder,
    sources: BTreeMap<String, Arc<Relation>>,
    models: BTreeMap<String, Defined>,
    checks: BTreeMap<String, Defined>,
    prepared: Mutex<HashMap<Wanted, Arc<Prepared>>>,
}

/// A model or check that was planned.
#[derive(Debug)]
struct Defined {
    statement: Statement,
    names: Vec<String>,
    /// With parameters bound, not optimised.
    plan: LogicalPlan,
}

/// What a prepared plan is found by: relation, checks, rows at most.
type Wanted = (String, Vec<String>, Option<usize>);

/// A plan that is ready for any split.
#[derive(Debug)]
struct Prepared {
    subject: String,
    plan: LogicalPlan,
    /// The columns of the relation, without those of conditions.
    schema: SchemaRef,
}

impl Session {
    /// A session with nothing in it yet.
    ///
    /// The pool gives every operator that can spill an equal share of what the others leave. A
    /// greedy pool would serve the first one alone, and a sort that came first would starve the
    /// join behind it, which cannot spill.
    ///
    /// # Errors
    /// When the folder for spilled data cannot be made.
    pub fn new(limits: &Limits) -> Result<Session> {
        let jobs = limits.jobs.max(1);
        let bytes = usize::try_from(limits.memory).unwrap_or(usize::MAX);
        let pool: Arc<dyn MemoryPool> =
            Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), CONSUMERS_SHOWN));
        let spill = SpillFolder::make(limits)?;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![limits.spill.clone()]))
            .with_max_temp_directory_size(limits.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool.clone())
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| failure::running(&error, "the session"))?;
        let mut state = SessionStateBuilder::new()
            .with_config(config(jobs, bytes))
            .with_runtime_env(runtime)
            .with_default_features()
            .build();
        // `now()` is the same in every statement of a run.
        state.mark_start_execution();
        Ok(Session {
            state,
            budget: Budget { pool, bytes: limits.memory },
            jobs,
            _spill: spill,
            sources: BTreeMap::new(),
            models: BTreeMap::new(),
            checks: BTreeMap::new(),
            prepared: Mutex::default(),
        })
    }

    /// The budget that everything in this session draws from.
    pub fn memory(&self) -> Arc<dyn Memory> {
        Arc::new(self.budget.clone())
    }

    /// Adds a source.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] when two of its columns have one name.
    pub fn add_source(&mut self, name: &str, snapshot: Arc<dyn Snapshot>) -> Result<()> {
        distinct_columns(&format!("source `{name}`"), &snapshot.schema())?;
        let relation = Arc::new(Relation::new(name, snapshot));
        self.register(name, relation.clone())?;
        self.sources.insert(name.to_owned(), relation);
        Ok(())
    }

    /// Adds models, in whatever order they are given; their sources are there already.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub async fn add_models(
        &mut self,
        models: &[ModelDef],
        vars: &BTreeMap<String, Var>,
    ) -> Result<(), Vec<Error>> {
        let sources = self.sources.keys().map(String::as_str).collect();
        let models = models.iter().map(|model| (model.name.as_str(), &model.sql));
        let reads = lineage::read_models(models, &sources, vars)?;
        let mut problems = Vec::new();
        let mut failed = BTreeSet::new();
        for read in reads {
            // What reads a model that failed would only fail for the same reason.
            if read.references.iter().any(|reference| failed.contains(&reference.name)) {
                failed.insert(read.name);
                continue;
            }
            let name = read.name.clone();
            if let Err(error) = self.add_model(read).await {
                problems.push(error);
                failed.insert(name);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    async fn add_model(&mut self, read: Read) -> Result<()> {
        let name = read.name.clone();
        let defined = self.define(read).await?;
        let view = ViewTable::new(defined.plan.clone(), Some(defined.statement.sql.text.clone()));
        self.register(&name, Arc::new(view))?;
        self.models.insert(name, defined);
        Ok(())
    }

    /// Adds checks; their sources and models are there already.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub async fn add_checks(
        &mut self,
        checks: &[CheckDef],
        vars: &BTreeMap<String, Var>,
    ) -> Result<(), Vec<Error>> {
        let mut problems = Vec::new();
        for check in checks {
            if let Err(errors) = self.add_check(check, vars).await {
                problems.extend(errors);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    async fn add_check(
        &mut self,
        check: &CheckDef,
        vars: &BTreeMap<String, Var>,
    ) -> Result<(), Vec<Error>> {
        let known = self.sources.keys().chain(self.models.keys()).map(String::as_str).collect();
        let subject = format!("check `{}`", check.name);
        let read = lineage::read(&subject, &check.sql, &known, vars)?;
        if check.refused == OnRefused::Reject {
            refusal::subject(&read.statement).map_err(|error| vec![error])?;
        }
        let defined = self.define(read).await.map_err(|error| vec![error])?;
        self.checks.insert(check.name.clone(), defined);
        Ok(())
    }

    /// Plans a statement.
    async fn define(&self, read: Read) -> Result<Defined> {
        let statement = read.statement;
        let planned = self.state.statement_to_plan(statement.parsed()).await;
        let failed = |error| failure::planning(&error, &statement);
        let plan = planned.map_err(failed)?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(failed)?;
        let plan = plan.replace_params_with_values(&statement.values()?).map_err(failed)?;
        distinct_columns(&statement.subject, plan.schema().as_arrow())
            .map_err(|error| error.at("file", &statement.sql.file))?;
        // Types are known and every mistake is found before anything is read.
        self.state.optimize(&plan).map_err(failed)?;
        let names = read.references.into_iter().map(|reference| reference.name).collect();
        Ok(Defined { names, plan, statement })
    }

    fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        let failed = |error| failure::running(&error, &format!("`{name}`"));
        let schema = self.state.schema_for_ref(TableReference::bare(name)).map_err(failed)?;
        schema.register_table(name.to_owned(), table).map_err(failed)?;
        Ok(())
    }

    /// What is known of a source, model or check.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] for a name that was never added.
    pub fn facts(&self, name: &str) -> Result<RelationFacts> {
        if let Some(source) = self.sources.get(name) {
            return Ok(RelationFacts {
                schema: source.schema(),
                names: Vec::new(),
                scans: BTreeMap::from([(name.to_owned(), 1)]),
                follows: Some(name.to_owned()),
                losses: Vec::new(),
                explained: String::new(),
            });
        }
        let defined = self.defined(name)?;
        let failed = |error| failure::planning(&error, &defined.statement);
        let analyzer = self.state.analyzer();
        let options = self.state.config_options();
        let analyzed =
            analyzer.execute_and_check(defined.plan.clone(), options, |_, _| {}).map_err(failed)?;
        let optimized = self.state.optimize(&defined.plan).map_err(failed)?;
        let scans = lineage::scans(&optimized);
        let follows = lineage::follows(&analyzed).filter(|source| scans.get(source) == Some(&1));
        Ok(RelationFacts {
            schema: optimized.schema().inner().clone(),
            names: defined.names.clone(),
            scans,
            follows,
            losses: loss::losses(&analyzed),
            explained: explained(&defined.statement, &optimized),
        })
    }

    fn defined(&self, name: &str) -> Result<&Defined> {
        let found = self.models.get(name).or_else(|| self.checks.get(name));
        found.ok_or_else(|| Error::bug(format!("`{name}` is not in the session")))
    }

    /// The rows of a relation: one stream for each partition, each to be polled on its own task.
    ///
    /// # Errors
    /// When the statement cannot be planned; errors of reading come out of the streams.
    pub async fn stream(&self, query: &Query) -> Result<Vec<BatchStream>> {
        let prepared = self.prepared(query)?;
        let jobs = if query.only.is_some() { 1 } else { self.jobs };
        let scope = Scope {
            only: query.only.clone(),
            refuse: query.refuse.clone(),
            meter: query.meter.clone(),
        };
        let config = self.state.config().clone();
        let mut state = self.state.clone();
        *state.config_mut() = config.with_target_partitions(jobs).with_extension(Arc::new(scope));
        let failed = |error| failure::running(&error, &prepared.subject);
        let planner = state.query_planner().clone();
        let plan = planner.create_physical_plan(&prepared.plan, &state).await.map_err(failed)?;
        let streams = execute_stream_partitioned(plan, state.task_ctx()).map_err(failed)?;
        let outlet = |(part, stream)| outlet(stream, part, &prepared, query);
        Ok(streams.into_iter().enumerate().map(outlet).collect())
    }

    fn prepared(&self, query: &Query) -> Result<Arc<Prepared>> {
        // With checks the limit counts rows that pass, which the plan does not know.
        let limit = query.limit.filter(|_| query.rejecting.is_empty());
        let key = (query.relation.clone(), query.rejecting.clone(), limit);
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = prepared.get(&key) {
            return Ok(found.clone());
        }
        let made = Arc::new(self.prepare(&key)?);
        prepared.insert(key, made.clone());
        Ok(made)
    }

    fn prepare(&self, (name, rejecting, limit): &Wanted) -> Result<Prepared> {
        let (subject, plan) = self.relation_plan(name)?;
        let schema = plan.schema().inner().clone();
        let conditions: Vec<_> = rejecting
            .iter()
            .map(|check| {
                let condition = refusal::condition(&self.defined(check)?.plan);
                condition.ok_or_else(|| Error::bug(format!("check `{check}` has no condition")))
            })
            .collect::<Result<_>>()?;
        let failed = |error| failure::running(&error, &subject);
        let mut plan = plan;
        if !conditions.is_empty() {
            plan = refusal::with_conditions(plan, conditions).map_err(failed)?;
        }
        if limit.is_some() {
            let limited = LogicalPlanBuilder::from(plan).limit(0, *limit);
            plan = limited.and_then(LogicalPlanBuilder::build).map_err(failed)?;
        }
        let plan = self.state.optimize(&plan).map_err(failed)?;
        Ok(Prepared { plan, schema, subject })
    }

    fn relation_plan(&self, name: &str) -> Result<(String, LogicalPlan)> {
        let Some(source) = self.sources.get(name) else {
            let defined = self.defined(name)?;
            return Ok((defined.statement.subject.clone(), defined.plan.clone()));
        };
        let subject = format!("source `{name}`");
        let table: Arc<dyn TableProvider> = source.clone();
        let scan =
            LogicalPlanBuilder::scan(TableReference::bare(name), provider_as_source(table), None);
        let plan = scan.and_then(LogicalPlanBuilder::build);
        let plan = plan.map_err(|error| failure::running(&error, &subject))?;
        Ok((subject, plan))
    }
}

/// Consumers named when the pool runs out.
const CONSUMERS_SHOWN: NonZeroUsize = NonZeroUsize::new(3).expect("3 is not 0");

fn config(jobs: usize, memory: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(jobs)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    // Text is `Utf8` on both sides of SQL, so that a column keeps its type on the way.
    options.sql_parser.map_string_types_to_utf8view = false;
    // Every sort sets this much aside for its merge: by default 10 MB, too much for a small pool.
    let reserved = memory / (8 * jobs);
    let execution = &mut options.execution;
    execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(reserved);
    config
}

fn distinct_columns(subject: &str, schema: &Schema) -> Result<()> {
    let mut seen = BTreeSet::new();
    match schema.fields().iter().find(|field| !seen.insert(field.name())) {
        None => Ok(()),
        Some(field) => {
            Err(Error::config(format!("{subject} has two columns called `{}`", field.name()))
                .hint("give one of them another name with `as`"))
        }
    }
}

fn explained(statement: &Statement, plan: &LogicalPlan) -> String {
    let mut text = statement.sql.text.trim_end().to_owned();
    for (name, var) in &statement.parameters {
        text.push_str(&format!("\n-- {{{name}}} = {var:?}"));
    }
    format!("{text}\n\n{}\n", plan.display_indent())
}

/// One stream of the plan as ours: our errors, the relation's schema, refused rows taken out.
fn outlet(
    stream: SendableRecordBatchStream,
    part: usize,
    prepared: &Arc<Prepared>,
    query: &Query,
) -> BatchStream {
    let subject = prepared.subject.clone();
    let part = match &query.only {
        Some((_, split)) => format!("split {}", split.id),
        None => format!("part {part}"),
    };
    let mut sieve = Sieve {
        checks: query.rejecting.clone(),
        place: format!("{subject}, {part}"),
        row: 0,
        refuse: query.refuse.clone(),
    };
    let prepared = prepared.clone();
    let batches = stream.map_err(move |error| failure::running(&error, &subject));
    let passed = batches.map(move |batch| {
        let batch = batch?;
        let batch = if sieve.checks.is_empty() { batch } else { sieve.pass(&batch)? };
        named(batch, &prepared)
    });
    let mut over = false;
    // The stream ends after its first error.
    let ended = passed.take_while(move |batch| {
        let go_on = !over;
        over |= batch.is_err();
        futures::future::ready(go_on)
    });
    ended.boxed()
}

/// The batch under the relation's own schema.
fn named(batch: RecordBatch, prepared: &Prepared) -> Result<RecordBatch> {
    if Arc::ptr_eq(batch.schema_ref(), &prepared.schema) {
        return Ok(batch);
    }
    let rows = Some(batch.num_rows());
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(rows);
    let columns = batch.columns().to_vec();
    RecordBatch::try_new_with_options(prepared.schema.clone(), columns, &options).map_err(|error| {
        Error::bug(format!("{} has other columns than planned: {error}", prepared.subject))
    })
}

/// The folder of spilled data; taken away at the end when nothing else is in it.
#[derive(Debug)]
struct SpillFolder(PathBuf);

impl SpillFolder {
    fn make(limits: &Limits) -> Result<SpillFolder> {
        std::fs::create_dir_all(&limits.spill)
            .map_err(|error| Error::io(&error, "write to", &limits.spill))?;
        Ok(SpillFolder(limits.spill.clone()))
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // Another process may be using it, in which case it is not empty and stays.
        let _ = std::fs::remove_dir(&self.0);
    }
}
