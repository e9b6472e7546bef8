//! What values of a fixed number of bytes are in memory: whole numbers, dates, times, decimals and
//! truth values.

use std::borrow::Cow;
use std::fmt::Debug;

use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use parquet::data_type::{self as stored, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::unexpected;

/// What a value is in memory.
pub(super) trait Native: Copy + Ord + Debug + Send + 'static {
    /// Bits that tell values apart.
    fn bits(self) -> u64;

    /// The number, if it is one that many values may be close to.
    fn near(self) -> Option<i64> {
        None
    }

    /// Appends the value as it stands in a page, in so many bytes.
    fn put(self, bytes: usize, out: &mut Vec<u8>);

    /// The value by itself, as it stands in a page.
    fn alone(self, bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes);
        self.put(bytes, &mut out);
        out
    }

    /// Makes values that were put one after the other what stands in a page.
    fn pack(_page: &mut Vec<u8>) {}

    /// The smallest and the largest value, as statistics have them; `None` where readers would skip
    /// values by them.
    fn bounds(least: Self, most: Self) -> Option<(Self, Self)> {
        Some((least, most))
    }

    /// The values of an array.
    fn all(array: &dyn Array) -> Result<Cow<'_, [Self]>>;

    /// The statistics of a chunk; `bytes` are those of a value.
    fn statistics(range: Option<(Self, Self)>, bytes: usize, nulls: u64) -> Statistics;
}

impl Native for i32 {
    fn bits(self) -> u64 {
        u64::from(self.cast_unsigned())
    }

    fn near(self) -> Option<i64> {
        Some(self.into())
    }

    fn put(self, _: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn all(array: &dyn Array) -> Result<Cow<'_, [i32]>> {
        Ok(match array.data_type() {
            DataType::Int8 => Cow::Owned(widened::<Int8Type>(array)),
            DataType::Int16 => Cow::Owned(widened::<Int16Type>(array)),
            DataType::Int32 => plain::<Int32Type>(array),
            DataType::Date32 => plain::<Date32Type>(array),
            DataType::Time32(TimeUnit::Second) => plain::<Time32SecondType>(array),
            DataType::Time32(TimeUnit::Millisecond) => plain::<Time32MillisecondType>(array),
            DataType::Decimal128(_, _) => {
                let low = |[a, b, c, d, ..]: [u8; 16]| i32::from_le_bytes([a, b, c, d]);
                narrow(array, low)?
            }
            other => return Err(unexpected(other)),
        })
    }

    fn statistics(range: Option<(i32, i32)>, _: usize, nulls: u64) -> Statistics {
        Statistics::Int32(signed::<stored::Int32Type>(range, nulls))
    }
}

impl Native for i64 {
    fn bits(self) -> u64 {
        self.cast_unsigned()
    }

    fn near(self) -> Option<i64> {
        Some(self)
    }

    fn put(self, _: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn all(array: &dyn Array) -> Result<Cow<'_, [i64]>> {
        Ok(match array.data_type() {
            DataType::Int64 => plain::<Int64Type>(array),
            DataType::Time64(TimeUnit::Microsecond) => plain::<Time64MicrosecondType>(array),
            DataType::Time64(TimeUnit::Nanosecond) => plain::<Time64NanosecondType>(array),
            DataType::Timestamp(unit, _) => match unit {
                TimeUnit::Second => plain::<TimestampSecondType>(array),
                TimeUnit::Millisecond => plain::<TimestampMillisecondType>(array),
                TimeUnit::Microsecond => plain::<TimestampMicrosecondType>(array),
                TimeUnit::Nanosecond => plain::<TimestampNanosecondType>(array),
            },
            DataType::Decimal128(_, _) => {
                let low = |[a, b, c, d, e, f, g, h, ..]: [u8; 16]| {
                    i64::from_le_bytes([a, b, c, d, e, f, g, h])
                };
                narrow(array, low)?
            }
            other => return Err(unexpected(other)),
        })
    }

    fn statistics(range: Option<(i64, i64)>, _: usize, nulls: u64) -> Statistics {
        Statistics::Int64(signed::<stored::Int64Type>(range, nulls))
    }
}

