//! The rows of a result: which values go where, and which rows are left out.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::cells::Cells;
use super::misfit::{Misfit, Trouble};
use super::reading::{Reading, ZeroDates};
use super::text;
use crate::connectors::mysql::wire::{Column, Cursor};
use crate::error::{Error, Result};
use crate::source::{Refuse, Refused};

/// A batch ends when its rows took this many bytes, so that long values do not fill the memory.
const BATCH_BYTES: usize = 16 << 20;

/// Makes batches of rows.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Decoder {
    readings: Vec<Reading>,
    schema: SchemaRef,
    batch_rows: usize,
    place: String,
    refuse: Arc<dyn Refuse>,
    columns: Vec<Cells>,
    /// Rows taken so far, the refused ones among them.
    seen: u64,
    /// Rows in the batch, the refused ones among them.
    rows: usize,
    /// Bytes that the rows of the batch came in.
    bytes: usize,
    /// The rows of the batch that were refused, ascending.
    refused: Vec<usize>,
}

impl Decoder {
    /// A decoder for rows of `readings`; `place` names the split for refused rows, as in
    /// `shop.orders 000017`.
    pub(in crate::connectors::mysql) fn new(
        readings: &[Reading],
        batch_rows: usize,
        place: &str,
        refuse: Arc<dyn Refuse>,
    ) -> Self {
        let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
        Decoder {
            readings: readings.to_vec(),
            schema: Arc::new(Schema::new(fields)),
            batch_rows: batch_rows.max(1),
            place: place.to_owned(),
            refuse,
            columns: Vec::new(),
            seen: 0,
            rows: 0,
            bytes: 0,
            refused: Vec::new(),
        }
    }

    /// Makes sure that a result has the columns that this was made for.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] with the first that is another one.
    pub(in crate::connectors::mysql) fn check(&mut self, columns: &[Column]) -> Result<()> {
        let changed = |name: &str| {
            let error = Error::conflict("the columns changed while they were being read");
            let error = error.at("place", &self.place).at("column", name);
            Err(error.hint("run again: the load starts over with the columns that there are now"))
        };
        for (reading, column) in self.readings.iter().zip(columns) {
            if !reading.takes(column) {
                return changed(&column.name);
            }
        }
        // Without columns, a row still needs a value to be a row.
        if self.readings.len() != columns.len() && !(self.readings.is_empty() && columns.len() == 1)
        {
            return changed("their number");
        }
        self.columns = self.fresh(&vec![0; self.readings.len()])?;
        Ok(())
    }

    /// Whether a batch should be taken before the next row.
    #[inline]
    pub(in crate::connectors::mysql) fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    /// Takes one row: a zero, a bit for each value that is NULL, then the other values.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] for bytes that are no row, and whatever the taker of refused
    /// rows says.
    #[inline]
    pub(in crate::connectors::mysql) fn push(&mut self, packet: &[u8]) -> Result<()> {
        self.seen += 1;
        self.rows += 1;
        self.bytes += packet.len();
        if self.columns.is_empty() {
            return Ok(());
        }
        // Two bits come before that of the first value.
        let nulls = packet.get(1..1 + (self.columns.len() + 9) / 8);
        let (Some(0), Some(nulls)) = (packet.first(), nulls) else {
            return Err(self.malformed("a row"));
        };
        let mut cursor = Cursor(&packet[1 + nulls.len()..]);
        let mut from = 0;
        while let Some(stop) = take(&mut self.columns, &self.readings, nulls, from, &mut cursor) {
            from = stop.at + 1;
            if !self.settle(stop)? {
                return Ok(());
            }
        }
        match cursor.0.is_empty() {
            true => Ok(()),
            false => Err(self.malformed("the end of a row")),
        }
    }

    /// Decides what becomes of a value that was not taken: it is NULL, and `true` is given, or its
    /// row is refused. Either way the columns are of the same length again at the end of the row.
    #[cold]
    fn settle(&mut self, stop: Stop<'_>) -> Result<bool> {
        let Stop { at, trouble, mut before } = stop;
        let misfit = match trouble {
            Trouble::Misfit(misfit) => misfit,
            Trouble::Malformed(expected) => {
                let name = self.readings[at].field.name();
                return Err(self.malformed(expected).at("column", name));
            }
        };
        let reading = &self.readings[at];
        let zero_dates = reading.zero_dates;
        if misfit == Misfit::ZeroDate && zero_dates == ZeroDates::Null {
            self.columns[at].push_null();
            return Ok(true);
        }
        let mut value = Vec::new();
        let is_shown =
            misfit != Misfit::Null && text::write(reading.sent, &mut before, &mut value).is_ok();
        let refusal = self.refusal(at, self.seen, misfit, is_shown.then_some(&value));
        if misfit == Misfit::ZeroDate && zero_dates == ZeroDates::Fail {
            return Err(refusal.into_error());
        }
        self.columns[at..].iter_mut().for_each(Cells::push_null);
        self.refused.push(self.rows - 1);
        self.refuse.refuse(refusal)?;
        Ok(false)
    }

