//! Column chunks, encoded by dhow itself: plain columns of numbers, times, decimals, truth values and
//! texts.
//!
//! The Parquet library encodes every type, and everything else stays with it: nested columns, rare
//! types, other compressions than zstd. For the columns of ordinary tables it spends more
//! on looking values up in dictionaries and on copying than on anything else, and each of its
//! columns has a compressor of its own; benches/README.md has what this is worth. What is written is
//! the same: pages of version 1, dictionaries that are given up when they grow too long, bounds for
//! each page and each chunk. The library writes headers and footers.

mod finished;
mod fixed;
mod native;
mod open;
mod places;
mod press;
mod range;
mod reals;
mod runs;
#[cfg(test)]
mod tests;
mod texts;

use std::fmt::Debug;

use arrow::array::{Array, ArrayRef, BooleanBufferBuilder};
use arrow::datatypes::DataType;
use parquet::basic::Type;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

pub(super) use finished::Pages;
pub(super) use press::Press;

use finished::{About, Finished};
use fixed::Fixed;
use open::{Dictionary, Open};
use range::Range;
use reals::Real;
use texts::Texts;

/// Rows that are looked at before it is asked whether a page is full.
const STEP: usize = 1024;

/// Bytes of a page for which room is kept when it has ended: almost all pages are shorter, and a long
/// value leaves nothing behind.
const KEPT: usize = 2 * 1024 * 1024;

/// One column of one row group.
pub(super) trait Chunk: Send {
    /// Adds values.
    fn write(&mut self, values: &ArrayRef, press: &mut Press) -> Result<()>;

    /// Encoded bytes so far, about.
    fn bytes(&self) -> usize;

    /// Bytes of memory in use.
    fn memory(&self) -> usize;

    /// Ends the chunk.
    fn close(self: Box<Self>, press: &mut Press) -> Result<(Pages, ColumnCloseResult)>;
}

/// An empty chunk for values of `kind`; `None` if they are encoded by the library.
pub(super) fn chunk(
    kind: &DataType,
    column: &ColumnDescPtr,
    properties: &WriterProperties,
) -> Option<Box<dyn Chunk>> {
    // A list has rows of any number of values; a struct has NULLs of its own.
    if column.max_rep_level() > 0 || column.max_def_level() > 1 || kind.is_nested() {
        return None;
    }
    let limits = Limits::of(column, properties);
    Some(match (kind, column.physical_type()) {
        // Truth values have no dictionary that readers know.
        (DataType::Boolean, _) => {
            let limits = Limits { dictionary_bytes: None, ..limits };
            Column::begin(Fixed::<bool>::new(None), column, limits)
        }
        (DataType::Int8 | DataType::Int16 | DataType::Int32, _)
        | (DataType::Date32 | DataType::Time32(_), _)
        | (DataType::Decimal128(_, _), Type::INT32) => {
            Column::begin(Fixed::<i32>::new(None), column, limits)
        }
        (DataType::Int64 | DataType::Timestamp(_, _) | DataType::Time64(_), _)
        | (DataType::Decimal128(_, _), Type::INT64) => {
            Column::begin(Fixed::<i64>::new(None), column, limits)
        }
        (DataType::Float32, _) => Column::begin(Fixed::<Real<f32>>::new(None), column, limits),
        (DataType::Float64, _) => Column::begin(Fixed::<Real<f64>>::new(None), column, limits),
        (DataType::Decimal128(_, _), Type::FIXED_LEN_BYTE_ARRAY) => {
            let bytes = usize::try_from(column.type_length()).ok();
            Column::begin(Fixed::<i128>::new(bytes), column, limits)
        }
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, _) => {
            Column::begin(Texts { is_text: true }, column, limits)
        }
        (DataType::Binary | DataType::LargeBinary | DataType::BinaryView, _) => {
            Column::begin(Texts { is_text: false }, column, limits)
        }
        _ => return None,
    })
}

/// Where pages and dictionaries end.
#[derive(Debug, Clone, Copy)]
struct Limits {
    page_bytes: usize,
    page_rows: usize,
    /// Bytes of the dictionary; `None` for a column that gets none.
    dictionary_bytes: Option<usize>,
}

impl Limits {
    fn of(column: &ColumnDescPtr, properties: &WriterProperties) -> Self {
        let path = column.path();
        let dictionary = properties.column_dictionary_page_size_limit(path);
        Limits {
            page_bytes: properties.column_data_page_size_limit(path),
            page_rows: properties.data_page_row_count_limit(),
            dictionary_bytes: properties.dictionary_enabled(path).then_some(dictionary),
        }
    }
}

/// A kind of values.
trait Values: Send + Debug {
    /// A value, as far as it can be the smallest or the largest one.
    type Value: Ord + Clone + Send;
    type Dictionary: Dictionary<Value = Self::Value>;

    /// An empty dictionary.
    fn dictionary(&self) -> Self::Dictionary;

    /// How many values of `array`, from its first on, fill a page that has room for so many bytes.
    fn fitting(&self, array: &dyn Array, bytes: usize) -> Result<usize>;

    /// Adds those of `array` that are not NULL. Answers the smallest and the largest one, unless a
    /// dictionary knows them.
    fn add(
        &self,
        array: &dyn Array,
        open: &mut Open<Self::Dictionary>,
    ) -> Result<Option<(Self::Value, Self::Value)>>;

    /// Makes `page`, values as they were added one after the other, what stands in a page.
    fn pack(&self, _page: &mut Vec<u8>) {}

    /// The bounds of a page, as its index has them; `None` for values that have none.
    fn bounds(&self, range: (Self::Value, Self::Value)) -> Option<(Vec<u8>, Vec<u8>)>;

