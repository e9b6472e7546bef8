//! The values of a column while a batch is filled: plain buffers of their Arrow type.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type,
    Float64Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
    UInt32Type, i256,
};
use arrow::error::ArrowError;

use super::lists::Lists;
use super::misfit::{Misfit, Trouble};
use super::numeric;
use super::strings::{BadText, Strings};
use super::vector::{Field, Odd, Values};

/// How the values of a column are sent, and what is made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wire {
    Bool,
    Int16,
    Int32,
    Int64,
    /// Four bytes without a sign.
    Oid,
    Float32,
    Float64,
    Date,
    Time,
    /// Without a zone, or in UTC: the bytes are the same.
    Timestamp,
    /// A number with this scale, below 10 to the power of this precision.
    Decimal128(u8, i8),
    /// The same for more than 38 digits.
    Decimal256(u8, i8),
    /// A number that is whole, of 2, 4 or 8 bytes.
    Whole(u8),
    Text,
    /// A version, then text.
    Jsonb,
    Uuid,
    Binary,
    /// An array of this many dimensions.
    Array(Box<Wire>, usize),
}

/// The values of a column so far.
#[derive(Debug)]
pub(super) enum Cells {
    Bool(Vec<bool>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Oid(Vec<u32>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Timestamp(Vec<i64>),
    Decimal128 { cells: Vec<i128>, scale: i32, limit: i128 },
    Decimal256 { cells: Vec<i256>, scale: i32, limit: i256 },
    Whole { cells: Vec<i64>, limit: i128 },
    Text(Strings),
    Jsonb(Strings),
    Uuid(Strings),
    Binary(Strings),
    Array(Box<Lists>),
}

/// Days from 1970-01-01 to 2000-01-01, where the server counts from.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Calls `$work` on the buffer of any kind; `Decimal` and the others have theirs inside.
macro_rules! with_buffer {
    ($cells:expr, $buffer:ident => $work:expr, $lists:ident => $nested:expr) => {
        match $cells {
            Cells::Bool($buffer) => $work,
            Cells::Int16($buffer) => $work,
            Cells::Int32($buffer) | Cells::Date($buffer) => $work,
            Cells::Int64($buffer) | Cells::Time($buffer) | Cells::Timestamp($buffer) => $work,
            Cells::Oid($buffer) => $work,
            Cells::Float32($buffer) => $work,
            Cells::Float64($buffer) => $work,
            Cells::Decimal128 { cells: $buffer, .. } => $work,
            Cells::Decimal256 { cells: $buffer, .. } => $work,
            Cells::Whole { cells: $buffer, .. } => $work,
            Cells::Text($buffer) | Cells::Jsonb($buffer) => $work,
            Cells::Uuid($buffer) | Cells::Binary($buffer) => $work,
            Cells::Array($lists) => $nested,
        }
    };
}

impl Cells {
    /// Room for `rows` values, and for `bytes` bytes in values of any length.
    pub(super) fn new(wire: &Wire, rows: usize, bytes: usize) -> Self {
        let strings = || Strings::new(rows, bytes);
        match wire {
            Wire::Bool => Cells::Bool(Vec::with_capacity(rows)),
            Wire::Int16 => Cells::Int16(Vec::with_capacity(rows)),
            Wire::Int32 => Cells::Int32(Vec::with_capacity(rows)),
            Wire::Int64 => Cells::Int64(Vec::with_capacity(rows)),
            Wire::Oid => Cells::Oid(Vec::with_capacity(rows)),
            Wire::Float32 => Cells::Float32(Vec::with_capacity(rows)),
            Wire::Float64 => Cells::Float64(Vec::with_capacity(rows)),
            Wire::Date => Cells::Date(Vec::with_capacity(rows)),
            Wire::Time => Cells::Time(Vec::with_capacity(rows)),
            Wire::Timestamp => Cells::Timestamp(Vec::with_capacity(rows)),
            Wire::Decimal128(precision, scale) => {
                let limit = 10_i128.saturating_pow(u32::from(*precision));
                Cells::Decimal128 {
                    cells: Vec::with_capacity(rows),
                    scale: i32::from(*scale),
                    limit,
                }
            }
            Wire::Decimal256(precision, scale) => {
                let limit = i256::from_i128(10).checked_pow(u32::from(*precision));
                let (cells, limit) = (Vec::with_capacity(rows), limit.unwrap_or(i256::MAX));
                Cells::Decimal256 { cells, scale: i32::from(*scale), limit }
            }
            Wire::Whole(bytes) => {
                let limit = 1_i128 << (u32::from(*bytes) * 8 - 1);
                Cells::Whole { cells: Vec::with_capacity(rows), limit }
            }
            Wire::Text => Cells::Text(strings()),
            Wire::Jsonb => Cells::Jsonb(strings()),
            Wire::Uuid => Cells::Uuid(strings()),
            Wire::Binary => Cells::Binary(strings()),
            Wire::Array(of, dimensions) => Cells::Array(Box::new(Lists::new(of, *dimensions))),
        }
    }

    /// Appends the values of `fields`; `odd` says what becomes of NULL and of values that do not
    /// fit. After an error the column has to be truncated.
    pub(super) fn extend<'a>(
        &mut self,
        fields: impl Iterator<Item = Option<Field<'a>>>,
        odd: &mut Odd,
    ) -> Result<(), Trouble> {
        match self {
            Cells::Bool(cells) => numbers(cells, fields, odd, bool),
            Cells::Int16(cells) => {
                numbers(cells, fields, odd, |b| exact(b).map(i16::from_be_bytes))
            }
            Cells::Int32(cells) => {
                numbers(cells, fields, odd, |b| exact(b).map(i32::from_be_bytes))
            }
            Cells::Int64(cells) => {
                numbers(cells, fields, odd, |b| exact(b).map(i64::from_be_bytes))
            }
            Cells::Oid(cells) => numbers(cells, fields, odd, |b| exact(b).map(u32::from_be_bytes)),
            Cells::Float32(cells) => {
                numbers(cells, fields, odd, |b| exact(b).map(f32::from_be_bytes))
            }
            Cells::Float64(cells) => {
                numbers(cells, fields, odd, |b| exact(b).map(f64::from_be_bytes))
            }
            Cells::Date(cells) => numbers(cells, fields, odd, date),
            Cells::Time(cells) => numbers(cells, fields, odd, time),
            Cells::Timestamp(cells) => numbers(cells, fields, odd, timestamp),
            Cells::Decimal128 { cells, scale, limit } => {
                numbers(cells, fields, odd, |bytes| numeric::to_i128(bytes, *scale, *limit))
            }
            Cells::Decimal256 { cells, scale, limit } => {
                numbers(cells, fields, odd, |bytes| numeric::to_i256(bytes, *scale, *limit))
            }
            Cells::Whole { cells, limit } => {
                numbers(cells, fields, odd, |bytes| whole(bytes, *limit))
            }
            Cells::Text(cells) | Cells::Binary(cells) => odd.fill(cells, fields, Strings::push),
            Cells::Jsonb(cells) => {
                odd.fill(cells, fields, |cells, bytes| cells.push(jsonb(bytes)?))
            }
            Cells::Uuid(cells) => odd.fill(cells, fields, Strings::push_uuid),
            Cells::Array(lists) => odd.fill(lists.as_mut(), fields, Lists::push),
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        with_buffer!(self, cells => cells.len(), lists => lists.len())
    }

    /// Forgets all but the first `rows` values.
    pub(super) fn truncate(&mut self, rows: usize) {
        with_buffer!(self, cells => cells.truncate(rows), lists => lists.truncate(rows));
    }

    /// The bytes in values of any length; the measure of the next batch.
    pub(super) fn byte_len(&self) -> usize {
        match self {
            Cells::Text(cells)
            | Cells::Jsonb(cells)
            | Cells::Uuid(cells)
            | Cells::Binary(cells) => cells.byte_len(),
            _ => 0,
        }
    }

    /// The column as an array of `data_type`, and the texts in it that are not UTF-8, by their
    /// rows.
    pub(super) fn finish(
        self,
        data_type: &DataType,
        nulls: Option<NullBuffer>,
    ) -> Result<(ArrayRef, Vec<BadText>), ArrowError> {
        let array = match self {
            Cells::Bool(cells) => {
                Arc::new(BooleanArray::new(BooleanBuffer::from(cells.as_slice()), nulls))
                    as ArrayRef
            }
            Cells::Int16(cells) => primitive::<Int16Type>(cells, nulls, data_type)?,
            Cells::Int32(cells) => primitive::<Int32Type>(cells, nulls, data_type)?,
            Cells::Int64(cells) => primitive::<Int64Type>(cells, nulls, data_type)?,
            Cells::Oid(cells) => primitive::<UInt32Type>(cells, nulls, data_type)?,
            Cells::Float32(cells) => primitive::<Float32Type>(cells, nulls, data_type)?,
            Cells::Float64(cells) => primitive::<Float64Type>(cells, nulls, data_type)?,
            Cells::Date(cells) => primitive::<Date32Type>(cells, nulls, data_type)?,
            Cells::Time(cells) => primitive::<Time64MicrosecondType>(cells, nulls, data_type)?,
            Cells::Timestamp(cells) => {
                primitive::<TimestampMicrosecondType>(cells, nulls, data_type)?
            }
            Cells::Decimal128 { cells, .. } => {
                primitive::<Decimal128Type>(cells, nulls, data_type)?
            }
            Cells::Decimal256 { cells, .. } => {
                primitive::<Decimal256Type>(cells, nulls, data_type)?
            }
            Cells::Whole { cells, .. } => {
                let wide = primitive::<Int64Type>(cells, nulls, &DataType::Int64)?;
                arrow::compute::cast(&wide, data_type)?
            }
            Cells::Binary(cells) => cells.binary(nulls)?,
            Cells::Text(cells) | Cells::Jsonb(cells) | Cells::Uuid(cells) => {
                return cells.text(nulls);
            }
            Cells::Array(lists) => return lists.finish(data_type, nulls),
        };
        Ok((array, Vec::new()))
    }
}

impl<T: Default> Values for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn push_empty(&mut self) {
        self.push(T::default());
    }
}

/// Appends values of a fixed width, each of which `value` makes of its bytes.
#[inline]
fn numbers<'a, T: Default>(
    cells: &mut Vec<T>,
    fields: impl Iterator<Item = Option<Field<'a>>>,
    odd: &mut Odd,
    value: impl Fn(&[u8]) -> Result<T, Trouble>,
) -> Result<(), Trouble> {
    odd.fill(cells, fields, |cells, bytes| {
        cells.push(value(bytes)?);
        Ok(())
    })
}

