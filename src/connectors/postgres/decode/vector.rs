//! A column while a batch is filled: its values, its NULLs, and what is done with odd values.

use arrow::array::ArrayRef;
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::cells::{Cells, Wire};
use super::misfit::{Misfit, Trouble};
use super::reading::{Special, Specials};
use super::strings::BadText;

/// A column of a batch, or the elements of its arrays.
#[derive(Debug)]
pub(super) struct Vector {
    cells: Cells,
    /// The rows with NULL, ascending. Rows with values cost nothing this way.
    nulls: Vec<usize>,
    nullable: bool,
    nan_is_null: bool,
    infinity_is_null: bool,
}

impl Vector {
    /// Room for `rows` values, and for `bytes` bytes in values of any length. NULL is taken, NaN
    /// and infinity are not.
    pub(super) fn new(wire: &Wire, rows: usize, bytes: usize) -> Self {
        let (cells, nulls) = (Cells::new(wire, rows, bytes), Vec::new());
        Vector { cells, nulls, nullable: true, nan_is_null: false, infinity_is_null: false }
    }

    /// The same, with what is done with odd values.
    pub(super) fn ruled(mut self, specials: Specials, nullable: bool) -> Self {
        self.nullable = nullable;
        self.nan_is_null = specials.nan == Special::Null;
        self.infinity_is_null = specials.infinity == Special::Null;
        if let Cells::Array(lists) = &mut self.cells {
            let (nan, infinity) = (self.nan_is_null, self.infinity_is_null);
            let elements = lists.elements();
            (elements.nan_is_null, elements.infinity_is_null) = (nan, infinity);
        }
        self
    }

    /// Appends the value that `bytes` are. After an error the column must be truncated.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        match self.cells.push(bytes) {
            Ok(()) => Ok(()),
            Err(trouble) => self.settle(trouble),
        }
    }

    #[cold]
    fn settle(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        match trouble {
            Trouble::Misfit(Misfit::Nan) if self.nan_is_null => self.push_null(),
            Trouble::Misfit(Misfit::Infinity) if self.infinity_is_null => self.push_null(),
            trouble => Err(trouble),
        }
    }

    /// Appends NULL.
    pub(super) fn push_null(&mut self) -> Result<(), Trouble> {
        if !self.nullable {
            return Err(Misfit::Null.into());
        }
        self.nulls.push(self.cells.len());
        self.cells.push_empty();
        Ok(())
    }

    /// Forgets all but the first `rows` values.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.cells.truncate(rows);
        while self.nulls.last().is_some_and(|row| *row >= rows) {
            self.nulls.pop();
        }
    }

    /// The bytes in values of any length; the measure of the next batch.
    pub(super) fn byte_len(&self) -> usize {
        self.cells.byte_len()
    }

    /// The column as an array of `data_type`, and the texts in it that are not UTF-8, by their
    /// rows.
    pub(super) fn finish(
        self,
        data_type: &DataType,
    ) -> Result<(ArrayRef, Vec<BadText>), ArrowError> {
        let nulls = validity(self.cells.len(), &self.nulls);
        self.cells.finish(data_type, nulls)
    }
}

fn validity(rows: usize, nulls: &[usize]) -> Option<NullBuffer> {
    if nulls.is_empty() {
        return None;
    }
    let mut valid = vec![true; rows];
    for row in nulls {
        valid[*row] = false;
    }
    Some(NullBuffer::new(BooleanBuffer::from(valid)))
}

/// A field of a row, or an element of an array.
pub(super) enum Field<'a> {
    Null,
    Value(&'a [u8]),
}

/// Takes the next field from `rest`; `None` when the bytes are none.
#[inline]
pub(super) fn next_field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = i32::from_be_bytes(*length);
    match usize::try_from(length) {
        Ok(length) => {
            let (value, after) = after.split_at_checked(length)?;
            *rest = after;
            Some(Field::Value(value))
        }
        Err(_) => {
            *rest = after;
            (length == -1).then_some(Field::Null)
        }
    }
}
