//! Arrays of any number of dimensions: lists in lists, and one column for the elements of all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;

use super::cells::Wire;
use super::misfit::{Misfit, Trouble};
use super::strings::BadText;
use super::vector::{Values, Vector, next_field};

/// The arrays of a column.
#[derive(Debug)]
pub(super) struct Lists {
    /// Where each list begins in the next level, and the last one ends; outermost first.
    levels: Vec<Vec<i32>>,
    elements: Vector,
}

const ARRAY: Trouble = Trouble::Malformed("an array");

/// The most dimensions that the server gives an array.
const DIMENSIONS_MAX: usize = 6;

impl Values for Lists {
    fn len(&self) -> usize {
        self.levels[0].len() - 1
    }

    fn push_empty(&mut self) {
        let end = self.levels[0].last().copied().unwrap_or(0);
        self.levels[0].push(end);
    }
}

impl Lists {
    pub(super) fn new(of: &Wire, dimensions: usize) -> Self {
        Lists { levels: vec![vec![0]; dimensions.max(1)], elements: Vector::new(of, 0, 0) }
    }

    /// Replaces what is done with NaN and infinity in elements.
    pub(super) fn elements(&mut self) -> &mut Vector {
        &mut self.elements
    }

    /// Appends the array that `bytes` are.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let (shape, mut rest) = shape(bytes)?;
        if shape.is_empty() {
            self.push_empty();
            return match rest {
                [] => Ok(()),
                _ => Err(ARRAY),
            };
        }
        if shape.len() != self.levels.len() {
            return Err(Misfit::Dimensions.into());
        }
        let lengths: Vec<usize> = shape.iter().map(|side| side.length).collect();
        let count = lengths.iter().try_fold(1_usize, |all, n| all.checked_mul(*n)).ok_or(ARRAY)?;
        // Each element has at least a length: nothing is made for what cannot be there.
        if count > rest.len() / 4 || lengths.contains(&0) {
            return Err(ARRAY);
        }
        if shape.iter().any(|side| side.lower != 1) {
            return Err(Misfit::LowerBound.into());
        }
        self.open(&lengths)?;
        self.elements.extend((0..count).map(|_| next_field(&mut rest)))?;
        if rest.is_empty() { Ok(()) } else { Err(ARRAY) }
    }

    /// Appends the ends of the lists of one array with sides of these `lengths`.
    fn open(&mut self, lengths: &[usize]) -> Result<(), Trouble> {
        let mut lists = 1;
        for (ends, length) in self.levels.iter_mut().zip(lengths) {
            let step = i32::try_from(*length).map_err(|_| ARRAY)?;
            let mut end = ends.last().copied().unwrap_or(0);
            for _ in 0..lists {
                end = end.checked_add(step).ok_or(ARRAY)?;
                ends.push(end);
            }
            lists *= *length;
        }
        Ok(())
    }

    /// Forgets all but the first `rows` arrays.
    pub(super) fn truncate(&mut self, rows: usize) {
        let mut kept = rows;
        for ends in &mut self.levels {
            ends.truncate(kept + 1);
            kept = ends.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        }
        self.elements.truncate(kept);
    }

    /// The arrays, and the texts in them that are not UTF-8, by the rows of their arrays.
    pub(super) fn finish(
        self,
        data_type: &DataType,
        nulls: Option<NullBuffer>,
    ) -> Result<(ArrayRef, Vec<BadText>), ArrowError> {
        let mut fields: Vec<&FieldRef> = Vec::new();
        let mut inner = data_type;
        for _ in &self.levels {
            let DataType::List(field) = inner else {
                return Err(ArrowError::SchemaError(format!("{data_type} is no list of lists")));
            };
            fields.push(field);
            inner = field.data_type();
        }
        let (mut array, mut bad) = self.elements.finish(inner)?;
        let mut nulls = nulls;
        for (level, (ends, field)) in self.levels.into_iter().zip(fields).enumerate().rev() {
            for (place, _) in &mut bad {
                *place = owner(&ends, *place);
            }
            let outer = if level == 0 { nulls.take() } else { None };
            let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
            array = Arc::new(ListArray::try_new(Arc::clone(field), ends, array, outer)?);
        }
        debug_assert_eq!(array.data_type(), data_type);
        Ok((array, bad))
    }
}

/// The list that the element at `place` is in.
fn owner(ends: &[i32], place: usize) -> usize {
    let begins_after = |end: &i32| usize::try_from(*end).is_ok_and(|end| end > place);
    ends.iter().position(begins_after).map_or(0, |at| at.saturating_sub(1))
}

/// One dimension of an array.
struct Side {
    length: usize,
    lower: i32,
}

/// The dimensions of an array, and the bytes of its elements.
fn shape(bytes: &[u8]) -> Result<(Vec<Side>, &[u8]), Trouble> {
    // Dimensions, whether there are NULLs, the type of the elements.
    let (head, mut rest) = bytes.split_first_chunk::<12>().ok_or(ARRAY)?;
    let (count, _) = head.split_first_chunk::<4>().ok_or(ARRAY)?;
    let count = usize::try_from(i32::from_be_bytes(*count)).map_err(|_| ARRAY)?;
    if count > DIMENSIONS_MAX {
        return Err(ARRAY);
    }
    let mut sides = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(ARRAY)?;
        let (lower, after) = after.split_first_chunk::<4>().ok_or(ARRAY)?;
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| ARRAY)?;
        sides.push(Side { length, lower: i32::from_be_bytes(*lower) });
        rest = after;
    }
    Ok((sides, rest))
}

/// The bounds of an array, such as `[0:1][1:3]`, for people.
pub(super) fn bounds(bytes: &[u8]) -> Option<String> {
    let (sides, _) = shape(bytes).ok()?;
    let bounds = |side: &Side| {
        let upper = i64::from(side.lower) + i64::try_from(side.length).ok()? - 1;
        Some(format!("[{}:{upper}]", side.lower))
    };
    sides.iter().map(bounds).collect()
}
