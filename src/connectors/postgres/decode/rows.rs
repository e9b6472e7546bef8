//! The rows of a `COPY`: where each begins and ends, and which are left out.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::Intake;
use super::cells::Wire;
use super::chunk::Chunk;
use super::frames::{COUNT, Frames};
use super::lists;
use super::misfit::{self, Misfit, Trouble};
use super::reading::Reading;
use super::vector::{Field, Vector, next_field};
use crate::error::{Error, Result};
use crate::source::{Refuse, Refused};

/// A batch ends when it took this many bytes, so that wide rows and long values do not fill the
/// memory: a few batches of each reader are in hand at once.
const BATCH_BYTES: usize = 2 << 20;

/// Rows that the first batch has room for: it may be one of few wide rows.
const ROWS_FIRST: usize = 1024;

/// Makes batches of rows.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Decoder {
    readings: Vec<Reading>,
    schema: SchemaRef,
    batch_rows: usize,
    refuse: Arc<dyn Refuse>,
    frames: Frames,
    columns: Vec<Vector>,
    /// Rows in the batch.
    rows: usize,
    /// Bytes that the rows of the batch came in.
    bytes: usize,
    /// Rows that were refused since the batch began, by number.
    refused: Vec<u64>,
}

impl Decoder {
    /// A decoder for rows of `readings`; `place` names the split for refused rows.
    pub(in crate::connectors::postgres) fn new(
        readings: &[Reading],
        batch_rows: usize,
        place: &str,
        refuse: Arc<dyn Refuse>,
    ) -> Self {
        let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
        let mut decoder = Decoder {
            readings: readings.to_vec(),
            schema: Arc::new(Schema::new(fields)),
            batch_rows: batch_rows.max(1),
            refuse,
            frames: Frames::new(readings.len(), place),
            columns: Vec::new(),
            rows: 0,
            bytes: 0,
            refused: Vec::new(),
        };
        decoder.columns = decoder.fresh(ROWS_FIRST, &vec![0; readings.len()]);
        decoder
    }

    /// Appends the rows of `chunk`, one column after the other.
    fn chunk(&mut self, chunk: &Chunk<'_>) -> Result<()> {
        let mut columns = self.columns.iter_mut().enumerate();
        if columns.all(|(at, column)| column.extend(chunk.column(at)).is_ok()) {
            let rows = chunk.rows();
            self.frames.seen += u64::try_from(rows).unwrap_or(u64::MAX);
            self.rows += rows;
            self.bytes += chunk.bytes;
            return Ok(());
        }
        // Some value does not fit: which, and in which row, is found row by row.
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
        chunk.each_row().try_for_each(|fields| self.row(fields))
    }

    fn row(&mut self, fields: &[u8]) -> Result<()> {
        self.frames.seen += 1;
        self.bytes += fields.len();
        let mut rest = fields;
        for (at, column) in self.columns.iter_mut().enumerate() {
            let before = rest;
            if let Err(trouble) = column.extend(std::iter::once(next_field(&mut rest))) {
                return self.leave_out(at, trouble, before);
            }
        }
        if !rest.is_empty() {
            return Err(self.frames.malformed("the end of a row"));
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes back what the row has put into the columns up to the one at `at`, where it failed.
    #[cold]
    fn leave_out(&mut self, at: usize, trouble: Trouble, mut from: &[u8]) -> Result<()> {
        let reading = &self.readings[at];
        let misfit = match trouble {
            Trouble::Misfit(misfit) => misfit,
            Trouble::Malformed(expected) => {
                return Err(self.frames.malformed(expected).at("column", reading.field.name()));
            }
        };
        for column in &mut self.columns[..=at] {
            column.truncate(self.rows);
        }
        let value = match next_field(&mut from) {
            Some(Field::Value(bytes)) => Some(shown(&reading.wire, misfit, bytes)),
            _ => None,
        };
        self.refused.push(self.frames.seen);
        self.refuse.refuse(self.refusal(at, self.frames.seen, misfit, value))
    }

    fn refusal(&self, column: usize, row: u64, misfit: Misfit, value: Option<String>) -> Refused {
        let name = self.readings[column].field.name();
        Refused {
            place: self.frames.place_of(row),
            column: Some(name.clone()),
            value: value.map(|value| Refused::shown(value.as_bytes())),
            reason: misfit.reason().to_owned(),
            hint: Some(misfit.hint(name)),
        }
    }

    /// Empty columns, with room for a few more rows and bytes than these, which are those of the last
    /// batch: what grows is copied.
    fn fresh(&self, rows: usize, bytes: &[usize]) -> Vec<Vector> {
        let some_more = |number: usize| number + number / 8;
        let rows = some_more(rows).min(self.batch_rows).min(crate::source::BATCH_ROWS);
        let column = |(reading, bytes): (&Reading, &usize)| {
            let vector = Vector::new(&reading.wire, rows, some_more(*bytes));
            vector.ruled(reading.specials, reading.field.is_nullable())
        };
        self.readings.iter().zip(bytes).map(column).collect()
    }

    /// The batch as far as it is filled, if there is anything in it; the next one begins.
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            self.refused.clear();
            return Ok(None);
        }
        let bytes: Vec<_> = self.columns.iter().map(Vector::byte_len).collect();
        let fresh = self.fresh(rows, &bytes);
        let full = std::mem::replace(&mut self.columns, fresh);
        let arrow =
            |error: ArrowError| Error::bug("a batch was not put together").at("arrow", error);
        let (mut arrays, mut bad) = (Vec::with_capacity(full.len()), Vec::new());
        for (at, (vector, field)) in full.into_iter().zip(self.schema.fields()).enumerate() {
            let (array, found) = vector.finish(field.data_type()).map_err(arrow)?;
            bad.extend(found.into_iter().map(|(row, value)| (row, at, value)));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow)?;
        let batch = self.without(batch, bad)?;
        self.refused.clear();
        Ok(batch)
    }

