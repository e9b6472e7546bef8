//! Decimals and integers as exact digits with a point.

use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{ArrowNativeType, i256};

use super::cells::Values;
use super::digits::{self, EIGHT, SIXTEEN};
use super::form::Form;
use super::unfit::Unfit;
use super::whole::limits;

/// The most digits of any number: those of an integer of 256 bits.
const DIGITS: usize = 78;

/// A number without its point.
pub(super) trait Unscaled: ArrowNativeType {
    /// Whether it is below zero.
    fn is_negative(self) -> bool;
    /// Its size, where that is below 10^16.
    fn short(self) -> Option<u64>;
    /// The same number with more bits.
    fn longest(self) -> i256;
}

macro_rules! unscaled {
    ($($kind:ident: $is_negative:expr, $size:expr;)*) => { $(
        impl Unscaled for $kind {
            #[inline(always)]
            fn is_negative(self) -> bool {
                let is_negative: fn($kind) -> bool = $is_negative;
                is_negative(self)
            }

            #[inline(always)]
            fn short(self) -> Option<u64> {
                let size: fn($kind) -> _ = $size;
                u64::try_from(size(self)).ok().filter(|size| *size < SIXTEEN)
            }

            fn longest(self) -> i256 {
                i256::from_i128(self.into())
            }
        }
    )* };
}

unscaled! {
    i8: i8::is_negative, i8::unsigned_abs;
    i16: i16::is_negative, i16::unsigned_abs;
    i32: i32::is_negative, i32::unsigned_abs;
    i64: i64::is_negative, i64::unsigned_abs;
    i128: i128::is_negative, i128::unsigned_abs;
    u8: |_| false, |size| size;
    u16: |_| false, |size| size;
    u32: |_| false, |size| size;
    u64: |_| false, |size| size;
}

impl Unscaled for i256 {
    fn is_negative(self) -> bool {
        i256::is_negative(self)
    }

    fn short(self) -> Option<u64> {
        self.to_i128()?.short()
    }

    fn longest(self) -> i256 {
        self
    }
}

/// The numbers of a column; each is to be divided by ten to the power of `scale`.
pub(super) struct Decimals<T: Unscaled> {
    values: ScalarBuffer<T>,
    scale: i8,
    integer_digits: usize,
    fraction_digits: usize,
    /// The least and the most number without its point, where the target is an integer.
    range: Option<(i256, i256)>,
}

impl<T: Unscaled> Decimals<T> {
    /// Values for `form`, which is a decimal or an integer.
    pub(super) fn new(values: ScalarBuffer<T>, scale: i8, form: &Form) -> Self {
        let (integer_digits, fraction_digits, range) = match form {
            Form::Decimal { integer_digits, fraction_digits, .. } => {
                (*integer_digits, *fraction_digits, None)
            }
            Form::Integer { bits, .. } => (u8::MAX, 0, Some(range(*bits, scale))),
            _ => (u8::MAX, u8::MAX, None),
        };
        let (integer_digits, fraction_digits) = (integer_digits.into(), fraction_digits.into());
        Decimals { values, scale, integer_digits, fraction_digits, range }
    }

    /// Numbers of up to eight digits: all of them are written twice, so that those before the point
    /// and those after it each come to stand in their place.
    #[inline(always)]
    fn eight(&self, size: u64, scale: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let digits = digits::eight(size);
        let whole = self.whole(8 - digits::zeros(digits) as usize, scale)?;
        digits::put(digits >> (8 * (8 - scale - whole)), out, at);
        if scale == 0 {
            return Ok(at + whole);
        }
        digits::put(digits >> (8 * (8 - scale)), out, at + whole + 1);
        out[at + whole] = b'.';
        Ok(at + whole + 1 + scale)
    }

    /// The same for numbers of up to sixteen digits.
    #[inline(always)]
    fn sixteen(&self, size: u64, scale: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let digits = digits::sixteen(size);
        let skipped = (digits & 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f).trailing_zeros() / 8;
        let whole = self.whole(16 - skipped as usize, scale)?;
        put(digits >> (8 * (16 - scale - whole)), out, at);
        if scale == 0 {
            return Ok(at + whole);
        }
        put(digits >> (8 * (16 - scale)), out, at + whole + 1);
        out[at + whole] = b'.';
        Ok(at + whole + 1 + scale)
    }

