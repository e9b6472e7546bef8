//! Decimals: digits as text to whole numbers, without a float on the way.

use arrow::datatypes::i256;

use super::misfit::{Misfit, Trouble};

const NUMBER: Trouble = Trouble::Malformed("a number");
const TOO_LONG: Trouble = Trouble::Misfit(Misfit::Digits);

/// As many digits as always fit into 64 bits.
const STEP: usize = 18;

/// The powers of ten up to that of [`STEP`].
const POWERS: [u64; STEP + 1] = {
    let mut powers = [1; STEP + 1];
    let mut at = 1;
    while at <= STEP {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A whole number that can be put together from digits.
trait Whole: Copy {
    const ZERO: Self;
    /// `self * factor + more`.
    fn add(self, factor: u64, more: u64) -> Option<Self>;
}

impl Whole for i128 {
    const ZERO: Self = 0;

    #[inline]
    fn add(self, factor: u64, more: u64) -> Option<Self> {
        self.checked_mul(i128::from(factor))?.checked_add(i128::from(more))
    }
}

impl Whole for i256 {
    const ZERO: Self = i256::ZERO;

    fn add(self, factor: u64, more: u64) -> Option<Self> {
        self.checked_mul(i256::from_i128(i128::from(factor)))?
            .checked_add(i256::from_i128(i128::from(more)))
    }
}

/// A number as it was sent.
struct Sent<'a> {
    negative: bool,
    whole: &'a [u8],
    /// The digits after the point, those beyond the scale being gone.
    fraction: &'a [u8],
}

/// Parts the text of a number of which so many digits after the point can be kept.
#[inline]
fn part(text: &[u8], scale: usize) -> Result<Sent<'_>, Trouble> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[][..]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(NUMBER);
    }
    let (fraction, beyond) = fraction.split_at(fraction.len().min(scale));
    match beyond.iter().all(|digit| *digit == b'0') {
        true => Ok(Sent { negative, whole, fraction }),
        false if beyond.iter().all(u8::is_ascii_digit) => Err(TOO_LONG),
        false => Err(NUMBER),
    }
}

/// The number that up to [`STEP`] digits are.
#[inline]
fn step(digits: &[u8]) -> Result<u64, Trouble> {
    let mut sum = 0;
    for digit in digits {
        match digit.wrapping_sub(b'0') {
            digit @ 0..=9 => sum = sum * 10 + u64::from(digit),
            _ => return Err(NUMBER),
        }
    }
    Ok(sum)
}

/// `sum` with so many zeros, and then these digits, behind it.
fn append<T: Whole>(mut sum: T, digits: &[u8]) -> Result<T, Trouble> {
    for digits in digits.chunks(STEP) {
        sum = sum.add(POWERS[digits.len()], step(digits)?).ok_or(TOO_LONG)?;
    }
    Ok(sum)
}

fn with_zeros<T: Whole>(mut sum: T, mut zeros: usize) -> Result<T, Trouble> {
    while zeros > 0 {
        let now = zeros.min(STEP);
        sum = sum.add(POWERS[now], 0).ok_or(TOO_LONG)?;
        zeros -= now;
    }
    Ok(sum)
}

fn size<T: Whole>(sent: &Sent<'_>, scale: usize) -> Result<T, Trouble> {
    let sum = append(T::ZERO, sent.whole)?;
    let sum = append(sum, sent.fraction)?;
    with_zeros(sum, scale - sent.fraction.len())
}

/// The number times 10 to the power of `scale`, exactly; its size must be below `limit`.
#[inline]
pub(super) fn to_i128(text: &[u8], scale: usize, limit: i128) -> Result<i128, Trouble> {
    let sent = part(text, scale)?;
    // Up to 18 digits are the everyday case; they never overflow 64 bits.
    let size = match sent.whole.len() + scale <= STEP {
        true => {
            let fraction = step(sent.fraction)? * POWERS[scale - sent.fraction.len()];
            i128::from(step(sent.whole)? * POWERS[scale] + fraction)
        }
        false => size::<i128>(&sent, scale)?,
    };
    match size < limit {
        true => Ok(if sent.negative { -size } else { size }),
        false => Err(TOO_LONG),
    }
}

/// The same for wide numbers.
pub(super) fn to_i256(text: &[u8], scale: usize, limit: i256) -> Result<i256, Trouble> {
    let sent = part(text, scale)?;
    let size = size::<i256>(&sent, scale)?;
    match size < limit {
        true => Ok(if sent.negative { size.wrapping_neg() } else { size }),
        false => Err(TOO_LONG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_of_a_number_is_kept_or_the_number_is_refused() {
        let limit = 10_i128.pow(12);
        for (text, scale, number) in [
            ("0", 2, Ok(0)),
            ("-0.00", 2, Ok(0)),
            ("1.5", 2, Ok(150)),
            ("-12345.67", 2, Ok(-1_234_567)),
            ("0000012.30", 2, Ok(1230)),
            (".5", 1, Ok(5)),
            ("7.", 0, Ok(7)),
            ("1.500", 1, Ok(15)),
            ("1.501", 1, Err(TOO_LONG)),
            ("999999999999", 0, Ok(999_999_999_999)),
            ("1000000000000", 0, Err(TOO_LONG)),
            ("9999999999999999999999999999999999999999", 0, Err(TOO_LONG)),
            ("", 0, Err(NUMBER)),
            ("-", 0, Err(NUMBER)),
            (".", 0, Err(NUMBER)),
            ("1e5", 0, Err(NUMBER)),
            ("1.2.3", 5, Err(NUMBER)),
            ("12a", 0, Err(NUMBER)),
            ("1.0x", 1, Err(NUMBER)),
        ] {
            assert_eq!(to_i128(text.as_bytes(), scale, limit), number, "{text} of {scale} digits");
        }
    }

    #[test]
    fn numbers_of_up_to_76_digits_are_exact() {
        let text = "-12345678901234567890123456789012345.123456789012345678901234567891";
        let limit = i256::from_i128(10).checked_pow(65).unwrap();
        let number = to_i256(text.as_bytes(), 30, limit).unwrap();
        assert_eq!(number.to_string(), text.replace('.', ""));
        let long = "9".repeat(66);
        assert_eq!(to_i256(long.as_bytes(), 0, limit), Err(TOO_LONG));
        assert_eq!(to_i256("9".repeat(200).as_bytes(), 0, limit), Err(TOO_LONG));
        let wide = 10_i128.pow(38);
        let number = to_i128(b"1234567890123456789012345678.0123456789", 10, wide);
        assert_eq!(number, Ok(12_345_678_901_234_567_890_123_456_780_123_456_789));
    }
}