    /// `batch` without the rows in which texts were found that are not UTF-8: row, column, value.
    fn without(
        &self,
        batch: RecordBatch,
        mut bad: Vec<(usize, usize, Vec<u8>)>,
    ) -> Result<Option<RecordBatch>> {
        if bad.is_empty() {
            return Ok(Some(batch));
        }
        bad.sort();
        bad.dedup_by_key(|(row, ..)| *row);
        let numbers = self.numbers(batch.num_rows());
        let mut kept = vec![true; batch.num_rows()];
        for (row, column, value) in bad {
            kept[row] = false;
            let value = Refused::shown(&value);
            self.refuse.refuse(self.refusal(column, numbers[row], Misfit::Utf8, Some(value)))?;
        }
        let batch = filter_record_batch(&batch, &BooleanArray::from(kept));
        let batch = batch.map_err(|e| Error::bug("rows were not left out").at("arrow", e))?;
        Ok(Some(batch).filter(|batch| batch.num_rows() > 0))
    }

    /// The numbers of the last `rows` rows that were not refused.
    fn numbers(&self, rows: usize) -> Vec<u64> {
        let left_out = u64::try_from(rows + self.refused.len()).unwrap_or(self.frames.seen);
        let all = self.frames.seen - left_out + 1..=self.frames.seen;
        all.filter(|number| self.refused.binary_search(number).is_err()).collect()
    }
}

impl Intake for Decoder {
    type Piece = RecordBatch;

    fn push<'a>(
        &mut self,
        payloads: &mut impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<RecordBatch>> {
        let mut chunk = Chunk::new(self.columns.len());
        loop {
            chunk.clear();
            let most = self.batch_rows.saturating_sub(self.rows);
            let odd = match self.frames.is_in_rows() {
                true => chunk.take(payloads, most, BATCH_BYTES.saturating_sub(self.bytes)),
                false => payloads.next(),
            };
            self.chunk(&chunk)?;
            match odd {
                Some(payload) => {
                    if let Some(row) = self.frames.row(payload)? {
                        self.row(&row[COUNT..])?;
                    }
                }
                None if chunk.is_empty() => return Ok(None),
                None => {}
            }
            if self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES {
                let batch = self.batch()?;
                if batch.is_some() {
                    return Ok(batch);
                }
            }
        }
    }

    fn finish(mut self) -> Result<Option<RecordBatch>> {
        self.frames.finish()?;
        self.batch()
    }

    fn bytes(batch: &RecordBatch) -> usize {
        batch.get_array_memory_size()
    }
}

/// A refused value as people see it.
fn shown(wire: &Wire, why: Misfit, bytes: &[u8]) -> String {
    match (wire, bytes) {
        (Wire::Array(..), bytes) => lists::bounds(bytes).unwrap_or_else(|| "{…}".to_owned()),
        (Wire::Date, &[a, b, c, d]) => match i32::from_be_bytes([a, b, c, d]) {
            days @ (i32::MIN | i32::MAX) => misfit::infinity(days < 0),
            days => misfit::date(i64::from(days)),
        },
        (Wire::Time, _) => "24:00:00".to_owned(),
        (Wire::Timestamp, &[a, b, c, d, e, f, g, h]) => {
            match (i64::from_be_bytes([a, b, c, d, e, f, g, h]), why) {
                (micros, Misfit::Infinity) => misfit::infinity(micros < 0),
                (micros, _) => misfit::moment(micros),
            }
        }
        _ => misfit::number(bytes),
    }
}
