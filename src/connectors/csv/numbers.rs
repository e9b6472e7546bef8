//! Texts that are numbers: whole ones, decimals and doubles.
//!
//! `EXACT` is how inferred columns are read: a number must be written in the one plain way, so that
//! nothing of its text is lost. Declared columns also take `+1`, `007` and digits that a double
//! cannot hold, because that is what their author asked for.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Below this, each whole number and its quotient by a power of ten is a double on its own.
const EXACT_BELOW: u64 = 1_000_000_000_000_000;

/// A whole number.
pub(super) fn integer<const EXACT: bool>(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign::<EXACT>(text)?;
    if EXACT && digits.len() > 1 && digits[0] == b'0' || EXACT && negative && digits == b"0" {
        return None;
    }
    let size = whole(digits)?;
    if negative { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
}

/// A decimal in units of the last of `scale` places, with at most `precision` digits.
pub(super) fn decimal<const EXACT: bool>(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = sign::<EXACT>(text)?;
    let point = digits.iter().position(|b| *b == b'.');
    let (before, after) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    if EXACT && before.len() > 1 && before[0] == b'0' || before.is_empty() && after.is_empty() {
        return None;
    }
    // Zeros at the end change nothing; any other digit past the scale would be lost.
    let scale = usize::from(scale);
    let after = match after.split_at_checked(scale) {
        Some((kept, rest)) if rest.iter().all(|b| *b == b'0') => kept,
        Some(_) => return None,
        None => after,
    };
    let size = units(before, after, scale)?;
    let size = i128::try_from(size).ok()?;
    (size < 10_i128.checked_pow(u32::from(precision))?).then_some(if negative {
        -size
    } else {
        size
    })
}

/// A double. Overflow is no number; `EXACT` also refuses what would lose a digit.
pub(super) fn double<const EXACT: bool>(text: &[u8]) -> Option<f64> {
    simple_double::<EXACT>(text).or_else(|| any_double::<EXACT>(text))
}

/// Digits before and after the point of a number written in the one plain way without exponent.
pub(super) fn shape(text: &[u8]) -> Option<(usize, usize)> {
    let (_, digits) = sign::<true>(text)?;
    let number = Written::of(digits)?;
    let zero = number.before.iter().chain(number.after).all(|b| *b == b'0');
    let plain =
        number.is_plain() && number.exponent.is_none() && !(zero && digits.len() < text.len());
    let before = if number.before == b"0" { 0 } else { number.before.len() };
    plain.then_some((before, number.after.len()))
}

fn sign<const EXACT: bool>(text: &[u8]) -> Option<(bool, &[u8])> {
    match text.split_first()? {
        (b'-', digits) => Some((true, digits)),
        (b'+', digits) if !EXACT => Some((false, digits)),
        _ => Some((false, text)),
    }
}

/// The number that up to 19 digits make; more only when the first ones are zeros.
fn whole(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    if digits.len() <= 19 {
        return below_20_digits(digits);
    }
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    (digits.len() - zeros <= 19).then(|| below_20_digits(&digits[zeros..]))?
}

fn below_20_digits(digits: &[u8]) -> Option<u64> {
    let mut size = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits cannot overflow.
        size = size.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    Some(size)
}

/// `before` and `after` as one number, filled with zeros up to `scale` places.
fn units(before: &[u8], after: &[u8], scale: usize) -> Option<u128> {
    if before.len() + scale <= 18 {
        let mut size = below_20_digits(before)?;
        for byte in after {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            size = size * 10 + u64::from(digit);
        }
        let missing = u32::try_from(scale - after.len()).ok()?;
        return Some(u128::from(size * 10_u64.pow(missing)));
    }
    let zeros = std::iter::repeat_n(&b'0', scale - after.len());
    let mut size = 0_u128;
    for byte in before.iter().chain(after).chain(zeros) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        size = size.checked_mul(10)?.checked_add(u128::from(digit))?;
    }
    Some(size)
}

