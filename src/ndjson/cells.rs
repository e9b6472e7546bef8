//! One column of a batch, ready to be written into rows.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;

use super::bad::Bad;
use super::frame::{OnNull, SLACK};
use super::plan::Planned;
use super::spans::Spans;
use super::unfit::Unfit;

/// The longest thing that stands in the place of a NULL.
const NULL: usize = 4;

/// The values of one type, without what stands around them.
pub(super) trait Values {
    /// Makes ready what [`Values::bound`] and [`Values::write`] need to know of these rows.
    fn prepare(&mut self, _rows: &Range<usize>, _bad: &mut Bad) {}

    /// The most bytes of any value, where that is a small number.
    fn most(&self) -> Option<usize>;

    /// The most bytes of the value of a row, which may be NULL.
    fn bound(&self, row: usize) -> usize;

    /// Writes the value of `row`, which is not NULL, at `at` and gives its end. At most [`SLACK`]
    /// bytes behind the place to which the bound reaches may be touched as well.
    ///
    /// # Errors
    /// Why the value does not fit.
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit>;
}

/// A column of a batch: the values of one type in their frame.
pub(super) trait Cells {
    /// Adds to each of `bounds` the most bytes that a row of `rows` has in this column.
    fn measure(&mut self, rows: &Range<usize>, bounds: &mut [usize], bad: &mut Bad);

    /// Writes the rows that were measured, each at its cursor, which is moved behind it. At most
    /// [`SLACK`] bytes behind the bound are touched as well.
    fn write(&self, rows: &Range<usize>, cursors: &mut [usize], out: &mut [u8], bad: &mut Bad);

    /// Writes rows one after the other.
    fn append(&mut self, rows: &Range<usize>, out: &mut Spans, bad: &mut Bad);
}

/// Values in their frame.
pub(super) struct Framed<'p, V> {
    planned: &'p Planned,
    /// Where the values come from, to show one that does not fit.
    array: ArrayRef,
    nulls: Option<NullBuffer>,
    values: V,
}

impl<'p, V: Values + 'p> Framed<'p, V> {
    /// The values of `array` as `planned`.
    pub(super) fn cells(planned: &'p Planned, array: &ArrayRef, values: V) -> Box<dyn Cells + 'p> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Box::new(Framed { planned, array: array.clone(), nulls, values })
    }

    #[inline(always)]
    fn value(&self, row: usize, out: &mut [u8], at: usize, bad: &mut Bad) -> usize {
        let frame = &self.planned.frame;
        let begin = frame.open(out, at);
        match self.values.write(row, out, begin) {
            Ok(end) => frame.close(out, end),
            Err(unfit) => {
                bad.cell(&self.array, row, unfit, &self.planned.form);
                at
            }
        }
    }

    fn null(&self, row: usize, out: &mut [u8], at: usize, bad: &mut Bad) -> usize {
        match &self.planned.frame.null {
            OnNull::Refuse => {
                bad.cell(&self.array, row, Unfit::Null, &self.planned.form);
                at
            }
            OnNull::Omit => at,
            OnNull::Write(text) => {
                out[at..at + text.len()].copy_from_slice(text);
                at + text.len()
            }
        }
    }
}

impl<'p, V: Values + 'p> Cells for Framed<'p, V> {
    fn measure(&mut self, rows: &Range<usize>, bounds: &mut [usize], bad: &mut Bad) {
        self.values.prepare(rows, bad);
        let frame = self.planned.frame.width();
        match self.values.most() {
            Some(most) => bounds.iter_mut().for_each(|bound| *bound += frame + most.max(NULL)),
            None => rows.clone().zip(bounds).for_each(|(row, bound)| {
                *bound += frame + self.values.bound(row).max(NULL);
            }),
        }
    }

    fn write(&self, rows: &Range<usize>, cursors: &mut [usize], out: &mut [u8], bad: &mut Bad) {
        let rows = rows.clone().zip(cursors);
        match &self.nulls {
            None => rows.for_each(|(row, cursor)| *cursor = self.value(row, out, *cursor, bad)),
            Some(nulls) => rows.for_each(|(row, cursor)| {
                *cursor = if nulls.is_null(row) {
                    self.null(row, out, *cursor, bad)
                } else {
                    self.value(row, out, *cursor, bad)
                };
            }),
        }
    }

    fn append(&mut self, rows: &Range<usize>, out: &mut Spans, bad: &mut Bad) {
        self.values.prepare(rows, bad);
        let frame = self.planned.frame.width();
        for row in rows.clone() {
            let (room, at) = out.room(frame + self.values.bound(row).max(NULL) + SLACK);
            let end = if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                self.null(row, room, at, bad)
            } else {
                self.value(row, room, at, bad)
            };
            out.end(end);
        }
    }
}

/// The column of a type that has nothing but NULL.
pub(super) struct Nothing;

impl Values for Nothing {
    fn most(&self) -> Option<usize> {
        Some(0)
    }

    fn bound(&self, _row: usize) -> usize {
        0
    }

    fn write(&self, _row: usize, _out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        Ok(at)
    }
}
