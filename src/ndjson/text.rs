//! Texts as strings.

use std::ops::Range;

use arrow::array::{GenericByteArray, StringViewArray};
use arrow::datatypes::{ArrowNativeType, ByteArrayType};

use super::bad::Bad;
use super::cells::Values;
use super::escape;
use super::form::TextLimit;
use super::unfit::Unfit;

/// The longest text that is copied in one size.
const SHORT: usize = 32;

/// The bytes of a column's rows.
pub(super) trait Bytes {
    /// Those of a row.
    fn row(&self, row: usize) -> &[u8];

    /// Those of all rows of `rows` at once, where they stand together.
    fn all(&self, rows: &Range<usize>) -> Option<&[u8]>;

    /// `SHORT` bytes from where those of a row begin, if there are as many.
    fn short(&self, row: usize) -> Option<&[u8; SHORT]>;
}

impl<T: ByteArrayType> Bytes for GenericByteArray<T> {
    #[inline(always)]
    fn row(&self, row: usize) -> &[u8] {
        let offsets = self.value_offsets();
        &self.value_data()[offsets[row].as_usize()..offsets[row + 1].as_usize()]
    }

    fn all(&self, rows: &Range<usize>) -> Option<&[u8]> {
        let offsets = self.value_offsets();
        Some(&self.value_data()[offsets[rows.start].as_usize()..offsets[rows.end].as_usize()])
    }

    #[inline(always)]
    fn short(&self, row: usize) -> Option<&[u8; SHORT]> {
        self.value_data().get(self.value_offsets()[row].as_usize()..)?.first_chunk()
    }
}

impl Bytes for StringViewArray {
    #[inline(always)]
    fn row(&self, row: usize) -> &[u8] {
        self.value(row).as_bytes()
    }

    fn all(&self, _rows: &Range<usize>) -> Option<&[u8]> {
        None
    }

    #[inline(always)]
    fn short(&self, _row: usize) -> Option<&[u8; SHORT]> {
        None
    }
}

/// The texts of a column.
pub(super) struct Texts<B> {
    bytes: B,
    limit: Option<TextLimit>,
    /// Whether no text of the rows that were made ready has anything to escape.
    is_plain: bool,
}

impl<B: Bytes> Texts<B> {
    /// Texts that may be as long as `limit`.
    pub(super) fn new(bytes: B, limit: Option<TextLimit>) -> Self {
        Texts { bytes, limit, is_plain: false }
    }
}

impl<B: Bytes> Values for Texts<B> {
    fn prepare(&mut self, rows: &Range<usize>, _bad: &mut Bad) {
        self.is_plain = match self.bytes.all(rows) {
            Some(bytes) => escape::is_plain(bytes),
            None => rows.clone().all(|row| escape::is_plain(self.bytes.row(row))),
        };
    }

    fn most(&self) -> Option<usize> {
        None
    }

    #[inline(always)]
    fn bound(&self, row: usize) -> usize {
        let text = self.bytes.row(row);
        if self.is_plain { text.len() } else { escape::length(text) }
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let text = self.bytes.row(row);
        if let Some(limit) = self.limit
            && !fits(text, limit)
        {
            return Err(Unfit::TextLength);
        }
        if !self.is_plain {
            return Ok(escape::write(text, out, at));
        }
        match self.bytes.short(row) {
            Some(short) if text.len() <= SHORT => out[at..at + SHORT].copy_from_slice(short),
            _ => out[at..at + text.len()].copy_from_slice(text),
        }
        Ok(at + text.len())
    }
}

/// Whether `text`, which is UTF-8, is not longer than `limit`.
fn fits(text: &[u8], limit: TextLimit) -> bool {
    match limit {
        TextLimit::Bytes(most) => text.len() <= most,
        TextLimit::Characters(most) => text.len() <= most || characters(text) <= most,
    }
}

/// The bytes that begin a character.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| *byte & 0xc0 != 0x80).count()
}
