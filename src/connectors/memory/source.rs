//! Reads a table of a store: a snapshot is a copy of its (shared) batches.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::gt;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::row::{RowConverter, SortField};
use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::{Store, Table};
use crate::error::{Error, Result};
use crate::source::{BatchStream, Snapshot, SnapshotId, Source, Split, Want, Watermark, Window};

/// A table of a store as a source.
#[derive(Debug)]
pub struct MemorySource {
    store: Arc<Store>,
    table: String,
    cursor: Option<String>,
}

impl MemorySource {
    /// The table `table` of `store`.
    pub fn new(store: Arc<Store>, table: &str) -> Self {
        MemorySource { store, table: table.to_owned(), cursor: None }
    }

    /// Read above the watermark of this column only, which must hold whole numbers.
    pub fn with_cursor(self, cursor: Option<String>) -> Self {
        MemorySource { cursor, ..self }
    }

    fn table(&self) -> Result<Table> {
        self.store
            .table(&self.table)
            .ok_or_else(|| Error::missing(format!("there is no table `{}` in memory", self.table)))
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn schema(&self) -> Result<SchemaRef> {
        Ok(self.table()?.schema)
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        let table = self.table()?;
        let (batches, high) = match &self.cursor {
            None => (table.batches, None),
            Some(cursor) => above(&table, cursor, window)?,
        };
        let splits = batches.iter().zip(0..).map(|(batch, n)| split(batch, n)).collect();
        Ok(Arc::new(MemorySnapshot {
            id: id(&batches, high.as_ref())?,
            schema: table.schema,
            splits,
            batches,
            high,
            #[cfg(test)]
            live: (self.store.planted == Some(super::Planted::LiveRows))
                .then(|| (Arc::clone(&self.store), self.table.clone())),
        }))
    }
}

/// Equal for equal rows in equal batches.
fn id(batches: &[RecordBatch], high: Option<&Watermark>) -> Result<SnapshotId> {
    let mut parts = vec![format!("{high:?}").into_bytes()];
    for batch in batches {
        let fields = batch.columns().iter().map(|c| SortField::new(c.data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(bug)?;
        let rows = converter.convert_columns(batch.columns()).map_err(bug)?;
        parts.push(SnapshotId::of(rows.iter()).0.into_bytes());
    }
    Ok(SnapshotId::of(parts))
}

fn split(batch: &RecordBatch, number: usize) -> Split {
    let bytes = u64::try_from(batch.get_array_memory_size()).ok();
    Split { id: format!("{number:06}"), rows: u64::try_from(batch.num_rows()).ok(), bytes }
}

/// The rows above the window's lower end, and the highest cursor among all rows.
fn above(
    table: &Table,
    cursor: &str,
    window: &Window,
) -> Result<(Vec<RecordBatch>, Option<Watermark>)> {
    let low = match &window.above {
        None => i64::MIN,
        Some(watermark) => watermark
            .0
            .parse()
            .map_err(|_| Error::bug(format!("`{watermark}` is not a watermark of `{cursor}`")))?,
    };
    let mut high = low;
    let mut batches = Vec::new();
    for batch in &table.batches {
        let column = batch
            .column_by_name(cursor)
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| {
                Error::config(format!("cursor `{cursor}` is not a column of whole numbers"))
            })?;
        high = column.iter().flatten().fold(high, i64::max);
        let floor = arrow::array::Int64Array::new_scalar(low);
        let kept = filter_record_batch(batch, &gt(column, &floor).map_err(bug)?).map_err(bug)?;
        if kept.num_rows() > 0 {
            batches.push(kept);
        }
    }
    let high = (high > i64::MIN).then(|| Watermark(high.to_string()));
    Ok((batches, high))
}

fn bug(error: arrow::error::ArrowError) -> Error {
    Error::bug("a table in memory could not be read").at("arrow", error)
}

#[derive(Debug)]
struct MemorySnapshot {
    id: SnapshotId,
    schema: SchemaRef,
    splits: Vec<Split>,
    batches: Vec<RecordBatch>,
    high: Option<Watermark>,
    #[cfg(test)]
    live: Option<(Arc<Store>, String)>,
}

#[async_trait]
impl Snapshot for MemorySnapshot {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn high(&self) -> Option<&Watermark> {
        self.high.as_ref()
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let at = self.splits.iter().position(|known| known.id == split.id);
        let batch = at
            .and_then(|at| self.batches.get(at))
            .ok_or_else(|| Error::bug(format!("split `{}` is not of this snapshot", split.id)))?;
        #[cfg(test)]
        let now = self.live.as_ref().and_then(|(store, table)| store.table(table));
        #[cfg(test)]
        let batch = now.as_ref().zip(at).and_then(|(t, at)| t.batches.get(at)).unwrap_or(batch);
        let rows = want.limit.unwrap_or(usize::MAX).min(batch.num_rows());
        let batch = batch.slice(0, rows);
        let batch = match &want.columns {
            Some(columns) if columns.is_empty() => RecordBatch::try_new_with_options(
                Arc::new(arrow::datatypes::Schema::empty()),
                Vec::new(),
                &RecordBatchOptions::new().with_row_count(Some(rows)),
            ),
            Some(columns) => batch.project(columns),
            None => Ok(batch),
        };
        let batch = batch.map_err(bug)?;
        let step = want.batch_rows.max(1);
        let slices: Vec<_> = (0..batch.num_rows())
            .step_by(step)
            .map(|from| Ok(batch.slice(from, step.min(batch.num_rows() - from))))
            .collect();
        Ok(stream::iter(slices).boxed())
    }
}
