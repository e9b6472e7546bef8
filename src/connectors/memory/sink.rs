//! Writes a table of a store: what every other sink does, without a disk or a network between.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use async_trait::async_trait;
use futures::TryStreamExt;

use super::{Store, Table, lock};
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink, Target};
use crate::source::Watermarks;

/// A table of a store as a sink.
#[derive(Debug)]
pub struct MemorySink {
    store: Arc<Store>,
    table: String,
}

impl MemorySink {
    /// The table `table` of `store`, made by the first load.
    pub fn new(store: Arc<Store>, table: &str) -> Self {
        MemorySink { store, table: table.to_owned() }
    }

    /// Rule 3: every write stages in a place of its own.
    fn place(&self, load: &Load, part: &str) -> String {
        #[cfg(test)]
        if self.store.planted == Some(super::Planted::SharedPlace) {
            return format!("{}/{part}", load.id);
        }
        format!("{}/{part}/{}", load.id, self.store.places.fetch_add(1, Ordering::Relaxed))
    }

    fn staged(&self, receipts: &[Receipt]) -> Result<Vec<RecordBatch>> {
        let staged = lock(&self.store.staged);
        let batches = receipts.iter().map(|receipt| {
            staged
                .get(&receipt.token)
                .cloned()
                .ok_or_else(|| Error::bug(format!("part `{}` is no longer staged", receipt.part)))
        });
        Ok(batches.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

#[async_trait]
impl Sink for MemorySink {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        let Some(table) = self.store.table(&self.table) else { return Ok(Target::default()) };
        let rows: usize = table.batches.iter().map(RecordBatch::num_rows).sum();
        Ok(Target {
            schema: Some(table.schema),
            rows: u64::try_from(rows).ok(),
            bytes: None,
            mark: table.marks.iter().find(|mark| mark.load == load.id).cloned(),
            watermarks: table.marks.last().map(|m| m.watermarks.clone()).unwrap_or_default(),
            ..Target::default()
        })
    }

    async fn prepare(&self, _load: &Load) -> Result<()> {
        Ok(())
    }

    async fn write(&self, load: &Load, part: Part) -> Result<Receipt> {
        let batches: Vec<RecordBatch> = part.batches.try_collect().await?;
        let rows = count(&batches)?;
        let token = self.place(load, &part.id);
        lock(&self.store.staged).insert(token.clone(), batches);
        Ok(Receipt { part: part.id, rows, bytes: 0, token })
    }

    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark> {
        point("sink.before_mark").await;
        let mark = self.publish(load, staged, high)?;
        point("sink.after_mark").await;
        Ok(mark)
    }

    async fn sweep(&self, load: &Load) -> Result<()> {
        let prefix = format!("{}/", load.id);
        lock(&self.store.staged).retain(|place, _| !place.starts_with(&prefix));
        Ok(())
    }
}

impl MemorySink {
    /// Rows and mark, in one step: nobody sees the table while the lock is held.
    fn publish(&self, load: &Load, receipts: &[Receipt], high: &Watermarks) -> Result<Mark> {
        let mark = Mark {
            load: load.id.clone(),
            rows: receipts.iter().map(|receipt| receipt.rows).sum(),
            watermarks: high.clone(),
            at: jiff::Timestamp::now().to_string(),
        };
        let mut tables = lock(&self.store.tables);
        let table = tables.get(&self.table).cloned();
        let found = table.iter().flat_map(|t| &t.marks).find(|mark| mark.load == load.id).cloned();
        if let Some(found) = found {
            #[cfg(test)]
            if self.store.planted == Some(super::Planted::OwnWatermark) {
                return Ok(mark);
            }
            return Ok(found);
        }
        let added = self.staged(receipts)?;
        let empty = Table { schema: Arc::clone(&load.schema), batches: vec![], marks: vec![] };
        let mut table = apply(&load.mode, table.unwrap_or(empty), load, added)?;
        #[cfg(test)]
        if self.store.planted == Some(super::Planted::NoMark) {
            tables.insert(self.table.clone(), table);
            return Ok(mark);
        }
        table.marks.push(mark.clone());
        tables.insert(self.table.clone(), table);
        Ok(mark)
    }
}

fn apply(mode: &Mode, table: Table, load: &Load, added: Vec<RecordBatch>) -> Result<Table> {
    if *mode != Mode::Replace && table.schema != load.schema {
        return Err(Error::drift("the columns of the load are not those of the table")
            .hint("use `mode: replace` to take the new columns"));
    }
    let kept = match mode {
        Mode::Append => table.batches,
        Mode::Truncate | Mode::Replace => Vec::new(),
        Mode::Merge(key) | Mode::DeleteInsert(key) => {
            let keys = keys(&added, key)?;
            let distinct: HashSet<&OwnedRow> = keys.iter().flatten().collect();
            if matches!(mode, Mode::Merge(_)) && distinct.len() < keys.iter().flatten().count() {
                return Err(Error::data(format!("two rows of the load have the same key, {mode}")));
            }
            without(table.batches, key, &distinct)?
        }
    };
    let batches = kept.into_iter().chain(added).collect();
    Ok(Table { schema: Arc::clone(&load.schema), batches, marks: table.marks })
}

/// The key of each row of each batch.
fn keys(batches: &[RecordBatch], key: &[String]) -> Result<Vec<Vec<OwnedRow>>> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let columns = key.iter().map(|name| first.schema().index_of(name));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|e| {
        Error::config("the key names a column that the load does not have").at("arrow", e)
    })?;
    let fields = columns.iter().map(|at| SortField::new(first.column(*at).data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(bug)?;
    let of_batch = |batch: &RecordBatch| {
        let arrays: Vec<_> = columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
        if arrays.iter().any(|array| array.null_count() > 0) {
            return Err(Error::data("a row of the load has no key, but NULL"));
        }
        let rows = converter.convert_columns(&arrays).map_err(bug)?;
        Ok(rows.iter().map(|row| row.owned()).collect())
    };
    batches.iter().map(of_batch).collect()
}

fn without(
    batches: Vec<RecordBatch>,
    key: &[String],
    gone: &HashSet<&OwnedRow>,
) -> Result<Vec<RecordBatch>> {
    let keys = keys(&batches, key)?;
    let kept = batches.iter().zip(keys).map(|(batch, keys)| {
        let stays: BooleanArray = keys.iter().map(|key| Some(!gone.contains(key))).collect();
        filter_record_batch(batch, &stays).map_err(bug)
    });
    kept.filter(|batch| !matches!(batch, Ok(b) if b.num_rows() == 0)).collect()
}

fn count(batches: &[RecordBatch]) -> Result<u64> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    u64::try_from(rows).map_err(|e| Error::bug("too many rows to count").at("rows", e))
}

fn bug(error: arrow::error::ArrowError) -> Error {
    Error::bug("rows in memory could not be compared").at("arrow", error)
}
