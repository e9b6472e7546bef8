//! A number as it is written, and the only ways out of it: exact, or not at all.

use super::trouble::{Parsed, Trouble};

/// The most significant digits that a double is asked to keep.
const DOUBLE_DIGITS_MAX: usize = 17;
/// Digits that every double keeps, whatever they are.
const DOUBLE_DIGITS_SAFE: usize = 15;
/// Powers of ten that are exact as doubles.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// A number of JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'a> {
    /// As written.
    pub(super) text: &'a str,
    /// Digits before the point, then those after it, as one whole number; right up to 18 digits.
    mantissa: u64,
    digits: usize,
    fraction: usize,
    has_exponent: bool,
}

impl<'a> Number<'a> {
    /// The number that `text` begins with.
    #[inline]
    pub(super) fn at_start_of(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let mut mantissa = 0;
        let whole = run(bytes, start, &mut mantissa);
        let mut end = start + whole;
        if whole == 0 || (whole > 1 && bytes[start] == b'0') {
            return None;
        }
        let mut fraction = 0;
        if bytes.get(end) == Some(&b'.') {
            fraction = run(bytes, end + 1, &mut mantissa);
            end += 1 + fraction;
            if fraction == 0 {
                return None;
            }
        }
        let has_exponent = matches!(bytes.get(end), Some(b'e' | b'E'));
        if has_exponent {
            end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = run(bytes, end, &mut 0);
            end += exponent;
            if exponent == 0 {
                return None;
            }
        }
        let text = text.get(..end)?;
        Some(Number { text, mantissa, digits: whole + fraction, fraction, has_exponent })
    }

    /// Whether it is written without a point and without an exponent.
    pub(super) fn is_whole(&self) -> bool {
        self.fraction == 0 && !self.has_exponent
    }

    fn is_negative(&self) -> bool {
        self.text.starts_with('-')
    }

    fn is_short(&self) -> bool {
        self.digits <= 18 && !self.has_exponent
    }

    /// The whole number that this is, from `low` to `high`.
    #[inline]
    pub(super) fn to_whole(self, low: i64, high: i64) -> Parsed<i64> {
        let value = if self.is_short() && self.fraction == 0 {
            // Eighteen digits are far from the limits of an i64.
            let value = i64::try_from(self.mantissa).unwrap_or_default();
            Some(if self.is_negative() { -value } else { value })
        } else {
            let scaled = Digits::of(self.text).scaled(0).map_err(|why| self.trouble(why))?;
            i64::try_from(scaled).ok()
        };
        match value {
            Some(value) if (low..=high).contains(&value) => Ok(value),
            _ => Err(self.trouble(&format!("the number is not between {low} and {high}"))),
        }
    }

    /// The number times ten to the power of `scale`, with at most `precision` digits.
    #[inline]
    pub(super) fn to_decimal(self, precision: u8, scale: u8) -> Parsed<i128> {
        let scale_digits = usize::from(scale);
        let value = if self.is_short() && self.fraction <= scale_digits && scale <= 18 {
            let power = u32::try_from(scale_digits - self.fraction).unwrap_or_default();
            let value = i128::from(self.mantissa) * 10_i128.pow(power);
            if self.is_negative() { -value } else { value }
        } else {
            let digits = Digits::of(self.text);
            digits.scaled(i64::from(scale)).map_err(|why| self.trouble(why))?
        };
        if value.unsigned_abs() < 10_u128.pow(u32::from(precision)) {
            return Ok(value);
        }
        let reason = format!("the number does not fit into decimal({precision},{scale})");
        Err(self.trouble(&reason))
    }

    /// The double that keeps every digit.
    #[inline]
    pub(super) fn to_double(self) -> Parsed<f64> {
        if !self.has_exponent && self.digits <= DOUBLE_DIGITS_SAFE {
            // Both are exact, so the quotient is the nearest double.
            #[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
            let value = self.mantissa as f64 / EXACT_POWERS[self.fraction];
            return Ok(if self.is_negative() { -value } else { value });
        }
        double(self.text).map_err(|why| self.trouble(why))
    }

