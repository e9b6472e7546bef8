//! How the values of a column stand in a row of the binary protocol.

use super::misfit::Trouble;
use crate::connectors::mysql::wire::Cursor;

/// How the values of a column stand in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// A whole number of so many bytes.
    Signed(Width),
    /// The same without a sign.
    Unsigned(Width),
    Float32,
    Float64,
    /// A number as text.
    Decimal,
    /// Bytes, whatever they mean.
    Bytes,
    /// So many bits, the first byte being the highest.
    Bits(u32),
    /// A day.
    Date,
    /// A day and a time, written with so many digits after the second.
    Moment(u8),
    /// Hours and what follows, with a sign, written with so many digits after the second.
    Time(u8),
}

/// The bytes of a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    One,
    Two,
    Four,
    Eight,
}

impl Sent {
    /// Whether values that stand like `other` in a row can be read in place of these.
    pub(super) fn is_like(self, other: Sent) -> bool {
        match (self, other) {
            (Sent::Moment(_), Sent::Moment(_)) | (Sent::Time(_), Sent::Time(_)) => true,
            // They are looked at one by one.
            (Sent::Bits(_), Sent::Bits(_)) => true,
            _ => self == other,
        }
    }
}

/// The next `N` bytes of a value.
#[inline]
pub(super) fn array<const N: usize>(cursor: &mut Cursor<'_>) -> Result<[u8; N], Trouble> {
    cursor.array().ok_or(Trouble::Malformed("a number of its width"))
}

/// The next value with its length in front.
#[inline]
pub(super) fn bytes<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Trouble> {
    cursor.bytes().ok_or(Trouble::Malformed("a value of the length it says"))
}

/// A whole number of any width.
pub(super) fn whole(sent: Sent, cursor: &mut Cursor<'_>) -> Result<i128, Trouble> {
    Ok(match sent {
        Sent::Signed(Width::One) => i128::from(i8::from_le_bytes(array(cursor)?)),
        Sent::Signed(Width::Two) => i128::from(i16::from_le_bytes(array(cursor)?)),
        Sent::Signed(Width::Four) => i128::from(i32::from_le_bytes(array(cursor)?)),
        Sent::Signed(Width::Eight) => i128::from(i64::from_le_bytes(array(cursor)?)),
        Sent::Unsigned(Width::One) => i128::from(u8::from_le_bytes(array(cursor)?)),
        Sent::Unsigned(Width::Two) => i128::from(u16::from_le_bytes(array(cursor)?)),
        Sent::Unsigned(Width::Four) => i128::from(u32::from_le_bytes(array(cursor)?)),
        Sent::Unsigned(Width::Eight) => i128::from(u64::from_le_bytes(array(cursor)?)),
        Sent::Bits(_) => i128::from(bits(bytes(cursor)?)?),
        _ => return Err(Trouble::Malformed("a whole number")),
    })
}

/// The number that up to 8 bytes are, the first one being the highest.
#[inline]
pub(super) fn bits(bytes: &[u8]) -> Result<u64, Trouble> {
    match bytes.len() {
        0..=8 => Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
        _ => Err(Trouble::Malformed("64 bits at most")),
    }
}
