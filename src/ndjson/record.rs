//! Structs and whole rows as objects, and texts that are written once and used often.

use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;

use super::bad::{Bad, Found};
use super::cells::{Cells, NULL, Values, null};
use super::plan::Planned;
use super::rows::Places;
use super::spans::Spans;
use super::unfit::Unfit;

/// The structs of a column, or the rows of a batch. Their columns are written straight to where the
/// object stands: each with a comma before it, the first of which then becomes a brace.
pub(super) struct Records<'p> {
    planned: &'p Planned,
    array: ArrayRef,
    nulls: Option<NullBuffer>,
    columns: Vec<(&'p str, Box<dyn Cells + 'p>)>,
    /// Where each row begins, while its columns are written.
    begins: Vec<usize>,
}

impl<'p> Records<'p> {
    /// The structs of `array`, whose parts are `columns`.
    pub(super) fn new(
        planned: &'p Planned,
        array: &ArrayRef,
        columns: Vec<(&'p str, Box<dyn Cells + 'p>)>,
    ) -> Self {
        let nulls = array.nulls().cloned();
        Records { planned, array: array.clone(), nulls, columns, begins: Vec::new() }
    }

    /// The column that has the most bytes in `row`.
    pub(super) fn widest(&mut self, row: usize) -> &'p str {
        let mut widest = (0, "");
        for (name, cells) in &mut self.columns {
            let mut bound = [0];
            cells.measure(&(row..row + 1), &mut bound, &mut Bad::default());
            widest = widest.max((bound[0], *name));
        }
        widest.1
    }

    /// Lets each column do its part, and takes over what does not fit in rows that are not NULL.
    fn columns(&mut self, bad: &mut Bad, mut part: impl FnMut(&mut dyn Cells, &mut Bad)) {
        let Records { columns, nulls, .. } = self;
        for (order, (name, cells)) in columns.iter_mut().enumerate() {
            let mut found = Bad::default();
            part(&mut **cells, &mut found);
            bad.adopt(found, |found: Found| {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(found.row));
                let path = format!(".{name}{}", found.path);
                (!is_null).then_some(Found { path, order, ..found })
            });
        }
    }
}

impl Cells for Records<'_> {
    fn measure(&mut self, rows: &Range<usize>, bounds: &mut [usize], bad: &mut Bad) {
        // Braces, or what stands in the place of a NULL.
        let width = self.planned.frame.width() + NULL;
        bounds.iter_mut().for_each(|bound| *bound += width);
        self.columns(bad, |cells, found| cells.measure(rows, bounds, found));
    }

    fn write(&mut self, rows: &Range<usize>, cursors: &mut [usize], out: &mut [u8], bad: &mut Bad) {
        let mut begins = std::mem::take(&mut self.begins);
        begins.clear();
        begins.extend_from_slice(cursors);
        let frame = &self.planned.frame;
        cursors.iter_mut().for_each(|cursor| *cursor = frame.open(out, *cursor));
        self.columns(bad, |cells, found| cells.write(rows, cursors, out, found));
        let open = frame.width();
        for ((row, cursor), begin) in rows.clone().zip(cursors).zip(&begins) {
            if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                *cursor = null(self.planned, &self.array, row, (out, *begin), bad);
                continue;
            }
            let begin = begin + open;
            let end = (*cursor).max(begin + 1);
            out[begin] = b'{';
            out[end] = b'}';
            *cursor = end + 1;
        }
        self.begins = begins;
    }

    fn append(&mut self, rows: &Range<usize>, out: &mut Spans, bad: &mut Bad) {
        Places::default().each(self, rows.clone(), bad, |_, text, _| {
            let length = text.len() - 1;
            out.push(&text[..length]);
        });
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
