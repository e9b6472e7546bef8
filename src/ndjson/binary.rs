//! Bytes as strings: Base64, hexadecimal digits and UUIDs.

use arrow::array::{BinaryViewArray, FixedSizeBinaryArray, GenericByteArray};
use arrow::datatypes::ByteArrayType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cells::Values;
use super::unfit::Unfit;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The bytes of a column's rows.
pub(super) trait Binary {
    /// Those of a row.
    fn row(&self, row: usize) -> &[u8];
}

impl<T: ByteArrayType> Binary for GenericByteArray<T> {
    #[inline(always)]
    fn row(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl Binary for BinaryViewArray {
    #[inline(always)]
    fn row(&self, row: usize) -> &[u8] {
        self.value(row)
    }
}

impl Binary for FixedSizeBinaryArray {
    #[inline(always)]
    fn row(&self, row: usize) -> &[u8] {
        self.value(row)
    }
}

/// How bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Standard Base64 with padding.
    Base64,
    /// Two lower-case digits for each byte.
    Hex,
    /// The same with four hyphens.
    Uuid,
}

/// The bytes of a column.
pub(super) struct Binaries<B> {
    pub bytes: B,
    pub encoding: Encoding,
    pub max_bytes: Option<usize>,
}

impl<B: Binary> Values for Binaries<B> {
    fn most(&self) -> Option<usize> {
        None
    }

    fn bound(&self, row: usize) -> usize {
        let length = self.bytes.row(row).len();
        match self.encoding {
            Encoding::Base64 => length.div_ceil(3) * 4,
            Encoding::Hex => length * 2,
            Encoding::Uuid => length * 2 + 4,
        }
    }

    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value = self.bytes.row(row);
        if self.max_bytes.is_some_and(|most| value.len() > most) {
            return Err(Unfit::BytesLength);
        }
        match self.encoding {
            Encoding::Base64 => {
                let room = &mut out[at..at + value.len().div_ceil(3) * 4];
                // There is room for all of it.
                let length = STANDARD.encode_slice(value, room).unwrap_or(0);
                Ok(at + length)
            }
            Encoding::Hex => Ok(hex(value, out, at)),
            Encoding::Uuid => Ok(uuid(value, out, at)),
        }
    }
}

fn hex(value: &[u8], out: &mut [u8], at: usize) -> usize {
    let end = at + 2 * value.len();
    for (byte, pair) in value.iter().zip(out[at..end].as_chunks_mut().0) {
        *pair = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
    }
    end
}

fn uuid(value: &[u8], out: &mut [u8], mut at: usize) -> usize {
    for (part, bytes) in [0..4, 4..6, 6..8, 8..10, 10..16].into_iter().enumerate() {
        if part > 0 {
            out[at] = b'-';
            at += 1;
        }
        at = hex(&value[bytes], out, at);
    }
    at
}