    /// The statistics of a chunk.
    fn statistics(&self, range: Option<&(Self::Value, Self::Value)>, nulls: u64) -> Statistics;
}

/// A column chunk of any kind of values.
struct Column<V: Values> {
    values: V,
    open: Open<V::Dictionary>,
    range: Range<V::Value>,
    levels: Levels,
    limits: Limits,
    is_nullable: bool,
    finished: Finished,
}

impl<V: Values + 'static> Column<V> {
    fn begin(values: V, column: &ColumnDescPtr, limits: Limits) -> Box<dyn Chunk> {
        Box::new(Column {
            open: Open::new(limits.dictionary_bytes.map(|_| values.dictionary())),
            values,
            range: Range::default(),
            levels: Levels::default(),
            limits,
            is_nullable: column.max_def_level() > 0,
            finished: Finished::new(column.clone()),
        })
    }

    /// Adds values of `array` from the one at `from` on, as many as the page takes. Answers how many
    /// these are.
    fn add(&mut self, array: &ArrayRef, from: usize) -> Result<usize> {
        let rows = STEP.min(array.len() - from).min(self.limits.page_rows - self.levels.rows);
        let mut part = array.slice(from, rows);
        // Places in a dictionary are short, but long values make it grow.
        let page = if self.open.is_plain() { self.open.page_bytes() } else { 0 };
        let room = self.limits.page_bytes.saturating_sub(page);
        let fitting = self.values.fitting(&part, room)?.max(1);
        if fitting < rows {
            part = part.slice(0, fitting);
        }
        if let Some(range) = self.values.add(&part, &mut self.open)? {
            self.range.add(range);
        }
        self.levels.add(&part);
        Ok(part.len())
    }

    fn is_page_full(&self) -> bool {
        self.levels.rows >= self.limits.page_rows
            || self.open.page_bytes() >= self.limits.page_bytes
    }

    fn is_dictionary_full(&self) -> bool {
        let most = self.limits.dictionary_bytes;
        !self.open.is_plain() && most.is_some_and(|most| self.open.dictionary_bytes() >= most)
    }

    fn end_page(&mut self, press: &mut Press) -> Result<()> {
        let mut levels = std::mem::take(&mut self.levels);
        if levels.rows == 0 {
            return Ok(());
        }
        press.page.clear();
        if self.is_nullable {
            levels.encode(press)?;
        }
        if let Some(range) = self.open.range() {
            self.range.add(range);
        }
        let encoding = self.open.end_page(&mut press.page, |page| self.values.pack(page));
        let range = self.range.end_page().and_then(|range| self.values.bounds(range));
        let about = About { encoding, rows: levels.rows, nulls: levels.nulls, range };
        self.finished.data_page(press, about)
    }

    /// Nothing comes into the dictionary any more, so its memory is given back.
    fn end_dictionary(&mut self, press: &mut Press) -> Result<()> {
        press.page.clear();
        match self.open.end_dictionary(&mut press.page) {
            Some(values) => self.finished.dictionary_page(press, values),
            None => Ok(()),
        }
    }
}

impl<V: Values + 'static> Chunk for Column<V> {
    fn write(&mut self, values: &ArrayRef, press: &mut Press) -> Result<()> {
        if !self.is_nullable && values.null_count() > 0 {
            return Err(ParquetError::General("a column without NULLs has one".to_owned()));
        }
        let mut from = 0;
        while from < values.len() {
            from += self.add(values, from)?;
            if self.is_dictionary_full() || self.open.hardly_repeats() {
                self.end_page(press)?;
                self.end_dictionary(press)?;
            } else if self.is_page_full() {
                self.end_page(press)?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.finished.bytes + self.open.page_bytes() + self.open.dictionary_bytes()
    }

    fn memory(&self) -> usize {
        self.finished.bytes + self.open.memory()
    }

    fn close(mut self: Box<Self>, press: &mut Press) -> Result<(Pages, ColumnCloseResult)> {
        self.end_page(press)?;
        self.end_dictionary(press)?;
        let nulls = self.finished.nulls as u64;
        let statistics = self.values.statistics(self.range.whole(), nulls);
        self.finished.close(press, (statistics, self.range.order()))
    }
}

/// Which rows of the page have a value.
#[derive(Debug, Default)]
struct Levels {
    rows: usize,
    nulls: usize,
    /// A bit for each row, as soon as one has none.
    valid: Option<BooleanBufferBuilder>,
}

impl Levels {
    fn add(&mut self, array: &dyn Array) {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        if let Some(nulls) = nulls {
            let valid = self.valid.get_or_insert_with(|| {
                let mut valid = BooleanBufferBuilder::new(self.rows + array.len());
                valid.append_n(self.rows, true);
                valid
            });
            valid.append_buffer(nulls.inner());
            self.nulls += nulls.null_count();
        } else if let Some(valid) = &mut self.valid {
            valid.append_n(array.len(), true);
        }
        self.rows += array.len();
    }

    /// Begins the page with the levels, behind their length.
    fn encode(&mut self, press: &mut Press) -> Result<()> {
        press.page.extend_from_slice(&[0; 4]);
        match &mut self.valid {
            None => runs::repeat(1, self.rows, 1, &mut press.page),
            Some(valid) => {
                press.levels.clear();
                press.levels.extend(valid.finish().iter().map(u32::from));
                runs::encode(&press.levels, 1, &mut press.page);
            }
        }
        let length = u32::try_from(press.page.len() - 4)?;
        press.page[..4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }
}

fn unexpected(kind: &DataType) -> ParquetError {
    ParquetError::General(format!("{kind} is not what the column was made for"))
}
