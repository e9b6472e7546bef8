//! Finds the bytes at which fields and records can end: 64 at a time are compared with the
//! delimiter, the line end and the quote.

use super::fields::Dialect;

/// The places where a delimiter, a line end or a quote stands, in order.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    data: &'a [u8],
    bytes: [u8; 3],
    base: usize,
    found: u64,
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

impl<'a> Marks<'a> {
    /// Those of `data`; [`Marks::begin`] says from where.
    pub(super) fn new(dialect: Dialect, data: &'a [u8]) -> Self {
        let bytes = [dialect.delimiter, b'\n', dialect.quote.unwrap_or(b'\n')];
        Marks { data, bytes, base: 0, found: 0 }
    }

    /// Begins at `at`.
    pub(super) fn begin(&mut self, at: usize) {
        self.base = at;
        self.found = self.look(at);
    }

    /// Leaves out everything before `at`, which is not before the last mark.
    #[inline]
    pub(super) fn seek(&mut self, at: usize) {
        let skipped = at - self.base;
        if skipped < BLOCK {
            self.found &= u64::MAX << skipped;
        } else {
            self.begin(at);
        }
    }

    /// The next place, if there is one.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.base += BLOCK;
            if self.base >= self.data.len() {
                return None;
            }
            self.found = self.look(self.base);
        }
        let at = self.base + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(at)
    }

    /// One bit for each byte of the block at `at`, set where the byte is one of the three.
    #[inline]
    fn look(&self, at: usize) -> u64 {
        match self.data.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(block) => self.bits(block),
            None => self.bits(&self.last_block(at)),
        }
    }

    /// Written so that the compiler makes vector instructions of the comparison.
    #[inline]
    fn bits(&self, block: &[u8; BLOCK]) -> u64 {
        let [delimiter, line, quote] = self.bytes;
        let is = |byte: u8| u8::from((byte == delimiter) | (byte == line) | (byte == quote));
        let is = block.map(is);
        let (words, _) = is.as_chunks::<8>();
        words.iter().enumerate().fold(0, |bits, (number, word)| {
            // The product moves the lowest bit of byte n to bit n of the highest byte.
            let byte = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits | byte << (8 * number)
        })
    }

    /// The bytes that do not fill a block, and zeros, which are none of the three.
    #[cold]
    fn last_block(&self, at: usize) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let rest = self.data.get(at..).unwrap_or_default();
        block[..rest.len()].copy_from_slice(rest);
        block
    }
}
