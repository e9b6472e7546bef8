//! A column while a batch is filled: its values, its NULLs, and what is done with odd values.

use arrow::array::{ArrayRef, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
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
    odd: Odd,
}

/// A column that has a NULL gets room for so many: one that has few may have some more.
const NULLS_FIRST: usize = 256;

/// What is done with NULL, NaN and infinity in a column, and where NULLs are so far.
#[derive(Debug)]
pub(super) struct Odd {
    /// The rows with NULL, ascending. Rows with values cost nothing this way.
    nulls: Vec<usize>,
    nullable: bool,
    nan_is_null: bool,
    infinity_is_null: bool,
}

/// The values of a column, of whatever kind.
pub(super) trait Values {
    /// How many there are.
    fn len(&self) -> usize;
    /// Appends what stands where the value is NULL.
    fn push_empty(&mut self);
}

impl Odd {
    /// Appends the values of `fields` to `cells`, each by `append`: the loop over a column.
    #[inline]
    pub(super) fn fill<'a, B: Values>(
        &mut self,
        cells: &mut B,
        fields: impl Iterator<Item = Option<Field<'a>>>,
        append: impl Fn(&mut B, &'a [u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        for field in fields {
            match field {
                Some(Field::Value(bytes)) => {
                    if let Err(trouble) = append(cells, bytes) {
                        self.settle(trouble, cells)?;
                    }
                }
                Some(Field::Null) => self.null(cells)?,
                None => return Err(Trouble::Malformed("a field of the length it says")),
            }
        }
        Ok(())
    }

    #[cold]
    fn settle(&mut self, trouble: Trouble, cells: &mut impl Values) -> Result<(), Trouble> {
        match trouble {
            Trouble::Misfit(Misfit::Nan) if self.nan_is_null => self.null(cells),
            Trouble::Misfit(Misfit::Infinity) if self.infinity_is_null => self.null(cells),
            trouble => Err(trouble),
        }
    }

    fn null(&mut self, cells: &mut impl Values) -> Result<(), Trouble> {
        if !self.nullable {
            return Err(Misfit::Null.into());
        }
        if self.nulls.capacity() == 0 {
            self.nulls.reserve(NULLS_FIRST);
        }
        self.nulls.push(cells.len());
        cells.push_empty();
        Ok(())
    }
}

impl Vector {
    /// Room for `rows` values, and for `bytes` bytes in values of any length. NULL is taken, NaN
    /// and infinity are not.
    pub(super) fn new(wire: &Wire, rows: usize, bytes: usize) -> Self {
        let (nulls, nullable) = (Vec::new(), true);
        let odd = Odd { nulls, nullable, nan_is_null: false, infinity_is_null: false };
        Vector { cells: Cells::new(wire, rows, bytes), odd }
    }

    /// The same, with what is done with odd values.
    pub(super) fn ruled(mut self, specials: Specials, nullable: bool) -> Self {
        self.odd.nullable = nullable;
        self.odd.nan_is_null = specials.nan == Special::Null;
        self.odd.infinity_is_null = specials.infinity == Special::Null;
        if let Cells::Array(lists) = &mut self.cells {
            let elements = &mut lists.elements().odd;
            elements.nan_is_null = self.odd.nan_is_null;
            elements.infinity_is_null = self.odd.infinity_is_null;
        }
        self
    }

    /// Appends the values of `fields`. After an error the column must be truncated.
    pub(super) fn extend<'a>(
        &mut self,
        fields: impl Iterator<Item = Option<Field<'a>>>,
    ) -> Result<(), Trouble> {
        self.cells.extend(fields, &mut self.odd)
    }

    /// Forgets all but the first `rows` values.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.cells.truncate(rows);
        while self.odd.nulls.last().is_some_and(|row| *row >= rows) {
            self.odd.nulls.pop();
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
        let nulls = validity(self.cells.len(), &self.odd.nulls);
        self.cells.finish(data_type, nulls)
    }
}

fn validity(rows: usize, nulls: &[usize]) -> Option<NullBuffer> {
    if nulls.is_empty() {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    valid.append_n(rows, true);
    for row in nulls {
        valid.set_bit(*row, false);
    }
    Some(NullBuffer::new(valid.finish()))
}

/// A field of a row, or an element of an array.
#[derive(Debug, Clone, Copy)]
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
