//! From columns to objects: gives each row of a block a place that is long enough, writes one
//! column after the other to where the rows have got to, then hands over the rows.
//!
//! So the loop over a block knows the type and the form of its column and only moves bytes; a block
//! is so small that its places stay in the processor's cache.

use std::ops::Range;

use super::bad::{Bad, Found};
use super::cells::Cells;
use super::frame::SLACK;

/// The most rows of a block; a word has a bit for each.
const BLOCK: usize = 64;

/// The bytes above which a block has fewer rows.
const BLOCK_BYTES: usize = 256 * 1024;

/// Above this many bytes the places are given back after use.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// The columns of an object.
pub(super) struct Members<'p> {
    /// The name and the values of each.
    columns: Vec<(&'p str, Box<dyn Cells + 'p>)>,
    places: Places,
}

/// The places of a block of rows, used again and again.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// How far each row has got.
    cursors: Vec<usize>,
    /// Where each row begins.
    begins: Vec<usize>,
    bytes: Vec<u8>,
}

impl<'p> Members<'p> {
    /// Columns that are written through `places`.
    pub(super) fn new(columns: Vec<(&'p str, Box<dyn Cells + 'p>)>, places: Places) -> Self {
        Members { columns, places }
    }

    /// Hands each of `rows` to `take` as an object, with whether it fits, and room for a byte
    /// behind it. What does not fit is noted with its path.
    pub(super) fn objects(
        &mut self,
        rows: Range<usize>,
        bad: &mut Bad,
        mut take: impl FnMut(usize, &mut [u8], bool),
    ) {
        let mut block = rows.start..rows.start;
        while block.end < rows.end {
            let most = if block.is_empty() { BLOCK } else { block.len() * 2 };
            block = block.end..rows.end.min(block.end + most.min(BLOCK));
            let mut found = self.fill(&mut block);
            let unfit = found
                .iter()
                .flat_map(Bad::rows)
                .fold(0_u64, |set, row| set | 1 << (row - block.start));
            let Places { cursors, begins, bytes } = &mut self.places;
            for ((row, begin), end) in block.clone().zip(begins.iter()).zip(cursors.iter()) {
                let begin = *begin;
                // The first column wrote a comma there, or no column wrote anything.
                bytes[begin] = b'{';
                let end = (*end).max(begin + 1);
                bytes[end] = b'}';
                let fits = unfit >> (row - block.start) & 1 == 0;
                take(row, &mut bytes[begin..end + 2], fits);
            }
            for ((name, _), part) in self.columns.iter().zip(&mut found) {
                bad.adopt(std::mem::take(part), |found: &Found| {
                    Some((found.row, format!(".{name}{}", found.path)))
                });
            }
        }
        if self.places.bytes.len() > KEPT_BYTES {
            self.places = Places::default();
        }
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

    /// The places, to be used again.
    pub(super) fn into_places(self) -> Places {
        self.places
    }

    /// Writes the columns of `block`, which is made shorter where its rows are long; gives what
    /// does not fit for each column.
    fn fill(&mut self, block: &mut Range<usize>) -> Vec<Bad> {
        let mut found: Vec<_> = self.columns.iter().map(|_| Bad::default()).collect();
        let Places { cursors, begins, bytes } = &mut self.places;
        let total = loop {
            cursors.clear();
            cursors.resize(block.len(), 2 + SLACK);
            for ((_, cells), bad) in self.columns.iter_mut().zip(&mut found) {
                bad.clear();
                cells.measure(block, cursors, bad);
            }
            let total: usize = cursors.iter().sum();
            if total <= BLOCK_BYTES || block.len() <= 1 {
                break total;
            }
            block.end = block.start + block.len() / 2;
        };
        let mut begin = 0;
        for cursor in cursors.iter_mut() {
            begin += std::mem::replace(cursor, begin);
        }
        begins.clone_from(cursors);
        if bytes.len() < total {
            bytes.resize(total, 0);
        }
        for ((_, cells), bad) in self.columns.iter().zip(&mut found) {
            cells.write(block, cursors, bytes, bad);
        }
        found
    }
}
