//! What a Parquet writer has written and the store has not taken yet, in pieces.
//!
//! In one long buffer a row group would be copied each time that grows, and be in memory twice while
//! its pages move there; pieces take as much as the pages give back.

use std::io::{Result, Write};

use bytes::Bytes;

/// The length of a piece: short enough for the room that a page leaves.
const PIECE: usize = 64 * 1024;

/// Bytes on their way.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    whole: Vec<Vec<u8>>,
    /// Shorter than a piece.
    last: Vec<u8>,
}

impl Pieces {
    /// The bytes in all pieces.
    pub(super) fn len(&self) -> usize {
        self.whole.len() * PIECE + self.last.len()
    }

    /// Takes everything that is there.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        let last = std::mem::take(&mut self.last);
        let last = (!last.is_empty()).then_some(last);
        std::mem::take(&mut self.whole).into_iter().chain(last).map(Bytes::from)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let count = bytes.len().min(PIECE - self.last.len());
        if self.last.is_empty() {
            self.last.reserve_exact(PIECE);
        }
        self.last.extend_from_slice(&bytes[..count]);
        if self.last.len() == PIECE {
            self.whole.push(std::mem::take(&mut self.last));
        }
        Ok(count)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_taken_in_order_and_only_once() {
        let bytes: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut pieces = Pieces::default();
        for part in bytes.chunks(70_001) {
            pieces.write_all(part).unwrap();
        }
        assert_eq!(pieces.len(), 200_000);
        let taken: Vec<_> = pieces.take().collect();
        assert_eq!(taken.concat(), bytes);
        let lengths: Vec<_> = taken.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [PIECE, PIECE, PIECE, 200_000 - 3 * PIECE]);
        assert_eq!((pieces.len(), pieces.take().count()), (0, 0));
    }
}
