//! Structs as objects, and texts that are written once and used often.

use std::ops::Range;

use arrow::array::{Array, StructArray};
use arrow::buffer::NullBuffer;

use super::bad::{Bad, Found};
use super::cells::{Cells, Values};
use super::rows::{Members, Places};
use super::spans::Spans;
use super::unfit::Unfit;

/// The structs of a column.
pub(super) struct Records<'p> {
    members: Members<'p>,
    nulls: Option<NullBuffer>,
    written: Spans,
    begin: usize,
}

impl<'p> Records<'p> {
    /// The structs of `array`, whose parts are `columns`.
    pub(super) fn new(array: &StructArray, columns: Vec<(&'p str, Box<dyn Cells + 'p>)>) -> Self {
        let members = Members::new(columns, Places::default());
        Records { members, nulls: array.nulls().cloned(), written: Spans::default(), begin: 0 }
    }
}

impl Values for Records<'_> {
    fn prepare(&mut self, rows: &Range<usize>, bad: &mut Bad) {
        let Records { members, nulls, written, begin } = self;
        *begin = rows.start;
        written.clear();
        let mut found = Bad::default();
        members.objects(rows.clone(), &mut found, |_, object, _| {
            let length = object.len() - 1;
            written.push(&object[..length]);
        });
        bad.adopt(found, |found: &Found| {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(found.row));
            (!is_null).then(|| (found.row, found.path.clone()))
        });
    }

    fn most(&self) -> Option<usize> {
        None
    }

    fn bound(&self, row: usize) -> usize {
        self.written.piece(row - self.begin).len()
    }

    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        Ok(copy(self.written.piece(row - self.begin), out, at))
    }
}

/// The entries of a dictionary, each written once.
pub(super) struct Entries {
    /// The entry of each row.
    pub keys: Vec<usize>,
    pub written: Spans,
}

impl Values for Entries {
    fn most(&self) -> Option<usize> {
        None
    }

    fn bound(&self, row: usize) -> usize {
        self.written.piece(self.keys[row]).len()
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        Ok(copy(self.written.piece(self.keys[row]), out, at))
    }
}

#[inline(always)]
fn copy(text: &[u8], out: &mut [u8], at: usize) -> usize {
    out[at..at + text.len()].copy_from_slice(text);
    at + text.len()
}
