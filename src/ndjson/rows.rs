//! From cells to rows: gives each row of a block a place that is long enough, writes one column
//! after the other to where the rows have got to, then hands over the rows.
//!
//! So the loop over a block knows the type and the form of its column and only moves bytes; a block
//! is so small that its places stay in the processor's cache.

use std::ops::Range;

use super::bad::Bad;
use super::cells::Cells;
use super::frame::SLACK;

/// The most rows of a block; a word has a bit for each.
const BLOCK: usize = 64;

/// The bytes above which a block has fewer rows.
const BLOCK_BYTES: usize = 256 * 1024;

/// Above this many bytes the places are given back after use.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// The places of a block of rows, used again and again.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// How far each row has got.
    cursors: Vec<usize>,
    /// Where each row begins.
    begins: Vec<usize>,
    bytes: Vec<u8>,
}

impl Places {
    /// Writes `rows` of `cells` and hands each to `take`, with one byte more behind it, and with
    /// whether it fits. What does not fit is noted in `bad`.
    pub(super) fn each(
        &mut self,
        cells: &mut dyn Cells,
        rows: Range<usize>,
        bad: &mut Bad,
        mut take: impl FnMut(usize, &mut [u8], bool),
    ) {
        let mut found = Bad::default();
        let mut block = rows.start..rows.start;
        while block.end < rows.end {
            // After long rows, blocks grow again.
            let most = if block.is_empty() { BLOCK } else { BLOCK.min(block.len() * 2) };
            block = block.end..rows.end.min(block.end + most);
            self.fill(cells, &mut block, &mut found);
            let unfit = found.rows().fold(0_u64, |set, row| set | 1 << (row - block.start));
            bad.append(&mut found);
            let ends = self.begins.iter().zip(&self.cursors);
            for ((place, row), (begin, end)) in block.clone().enumerate().zip(ends) {
                let fits = unfit >> place & 1 == 0;
                take(row, &mut self.bytes[*begin..*end + 1], fits);
            }
        }
        if self.bytes.len() > KEPT_BYTES {
            *self = Places::default();
        }
    }

    /// Writes the rows of `block`, which is made shorter where they are long.
    fn fill(&mut self, cells: &mut dyn Cells, block: &mut Range<usize>, bad: &mut Bad) {
        let Places { cursors, begins, bytes } = self;
        let total = loop {
            cursors.clear();
            cursors.resize(block.len(), SLACK);
            cells.measure(block, cursors, bad);
            let total: usize = cursors.iter().sum();
            if total <= BLOCK_BYTES || block.len() <= 1 {
                break total;
            }
            block.end = block.start + block.len() / 2;
            bad.clear();
        };
        let mut begin = 0;
        for cursor in cursors.iter_mut() {
            begin += std::mem::replace(cursor, begin);
        }
        begins.clone_from(cursors);
        if bytes.len() < total {
            bytes.resize(total, 0);
        }
        cells.write(block, cursors, bytes, bad);
    }
}