/// Decimals of more than 18 digits: the last bytes of the number, the highest first.
impl Native for i128 {
    fn bits(self) -> u64 {
        let (bytes, mut low, mut high) = (self.to_le_bytes(), [0; 8], [0; 8]);
        low.copy_from_slice(&bytes[..8]);
        high.copy_from_slice(&bytes[8..]);
        u64::from_le_bytes(low) ^ u64::from_le_bytes(high).rotate_left(32)
    }

    fn put(self, bytes: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes()[size_of::<i128>() - bytes..]);
    }

    fn all(array: &dyn Array) -> Result<Cow<'_, [i128]>> {
        match array.data_type() {
            DataType::Decimal128(_, _) => Ok(plain::<Decimal128Type>(array)),
            other => Err(unexpected(other)),
        }
    }

    fn statistics(range: Option<(i128, i128)>, bytes: usize, nulls: u64) -> Statistics {
        let value = |value: i128| FixedLenByteArray::from(value.alone(bytes));
        let range = range.map(|(least, most)| (value(least), value(most)));
        Statistics::FixedLenByteArray(signed::<stored::FixedLenByteArrayType>(range, nulls))
    }
}

/// A bit each, as soon as they are in a page.
impl Native for bool {
    fn bits(self) -> u64 {
        self.into()
    }

    fn put(self, _: usize, out: &mut Vec<u8>) {
        out.push(self.into());
    }

    fn pack(page: &mut Vec<u8>) {
        let bits = |eight: &[u8]| eight.iter().rev().fold(0, |bits, value| bits << 1 | value);
        *page = page.chunks(8).map(bits).collect();
    }

    fn all(array: &dyn Array) -> Result<Cow<'_, [bool]>> {
        match array.data_type() {
            DataType::Boolean => Ok(array.as_boolean().values().iter().collect()),
            other => Err(unexpected(other)),
        }
    }

    fn statistics(range: Option<(bool, bool)>, _: usize, nulls: u64) -> Statistics {
        let (least, most) = range.unzip();
        Statistics::Boolean(ValueStatistics::new(least, most, None, Some(nulls), false))
    }
}

fn plain<T: ArrowPrimitiveType>(array: &dyn Array) -> Cow<'_, [T::Native]> {
    Cow::Borrowed(array.as_primitive::<T>().values())
}

/// The statistics of numbers that have a sign, which readers of the first statistics know as well.
pub(super) fn signed<T: stored::DataType>(
    range: Option<(T::T, T::T)>,
    nulls: u64,
) -> ValueStatistics<T::T> {
    let (least, most) = range.unzip();
    let statistics = ValueStatistics::new(least, most, None, Some(nulls), false);
    statistics.with_backwards_compatible_min_max(true)
}

/// Numbers that Parquet has only in a longer form.
fn widened<T: ArrowPrimitiveType<Native: Into<i32>>>(array: &dyn Array) -> Vec<i32> {
    array.as_primitive::<T>().values().iter().map(|value| (*value).into()).collect()
}

/// Decimals of so few digits that they are written as shorter numbers, which `low` makes of the lowest
/// bytes.
fn narrow<N: Native + Into<i128>>(
    array: &dyn Array,
    low: impl Fn([u8; 16]) -> N,
) -> Result<Cow<'_, [N]>> {
    let wide = array.as_primitive::<Decimal128Type>().values();
    let narrow: Vec<N> = wide.iter().map(|value| low(value.to_le_bytes())).collect();
    // What stands in the place of a NULL means nothing.
    let differs = |row: &usize| narrow[*row].into() != wide[*row] && array.is_valid(*row);
    let is_equal =
        narrow.iter().zip(wide).fold(true, |all, (narrow, wide)| all & ((*narrow).into() == *wide));
    if !is_equal && let Some(row) = (0..wide.len()).find(differs) {
        return Err(too_long(array, wide[row]));
    }
    Ok(Cow::Owned(narrow))
}

fn too_long(array: &dyn Array, value: i128) -> ParquetError {
    ParquetError::General(format!("{value} has more digits than {} allows", array.data_type()))
}