    #[cold]
    fn trouble(&self, reason: &str) -> Box<Trouble> {
        Trouble::new(reason)
            .value(self.text.as_bytes())
            .hint("declare the column as `decimal(p,s)` or `text` under `columns`")
    }
}

/// Steps over digits and adds them to `mantissa`, which wraps when there are too many.
#[inline]
fn run(bytes: &[u8], start: usize, mantissa: &mut u64) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let mut count = 0;
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    count
}

/// The slow way to a double, for long numbers and those with an exponent.
fn double(text: &str) -> Result<f64, &'static str> {
    const LOSES: &str = "the number has more digits than a double keeps";
    const RANGE: &str = "the number is outside the range of a double";
    let digits = Digits::of(text);
    let value: f64 = text.parse().map_err(|_| RANGE)?;
    if value.is_infinite() || (value == 0.0 && !digits.figures.is_empty()) {
        return Err(RANGE);
    }
    let count = digits.figures.len();
    if count > DOUBLE_DIGITS_MAX {
        return Err(LOSES);
    }
    if count <= DOUBLE_DIGITS_SAFE && (value == 0.0 || value.is_normal()) {
        return Ok(value);
    }
    // Written out with as many digits as it was given, or with as few as tell it from all others, it
    // must say the same. These differ where two short forms are as near, or where doubles begin to be
    // closer to each other: at powers of two.
    let is_same = |written: String| Digits::of(&written) == digits;
    let rounded = || is_same(format!("{value:.*e}", count.saturating_sub(1)));
    match rounded() || is_same(format!("{value:e}")) {
        true => Ok(value),
        false => Err(LOSES),
    }
}

/// A number taken apart: its figures without zeros at either end, times a power of ten.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digits {
    negative: bool,
    /// Figures as text; empty for zero.
    pub(super) figures: Vec<u8>,
    exponent: i64,
}

impl Digits {
    /// The parts of `text`, which is a number of JSON.
    pub(super) fn of(text: &str) -> Self {
        let negative = text.starts_with('-');
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut figures: Vec<u8> = whole.bytes().filter(u8::is_ascii_digit).collect();
        figures.extend_from_slice(fraction.as_bytes());
        let trailing = figures.iter().rev().take_while(|b| **b == b'0').count();
        figures.truncate(figures.len() - trailing);
        let leading = figures.iter().take_while(|b| **b == b'0').count();
        figures.drain(..leading);
        if figures.is_empty() {
            return Digits { negative: false, figures, exponent: 0 };
        }
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let exponent =
            power(exponent).saturating_add(count(trailing)).saturating_sub(count(fraction.len()));
        Digits { negative, figures, exponent }
    }

    /// Digits after the point.
    pub(super) fn scale(&self) -> u64 {
        self.exponent.saturating_neg().try_into().unwrap_or(0)
    }

    /// Digits before the point.
    pub(super) fn whole(&self) -> u64 {
        let figures = i64::try_from(self.figures.len()).unwrap_or(i64::MAX);
        self.exponent.saturating_add(figures).try_into().unwrap_or(0)
    }

    /// The number times ten to the power of `scale`, if that is a whole number of 38 digits.
    fn scaled(&self, scale: i64) -> Result<i128, &'static str> {
        const LARGE: &str = "the number is too large for the column";
        if self.figures.is_empty() {
            return Ok(0);
        }
        let zeros = self.exponent.saturating_add(scale);
        let zeros = u32::try_from(zeros).map_err(|_| match zeros < 0 {
            true => "the number has more digits after the point than the column",
            false => LARGE,
        })?;
        let figures = std::str::from_utf8(&self.figures).map_err(|_| LARGE)?;
        let value: i128 = figures.parse().map_err(|_| LARGE)?;
        let value = 10_i128.checked_pow(zeros).and_then(|power| value.checked_mul(power));
        let value = value.ok_or(LARGE)?;
        Ok(if self.negative { -value } else { value })
    }
}

