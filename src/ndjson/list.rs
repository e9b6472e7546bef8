//! Lists as arrays, and maps as objects.

use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::ArrowNativeType;

use super::bad::{Bad, Found};
use super::cells::{Cells, Values};
use super::plan::Planned;
use super::spans::Spans;
use super::unfit::Unfit;

/// Where the items of each list stand.
#[derive(Debug)]
pub(super) struct Layout {
    /// Where the items of each list end, and at the front where the first list begins.
    offsets: Vec<usize>,
    /// Which lists are not NULL.
    nulls: Option<NullBuffer>,
}

impl Layout {
    /// Lists whose items stand between `offsets`.
    fn new(offsets: impl Iterator<Item = usize>, array: &dyn Array) -> Self {
        Layout { offsets: offsets.collect(), nulls: array.nulls().cloned() }
    }

    /// Where the items of `array` stand.
    pub(super) fn of_list<O: OffsetSizeTrait>(array: &GenericListArray<O>) -> Self {
        Layout::new(array.value_offsets().iter().map(|offset| offset.as_usize()), array)
    }

    /// Where the entries of `array` stand.
    pub(super) fn of_map(array: &MapArray) -> Self {
        Layout::new(array.value_offsets().iter().map(|offset| offset.as_usize()), array)
    }

    /// Where the items of `array` stand.
    pub(super) fn of_fixed(array: &FixedSizeListArray) -> Self {
        let length = usize::try_from(array.value_length()).unwrap_or(0);
        Layout::new((0..=array.len()).map(|row| row * length), array)
    }

    /// The part of `items` that these lists have; from now on they stand in that.
    pub(super) fn cut(&mut self, items: &ArrayRef) -> ArrayRef {
        let begin = self.offsets.first().copied().unwrap_or(0);
        self.offsets.iter_mut().for_each(|offset| *offset -= begin);
        items.slice(begin, self.offsets.last().copied().unwrap_or(0))
    }

    fn items(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }

    /// The row and the place of an item, if it is one of a list that is not NULL.
    fn place(&self, item: usize) -> Option<(usize, usize)> {
        let row = self.offsets.partition_point(|offset| *offset <= item).checked_sub(1)?;
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        (!is_null).then(|| (row, item - self.offsets[row]))
    }

    /// Takes over what was found among items.
    fn adopt(&self, bad: &mut Bad, items: Bad) {
        bad.adopt(items, |found: &Found| {
            let (row, place) = self.place(found.row)?;
            Some((row, format!("[{place}]{}", found.path)))
        });
    }
}

/// The lists of a column. Each item is written with a comma before it, so that those of a list
/// stand together as one text.
pub(super) struct Lists<'p> {
    layout: Layout,
    items: Box<dyn Cells + 'p>,
    written: Spans,
    /// The first item that was written.
    begin: usize,
}

impl<'p> Lists<'p> {
    pub(super) fn new(layout: Layout, items: Box<dyn Cells + 'p>) -> Self {
        Lists { layout, items, written: Spans::default(), begin: 0 }
    }

    fn text(&self, row: usize) -> &[u8] {
        let Range { start, end } = self.layout.items(row);
        self.written.pieces(start - self.begin..end - self.begin)
    }
}

impl Values for Lists<'_> {
    fn prepare(&mut self, rows: &Range<usize>, bad: &mut Bad) {
        let items = self.layout.offsets[rows.start]..self.layout.offsets[rows.end];
        self.begin = items.start;
        self.written.clear();
        let mut found = Bad::default();
        self.items.append(&items, &mut self.written, &mut found);
        self.layout.adopt(bad, found);
    }

    fn most(&self) -> Option<usize> {
        None
    }

    fn bound(&self, row: usize) -> usize {
        self.text(row).len() + 2
    }

    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        Ok(enclosed(self.text(row), *b"[]", out, at))
    }
}

/// Writes `text`, whose first byte is a comma, in brackets.
fn enclosed(text: &[u8], brackets: [u8; 2], out: &mut [u8], at: usize) -> usize {
    out[at..at + text.len()].copy_from_slice(text);
    out[at] = brackets[0];
    let end = at + text.len().max(1);
    out[end] = brackets[1];
    end + 1
}

/// The maps of a column as objects. Keys are written with a comma before them, values with a colon.
pub(super) struct Maps<'p> {
    layout: Layout,
    keys: Box<dyn Cells + 'p>,
    values: Box<dyn Cells + 'p>,
    written: [Spans; 2],
    begin: usize,
    /// The form of the map, and the keys to show one that stands there twice.
    planned: &'p Planned,
    shown: ArrayRef,
}

impl<'p> Maps<'p> {
    /// Maps whose keys are those of `shown`.
    pub(super) fn new(
        planned: &'p Planned,
        layout: Layout,
        [keys, values]: [Box<dyn Cells + 'p>; 2],
        shown: ArrayRef,
    ) -> Self {
        let written = <[Spans; 2]>::default();
        Maps { layout, keys, values, written, begin: 0, planned, shown }
    }

    fn entries(&self, row: usize) -> Range<usize> {
        let Range { start, end } = self.layout.items(row);
        start - self.begin..end - self.begin
    }

    /// Takes note of keys that stand in their map a second time.
    fn note_twice(&self, rows: &Range<usize>, bad: &mut Bad) {
        let [keys, _] = &self.written;
        let mut order = Vec::new();
        for row in rows.clone() {
            order.clear();
            order.extend(self.entries(row));
            order.sort_by_key(|entry| keys.piece(*entry));
            let twice = order.windows(2).find(|pair| keys.piece(pair[0]) == keys.piece(pair[1]));
            if let Some(&[_, second]) = twice {
                bad.cell(&self.shown, second + self.begin, Unfit::KeyTwice, &self.planned.form);
            }
        }
    }
}

impl Values for Maps<'_> {
    fn prepare(&mut self, rows: &Range<usize>, bad: &mut Bad) {
        let items = self.layout.offsets[rows.start]..self.layout.offsets[rows.end];
        self.begin = items.start;
        self.written.iter_mut().for_each(Spans::clear);
        let [keys, values] = &mut self.written;
        let mut found = Bad::default();
        self.keys.append(&items, keys, &mut found);
        self.values.append(&items, values, &mut found);
        if found.is_empty() {
            self.note_twice(rows, &mut found);
        }
        self.layout.adopt(bad, found);
    }

    fn most(&self) -> Option<usize> {
        None
    }

    fn bound(&self, row: usize) -> usize {
        let [keys, values] = &self.written;
        keys.pieces(self.entries(row)).len() + values.pieces(self.entries(row)).len() + 2
    }

    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let mut end = at;
        for entry in self.entries(row) {
            for piece in self.written.each_ref().map(|spans| spans.piece(entry)) {
                out[end..end + piece.len()].copy_from_slice(piece);
                end += piece.len();
            }
        }
        out[at] = b'{';
        let end = end.max(at + 1);
        out[end] = b'}';
        Ok(end + 1)
    }
}
