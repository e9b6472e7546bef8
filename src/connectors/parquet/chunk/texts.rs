//! Values of any number of bytes: texts and binary.

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::open::{Dictionary, Open};
use super::places::{Places, VACANT};
use super::{Values, range, unexpected};

/// The length that stands before each value of a page.
const LENGTH: usize = 4;

/// Texts, or binary.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) is_text: bool,
}

#[derive(Debug, Default)]
pub(super) struct Words {
    /// The values as they stand in a page, and where each ends.
    plain: Vec<u8>,
    ends: Vec<usize>,
    places: Places,
    hashes: ahash::RandomState,
    recent: Recent,
}

/// Where values were found lately, each by its length and its edges: a column of few values finds
/// nearly all of them here, and up to 16 bytes are known by them.
#[derive(Debug)]
struct Recent(Box<[(Edges, u32); RECENT]>);

/// How many values are found by their edges, a power of two.
const RECENT: usize = 64;

/// The length of a value, its first and its last bytes.
type Edges = (usize, u64, u64);

impl Default for Recent {
    fn default() -> Self {
        Recent(Box::new([((0, 0, 0), VACANT); RECENT]))
    }
}

impl Recent {
    fn slot(&mut self, (length, first, last): Edges) -> &mut (Edges, u32) {
        let mixed = first ^ last.rotate_left(29) ^ length as u64;
        // The highest bits of a product depend on all bits of its factors.
        let slot = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - RECENT.ilog2());
        &mut self.0[usize::try_from(slot).unwrap_or(0)]
    }
}

/// The first eight bytes, or all of fewer, and the last eight, if there are as many.
#[inline]
fn edges(value: &[u8]) -> Edges {
    let last = value.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    (value.len(), begin(value), last)
}

/// A value that is too long for its length is too long for a page, and is refused with that.
fn put(value: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(value);
}

/// The smallest and the largest of some values, each with its first bytes as a number: most
/// comparisons end there.
struct Extremes<'a> {
    least: (u64, &'a [u8]),
    most: (u64, &'a [u8]),
}

impl<'a> Extremes<'a> {
    fn of(values: impl Iterator<Item = &'a [u8]>) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut values = values.map(|value| (begin(value), value));
        let first = values.next()?;
        let mut all = Extremes { least: first, most: first };
        values.for_each(|value| {
            all.least = all.least.min(value);
            all.most = all.most.max(value);
        });
        Some((all.least.1.to_vec(), all.most.1.to_vec()))
    }
}

/// The first eight bytes, filled up with zeros: what is less here is less, what is equal may be not.
fn begin(value: &[u8]) -> u64 {
    match value.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        // Flags are common, and a call of the C library costs more than they do.
        None => (0..).zip(value).fold(0, |all, (at, byte)| all | u64::from(*byte) << (56 - 8 * at)),
    }
}

impl Words {
    #[inline]
    fn place(&mut self, value: &[u8]) -> u32 {
        let edges = edges(value);
        let (known, place) = *self.recent.slot(edges);
        let is_it = known == edges && place != VACANT;
        if is_it && (value.len() <= 16 || are_same(self.at(place as usize), value)) {
            return place;
        }
        let place = self.search(value);
        *self.recent.slot(edges) = (edges, place);
        place
    }

    fn search(&mut self, value: &[u8]) -> u32 {
        let Words { plain, ends, places, hashes, .. } = self;
        let (place, is_new) = places.find_or_make(
            hashes.hash_one(value),
            |place| are_same(at(plain, ends, place), value),
            |place| hashes.hash_one(at(plain, ends, place)),
        );
        if is_new {
            put(value, plain);
            ends.push(plain.len());
        }
        place
    }

    fn at(&self, place: usize) -> &[u8] {
        at(&self.plain, &self.ends, place)
    }
}

/// Whether two values are equal. Most are short, and a call of the C library costs more than they do.
#[inline]
fn are_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (ones, one) = one.as_chunks::<8>();
    let (others, other) = other.as_chunks::<8>();
    ones.iter().zip(others).all(|(one, other)| one == other)
        && one.iter().zip(other).all(|(one, other)| one == other)
}

