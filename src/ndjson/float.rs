//! Floats as numbers that are read back to the same bits.
//!
//! A float of 32 bits is written as the one of 64 bits that is the same number: its own shortest
//! digits would be another number to a reader of 64 bits.

use arrow::array::ArrowPrimitiveType;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes as types;
use lexical_core::FormattedSize;

use super::cells::Values;
use super::form::Specials;
use super::unfit::Unfit;
use super::whole::Whole;

/// The room that the library asks for, and more than any of its numbers has.
const ROOM: usize = f64::FORMATTED_SIZE_DECIMAL;

/// The longest number: `-2.2250738585072014e-308`.
const LONGEST: usize = 24;

/// A type of Arrow whose numbers may be held by a float of 64 bits.
pub(super) trait Number: ArrowPrimitiveType {
    /// The same number, if there is one.
    fn double(value: Self::Native) -> Option<f64>;
}

macro_rules! number {
    ($($kind:ident: $double:expr;)*) => { $(
        impl Number for types::$kind {
            #[inline(always)]
            fn double(value: Self::Native) -> Option<f64> {
                let double: fn(Self::Native) -> Option<f64> = $double;
                double(value)
            }
        }
    )* };
}

number! {
    Float16Type: |value| Some(value.into());
    Float32Type: |value| Some(value.into());
    Float64Type: Some;
    Int8Type: exact;
    Int16Type: exact;
    Int32Type: exact;
    Int64Type: exact;
    UInt8Type: exact;
    UInt16Type: exact;
    UInt32Type: exact;
    UInt64Type: exact;
}

/// A whole number as a float, if that has all of its digits.
#[inline(always)]
fn exact<T: Whole>(value: T) -> Option<f64> {
    let size = value.size();
    // What is left of a number without the zeros at the end must have no more bits than a float.
    let bits = u64::BITS.saturating_sub(size.leading_zeros() + size.trailing_zeros());
    (bits <= f64::MANTISSA_DIGITS).then(|| double(value.into()))
}

#[expect(clippy::cast_precision_loss, reason = "only called where nothing is lost")]
fn double(value: i128) -> f64 {
    value as f64
}

/// The numbers of a column as floats.
pub(super) struct Floats<T: Number> {
    values: ScalarBuffer<T::Native>,
    is_single: bool,
    specials: Specials,
}

impl<T: Number> Floats<T> {
    /// Values for a float of `bits` bits.
    pub(super) fn new(values: ScalarBuffer<T::Native>, bits: u8, specials: Specials) -> Self {
        Floats { values, is_single: bits == 32, specials }
    }

    #[cold]
    fn special(&self, value: f64, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let text: &[u8] = match (self.specials, value) {
            (Specials::Refuse, _) => return Err(Unfit::Special),
            (Specials::Text, f64::INFINITY) => b"\"Infinity\"",
            (Specials::Text, f64::NEG_INFINITY) => b"\"-Infinity\"",
            (Specials::Text, _) => b"\"NaN\"",
        };
        out[at..at + text.len()].copy_from_slice(text);
        Ok(at + text.len())
    }
}

/// Whether a float of 32 bits is the same number.
#[expect(clippy::cast_possible_truncation, reason = "this is how it is found out")]
fn is_single(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

impl<T: Number> Values for Floats<T> {
    fn most(&self) -> Option<usize> {
        Some(LONGEST)
    }

    fn bound(&self, _row: usize) -> usize {
        LONGEST
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value = T::double(self.values[row]).ok_or(Unfit::Inexact)?;
        if !value.is_finite() {
            return self.special(value, out, at);
        }
        if self.is_single && !is_single(value) {
            return Err(Unfit::Inexact);
        }
        Ok(at + lexical_core::write(value, &mut out[at..at + ROOM]).len())
    }
}
