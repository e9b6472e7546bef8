//! Values of a fixed number of bytes: whole numbers, dates, times and decimals.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use parquet::data_type::FixedLenByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::open::{Dictionary, Open};
use super::places::{Places, VACANT};
use super::{Values, unexpected};

/// What a value is in memory.
pub(super) trait Native: Copy + Ord + Debug + Send + 'static {
    /// Bits that tell values apart.
    fn bits(self) -> u64;

    /// The number, if it is one that many values may be close to.
    fn near(self) -> Option<i64>;

    /// Appends the value as it stands in a page, in so many bytes.
    fn put(self, bytes: usize, out: &mut Vec<u8>);

    /// The value by itself, as it stands in a page.
    fn alone(self, bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes);
        self.put(bytes, &mut out);
        out
    }

    /// The values of an array.
    fn all(array: &dyn Array) -> Result<Cow<'_, [Self]>>;

    /// The statistics of a chunk; `bytes` are those of a value.
    fn statistics(range: Option<(Self, Self)>, bytes: usize, nulls: u64) -> Statistics;
}

/// Values of so many bytes each.
#[derive(Debug)]
pub(super) struct Fixed<N> {
    bytes: usize,
    native: PhantomData<N>,
}

impl<N: Native> Fixed<N> {
    /// Values of `bytes` bytes, where the type in memory does not tell.
    pub(super) fn new(bytes: Option<usize>) -> Self {
        Fixed { bytes: bytes.unwrap_or(size_of::<N>()), native: PhantomData }
    }
}

/// A dictionary of numbers. Most have few values close to each other (days, quantities, codes): these
/// are found by their distance from the least one.
#[derive(Debug)]
pub(super) struct Numbers<N> {
    bytes: usize,
    values: Vec<N>,
    places: Places,
    /// An odd number that nobody can know, so that no values are chosen to get one hash.
    factor: u64,
    /// The places of the values from `from` on.
    near: Vec<u32>,
    from: i64,
}

/// How far apart values are that are found by their distance.
const NEAR: u64 = 16 * 1024;

impl<N: Native> Numbers<N> {
    #[inline]
    fn place(&mut self, value: N) -> u32 {
        if let Some(place) = self.distance(value).and_then(|at| self.near.get(at))
            && *place != VACANT
        {
            return *place;
        }
        self.search(value)
    }

    /// How far `value` is from the least near one; `None` if it is too far, or below.
    #[inline]
    fn distance(&self, value: N) -> Option<usize> {
        let distance = value.near()?.wrapping_sub(self.from).cast_unsigned();
        usize::try_from(distance).ok().filter(|_| distance < NEAR)
    }

    fn search(&mut self, value: N) -> u32 {
        let hash = value.bits().wrapping_mul(self.factor);
        let (place, is_new) = self.places.find_or_make(hash, |place| self.values[place] == value);
        if is_new {
            self.values.push(value);
            self.remember(value, place);
        }
        place
    }

    /// Makes `value` one that is found by its distance, if it is near.
    fn remember(&mut self, value: N, place: u32) {
        let Some(number) = value.near() else { return };
        if self.near.is_empty() {
            self.from = number;
        }
        let (len, below) = (self.near.len() as u64, self.from.wrapping_sub(number).cast_unsigned());
        if number < self.from && below.saturating_add(len) <= NEAR {
            // As much again, so that numbers that descend do not move all others each time.
            let room = below.max(len.min(NEAR - len));
            self.near.splice(0..0, (0..room).map(|_| VACANT));
            self.from = self.from.wrapping_sub(room.cast_signed());
        }
        if let Some(at) = self.distance(value) {
            if self.near.len() <= at {
                self.near.resize(at + 1, VACANT);
            }
            self.near[at] = place;
        }
    }
}

fn range<'a, N: Native>(mut values: impl Iterator<Item = &'a N>) -> Option<(N, N)> {
    let first = *values.next()?;
    Some(values.fold((first, first), |(least, most), value| (least.min(*value), most.max(*value))))
}

impl<N: Native> Dictionary for Numbers<N> {
    type Value = N;

    fn range(&self, places: impl Iterator<Item = usize>) -> Option<(N, N)> {
        range(places.map(|place| &self.values[place]))
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn bytes(&self) -> usize {
        self.values.len() * self.bytes
    }

    fn memory(&self) -> usize {
        self.places.memory()
            + self.values.capacity() * size_of::<N>()
            + self.near.capacity() * size_of::<u32>()
    }

    fn put(self, out: &mut Vec<u8>) {
        self.values.iter().for_each(|value| value.put(self.bytes, out));
    }
}

impl<N: Native> Values for Fixed<N> {
    type Value = N;
    type Dictionary = Numbers<N>;

    fn dictionary(&self) -> Numbers<N> {
        Numbers {
            bytes: self.bytes,
            values: Vec::new(),
            places: Places::default(),
            factor: RandomState::new().hash_one(0) | 1,
            near: Vec::new(),
            from: 0,
        }
    }

    fn fitting(&self, array: &dyn Array, bytes: usize) -> Result<usize> {
        Ok(array.len().min(bytes.div_ceil(self.bytes)))
    }

    fn add(&self, array: &dyn Array, open: &mut Open<Numbers<N>>) -> Result<Option<(N, N)>> {
        let mut values = N::all(array)?;
        if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
            values = nulls.valid_indices().map(|row| values[row]).collect();
        }
        let range = if open.is_plain() { range(values.iter()) } else { None };
        let put = |value: N, out: &mut Vec<u8>| value.put(self.bytes, out);
        open.add(values.iter().copied(), Numbers::place, put);
        Ok(range)
    }

    fn bounds(&self, (least, most): (N, N)) -> (Vec<u8>, Vec<u8>) {
        (least.alone(self.bytes), most.alone(self.bytes))
    }

    fn statistics(&self, range: Option<&(N, N)>, nulls: u64) -> Statistics {
        N::statistics(range.copied(), self.bytes, nulls)
    }
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
        let (least, most) = range.unzip();
        let statistics = ValueStatistics::new(least, most, None, Some(nulls), false);
        // Readers of the first statistics know numbers with a sign.
        Statistics::Int32(statistics.with_backwards_compatible_min_max(true))
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
        let (least, most) = range.unzip();
        let statistics = ValueStatistics::new(least, most, None, Some(nulls), false);
        // Readers of the first statistics know numbers with a sign.
        Statistics::Int64(statistics.with_backwards_compatible_min_max(true))
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

    fn near(self) -> Option<i64> {
        None
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
        let (least, most) = range.map(|(least, most)| (value(least), value(most))).unzip();
        let statistics = ValueStatistics::new(least, most, None, Some(nulls), false);
        // Readers of the first statistics know numbers with a sign.
        Statistics::FixedLenByteArray(statistics.with_backwards_compatible_min_max(true))
    }
}

fn plain<T: ArrowPrimitiveType>(array: &dyn Array) -> Cow<'_, [T::Native]> {
    Cow::Borrowed(array.as_primitive::<T>().values())
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
