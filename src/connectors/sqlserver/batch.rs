//! Rows as one record batch, without those that are refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use tiberius::{ColumnData, Row};

use super::cells::{Cells, Trouble, foreign};
use super::reading::Reading;
use super::session::VALUE_BYTES;
use crate::error::{Error, Result};
use crate::source::{Refuse, Refused};

/// A batch is full at this many bytes of text and binary values, however few its rows are.
const BATCH_BYTES: usize = 16 << 20;

/// What has been UTF-16 takes up to half as much again: Arrow counts the bytes of a column in 31 bits.
const _: () = assert!((VALUE_BYTES / 2 * 3 + BATCH_BYTES) >> 31 == 0);

/// A batch under construction.
#[derive(Debug)]
pub(super) struct Batch {
    schema: SchemaRef,
    cells: Vec<Cells>,
    /// For each row so far, whether it stays.
    keep: Vec<bool>,
    kept: usize,
    bytes: usize,
    /// Bytes of a value, at most.
    longest: usize,
}

impl Batch {
    /// An empty batch with the columns of `readings`, for values of up to `longest` bytes.
    pub(super) fn new(readings: &[Reading], longest: usize) -> Self {
        let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
        let cells = readings.iter().map(|reading| Cells::new(reading.wire, &reading.field));
        let (cells, schema) = (cells.collect(), Arc::new(Schema::new(fields)));
        Batch { schema, cells, keep: Vec::new(), kept: 0, bytes: 0, longest }
    }

    /// Whether there are no rows in it.
    pub(super) fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// Whether there should not be more of it.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.keep.len() >= rows || self.bytes >= BATCH_BYTES
    }

    /// Adds `row`, or has it refused.
    ///
    /// # Errors
    /// Those of `refuse`, and when the server sends other types than it said.
    pub(super) fn push(
        &mut self,
        row: Row,
        place: impl FnOnce() -> String,
        refuse: &dyn Refuse,
    ) -> Result<()> {
        let refused = self.push_cells(row)?;
        self.keep.push(refused.is_none());
        let Some((column, value, reason, hint)) = refused else {
            self.kept += 1;
            return Ok(());
        };
        let column = self.schema.field(column).name().clone();
        let hint = hint.replace('…', &column);
        refuse.refuse(Refused {
            place: place(),
            column: Some(column),
            value,
            reason: reason.to_owned(),
            hint: Some(hint),
        })
    }

    /// Adds a value to every column; the first one that does not fit, if any.
    fn push_cells(&mut self, row: Row) -> Result<Option<Misfit>> {
        let mut found = None;
        let mut values = row.into_iter();
        for (index, cells) in self.cells.iter_mut().enumerate() {
            let field = self.schema.field(index);
            let value = values.next().ok_or_else(|| foreign(field.name()))?;
            // The row goes away as a whole; its columns must only stay equally long.
            if found.is_some() {
                cells.push_null();
                continue;
            }
            if !field.is_nullable() && is_null(&value) {
                let reason = "the value is NULL in a column that is NOT NULL";
                found = Some((index, None, reason, "the table is damaged: correct the value"));
                cells.push_null();
                continue;
            }
            if matches!(&value, ColumnData::Binary(Some(bytes)) if bytes.len() > self.longest) {
                let hint = "leave the column out, or read it in parts, with a `query`";
                found = Some((index, None, "the value has more than 1 GiB", hint));
                cells.push_null();
                continue;
            }
            match cells.push(&value) {
                Ok(bytes) => self.bytes += bytes,
                Err(Trouble::Foreign) => return Err(foreign(field.name())),
                Err(Trouble::Misfit(value, reason, hint)) => {
                    cells.push_null();
                    found = Some((index, Some(value), reason, hint));
                }
            }
        }
        Ok(found)
    }

    /// The rows that stay.
    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let broken = |e| Error::bug("rows of SQL Server do not fit their schema").at("arrow", e);
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

/// A column, its value, the reason and what to do.
type Misfit = (usize, Option<String>, &'static str, &'static str);

fn is_null(value: &ColumnData<'static>) -> bool {
    use ColumnData as V;
    match value {
        V::U8(value) => value.is_none(),
        V::I16(value) => value.is_none(),
        V::I32(value) => value.is_none(),
        V::I64(value) => value.is_none(),
        V::F32(value) => value.is_none(),
        V::F64(value) => value.is_none(),
        V::Bit(value) => value.is_none(),
        V::String(value) => value.is_none(),
        V::Guid(value) => value.is_none(),
        V::Binary(value) => value.is_none(),
        V::Numeric(value) => value.is_none(),
        V::Xml(value) => value.is_none(),
        V::DateTime(value) => value.is_none(),
        V::SmallDateTime(value) => value.is_none(),
        V::Time(value) => value.is_none(),
        V::Date(value) => value.is_none(),
        V::DateTime2(value) => value.is_none(),
        V::DateTimeOffset(value) => value.is_none(),
    }
}
