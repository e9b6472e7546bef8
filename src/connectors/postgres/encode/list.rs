//! Lists as arrays: the dimensions first, then the elements one after the other.
//!
//! A Postgres array of several dimensions is a block: all inner lists have the same length and none
//! is missing. Lists that are not so are misfits, and so are empty inner lists, because the server
//! would forget how many there were.

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::Format;
use super::bad::Bad;
use super::cells::{Cells, Gather};
use super::target::Leaf;
use super::{column, plain_text};
use crate::error::Result;

/// The server's limit.
pub(super) const MOST_DIMENSIONS: usize = 6;

/// `box` is the one type whose array elements stand between semicolons.
const BOX: u32 = 603;

const RAGGED: &str = "the inner lists have different lengths, which an array cannot have";
const MISSING: &str = "an inner list is NULL, which an array cannot have";
const EMPTY: &str = "an inner list is empty, which an array cannot have";
const SHAPE: &str = "write it as jsonb, or bring the lists to one length in the model";
const TOO_BIG: &str = "the value is larger than 1 GiB, the most that the server keeps";
const MOST_BYTES: usize = 0x3fff_ffff - 4;

/// One level of lists: where each begins, and which are not NULL.
struct Level {
    offsets: Vec<usize>,
    nulls: Option<NullBuffer>,
}

/// The lists of `array`, whose elements are `leaf`, as arrays with elements of type `element`.
pub(super) fn encode(
    leaf: &Leaf,
    element: u32,
    array: &ArrayRef,
    format: Format,
    bad: &mut Bad,
) -> Result<Cells> {
    let (levels, elements) = levels(array)?;
    let mut bad_elements = Bad::default();
    let mut cells = column::leaf(leaf, &elements, &mut bad_elements)?;
    bad.adopt(bad_elements, |index| row_of(&levels, index));
    if format == Format::Text && bad.is_empty() {
        cells = plain_text::of(leaf, cells);
    }
    let mut out = Gather::with_capacity(array.len(), array.len() * 24 + elements.len() * 12);
    for row in 0..array.len() {
        if array.is_valid(row) {
            match block(&levels, row) {
                Err(reason) => bad.cell(array, row, reason, Some(SHAPE)),
                Ok(block) => match format {
                    Format::Binary => block.put(element, &cells, &mut out.bytes),
                    Format::Text => block.write(element, &cells, &mut out.bytes),
                },
            }
            if out.pending() > MOST_BYTES {
                bad.note(row, b"a list", TOO_BIG, None);
                out.drop_and_end();
                continue;
            }
        }
        out.end();
    }
    Ok(out.finish(array.nulls()))
}

/// The levels of nested lists, from the outermost, and the elements within.
fn levels(array: &ArrayRef) -> Result<(Vec<Level>, ArrayRef)> {
    let mut levels = Vec::new();
    let mut array = column::plain(array)?;
    loop {
        let (level, inner) = match array.data_type() {
            DataType::List(_) => of_list(array.as_list::<i32>()),
            DataType::LargeList(_) => of_list(array.as_list::<i64>()),
            DataType::FixedSizeList(..) => of_fixed(&array),
            _ => return Ok((levels, array)),
        };
        levels.push(level);
        array = column::plain(&inner)?;
    }
}

fn of_list<O: OffsetSizeTrait>(list: &GenericListArray<O>) -> (Level, ArrayRef) {
    let begin = list.offsets().first().map_or(0, |offset| offset.as_usize());
    let offsets: Vec<_> = list.offsets().iter().map(|offset| offset.as_usize() - begin).collect();
    let length = offsets.last().copied().unwrap_or(0);
    let level = Level { offsets, nulls: list.nulls().cloned() };
    (level, list.values().slice(begin, length))
}

fn of_fixed(array: &ArrayRef) -> (Level, ArrayRef) {
    let list = array.as_fixed_size_list();
    let width = usize::try_from(list.value_length()).unwrap_or(0);
    let begin = if list.is_empty() { 0 } else { list.value_offset(0) };
    let begin = usize::try_from(begin).unwrap_or(0);
    let offsets = (0..=list.len()).map(|row| row * width).collect();
    let level = Level { offsets, nulls: list.nulls().cloned() };
    (level, list.values().slice(begin, list.len() * width))
}

