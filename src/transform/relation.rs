//! A snapshot as a table of SQL: columns, plain comparisons and limits go to the source.
//!
//! The partitions of a scan take splits from one queue, so that a slow split holds up nobody. What
//! differs from query to query (one split alone, where refused rows go, who counts) is a [`Scope`]
//! that travels in the session's configuration, so that a plan is made once and used for each split.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::Array;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::Error;
use crate::source::{Comparison, Refuse, Snapshot, Split, Want};
use crate::transform::Meter;
use crate::transform::failure::carried;
use crate::transform::pushdown::comparison;

/// What one query adds to a plan.
#[derive(Debug)]
pub(super) struct Scope {
    /// Only this split of this source.
    pub(super) only: Option<(String, Split)>,
    /// Where refused rows go.
    pub(super) refuse: Arc<dyn Refuse>,
    /// Told of every batch.
    pub(super) meter: Arc<dyn Meter>,
}

/// A source as a table.
#[derive(Debug)]
pub(super) struct Relation {
    /// The name that SQL uses.
    pub(super) name: String,
    snapshot: Arc<dyn Snapshot>,
    schema: SchemaRef,
}

impl Relation {
    /// The table of `snapshot`.
    pub(super) fn new(name: &str, snapshot: Arc<dyn Snapshot>) -> Self {
        Relation { name: name.to_owned(), schema: snapshot.schema(), snapshot }
    }

    fn splits(&self, scope: Option<&Scope>) -> Vec<Split> {
        match scope.and_then(|scope| scope.only.as_ref()) {
            Some((name, split)) if *name == self.name => vec![split.clone()],
            _ => self.snapshot.splits().to_vec(),
        }
    }
}

#[async_trait]
impl TableProvider for Relation {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scope = state.config().get_extension::<Scope>();
        let splits = self.splits(scope.as_deref());
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        let want = Wanted {
            columns: projection.cloned(),
            filters: filters.iter().filter_map(|f| comparison(f, &self.schema)).collect(),
            limit,
        };
        let partitions = state.config().target_partitions().min(splits.len()).max(1);
        Ok(Arc::new(Scan::new(&self.name, self.snapshot.clone(), splits, want, schema, partitions)))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match comparison(filter, &self.schema) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(statistics(self.snapshot.splits(), &self.schema))
    }
}

/// A cell of a file, in bytes, for sources that know their size but not their rows.
const CELL_BYTES: u64 = 8;

/// Sizes for the choice of a join's build side; never exact, so no answer is ever taken from them.
fn statistics(splits: &[Split], schema: &SchemaRef) -> Statistics {
    let rows: Option<u64> = splits.iter().map(|split| split.rows).sum();
    let bytes: Option<u64> = splits.iter().map(|split| split.bytes).sum();
    let row_bytes = CELL_BYTES * u64::try_from(schema.fields().len().max(1)).unwrap_or(1);
    let rows = rows.or(bytes.map(|bytes| bytes / row_bytes));
    let bytes = bytes.or(rows.map(|rows| rows.saturating_mul(row_bytes)));
    let inexact = |number: Option<u64>| match number.and_then(|n| usize::try_from(n).ok()) {
        Some(number) => Precision::Inexact(number),
        None => Precision::Absent,
    };
    Statistics {
        num_rows: inexact(rows),
        total_byte_size: inexact(bytes),
        ..Statistics::new_unknown(schema)
    }
}

/// What a scan asks of every split.
#[derive(Debug, Clone)]
struct Wanted {
    columns: Option<Vec<usize>>,
    filters: Vec<Comparison>,
    limit: Option<usize>,
}

/// Reads the splits of a snapshot.
#[derive(Debug)]
struct Scan {
    name: String,
    snapshot: Arc<dyn Snapshot>,
    splits: Arc<[Split]>,
    want: Wanted,
    properties: Arc<PlanProperties>,
    /// The next split that nobody has taken.
    next: Arc<AtomicUsize>,
    /// Which partitions were begun: a second begin would find an empty queue and lose rows.
    begun: Vec<AtomicBool>,
}