/// The usual double: up to 15 digits, no exponent. One exact division rounds correctly.
fn simple_double<const EXACT: bool>(text: &[u8]) -> Option<f64> {
    let (negative, digits) = sign::<EXACT>(text)?;
    if EXACT && digits.len() > 1 && digits[0] == b'0' && digits[1] != b'.' || digits.len() > 20 {
        return None;
    }
    let (mut size, mut point) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            size = size.wrapping_mul(10).wrapping_add(u64::from(digit));
            if size >= EXACT_BELOW {
                return None;
            }
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let places = point.map_or(0, |at| digits.len() - at - 1);
    if digits.len() == usize::from(point.is_some()) {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "below 10^15, where every whole number is a double"
    )]
    let size = size as f64 / POWERS[places];
    Some(if negative { -size } else { size })
}

fn any_double<const EXACT: bool>(text: &[u8]) -> Option<f64> {
    let (negative, digits) = sign::<EXACT>(text)?;
    let Some(number) = Written::of(digits) else {
        return if EXACT { None } else { no_finite_double(negative, digits) };
    };
    let value: f64 = lexical_core::parse(text).ok()?;
    if !value.is_finite() {
        return None;
    }
    let survives = || {
        number.is_plain()
            && writings(value.abs()).iter().any(|shown| {
                Written::of(shown.as_bytes()).and_then(|w| w.digits()) == number.digits()
            })
    };
    (!EXACT || survives()).then_some(value)
}

/// How programs write a double: with as few digits as tell it from all others, where two forms can be as
/// near as each other, or with 17.
fn writings(value: f64) -> [String; 3] {
    [format!("{value:e}"), format!("{value:.15e}"), format!("{value:.16e}")]
}

fn no_finite_double(negative: bool, text: &[u8]) -> Option<f64> {
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if is("nan") && !negative {
        Some(f64::NAN)
    } else if is("inf") || is("infinity") {
        Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
    } else {
        None
    }
}

/// The parts of a number without its sign.
struct Written<'a> {
    before: &'a [u8],
    after: &'a [u8],
    exponent: Option<i64>,
}

