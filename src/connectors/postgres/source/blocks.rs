//! Cuts tables into ranges of blocks: as good as a key, as long as one snapshot sees them.
//!
//! A row that is updated moves to another block, but the version that the snapshot sees stays
//! where it is. The first range of a table is open below, the last one above.

use super::piece::Piece;
use super::relation::{Leaf, Relation};

/// How large a piece should be.
#[derive(Debug, Clone, Copy)]
pub(in crate::connectors::postgres) struct Size {
    /// Bytes in a block of this server.
    pub block: u64,
    /// Splits in flight at once.
    pub jobs: usize,
    /// Rows of a split, when somebody asks for that.
    pub rows: Option<u64>,
}

/// A piece is not smaller than this, because each costs a file or a transaction in the target, …
const LEAST: u64 = 8 << 20;
/// … and not larger, because a piece is what is lost when a run is killed.
const MOST: u64 = 128 << 20;
/// More pieces than this are too many to keep in mind.
const PIECES: u64 = 20_000;

impl Size {
    /// Bytes of a piece when `total` are to be read: four pieces for each job, within bounds.
    pub(in crate::connectors::postgres) fn piece(&self, total: u64) -> u64 {
        let jobs = u64::try_from(self.jobs).unwrap_or(1).max(1);
        (total / (jobs * 4)).clamp(LEAST, MOST).max(total / PIECES)
    }

    /// Blocks of a piece of `leaf`.
    fn blocks(&self, leaf: &Leaf, total: u64) -> u64 {
        let bytes = match (self.rows, leaf.rows.filter(|rows| *rows > 0)) {
            (Some(wanted), Some(rows)) => (u128::from(leaf.bytes) * u128::from(wanted)
                / u128::from(rows))
            .try_into()
            .unwrap_or(u64::MAX),
            // Never analyzed: a guess of a hundred bytes for each row.
            (Some(wanted), None) => wanted.saturating_mul(100),
            (None, _) => self.piece(total),
        };
        // Rounded up, or the last piece would be a few blocks.
        bytes.div_ceil(self.block.max(1)).max(1)
    }
}

/// The rows of `relation` as ranges of blocks of its leaves, each of which may be read by itself;
/// `conditions` hold for all.
pub(in crate::connectors::postgres) fn cut(
    relation: &Relation,
    conditions: &[String],
    size: Size,
) -> Vec<Piece> {
    let total = relation.bytes();
    let mut pieces = Vec::new();
    for leaf in &relation.leaves {
        // No block, no row: a snapshot sees none in blocks that were added later.
        if leaf.has_blocks && leaf.bytes == 0 {
            continue;
        }
        let blocks = leaf.bytes.div_ceil(size.block.max(1));
        let step = if leaf.has_blocks { size.blocks(leaf, total) } else { u64::MAX };
        let mut low = 0_u64;
        loop {
            let high = low.checked_add(step).filter(|high| *high < blocks);
            pieces.push(range(pieces.len(), leaf, conditions, (low, high), blocks, size.block));
            match high {
                Some(high) => low = high,
                None => break,
            }
        }
    }
    pieces
}

fn range(
    number: usize,
    leaf: &Leaf,
    conditions: &[String],
    (low, high): (u64, Option<u64>),
    blocks: u64,
    block: u64,
) -> Piece {
    let mut all = Vec::new();
    if low > 0 {
        all.push(format!("ctid >= '({low},0)'::pg_catalog.tid"));
    }
    if let Some(high) = high {
        all.push(format!("ctid < '({high},0)'::pg_catalog.tid"));
    }
    all.extend_from_slice(conditions);
    let mut piece = Piece::new(number, &leaf.from, all);
    let mine = high.unwrap_or(blocks).saturating_sub(low);
    if leaf.has_blocks {
        piece.split.bytes = Some(mine.saturating_mul(block));
        let rows =
            leaf.rows.map(|rows| u128::from(rows) * u128::from(mine) / u128::from(blocks.max(1)));
        piece.split.rows =
            rows.filter(|_| conditions.is_empty()).and_then(|rows| rows.try_into().ok());
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(rows: Option<u64>) -> Size {
        Size { block: 8192, jobs: 2, rows }
    }

    #[test]
    fn a_small_table_is_one_piece_and_a_large_one_has_four_for_each_job() {
        assert_eq!(size(None).piece(1 << 20), LEAST);
        assert_eq!(size(None).piece(256 << 20), 32 << 20);
        assert_eq!(size(None).piece(1 << 40), 128 << 20);
        assert_eq!(size(None).piece(1 << 50), (1 << 50) / PIECES);
    }
}