    /// The digits that are written before the point, of so many in all.
    #[inline(always)]
    fn whole(&self, digits: usize, scale: usize) -> Result<usize, Unfit> {
        let whole = digits.saturating_sub(scale);
        if whole > self.integer_digits { Err(Unfit::IntegerDigits) } else { Ok(whole.max(1)) }
    }

    /// All other numbers.
    fn long(&self, value: i256, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let mut room = [0; DIGITS + 16];
        let mut count = size(value, &mut room);
        let mut scale = usize::try_from(self.scale).unwrap_or(0);
        // Digits that the target does not keep are none when they are zeros.
        while scale > self.fraction_digits {
            if count > 0 && room[count - 1] != b'0' {
                return Err(Unfit::FractionDigits);
            }
            count = count.saturating_sub(1);
            scale -= 1;
        }
        let digits = &room[..count];
        let zeros = if count == 0 { 0 } else { usize::from(self.scale.min(0).unsigned_abs()) };
        let (whole, fraction) = digits.split_at(count.saturating_sub(scale));
        if whole.len() + zeros > self.integer_digits {
            return Err(Unfit::IntegerDigits);
        }
        let mut at = fill(if whole.is_empty() { b"0" } else { whole }, out, at);
        out[at..at + zeros].fill(b'0');
        at += zeros;
        if scale > 0 {
            out[at] = b'.';
            let missing = scale - fraction.len();
            out[at + 1..at + 1 + missing].fill(b'0');
            at = fill(fraction, out, at + 1 + missing);
        }
        Ok(at)
    }
}

/// The least and the most unscaled number that is an integer of `bits` bits.
fn range(bits: u8, scale: i8) -> (i256, i256) {
    let (least, most) = limits(bits);
    let (least, most) = (i256::from_i128(least), i256::from_i128(most));
    match i256::from_i128(10).checked_pow(scale.unsigned_abs().into()) {
        Some(power) if scale < 0 => (least.wrapping_div(power), most.wrapping_div(power)),
        Some(power) => (
            least.checked_mul(power).unwrap_or(i256::MIN),
            most.checked_mul(power).unwrap_or(i256::MAX),
        ),
        None if scale < 0 => (i256::ZERO, i256::ZERO),
        None => (i256::MIN, i256::MAX),
    }
}

/// Sixteen digits at once.
#[inline(always)]
fn put(digits: u128, out: &mut [u8], at: usize) {
    out[at..at + 16].copy_from_slice(&digits.to_le_bytes());
}

fn fill(text: &[u8], out: &mut [u8], at: usize) -> usize {
    out[at..at + text.len()].copy_from_slice(text);
    at + text.len()
}

/// Writes the digits of `value` without its sign; gives how many there are, none for zero.
fn size(value: i256, out: &mut [u8]) -> usize {
    if let Some(value) = value.to_i128() {
        return if value == 0 { 0 } else { digits::write_long(value.unsigned_abs(), out, 0) };
    }
    // The rest of a division by 10^16 is short, and has the sign of the number.
    let divisor = i256::from_i128(SIXTEEN.into());
    let at = size(value.wrapping_div(divisor), out);
    let rest = value.wrapping_rem(divisor).to_i128().map_or(0, i128::unsigned_abs);
    let rest = u64::try_from(rest).unwrap_or(0);
    put(digits::sixteen(rest), out, at);
    at + 16
}

impl<T: Unscaled> Values for Decimals<T> {
    fn most(&self) -> Option<usize> {
        Some(self.bound(0))
    }

    fn bound(&self, _row: usize) -> usize {
        // Five digits for two bytes; the sign, a zero, the point, and zeros on one of its sides.
        size_of::<T>() * 5 / 2 + 4 + usize::from(self.scale.unsigned_abs())
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value = self.values[row];
        if let Some((least, most)) = self.range
            && !(least..=most).contains(&value.longest())
        {
            return Err(Unfit::Range);
        }
        out[at] = b'-';
        let at = at + usize::from(value.is_negative());
        match (value.short(), usize::try_from(self.scale)) {
            (Some(size), Ok(scale))
                if size < EIGHT && scale < 8 && scale <= self.fraction_digits =>
            {
                self.eight(size, scale, out, at)
            }
            (Some(size), Ok(scale)) if scale < 16 && scale <= self.fraction_digits => {
                self.sixteen(size, scale, out, at)
            }
            _ => self.long(value.longest(), out, at),
        }
    }
}