impl<'a> Written<'a> {
    fn of(text: &'a [u8]) -> Option<Self> {
        let (number, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&text[..at], Some(integer::<false>(&text[at + 1..])?)),
            None => (text, None),
        };
        let (before, after) = match number.iter().position(|b| *b == b'.') {
            Some(at) => (&number[..at], &number[at + 1..]),
            None => (number, &[][..]),
        };
        let some = !before.is_empty() || !after.is_empty();
        let digits = before.iter().chain(after).all(u8::is_ascii_digit);
        (some && digits).then_some(Written { before, after, exponent })
    }

    /// Whether there is no zero in front that would be lost.
    fn is_plain(&self) -> bool {
        self.before.len() < 2 || self.before[0] != b'0'
    }

    /// The digits without zeros at either end, and the power of ten of the first one. Zero has no
    /// digits. `None` when the exponent is beyond every double.
    fn digits(&self) -> Option<(Vec<u8>, i64)> {
        let all: Vec<u8> = self.before.iter().chain(self.after).copied().collect();
        let Some(first) = all.iter().position(|b| *b != b'0') else { return Some((Vec::new(), 0)) };
        let last = all.iter().rposition(|b| *b != b'0')?;
        let power = i64::try_from(self.before.len()).ok()? - i64::try_from(first).ok()? - 1;
        Some((all[first..=last].to_vec(), power.checked_add(self.exponent.unwrap_or(0))?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_are_exact_when_written_in_the_one_plain_way() {
        for (text, exact, loose) in [
            ("0", Some(0), Some(0)),
            ("-17", Some(-17), Some(-17)),
            ("9223372036854775807", Some(i64::MAX), Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN), Some(i64::MIN)),
            ("9223372036854775808", None, None),
            ("99999999999999999999", None, None),
            ("007", None, Some(7)),
            ("00000000000000000000000007", None, Some(7)),
            ("+1", None, Some(1)),
            ("-0", None, Some(0)),
            ("", None, None),
            ("-", None, None),
            ("1 ", None, None),
            ("1.0", None, None),
            ("١", None, None),
        ] {
            assert_eq!(integer::<true>(text.as_bytes()), exact, "{text}");
            assert_eq!(integer::<false>(text.as_bytes()), loose, "{text}");
        }
    }

    #[test]
    fn a_decimal_is_refused_when_a_digit_would_be_lost() {
        for (text, expected) in [
            ("12.34", Some(1234)),
            ("-0.5", Some(-50)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("1.500", Some(150)),
            ("1.505", None),
            ("999.99", Some(99999)),
            ("1000", None),
            ("1e2", None),
            (".", None),
            ("", None),
            ("1.2.3", None),
            ("--1", None),
        ] {
            assert_eq!(decimal::<true>(text.as_bytes(), 5, 2), expected, "{text}");
        }
        let most = "9".repeat(38);
        assert_eq!(decimal::<true>(most.as_bytes(), 38, 0), Some(10_i128.pow(38) - 1));
        assert_eq!(decimal::<true>(format!("{most}9").as_bytes(), 38, 0), None);
        assert_eq!(decimal::<true>(b"0.00000000000000000001", 38, 20), Some(1));
    }

    #[test]
    fn a_double_is_exact_when_every_digit_survives() {
        let between = 745_317_078_022_571.0 + 0.25;
        for (text, exact, loose) in [
            ("1.5", Some(1.5), Some(1.5)),
            ("-0", Some(-0.0), Some(-0.0)),
            (".5", Some(0.5), Some(0.5)),
            ("5.", Some(5.0), Some(5.0)),
            ("1e5", Some(1e5), Some(1e5)),
            ("2.5E-3", Some(0.0025), Some(0.0025)),
            ("0.30000000000000004", Some(0.1 + 0.2), Some(0.1 + 0.2)),
            ("0.10000000000000001", Some(0.1), Some(0.1)),
            ("745317078022571.2", Some(between), Some(between)),
            ("745317078022571.3", Some(between), Some(between)),
            ("9007199254740993", None, Some(9_007_199_254_740_992.0)),
            ("0.1234567890123456789", None, Some(0.123_456_789_012_345_68)),
            ("123456789012345678901234567890", None, Some(1.234_567_890_123_456_8e29)),
            ("1e400", None, None),
            ("1e-400", None, Some(0.0)),
            ("00.5", None, Some(0.5)),
            ("+1.5", None, Some(1.5)),
            ("inf", None, Some(f64::INFINITY)),
            ("-Infinity", None, Some(f64::NEG_INFINITY)),
            ("", None, None),
            (".", None, None),
            ("e5", None, None),
            ("1e", None, None),
            ("0x10", None, None),
            ("1,5", None, None),
        ] {
            assert_eq!(double::<true>(text.as_bytes()), exact, "{text}");
            assert_eq!(double::<false>(text.as_bytes()), loose, "{text}");
        }
        assert!(double::<false>(b"NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn the_shape_of_a_number_counts_its_digits() {
        for (text, expected) in [
            ("123.45", Some((3, 2))),
            ("-0.5", Some((0, 1))),
            ("0", Some((0, 0))),
            ("-0.0", None),
            ("01", None),
            ("1e5", None),
            ("abc", None),
        ] {
            assert_eq!(shape(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_double_is_read_as_the_standard_library_reads_it(text in "-?[0-9]{1,18}(\\.[0-9]{0,12})?(e-?[0-9]{1,2})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(double::<false>(text.as_bytes()), Some(expected));
        }

        #[test]
        fn every_double_that_was_written_shortest_is_exact(value in proptest::num::f64::NORMAL) {
            let read = double::<true>(format!("{value}").as_bytes());
            prop_assert_eq!(read, Some(value));
            prop_assert_eq!(double::<true>(format!("{value:e}").as_bytes()), Some(value));
        }

        #[test]
        fn every_integer_that_was_written_is_read(value: i64) {
            prop_assert_eq!(integer::<true>(value.to_string().as_bytes()), Some(value));
        }
    }
}