/// The exponent that `text` writes; one that no type can hold is cut, far outside of all of them.
fn power(text: &str) -> i64 {
    const FAR: i64 = 1 << 40;
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches(['+', '-']);
    let value = digits.parse::<i64>().map_or(FAR, |value| value.min(FAR));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number<'_> {
        let number = Number::at_start_of(text).unwrap();
        assert_eq!(number.text, text);
        number
    }

    #[test]
    fn a_whole_number_is_exact_or_refused() {
        let whole = |text: &str| number(text).to_whole(i64::MIN, i64::MAX).ok();
        assert_eq!(whole("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(whole("9223372036854775807"), Some(i64::MAX));
        assert_eq!(whole("9223372036854775808"), None);
        assert_eq!(whole("1.5"), None);
        assert_eq!(whole("1.50e1"), Some(15));
        assert_eq!(whole("3.000"), Some(3));
        assert_eq!(whole("1e999999999999999999999"), None);
        assert_eq!(whole("0e999999999999999999999"), Some(0));
        assert_eq!(number("40000").to_whole(-32768, 32767).ok(), None);
    }

    #[test]
    fn a_double_keeps_every_digit_or_is_refused() {
        let double = |text: &str| number(text).to_double().ok();
        assert_eq!(double("0.30000000000000004"), Some(0.1 + 0.2));
        assert_eq!(double("0.10000000000000001"), Some(0.1));
        assert_eq!(double("9007199254740992"), Some(9007199254740992.0));
        assert_eq!(double("9007199254740993"), None);
        assert_eq!(double("0.123456789012345678"), None);
        assert_eq!(double("100000000000000000000"), Some(1e20));
        let between = 745_317_078_022_571.0 + 0.25;
        // Doubles lie 0.125 apart here; some writers choose the one form, some the other.
        assert_eq!(double("745317078022571.2"), Some(between));
        assert_eq!(double("745317078022571.3"), Some(between));
        assert_eq!(double("745317078022571.21"), None);
        // The shortest form of 2⁻¹⁰¹⁷, which is not the one that is nearest.
        assert_eq!(double("7.120236347223045e-307"), Some(2_f64.powi(-1017)));
        assert_eq!(double("1e400"), None);
        assert_eq!(double("1e-400"), None);
        assert_eq!(double("5e-324"), Some(5e-324));
        assert_eq!(double("1.2345e-320"), None);
        assert_eq!(double("-0.0").map(f64::is_sign_negative), Some(true));
    }

    #[test]
    fn a_decimal_keeps_every_digit_or_is_refused() {
        let decimal = |text: &str| number(text).to_decimal(5, 2).ok();
        assert_eq!(decimal("-123.4"), Some(-12340));
        assert_eq!(decimal("1.2300"), Some(123));
        assert_eq!(decimal("1.234"), None);
        assert_eq!(decimal("1000"), None);
        assert_eq!(decimal("1.2e2"), Some(12000));
        let long = "99999999999999999999999999999999999999";
        assert_eq!(number(long).to_decimal(38, 0).ok(), long.parse().ok());
        assert_eq!(number("0.1").to_decimal(38, 38).ok(), Some(10_i128.pow(37)));
    }

    proptest! {
        #[test]
        fn every_double_that_is_written_is_read_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:.16e}")] {
                prop_assert_eq!(number(&text).to_double().unwrap().to_bits(), bits, "{}", text);
            }
        }

        #[test]
        fn a_short_number_is_the_nearest_double(text in r"-?[1-9][0-9]{0,8}(\.[0-9]{1,6})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(number(&text).to_double().unwrap().to_bits(), expected.to_bits());
        }
    }
}
