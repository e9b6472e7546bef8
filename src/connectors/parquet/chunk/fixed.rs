//! Values of a fixed number of bytes, and a dictionary of them.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;

use arrow::array::Array;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;

use super::Values;
use super::native::Native;
use super::open::{Dictionary, Open};
use super::places::{Places, VACANT};

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
        let Numbers { values, places, factor, .. } = self;
        let (place, is_new) = places.find_or_make(
            hash(value, *factor),
            |place| values[place] == value,
            |place| hash(values[place], *factor),
        );
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

/// Both halves of a product in one: the table looks at the first and at the last bits of a hash, and each of
/// them depends on all bits of the value.
#[inline]
fn hash<N: Native>(value: N, factor: u64) -> u64 {
    let (low, high) = value.bits().carrying_mul(factor, 0);
    low ^ high
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

    fn pack(&self, page: &mut Vec<u8>) {
        N::pack(page);
    }

    fn bounds(&self, (least, most): (N, N)) -> Option<(Vec<u8>, Vec<u8>)> {
        let (least, most) = N::bounds(least, most)?;
        Some((least.alone(self.bytes), most.alone(self.bytes)))
    }

    fn statistics(&self, range: Option<&(N, N)>, nulls: u64) -> Statistics {
        let range = range.and_then(|(least, most)| N::bounds(*least, *most));
        N::statistics(range, self.bytes, nulls)
    }
}