/// The value at `place` among those that stand in `plain`.
fn at<'a>(plain: &'a [u8], ends: &[usize], place: usize) -> &'a [u8] {
    let before = place.checked_sub(1).map_or(0, |before| ends[before]);
    &plain[before + LENGTH..ends[place]]
}

impl Dictionary for Words {
    type Value = Vec<u8>;

    fn range(&self, places: impl Iterator<Item = usize>) -> Option<(Vec<u8>, Vec<u8>)> {
        Extremes::of(places.map(|place| self.at(place)))
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        self.plain.len()
    }

    fn memory(&self) -> usize {
        let ends = self.ends.capacity() * size_of::<usize>();
        self.plain.capacity() + ends + self.places.memory() + size_of_val(&*self.recent.0)
    }

    fn put(mut self, out: &mut Vec<u8>) {
        out.append(&mut self.plain);
    }
}

/// Does `$body` with the values of `$array`, each an `Option<&[u8]>`.
macro_rules! with_values {
    ($array:expr, $values:ident => $body:expr) => {
        match $array.data_type() {
            DataType::Utf8 => {
                let $values = $array.as_string::<i32>().iter().map(|text| text.map(str::as_bytes));
                Ok($body)
            }
            DataType::LargeUtf8 => {
                let $values = $array.as_string::<i64>().iter().map(|text| text.map(str::as_bytes));
                Ok($body)
            }
            DataType::Utf8View => {
                let $values = $array.as_string_view().iter().map(|text| text.map(str::as_bytes));
                Ok($body)
            }
            DataType::Binary => {
                let $values = $array.as_binary::<i32>().iter();
                Ok($body)
            }
            DataType::LargeBinary => {
                let $values = $array.as_binary::<i64>().iter();
                Ok($body)
            }
            DataType::BinaryView => {
                let $values = $array.as_binary_view().iter();
                Ok($body)
            }
            other => Err(unexpected(other)),
        }
    };
}

/// The bytes of all values, where an array tells without looking at each.
fn text_bytes(array: &dyn Array) -> Option<usize> {
    let offsets = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value_offsets(),
        DataType::Binary => array.as_binary::<i32>().value_offsets(),
        _ => return None,
    };
    usize::try_from(offsets.last()? - offsets.first()?).ok()
}

impl Values for Texts {
    type Value = Vec<u8>;
    type Dictionary = Words;

    fn dictionary(&self) -> Words {
        Words::default()
    }

    fn fitting(&self, array: &dyn Array, bytes: usize) -> Result<usize> {
        if text_bytes(array).is_some_and(|all| all + LENGTH * array.len() <= bytes) {
            return Ok(array.len());
        }
        with_values!(array, values => {
            let mut sum = 0;
            let lengths = values.map(|value| value.map_or(0, |value| value.len() + LENGTH));
            let fits = lengths.take_while(|length| {
                let fits = sum < bytes;
                sum += length;
                fits
            });
            fits.count()
        })
    }

    fn add(&self, array: &dyn Array, open: &mut Open<Words>) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        with_values!(array, values => {
            let range = if open.is_plain() { Extremes::of(values.clone().flatten()) } else { None };
            open.add(values.flatten(), Words::place, put);
            range
        })
    }

    fn bounds(&self, (least, most): (Vec<u8>, Vec<u8>)) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((range::lower(&least, self.is_text).0, range::upper(&most, self.is_text).0))
    }

    fn statistics(&self, range: Option<&(Vec<u8>, Vec<u8>)>, nulls: u64) -> Statistics {
        let least = range.map(|(least, _)| range::lower(least, self.is_text));
        let most = range.map(|(_, most)| range::upper(most, self.is_text));
        let (least, is_least) = least.unzip();
        let (most, is_most) = most.unzip();
        let bounds = (least.map(ByteArray::from), most.map(ByteArray::from));
        let statistics = ValueStatistics::new(bounds.0, bounds.1, None, Some(nulls), false);
        Statistics::ByteArray(
            statistics
                .with_min_is_exact(is_least.unwrap_or(true))
                .with_max_is_exact(is_most.unwrap_or(true)),
        )
    }
}
