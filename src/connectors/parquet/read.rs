//! Reads row groups of frozen Parquet files as record batches.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatchOptions, StringViewArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::bytes::FileBytes;
use super::footer::{Column, Part, broken, guarded};
use super::prune;
use crate::error::{Error, Result};
use crate::files::{self, Opened, Stamp};
use crate::memory::{Memory, Reservation};
use crate::source::{BatchStream, Snapshot, SnapshotId, Split, Want};

/// Row groups smaller than this share a split, up to this many stored bytes.
const SPLIT_BYTES: u64 = 1 << 20;

/// Parquet files as they were planned.
#[derive(Debug)]
pub(super) struct Frozen {
    id: SnapshotId,
    schema: SchemaRef,
    parts: Vec<Part>,
    splits: Vec<Split>,
    /// The file and row groups of each split, in the order of `splits`.
    groups: Vec<(usize, Vec<usize>)>,
    memory: Arc<dyn Memory>,
}

impl Frozen {
    /// A view of `parts`, whose columns all fit `schema`.
    pub(super) fn new(
        schema: SchemaRef,
        parts: Vec<Part>,
        memory: Arc<dyn Memory>,
    ) -> Result<Self> {
        let stamps: Vec<Stamp> = parts.iter().map(|part| part.stamp.clone()).collect();
        let id = files::snapshot_id(&format!("parquet {SPLIT_BYTES}"), &stamps);
        let (splits, groups) = (Vec::new(), Vec::new());
        let mut frozen = Frozen { id, schema, parts, splits, groups, memory };
        for file in 0..frozen.parts.len() {
            frozen.cut(file)?;
        }
        Ok(frozen)
    }

    /// Cuts one file into splits of one large or several small row groups.
    fn cut(&mut self, file: usize) -> Result<()> {
        let part = &self.parts[file];
        let mut open: Option<(Split, Vec<usize>)> = None;
        for (index, group) in part.footer.metadata().row_groups().iter().enumerate() {
            let counted = |n: i64| u64::try_from(n).map_err(|_| miscounted(&part.stamp, index));
            let rows = counted(group.num_rows())?;
            let bytes = counted(group.compressed_size())?;
            if rows == 0 {
                continue;
            }
            match &mut open {
                Some((split, groups)) if split.bytes.unwrap_or(0) + bytes <= SPLIT_BYTES => {
                    split.rows = split.rows.map(|n| n + rows);
                    split.bytes = split.bytes.map(|n| n + bytes);
                    groups.push(index);
                }
                _ => {
                    let id = format!("{file:06}-{index:05}");
                    let split = Split { id, rows: Some(rows), bytes: Some(bytes) };
                    let full = open.replace((split, vec![index]));
                    self.splits.extend(full.iter().map(|(split, _)| split.clone()));
                    self.groups.extend(full.map(|(_, groups)| (file, groups)));
                }
            }
        }
        if let Some((split, groups)) = open {
            self.splits.push(split);
            self.groups.push((file, groups));
        }
        Ok(())
    }
}

#[async_trait]
impl Snapshot for Frozen {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let Some(at) = self.splits.iter().position(|known| known.id == split.id) else {
            return Err(Error::bug(format!("there is no split `{}`", split.id)));
        };
        let (file, groups) = &self.groups[at];
        let part = &self.parts[*file];
        let groups = prune::groups_wanted(part, groups, &want.filters);
        // Also a file of which nothing is needed must be the one that was planned.
        let opened = part.stamp.open()?;
        if groups.is_empty() || want.limit == Some(0) {
            return Ok(stream::empty().boxed());
        }
        let fetched = self.fetch(part, &opened, &groups, want).await?;
        let rows = Rows::open(part, &self.schema, (opened, fetched), groups, want)?;
        let next = |mut rows: Rows| async move { Ok(rows.next()?.map(|batch| (batch, rows))) };
        Ok(stream::try_unfold(rows, next).boxed())
    }
}