fn primitive<T: ArrowPrimitiveType>(
    cells: Vec<T::Native>,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> Result<ArrayRef, ArrowError> {
    let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(cells), nulls)?;
    Ok(Arc::new(array.with_data_type(data_type.clone())))
}

#[inline]
fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Trouble> {
    bytes.try_into().map_err(|_| {
        Trouble::Malformed(match N {
            2 => "2 bytes",
            4 => "4 bytes",
            _ => "8 bytes",
        })
    })
}

#[inline]
fn bool(bytes: &[u8]) -> Result<bool, Trouble> {
    match bytes {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Trouble::Malformed("a boolean")),
    }
}

#[inline]
fn date(bytes: &[u8]) -> Result<i32, Trouble> {
    match i32::from_be_bytes(exact(bytes)?) {
        i32::MIN | i32::MAX => Err(Misfit::Infinity.into()),
        days => days.checked_add(EPOCH_DAYS).ok_or(Misfit::Range.into()),
    }
}

#[inline]
fn time(bytes: &[u8]) -> Result<i64, Trouble> {
    match i64::from_be_bytes(exact(bytes)?) {
        micros @ 0..DAY_MICROS => Ok(micros),
        DAY_MICROS => Err(Misfit::Midnight.into()),
        _ => Err(Trouble::Malformed("a time of day")),
    }
}

#[inline]
fn timestamp(bytes: &[u8]) -> Result<i64, Trouble> {
    match i64::from_be_bytes(exact(bytes)?) {
        i64::MIN | i64::MAX => Err(Misfit::Infinity.into()),
        micros => micros.checked_add(EPOCH_MICROS).ok_or(Misfit::Range.into()),
    }
}

fn whole(bytes: &[u8], limit: i128) -> Result<i64, Trouble> {
    // There is one negative number more than there are positive ones.
    let number = numeric::to_i128(bytes, 0, limit + 1)?;
    let fits = number < limit;
    i64::try_from(number).ok().filter(|_| fits).ok_or(Misfit::Digits.into())
}

/// The text of a `jsonb`, which has a version before it.
#[inline]
fn jsonb(bytes: &[u8]) -> Result<&[u8], Trouble> {
    match bytes {
        [1, text @ ..] => Ok(text),
        _ => Err(Trouble::Malformed("jsonb of version 1")),
    }
}
