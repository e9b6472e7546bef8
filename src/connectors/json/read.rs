//! Reads a JSON source: freezes its files, and turns each part into record batches.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;

use super::cursor::{Cursor, row_text};
use super::object::{Object, Unknown};
use super::options::Asked;
use super::part::{OpenPart, Part};
use super::rows::Found;
use super::split::cut;
use super::survey::{Survey, stamps};
use super::trouble::Parsed;
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::files::{Places, Stamp, snapshot_id};
use crate::memory::Memory;
use crate::source::{BatchStream, Refuse, Snapshot, SnapshotId, Source, Split, Want, Window};

/// Bytes of rows after which a batch is closed, so that wide rows do not make huge batches and no
/// offset of 32 bits overflows.
const BATCH_BYTES_MAX: u64 = 16 << 20;

/// Files of JSON.
#[derive(Debug)]
pub(super) struct JsonSource {
    asked: Asked,
    places: Places,
    context: Context,
    known: Mutex<Option<(Vec<Stamp>, Arc<Survey>)>>,
}

impl JsonSource {
    /// The source that is asked for.
    pub(super) fn new(asked: Asked, places: Places, context: Context) -> Self {
        JsonSource { asked, places, context, known: Mutex::new(None) }
    }

    /// The files as they are now, and what they hold; they are looked at again only when changed.
    fn survey(&self) -> Result<(Vec<Stamp>, Arc<Survey>)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&self.asked.paths, &self.places)?;
        match &*known {
            Some((before, survey)) if *before == stamps => Ok((stamps, Arc::clone(survey))),
            before => {
                let survey = Arc::new(Survey::of(&stamps, &self.asked, &self.context)?);
                if before.as_ref().is_some_and(|(_, before)| before.schema != survey.schema) {
                    return Err(Error::conflict("the files changed and have other columns now")
                        .hint("run again to plan with the columns that they have now"));
                }
                *known = Some((stamps.clone(), Arc::clone(&survey)));
                Ok((stamps, survey))
            }
        }
    }
}

#[async_trait]
impl Source for JsonSource {
    async fn schema(&self) -> Result<SchemaRef> {
        Ok(Arc::clone(&self.survey()?.1.schema))
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        if window.above.is_some() {
            return Err(Error::unsupported("a JSON source has no cursor to read on from"));
        }
        let (stamps, survey) = self.survey()?;
        let memory = Arc::clone(&self.context.memory);
        let split_bytes = crate::files::split_bytes(self.asked.split_bytes, &stamps);
        let parts = cut(&survey.files, split_bytes, &*memory)?;
        let (splits, parts) = parts.into_iter().unzip();
        let Asked { columns, infer_all, unknown, .. } = &self.asked;
        let how = format!("json 1 {columns:?} {infer_all} {split_bytes} {unknown:?}");
        let id = snapshot_id(&how, &stamps);
        Ok(Arc::new(JsonSnapshot { id, survey, splits, parts, unknown: *unknown, memory }))
    }
}

/// Files of JSON as they were when they were planned.
#[derive(Debug)]
struct JsonSnapshot {
    id: SnapshotId,
    survey: Arc<Survey>,
    splits: Vec<Split>,
    /// One for each split.
    parts: Vec<Part>,
    unknown: Unknown,
    memory: Arc<dyn Memory>,
}

#[async_trait]
impl Snapshot for JsonSnapshot {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.survey.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let index = self.splits.iter().position(|known| known.id == split.id);
        let part = index
            .and_then(|index| self.parts.get(index))
            .ok_or_else(|| Error::bug(format!("the snapshot has no split `{}`", split.id)))?;
        let batches = Batches {
            open: part.clone().open(&*self.memory)?,
            table: Table::new(&self.survey, self.unknown, want)?,
            refuse: Arc::clone(&want.refuse),
            batch_rows: want.batch_rows.max(1),
            left: want.limit.unwrap_or(usize::MAX),
        };
        Ok(futures::stream::iter(batches).boxed())
    }
}

/// The columns that are wanted of a part.
#[derive(Debug)]
struct Table {
    rows: Object,
    count: usize,
    schema: SchemaRef,
    /// For each column wanted, which of those that are read it is.
    order: Vec<usize>,
}

impl Table {
    fn new(survey: &Survey, unknown: Unknown, want: &Want) -> Result<Self> {
        let all = || (0..survey.columns.len()).collect();
        let wanted: Vec<usize> = want.columns.clone().unwrap_or_else(all);
        let schema = survey.schema.project(&wanted);
        let schema = schema.map_err(|e| Error::bug("unknown column wanted").at("arrow", e))?;
        let read: BTreeSet<usize> = wanted.iter().copied().collect();
        let order = wanted.iter().map(|column| read.range(..column).count()).collect();
        let rows = Object::new(&survey.columns, unknown, |column| read.contains(&column));
        Ok(Table { rows, count: 0, schema: Arc::new(schema), order })
    }

    /// Takes a row, or leaves everything as it was before.
    fn take(&mut self, bytes: &[u8]) -> Parsed<()> {
        let taken = row_text(bytes).and_then(|text| {
            let mut cursor = Cursor::new(text);
            cursor.object()?;
            self.rows.append(&mut cursor, 1)?;
            cursor.end()
        });
        match taken {
            Ok(()) => self.count += 1,
            Err(_) => self.rows.truncate(self.count),
        }
        taken
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        let failed = |e| Error::bug("the columns of a batch do not fit each other").at("arrow", e);
        let read = self.rows.finish().map_err(failed)?;
        let columns: Vec<ArrayRef> =
            self.order.iter().filter_map(|index| read.get(*index).cloned()).collect();
        let count = std::mem::take(&mut self.count);
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(failed)
    }
}

/// The batches of a part, made as they are asked for; nothing is read ahead.
#[derive(Debug)]
struct Batches {
    open: OpenPart,
    table: Table,
    refuse: Arc<dyn Refuse>,
    batch_rows: usize,
    /// Rows that may still be given out; nothing after an error.
    left: usize,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let batch = self.fill().and_then(|()| self.table.finish());
        match &batch {
            Ok(batch) if batch.num_rows() == 0 => None,
            Ok(batch) => {
                self.left -= batch.num_rows();
                Some(Ok(batch.clone()))
            }
            Err(_) => {
                self.left = 0;
                Some(batch)
            }
        }
    }
}

impl Batches {
    /// Takes rows until the batch is full or the part is at its end.
    fn fill(&mut self) -> Result<()> {
        let full = self.batch_rows.min(self.left);
        let mut begun = None;
        while self.table.count < full {
            let Some(found) = self.open.next()? else { return Ok(()) };
            self.take(&found)?;
            let begun = *begun.get_or_insert(found.bytes.start);
            if found.bytes.end - begun >= BATCH_BYTES_MAX && self.table.count > 0 {
                break;
            }
        }
        // With a limit, the end of the part may never be seen.
        self.open.check()
    }

    fn take(&mut self, found: &Found) -> Result<()> {
        if found.is_too_long() {
            let row = self.open.too_long(found)?;
            return self.refuse.refuse(row);
        }
        let Err(trouble) = self.table.take(self.open.bytes(found)) else { return Ok(()) };
        // A file that changed looks broken; say what really happened.
        self.open.check()?;
        let place = self.open.place(found)?;
        self.refuse.refuse(trouble.refused(place))
    }
}