impl Frozen {
    /// What is wanted of `groups`: of an object it is fetched before it is decoded.
    async fn fetch(
        &self,
        part: &Part,
        opened: &Opened,
        groups: &[usize],
        want: &Want,
    ) -> Result<Fetched> {
        let mut held = self.memory.reserve("parquet reader");
        let ranges = match opened {
            Opened::Local(_) => Vec::new(),
            Opened::Object(_) => {
                let every = || (0..self.schema.fields().len()).collect();
                let wanted = want.columns.clone().unwrap_or_else(every);
                ranges(part, groups, &taken(part, &wanted).0)
            }
        };
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        held.resize(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        Ok(Fetched { bytes: FileBytes::of(opened, &part.stamp, &ranges).await?, held })
    }
}

/// The bytes of a split, and the memory that they take.
struct Fetched {
    bytes: FileBytes,
    held: Box<dyn Reservation>,
}

/// Where the columns below `roots` are in some row groups, in the order of the file.
fn ranges(part: &Part, groups: &[usize], roots: &[usize]) -> Vec<Range<u64>> {
    let schema = part.footer.parquet_schema();
    let mut ranges = Vec::new();
    for group in groups.iter().filter_map(|at| part.footer.metadata().row_groups().get(*at)) {
        for (leaf, chunk) in group.columns().iter().enumerate() {
            if roots.binary_search(&schema.get_column_root_idx(leaf)).is_ok() {
                let (start, length) = chunk.byte_range();
                ranges.push(start..start.saturating_add(length));
            }
        }
    }
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// The rows of some row groups of one file.
struct Rows {
    reader: ParquetRecordBatchReader,
    opened: Opened,
    _held: Box<dyn Reservation>,
    stamp: Stamp,
    schema: SchemaRef,
    columns: Vec<Taken>,
    /// Rows that must still come.
    missing: usize,
}

/// Where a wanted column comes from.
enum Taken {
    /// The column of the reader's batch with this index.
    Read(usize),
    /// The same value in every row.
    Key(Option<String>),
}

impl Rows {
    fn open(
        part: &Part,
        schema: &SchemaRef,
        (opened, fetched): (Opened, Fetched),
        groups: Vec<usize>,
        want: &Want,
    ) -> Result<Self> {
        let wanted = want.columns.clone().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let schema = schema
            .project(&wanted)
            .map_err(|e| Error::bug("a column was asked for that is not there").at("arrow", e))?;
        let (roots, columns) = taken(part, &wanted);
        let mask = ProjectionMask::roots(part.footer.parquet_schema(), roots);
        let rows = rows_of(part, &groups)?;
        let Fetched { bytes, held: _held } = fetched;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, part.footer.clone())
                .with_row_groups(groups)
                .with_projection(mask)
                .with_batch_size(want.batch_rows.max(1));
        let builder = match want.limit {
            Some(limit) => builder.with_limit(limit),
            None => builder,
        };
        let reader = guarded(|| builder.build()).map_err(|e| broken(&part.stamp, &e))?;
        let missing = want.limit.map_or(rows, |limit| limit.min(rows));
        let (stamp, schema) = (part.stamp.clone(), Arc::new(schema));
        Ok(Rows { reader, opened, _held, stamp, schema, columns, missing })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        match guarded(|| self.reader.next().transpose().map_err(ParquetError::from)) {
            Ok(Some(batch)) => {
                self.missing = self.missing.saturating_sub(batch.num_rows());
                self.shaped(&batch).map(Some)
            }
            Err(error) => {
                // A file that changed shows up as damage; say what really happened.
                self.stamp.check(&self.opened)?;
                Err(broken(&self.stamp, &error))
            }
            Ok(None) => {
                self.stamp.check(&self.opened)?;
                if self.missing > 0 {
                    let error = Error::data(format!("`{}` is damaged", self.stamp.shown));
                    return Err(error.at("rows missing", self.missing));
                }
                Ok(None)
            }
        }
    }

    /// The batch with the wanted columns in the wanted order.
    fn shaped(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let column = |taken: &Taken| match taken {
            Taken::Read(index) => Arc::clone(batch.column(*index)),
            Taken::Key(value) => key_column(value.as_deref(), rows),
        };
        let columns = self.columns.iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|e| Error::data(format!("`{}` is damaged", self.stamp.shown)).at("decoder", e))
    }
}

/// The root columns to read of a file, and where each wanted column is then.
fn taken(part: &Part, wanted: &[usize]) -> (Vec<usize>, Vec<Taken>) {
    let mut roots: Vec<usize> = wanted
        .iter()
        .filter_map(|&index| match &part.columns[index] {
            Column::Stored(root) => Some(*root),
            Column::Key(_) => None,
        })
        .collect();
    roots.sort_unstable();
    roots.dedup();
    let columns = wanted
        .iter()
        .map(|&index| match &part.columns[index] {
            // The reader gives columns in the order of the file, whatever order is asked for.
            Column::Stored(root) => Taken::Read(roots.partition_point(|r| r < root)),
            Column::Key(value) => Taken::Key(value.clone()),
        })
        .collect();
    (roots, columns)
}

fn key_column(value: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(StringViewArray::from_iter(std::iter::repeat_n(value, rows)))
}

fn rows_of(part: &Part, groups: &[usize]) -> Result<usize> {
    let all = part.footer.metadata().row_groups();
    let rows = groups.iter().map(|&group| {
        usize::try_from(all[group].num_rows()).map_err(|_| miscounted(&part.stamp, group))
    });
    rows.sum()
}

fn miscounted(stamp: &Stamp, group: usize) -> Error {
    Error::data(format!("`{}` is damaged", stamp.shown))
        .at("row group", group)
        .at("decoder", "a count of rows or bytes is negative")
        .hint("copy or write the file again")
}