    fn refusal(&self, column: usize, row: u64, misfit: Misfit, value: Option<&Vec<u8>>) -> Refused {
        let name = self.readings[column].field.name();
        Refused {
            place: format!("{} row {row}", self.place),
            column: Some(name.clone()),
            value: value.map(|value| Refused::shown(value)),
            reason: misfit.reason().to_owned(),
            hint: Some(misfit.hint(name)),
        }
    }

    /// Empty columns, with room for as many bytes as these last time.
    fn fresh(&self, bytes: &[usize]) -> Result<Vec<Cells>> {
        let rows = self.batch_rows.min(crate::source::BATCH_ROWS);
        let column = |(reading, bytes): (&Reading, &usize)| {
            let unknown = || Error::bug("there is no way to read a column");
            Cells::new(reading, rows, *bytes).ok_or_else(unknown)
        };
        self.readings.iter().zip(bytes).map(column).collect()
    }

    /// The rows taken since the last batch, if there are any; the next one begins.
    ///
    /// # Errors
    /// What the taker of refused rows says.
    pub(in crate::connectors::mysql) fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let room: Vec<_> = self.columns.iter().map(Cells::byte_len).collect();
        let fresh = self.fresh(&room)?;
        let full = std::mem::replace(&mut self.columns, fresh);
        let (mut arrays, mut bad) = (Vec::with_capacity(full.len()), Vec::new());
        for (at, (cells, field)) in full.into_iter().zip(self.schema.fields()).enumerate() {
            let (array, found) = cells.finish(field.data_type()).map_err(torn)?;
            bad.extend(found.into_iter().map(|(row, value)| (row, at, value)));
            arrays.push(array);
        }
        self.refuse_texts(rows, bad)?;
        self.put_together(rows, arrays)
    }

    /// Refuses the rows in which texts were found that are not UTF-8: row, column, value.
    fn refuse_texts(&mut self, rows: usize, mut bad: Vec<(usize, usize, Vec<u8>)>) -> Result<()> {
        bad.sort();
        bad.dedup_by_key(|(row, ..)| *row);
        for (row, column, value) in bad {
            let Err(place) = self.refused.binary_search(&row) else { continue };
            let behind = u64::try_from(rows - 1 - row).unwrap_or_default();
            let refusal = self.refusal(column, self.seen - behind, Misfit::Utf8, Some(&value));
            self.refused.insert(place, row);
            self.refuse.refuse(refusal)?;
        }
        Ok(())
    }

    /// The batch without the rows that were refused.
    fn put_together(&mut self, rows: usize, arrays: Vec<ArrayRef>) -> Result<Option<RecordBatch>> {
        let refused = std::mem::take(&mut self.refused);
        let left = rows - refused.len();
        if left == 0 {
            return Ok(None);
        }
        let arrays = match refused.is_empty() {
            true => arrays,
            false => {
                let kept: BooleanArray =
                    (0..rows).map(|row| Some(refused.binary_search(&row).is_err())).collect();
                let without = arrays.iter().map(|array| filter(array, &kept));
                without.collect::<Result<_, _>>().map_err(torn)?
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(left));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options);
        batch.map(Some).map_err(torn)
    }

    #[cold]
    fn malformed(&self, expected: &str) -> Error {
        Error::data("the server sent bytes that are no row of the binary protocol")
            .at("place", format!("{} row {}", self.place, self.seen))
            .at("expected", expected)
            .hint("is there a MySQL or MariaDB server, or something between it and dhow?")
    }
}

/// A value that was not taken.
struct Stop<'a> {
    /// Its column.
    at: usize,
    trouble: Trouble,
    /// What was left of the row before it.
    before: Cursor<'a>,
}

/// Moves the values of a row into their columns, from the one at `from` on, up to the first that is
/// not taken.
#[inline]
fn take<'a>(
    columns: &mut [Cells],
    readings: &[Reading],
    nulls: &[u8],
    from: usize,
    cursor: &mut Cursor<'a>,
) -> Option<Stop<'a>> {
    for (at, cells) in columns.iter_mut().enumerate().skip(from) {
        let before = *cursor;
        let taken = match nulls[(at + 2) / 8] >> ((at + 2) % 8) & 1 {
            0 => cells.push(cursor),
            _ if readings[at].field.is_nullable() => {
                cells.push_null();
                Ok(())
            }
            _ => Err(Misfit::Null.into()),
        };
        if let Err(trouble) = taken {
            return Some(Stop { at, trouble, before });
        }
    }
    None
}

fn torn(error: ArrowError) -> Error {
    Error::bug("a batch was not put together").at("arrow", error)
}
