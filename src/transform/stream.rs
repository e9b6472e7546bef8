//! Rows out of a session: a plan per relation, made once, and a stream for each partition of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream_partitioned};
use futures::{StreamExt, stream};

use crate::error::{Error, Result};
use crate::source::{BatchStream, Refuse};
use crate::transform::refusal::{self, Sieve};
use crate::transform::relation::Scope;
use crate::transform::session::Session;
use crate::transform::{Query, failure, join};

/// What a prepared plan is found by: relation, checks, rows at most.
pub(super) type Wanted = (String, Vec<String>, Option<usize>);

/// A plan that is ready for any split.
#[derive(Debug)]
pub(super) struct Prepared {
    subject: String,
    plan: LogicalPlan,
    /// The columns of the relation, without those of conditions.
    schema: SchemaRef,
}

impl Session {
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
        let mut state = self.state.clone();
        let config = state.config().clone();
        *state.config_mut() = config.with_target_partitions(jobs).with_extension(Arc::new(scope));
        let failed = |error| failure::running(&error, &prepared.subject);
        let plan = self.physical(&prepared.plan, &mut state).await.map_err(failed)?;
        let streams = execute_stream_partitioned(plan, state.task_ctx()).map_err(failed)?;
        let outlet = Outlet::new(&prepared, query);
        let streams = streams.into_iter().enumerate();
        Ok(streams.map(|(part, stream)| outlet.clone().open(part, stream)).collect())
    }

    /// The plan with the joins that fit into memory.
    async fn physical(
        &self,
        plan: &LogicalPlan,
        state: &mut SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let planner = state.query_planner().clone();
        let hashed = planner.create_physical_plan(plan, state).await?;
        if !join::may_overflow(&hashed, self.budget.bytes)? {
            return Ok(hashed);
        }
        let options = state.config_mut().options_mut();
        options.optimizer.prefer_hash_join = false;
        // With one partition a hash join is planned whatever one prefers.
        let partitions = &mut options.execution.target_partitions;
        *partitions = (*partitions).max(2);
        // Two sorts for every partition of every join set memory aside where there was one.
        options.execution.sort_spill_reservation_bytes /= 4;
        planner.create_physical_plan(plan, state).await
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
            let statement = &defined.statement;
            // Rows fail far from the text: the file is named, there is no place in it.
            let subject = format!("{} ({})", statement.subject, statement.sql.file);
            return Ok((subject, defined.plan.clone()));
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

/// Where the partitions of one query come out as ours: our errors, the relation's schema, refused
/// rows taken out, and no more rows than wanted.
#[derive(Debug, Clone)]
struct Outlet {
    prepared: Arc<Prepared>,
    checks: Vec<String>,
    split: Option<String>,
    refuse: Arc<dyn Refuse>,
    /// Rows that may still come out of all partitions together.
    left: Option<Arc<AtomicUsize>>,
}

impl Outlet {
    fn new(prepared: &Arc<Prepared>, query: &Query) -> Outlet {
        Outlet {
            prepared: prepared.clone(),
            checks: query.rejecting.clone(),
            split: query.only.as_ref().map(|(_, split)| split.id.clone()),
            refuse: query.refuse.clone(),
            left: query.limit.map(|limit| Arc::new(AtomicUsize::new(limit))),
        }
    }

    fn open(self, part: usize, stream: SendableRecordBatchStream) -> BatchStream {
        let part = match &self.split {
            Some(split) => format!("split {split}"),
            None => format!("part {part}"),
        };
        let sieve = Sieve {
            place: format!("{}, {part}", self.prepared.subject),
            checks: self.checks.clone(),
            row: 0,
            refuse: self.refuse.clone(),
        };
        // After an error, or when there are enough rows, there is no state to go on with.
        let steps = stream::unfold(Some((stream, sieve, self)), |state| async move {
            let (mut stream, mut sieve, outlet) = state?;
            if outlet.left.as_ref().is_some_and(|left| left.load(Ordering::SeqCst) == 0) {
                return None;
            }
            let batch = stream.next().await?;
            let batch = outlet.pass(batch, &mut sieve);
            let next = batch.is_ok().then_some((stream, sieve, outlet));
            Some((batch, next))
        });
        steps.boxed()
    }

    fn pass(
        &self,
        batch: Result<RecordBatch, DataFusionError>,
        sieve: &mut Sieve,
    ) -> Result<RecordBatch> {
        let batch = batch.map_err(|error| failure::running(&error, &self.prepared.subject))?;
        let batch = if self.checks.is_empty() { batch } else { sieve.pass(&batch)? };
        named(self.cut(batch), &self.prepared)
    }

    /// As many rows of `batch` as are still wanted.
    fn cut(&self, batch: RecordBatch) -> RecordBatch {
        let Some(left) = &self.left else { return batch };
        let rows = batch.num_rows();
        let take = |left: usize| Some(left.saturating_sub(rows));
        match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(left) if left < rows => batch.slice(0, left),
            Ok(_) | Err(_) => batch,
        }
    }
}

/// The batch under the relation's own schema.
fn named(batch: RecordBatch, prepared: &Prepared) -> Result<RecordBatch> {
    if Arc::ptr_eq(batch.schema_ref(), &prepared.schema) {
        return Ok(batch);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().to_vec();
    RecordBatch::try_new_with_options(prepared.schema.clone(), columns, &options).map_err(|error| {
        Error::bug(format!("{} has other columns than planned: {error}", prepared.subject))
    })
}
