//! Integers of all widths as digits.

use arrow::buffer::ScalarBuffer;
use arrow::datatypes::ArrowNativeType;

use super::cells::Values;
use super::digits;
use super::unfit::Unfit;

/// An integer of Arrow.
pub(super) trait Whole: ArrowNativeType + Into<i128> + TryFrom<i128> + PartialOrd {
    /// The number without its sign.
    fn size(self) -> u64;
}

macro_rules! whole {
    ($($kind:ident: $size:expr;)*) => { $(
        impl Whole for $kind {
            #[inline(always)]
            fn size(self) -> u64 {
                let size: fn($kind) -> _ = $size;
                size(self).into()
            }
        }
    )* };
}

whole! {
    i8: i8::unsigned_abs;
    i16: i16::unsigned_abs;
    i32: i32::unsigned_abs;
    i64: i64::unsigned_abs;
    u8: |n| n;
    u16: |n| n;
    u32: |n| n;
    u64: |n| n;
}

/// The integers of a column that fit one of so many bits.
pub(super) struct Wholes<T: Whole> {
    values: ScalarBuffer<T>,
    least: T,
    most: T,
}

/// The least and the most that an integer of `bits` bits holds.
pub(super) fn limits(bits: u8) -> (i128, i128) {
    let most = i128::MAX >> (128 - u32::from(bits));
    (-most - 1, most)
}

impl<T: Whole> Wholes<T> {
    /// Values for a signed integer of `bits` bits.
    pub(super) fn new(values: ScalarBuffer<T>, bits: u8) -> Self {
        let (least, most) = limits(bits);
        // A limit beyond the type is one that all of its values keep.
        let zero = T::default();
        let all = |limit: i128| T::try_from(limit).ok();
        let least = all(least).unwrap_or_else(|| lowest(zero));
        let most = all(most).unwrap_or_else(|| highest(zero));
        Wholes { values, least, most }
    }
}

/// The least value of a type.
fn lowest<T: Whole>(zero: T) -> T {
    let bits = 8 * size_of::<T>() - 1;
    T::try_from(-(1_i128 << bits)).unwrap_or(zero)
}

/// The greatest value of a type.
fn highest<T: Whole>(zero: T) -> T {
    let bits = 8 * size_of::<T>();
    let unsigned = T::try_from((1_i128 << bits) - 1);
    unsigned.or_else(|_| T::try_from((1_i128 << (bits - 1)) - 1)).unwrap_or(zero)
}

impl<T: Whole> Values for Wholes<T> {
    fn most(&self) -> Option<usize> {
        Some(20)
    }

    fn bound(&self, _row: usize) -> usize {
        20
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value = self.values[row];
        if value < self.least || value > self.most {
            return Err(Unfit::Range);
        }
        out[at] = b'-';
        let at = at + usize::from(value < T::default());
        Ok(digits::write(value.size(), out, at))
    }
}
