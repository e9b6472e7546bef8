//! Rows of SQLite as one record batch, without those that are refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::cells::{Cells, Misfit, shown};
use crate::error::{Error, Result};
use crate::memory::Reservation;
use crate::source::{Refuse, Refused};

/// A batch is full at this many bytes of text and blobs, however few its rows are.
const BATCH_BYTES: usize = 16 << 20;

/// A batch under construction.
#[derive(Debug)]
pub(super) struct Batch {
    schema: SchemaRef,
    cells: Vec<Cells>,
    /// For each row so far, whether it stays.
    keep: Vec<bool>,
    kept: usize,
    bytes: usize,
    room: Box<dyn Reservation>,
}

/// Memory is drawn in steps of this many bytes.
const STEP_BYTES: usize = 1 << 20;

impl Batch {
    /// An empty batch with the columns of `schema`, which draws memory for long values from `room`.
    pub(super) fn new(schema: &SchemaRef, room: Box<dyn Reservation>) -> Result<Self> {
        let cells: Result<Vec<Cells>> =
            schema.fields().iter().map(|field| Cells::new(field.data_type())).collect();
        let schema = Arc::clone(schema);
        Ok(Batch { schema, cells: cells?, keep: Vec::new(), kept: 0, bytes: 0, room })
    }

    /// Rows seen, refused ones among them.
    pub(super) fn seen(&self) -> usize {
        self.keep.len()
    }

    /// Rows that stay.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Whether there should not be more of it.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.seen() >= rows || self.bytes >= BATCH_BYTES
    }

    /// Adds the columns of `row` from `first` on, or has the row refused.
    pub(super) fn push(
        &mut self,
        row: &Row<'_>,
        first: usize,
        place: impl FnOnce() -> String,
        refuse: &dyn Refuse,
    ) -> Result<()> {
        let misfit = self.push_cells(row, first)?;
        self.keep.push(misfit.is_none());
        let Some((column, value, misfit)) = misfit else {
            self.kept += 1;
            return Ok(());
        };
        refuse.refuse(Refused {
            place: place(),
            column: Some(self.schema.field(column).name().clone()),
            value: Some(value),
            reason: misfit.reason,
            hint: Some(misfit.hint),
        })
    }

    /// Adds a value to every column; the first one that does not fit, if any.
    fn push_cells(
        &mut self,
        row: &Row<'_>,
        first: usize,
    ) -> Result<Option<(usize, String, Misfit)>> {
        let mut found = None;
        for (index, cells) in self.cells.iter_mut().enumerate() {
            let value = row
                .get_ref(first + index)
                .map_err(|e| Error::bug("SQLite gave too few columns").at("sqlite", e))?;
            if found.is_some() {
                // The row goes away as a whole; its columns must only stay equally long.
                cells.push_null();
                continue;
            }
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
                self.bytes += bytes.len();
                let whole = 2 * self.bytes;
                // The value as SQLite has it, and as it is kept here.
                if whole >= self.room.held() + STEP_BYTES {
                    self.room.resize(whole)?;
                }
            }
            let allowed = self.schema.field(index).is_nullable() || value != ValueRef::Null;
            let pushed = if allowed { cells.push(value) } else { Err(null_misfit()) };
            if let Err(misfit) = pushed {
                cells.push_null();
                found = Some((index, shown(value), misfit));
            }
        }
        Ok(found)
    }

    /// The rows that stay.
    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let broken = |e| Error::bug("rows of SQLite do not fit their schema").at("arrow", e);
        let mut columns: Vec<ArrayRef> = self.cells.iter_mut().map(Cells::finish).collect();
        if self.kept < self.keep.len() {
            let mask = BooleanArray::from(self.keep);
            for column in &mut columns {
                *column = filter(column, &mask).map_err(broken)?;
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.kept));
        RecordBatch::try_new_with_options(self.schema, columns, &options).map_err(broken)
    }
}

fn null_misfit() -> Misfit {
    Misfit {
        reason: "the value is NULL in a column that is declared NOT NULL".to_owned(),
        hint: "the database is damaged or was written without checks; correct the value".to_owned(),
    }
}