/// The row in whose list the element `index` stands, unless that list is NULL.
fn row_of(levels: &[Level], index: usize) -> Option<usize> {
    levels.iter().rev().try_fold(index, |index, level| {
        let place = level.offsets.partition_point(|offset| *offset <= index).checked_sub(1)?;
        let is_null = level.nulls.as_ref().is_some_and(|nulls| nulls.is_null(place));
        (!is_null).then_some(place)
    })
}

/// The lengths of the dimensions, and where the elements stand.
struct Block {
    lengths: [usize; MOST_DIMENSIONS],
    dimensions: usize,
    begin: usize,
    end: usize,
}

fn block(levels: &[Level], row: usize) -> Result<Block, &'static str> {
    let mut block =
        Block { lengths: [0; MOST_DIMENSIONS], dimensions: 0, begin: row, end: row + 1 };
    for (depth, level) in levels.iter().enumerate() {
        let length = |place: usize| level.offsets[place + 1] - level.offsets[place];
        let mut places = block.begin..block.end;
        let first = places.next().map_or(0, length);
        if depth > 0 {
            let is_null = |place| level.nulls.as_ref().is_some_and(|nulls| nulls.is_null(place));
            if (block.begin..block.end).any(is_null) {
                return Err(MISSING);
            }
            if places.any(|place| length(place) != first) {
                return Err(RAGGED);
            }
            if first == 0 {
                return Err(EMPTY);
            }
        }
        if first == 0 {
            return Ok(Block { end: block.begin, ..block });
        }
        let Some(slot) = block.lengths.get_mut(depth) else { return Err(RAGGED) };
        *slot = first;
        block.dimensions = depth + 1;
        (block.begin, block.end) = (level.offsets[block.begin], level.offsets[block.end]);
    }
    Ok(block)
}

impl Block {
    fn put(&self, element: u32, cells: &Cells, out: &mut Vec<u8>) {
        let places = self.begin..self.end;
        let any_null = cells.nulls.is_some() && places.clone().any(|place| cells.is_null(place));
        out.extend_from_slice(&number(self.dimensions));
        out.extend_from_slice(&number(usize::from(any_null)));
        out.extend_from_slice(&element.to_be_bytes());
        for length in &self.lengths[..self.dimensions] {
            out.extend_from_slice(&number(*length));
            // Arrays begin at 1.
            out.extend_from_slice(&number(1));
        }
        for place in places {
            if cells.is_null(place) {
                out.extend_from_slice(&[0xff; 4]);
            } else {
                out.extend_from_slice(&number(cells.length(place)));
                cells.append(place, out);
            }
        }
    }

    /// Writes the array as text: each element in quotes, because those are always understood.
    fn write(&self, element: u32, cells: &Cells, out: &mut Vec<u8>) {
        let between = if element == BOX { b';' } else { b',' };
        let lengths = &self.lengths[..self.dimensions];
        if lengths.is_empty() {
            return out.extend_from_slice(b"{}");
        }
        for (count, place) in (self.begin..self.end).enumerate() {
            if count > 0 {
                out.push(between);
            }
            (0..starting(lengths, count)).for_each(|_| out.push(b'{'));
            if cells.is_null(place) {
                out.extend_from_slice(b"NULL");
            } else {
                quote(cells.bytes(place), out);
            }
            (0..starting(lengths, count + 1)).for_each(|_| out.push(b'}'));
        }
    }
}

/// How many dimensions begin (or have ended) before the element `count`.
fn starting(lengths: &[usize], count: usize) -> usize {
    let mut size = 1;
    let sizes = lengths.iter().rev().map(|length| {
        size *= length;
        size
    });
    sizes.filter(|size| count.is_multiple_of(*size)).count()
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// A count on the wire; values have less than a gigabyte, so that it always fits.
fn number(count: usize) -> [u8; 4] {
    i32::try_from(count).unwrap_or(i32::MAX).to_be_bytes()
}
