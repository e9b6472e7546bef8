//! Pieces of text of any length, one after the other.

use std::ops::Range;

/// Pieces of text; each begins where the one before it ends.
#[derive(Debug, Default)]
pub(super) struct Spans {
    bytes: Vec<u8>,
    /// Where each piece ends.
    ends: Vec<usize>,
}

impl Spans {
    /// Forgets all pieces.
    pub(super) fn clear(&mut self) {
        self.ends.clear();
    }

    /// Room for `bytes` bytes behind the last piece, and where it begins.
    pub(super) fn room(&mut self, bytes: usize) -> (&mut [u8], usize) {
        let at = self.begin(self.ends.len());
        if self.bytes.len() < at + bytes {
            self.bytes.resize((at + bytes).next_power_of_two(), 0);
        }
        (&mut self.bytes, at)
    }

    /// Ends a piece.
    pub(super) fn end(&mut self, end: usize) {
        self.ends.push(end);
    }

    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let (room, at) = self.room(piece.len());
        room[at..at + piece.len()].copy_from_slice(piece);
        self.end(at + piece.len());
    }

    /// A piece.
    pub(super) fn piece(&self, at: usize) -> &[u8] {
        self.pieces(at..at + 1)
    }

    /// Pieces that follow each other, as one.
    pub(super) fn pieces(&self, pieces: Range<usize>) -> &[u8] {
        &self.bytes[self.begin(pieces.start)..self.begin(pieces.end)]
    }

    /// Where a piece begins.
    fn begin(&self, piece: usize) -> usize {
        piece.checked_sub(1).map_or(0, |last| self.ends[last])
    }
}
