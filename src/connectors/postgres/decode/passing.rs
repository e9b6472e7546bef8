//! Rows that are handed on as they came, in blocks.

use bytes::BytesMut;

use super::Intake;
use super::frames::Frames;
use crate::error::Result;
use crate::source::Block;

/// Bytes of a block, at most, unless one row has more: it stays in the processor's cache until it
/// is sent.
const BLOCK_BYTES: usize = 128 * 1024;

/// Makes blocks of rows, out of which nothing is decoded.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Passing {
    frames: Frames,
    block: BytesMut,
    rows: u64,
}

impl Passing {
    /// Blocks of rows with so many columns; `place` names the split.
    pub(in crate::connectors::postgres) fn new(columns: usize, place: &str) -> Self {
        Passing { frames: Frames::new(columns, place), block: BytesMut::new(), rows: 0 }
    }

    /// The block as far as it is filled, if there is a row in it; the next one begins.
    fn full(&mut self) -> Option<Block> {
        let rows = std::mem::take(&mut self.rows);
        (rows > 0).then(|| Block { bytes: self.block.split().freeze(), rows })
    }

    fn put(&mut self, row: &[u8]) {
        if self.rows == 0 {
            self.block.reserve(BLOCK_BYTES.max(row.len()));
        }
        self.block.extend_from_slice(row);
        self.rows += 1;
        self.frames.seen += 1;
    }
}

impl Intake for Passing {
    type Piece = Block;

    fn push<'a>(&mut self, payloads: &mut impl Iterator<Item = &'a [u8]>) -> Result<Option<Block>> {
        for payload in payloads {
            let Some(row) = self.frames.row(payload)? else { continue };
            let has_room = self.block.len() + row.len() <= BLOCK_BYTES;
            let full = if has_room { None } else { self.full() };
            self.put(row);
            if full.is_some() {
                return Ok(full);
            }
        }
        Ok(None)
    }

    fn finish(mut self) -> Result<Option<Block>> {
        self.frames.finish()?;
        Ok(self.full())
    }

    fn bytes(block: &Block) -> usize {
        block.bytes.len()
    }
}
