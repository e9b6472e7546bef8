//! Values of any length: one buffer for the bytes of all, and where each begins.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

use super::misfit::Trouble;
use super::vector::Values;

/// A text that is not UTF-8: the row it is in, and its bytes.
pub(super) type BadText = (usize, Vec<u8>);

/// Values of any length.
#[derive(Debug)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    /// Where each value begins, and where the last one ends.
    offsets: Vec<i32>,
}

impl Values for Strings {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push_empty(&mut self) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end);
    }
}

impl Strings {
    /// Room for `rows` values and `bytes` bytes in them.
    pub(super) fn new(rows: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Strings { bytes: Vec::with_capacity(bytes), offsets }
    }

    pub(super) fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Trouble> {
        match value {
            // Flags are common, and a call of the C library costs more than they do.
            [flag] => self.bytes.push(*flag),
            _ => self.bytes.extend_from_slice(value),
        }
        let Ok(end) = i32::try_from(self.bytes.len()) else {
            return Err(Trouble::Malformed("a value of less than 1 GiB"));
        };
        self.offsets.push(end);
        Ok(())
    }

    /// The 16 bytes of a UUID, as people write them.
    pub(super) fn push_uuid(&mut self, value: &[u8]) -> Result<(), Trouble> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let value = <[u8; 16]>::try_from(value).map_err(|_| Trouble::Malformed("a uuid"))?;
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (i, byte) in value.into_iter().enumerate() {
            at += usize::from(matches!(i, 4 | 6 | 8 | 10));
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        self.push(&text)
    }

    /// Forgets all but the first `rows` values.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        let end = self.offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        self.bytes.truncate(end);
    }

    /// The values as text. Those that are not UTF-8 are made empty and given beside it, with their
    /// places.
    pub(super) fn text(
        self,
        nulls: Option<NullBuffer>,
    ) -> Result<(ArrayRef, Vec<BadText>), ArrowError> {
        let (offsets, bytes) = self.buffers();
        // Looks at all bytes at once, then at where the values begin.
        let whole = StringArray::try_new(offsets.clone(), bytes.clone(), nulls.clone());
        if let Ok(whole) = whole {
            return Ok((Arc::new(whole), Vec::new()));
        }
        let all = BinaryArray::try_new(offsets, bytes, nulls.clone())?;
        let mut mended = Strings::new(all.len(), all.value_data().len());
        let mut bad = Vec::new();
        for (place, value) in (0..all.len()).map(|place| (place, all.value(place))) {
            if std::str::from_utf8(value).is_ok() {
                mended.bytes.extend_from_slice(value);
            } else {
                bad.push((place, value.to_vec()));
            }
            let end = i32::try_from(mended.bytes.len());
            mended.offsets.push(end.map_err(|_| ArrowError::OffsetOverflowError(0))?);
        }
        let (offsets, bytes) = mended.buffers();
        Ok((Arc::new(StringArray::try_new(offsets, bytes, nulls)?), bad))
    }

    /// The values as bytes.
    pub(super) fn binary(self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes) = self.buffers();
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?))
    }

    fn buffers(self) -> (OffsetBuffer<i32>, Buffer) {
        (OffsetBuffer::new(ScalarBuffer::from(self.offsets)), Buffer::from_vec(self.bytes))
    }
}