impl Scan {
    fn new(
        name: &str,
        snapshot: Arc<dyn Snapshot>,
        splits: Vec<Split>,
        want: Wanted,
        schema: SchemaRef,
        partitions: usize,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Scan {
            name: name.to_owned(),
            snapshot,
            splits: splits.into(),
            want,
            properties: Arc::new(properties),
            next: Arc::new(AtomicUsize::new(0)),
            begun: (0..partitions).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// The same scan with nothing begun.
    fn afresh(&self) -> Self {
        Scan {
            name: self.name.clone(),
            snapshot: self.snapshot.clone(),
            splits: self.splits.clone(),
            want: self.want.clone(),
            properties: self.properties.clone(),
            next: Arc::new(AtomicUsize::new(0)),
            begun: self.begun.iter().map(|_| AtomicBool::new(false)).collect(),
        }
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scan: {}, {} splits", self.name, self.splits.len())
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &'static str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.afresh()))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(begun) = self.begun.get(partition) else {
            return internal_err!("a scan of `{}` has no partition {partition}", self.name);
        };
        if begun.swap(true, Ordering::SeqCst) {
            return internal_err!("partition {partition} of `{}` was begun twice", self.name);
        }
        let Some(scope) = context.session_config().get_extension::<Scope>() else {
            return internal_err!("a scan of `{}` was begun without a scope", self.name);
        };
        let reader = Reader {
            snapshot: self.snapshot.clone(),
            splits: self.splits.clone(),
            next: self.next.clone(),
            schema: self.schema(),
            meter: scope.meter.clone(),
            want: Want {
                columns: self.want.columns.clone(),
                filters: self.want.filters.clone(),
                limit: self.want.limit,
                batch_rows: context.session_config().batch_size(),
                refuse: scope.refuse.clone(),
            },
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), reader.batches())))
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        // Nobody knows beforehand which splits a partition will take.
        Ok(Arc::new(match args.partition() {
            Some(_) => Statistics::new_unknown(&self.schema()),
            None => statistics(&self.splits, &self.schema()),
        }))
    }
}

/// One partition of a scan: takes a split, reads it to its end, takes the next.
struct Reader {
    snapshot: Arc<dyn Snapshot>,
    splits: Arc<[Split]>,
    next: Arc<AtomicUsize>,
    schema: SchemaRef,
    meter: Arc<dyn Meter>,
    want: Want,
}

impl Reader {
    fn batches(self) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
        let schema = self.schema.clone();
        let meter = self.meter.clone();
        let streams = stream::try_unfold(self, |reader| async move {
            let index = reader.next.fetch_add(1, Ordering::SeqCst);
            let Some(split) = reader.splits.get(index) else { return Ok(None) };
            let batches = reader.snapshot.read(split, &reader.want).await?;
            Ok::<_, Error>(Some((batches, reader)))
        });
        streams.try_flatten().map(move |batch| {
            let batch = batch.map_err(carried)?;
            let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
            meter.read(rows, batch_bytes(&batch));
            shaped(batch, &schema)
        })
    }
}

/// The batch under the schema that the plan was made for; cheap when it is the same.
fn shaped(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if Arc::ptr_eq(batch.schema_ref(), schema) {
        return Ok(batch);
    }
    let fits = batch.num_columns() == schema.fields().len()
        && batch
            .columns()
            .iter()
            .zip(schema.fields())
            .all(|(column, field)| column.data_type() == field.data_type());
    if !fits {
        return internal_err!("a source read {} but promised {schema}", batch.schema_ref());
    }
    let options =
        arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().to_vec();
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// The bytes that the rows take; a slice counts for what it shows, not for what it holds.
pub(super) fn batch_bytes(batch: &RecordBatch) -> u64 {
    let bytes = |column: &arrow::array::ArrayRef| {
        let data = column.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    let total: usize = batch.columns().iter().map(bytes).sum();
    u64::try_from(total).unwrap_or(u64::MAX)
}
