//! Numbers of any length: digits to base 10,000 as the server sends them, to whole numbers.

use arrow::datatypes::i256;

use super::misfit::{Misfit, Trouble};

/// A number as it was sent.
struct Sent<'a> {
    negative: bool,
    /// Pairs of bytes, each a digit to base 10,000; the last one is not 0.
    digits: &'a [[u8; 2]],
    /// How many decimal places the last digit must be moved up to make a whole number; negative
    /// when it must be moved down.
    shift: i32,
}

const NUMBER: Trouble = Trouble::Malformed("a number");
const TOO_LONG: Trouble = Trouble::Misfit(Misfit::Digits);

/// Parts the bytes of a number that is to be multiplied by 10 to the power of `scale`.
#[inline]
fn part(bytes: &[u8], scale: i32) -> Result<Sent<'_>, Trouble> {
    let Some(([c0, c1, w0, w1, s0, s1, _, _], rest)) = bytes.split_first_chunk::<8>() else {
        return Err(NUMBER);
    };
    let (mut digits, odd) = rest.as_chunks::<2>();
    if !odd.is_empty() || usize::from(u16::from_be_bytes([*c0, *c1])) != digits.len() {
        return Err(NUMBER);
    }
    let negative = match u16::from_be_bytes([*s0, *s1]) {
        0x0000 => false,
        0x4000 => true,
        0xC000 => return Err(Misfit::Nan.into()),
        0xD000 | 0xF000 => return Err(Misfit::Infinity.into()),
        _ => return Err(NUMBER),
    };
    while let Some((&[0, 0], before)) = digits.split_last() {
        digits = before;
    }
    let count = i32::try_from(digits.len()).map_err(|_| NUMBER)?;
    let weight = i32::from(i16::from_be_bytes([*w0, *w1]));
    Ok(Sent { negative, digits, shift: 4 * (weight + 1 - count) + scale })
}

/// A whole number that can be put together from digits.
trait Whole: Copy {
    const ZERO: Self;
    /// `self * factor + digit`.
    fn add(self, factor: u32, digit: u32) -> Option<Self>;
    /// `self * 10`, `places` times.
    fn move_up(self, places: u32) -> Option<Self>;
}

impl Whole for i128 {
    const ZERO: Self = 0;

    fn add(self, factor: u32, digit: u32) -> Option<Self> {
        self.checked_mul(i128::from(factor))?.checked_add(i128::from(digit))
    }

    fn move_up(self, places: u32) -> Option<Self> {
        self.checked_mul(10_i128.checked_pow(places)?)
    }
}

impl Whole for i256 {
    const ZERO: Self = i256::ZERO;

    fn add(self, factor: u32, digit: u32) -> Option<Self> {
        self.checked_mul(i256::from_i128(i128::from(factor)))?
            .checked_add(i256::from_i128(i128::from(digit)))
    }

    fn move_up(self, places: u32) -> Option<Self> {
        self.checked_mul(i256::from_i128(10).checked_pow(places)?)
    }
}

/// The whole number that `sent` is, without its sign.
#[inline]
fn whole<T: Whole>(sent: &Sent<'_>) -> Result<T, Trouble> {
    let Some((last, before)) = sent.digits.split_last() else {
        return Ok(T::ZERO);
    };
    let mut sum = T::ZERO;
    for digit in before {
        sum = sum.add(10_000, checked(*digit)?).ok_or(TOO_LONG)?;
    }
    let last = checked(*last)?;
    // The divisors are constants so that none of this is a division by the processor.
    let (factor, kept, cut) = match sent.shift {
        0.. => (10_000, last, 0),
        -1 => (1_000, last / 10, last % 10),
        -2 => (100, last / 100, last % 100),
        -3 => (10, last / 1_000, last % 1_000),
        _ => return Err(TOO_LONG),
    };
    if cut != 0 {
        return Err(TOO_LONG);
    }
    let sum = sum.add(factor, kept).ok_or(TOO_LONG)?;
    match u32::try_from(sent.shift) {
        Ok(places) => sum.move_up(places).ok_or(TOO_LONG),
        Err(_) => Ok(sum),
    }
}

#[inline]
fn checked(digit: [u8; 2]) -> Result<u32, Trouble> {
    match u16::from_be_bytes(digit) {
        digit @ 0..10_000 => Ok(u32::from(digit)),
        _ => Err(NUMBER),
    }
}

/// Powers of 10 that everyday numbers are moved by.
const TENS: [u64; 5] = [1, 10, 100, 1_000, 10_000];

/// The number times 10 to the power of `scale` if it is an everyday one, of at most 16 decimal digits;
/// `None` for all others, and for what is none.
#[inline(always)]
fn everyday(bytes: &[u8], scale: i32) -> Option<i128> {
    let Some(([c0, c1, w0, w1, sign @ (0 | 0x40), 0, _, _], rest)) = bytes.split_first_chunk()
    else {
        return None;
    };
    let (digits, odd) = rest.as_chunks::<2>();
    let count = u16::from_be_bytes([*c0, *c1]);
    if !odd.is_empty() || usize::from(count) != digits.len() || count > 4 {
        return None;
    }
    let (mut sum, mut largest) = (0_u64, 0);
    for digit in digits {
        let digit = u16::from_be_bytes(*digit);
        largest = largest.max(digit);
        sum = sum * 10_000 + u64::from(digit);
    }
    if largest >= 10_000 {
        return None;
    }
    if sum == 0 {
        return Some(0);
    }
    let weight = i32::from(i16::from_be_bytes([*w0, *w1]));
    let shift = 4 * (weight + 1 - i32::from(count)) + scale;
    // The divisors are constants so that none of this is a division by the processor.
    let (number, cut) = match shift {
        -1 => (sum / 10, sum % 10),
        -2 => (sum / 100, sum % 100),
        -3 => (sum / 1_000, sum % 1_000),
        _ => (sum.checked_mul(*TENS.get(usize::try_from(shift).ok()?)?)?, 0),
    };
    let number = i128::from(number);
    (cut == 0).then_some(if *sign == 0 { number } else { -number })
}

/// The number times 10 to the power of `scale`, exactly; its size must be below `limit`.
#[inline(always)]
pub(super) fn to_i128(bytes: &[u8], scale: i32, limit: i128) -> Result<i128, Trouble> {
    match everyday(bytes, scale) {
        Some(number) if number.abs() < limit => Ok(number),
        _ => to_any_i128(bytes, scale, limit),
    }
}

fn to_any_i128(bytes: &[u8], scale: i32, limit: i128) -> Result<i128, Trouble> {
    let sent = part(bytes, scale)?;
    let size = whole::<i128>(&sent)?;
    match size < limit {
        true => Ok(if sent.negative { -size } else { size }),
        false => Err(TOO_LONG),
    }
}

/// The same for wide numbers.
pub(super) fn to_i256(bytes: &[u8], scale: i32, limit: i256) -> Result<i256, Trouble> {
    let sent = part(bytes, scale)?;
    let size = whole::<i256>(&sent)?;
    match size < limit {
        true => Ok(if sent.negative { size.wrapping_neg() } else { size }),
        false => Err(TOO_LONG),
    }
}

/// The number as the server writes it; `None` for bytes that are none.
pub(super) fn shown(bytes: &[u8]) -> Option<String> {
    let sent = match part(bytes, 0) {
        Ok(sent) => sent,
        Err(Trouble::Misfit(Misfit::Nan)) => return Some("NaN".to_owned()),
        Err(Trouble::Misfit(Misfit::Infinity)) => {
            let negative = bytes.get(4) == Some(&0xF0);
            return Some(if negative { "-Infinity" } else { "Infinity" }.to_owned());
        }
        Err(_) => return None,
    };
    let scale = usize::from(u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]));
    let digits: String =
        sent.digits.iter().map(|digit| format!("{:04}", u16::from_be_bytes(*digit))).collect();
    // The place of the point in `digits`; it may lie far outside.
    let point = i32::try_from(digits.len()).ok()? + sent.shift;
    let at = |place: i32| {
        let digit = usize::try_from(place).ok().and_then(|at| digits.as_bytes().get(at));
        char::from(digit.copied().unwrap_or(b'0'))
    };
    let whole: String = (0..point).map(at).collect();
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction: String = (point..point + i32::try_from(scale).ok()?).map(at).collect();
    let (sign, dot) = (if sent.negative { "-" } else { "" }, if scale > 0 { "." } else { "" });
    Some(format!("{sign}{whole}{dot}{fraction}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Digits to base 10,000, many of them round, and one that is none.
    fn digit() -> impl Strategy<Value = u16> {
        let round = (0..10_u16, prop::sample::select(vec![1, 10, 100, 1_000]));
        prop_oneof![round.prop_map(|(digit, tens)| digit * tens), 0..=10_000_u16]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn everyday_numbers_are_what_all_others_are(
            digits in prop::collection::vec(digit(), 0..6),
            weight in -3..4_i16,
            sign in prop_oneof![4 => Just(0_u16), 4 => Just(0x4000), 1 => any::<u16>()],
            scale in -3..6_i32,
            limit in prop_oneof![Just(1_000_i128), Just(10_i128.pow(15))],
        ) {
            let count = u16::try_from(digits.len()).unwrap();
            let header = [count, weight.cast_unsigned(), sign, 0];
            let sent: Vec<u8> =
                header.into_iter().chain(digits).flat_map(u16::to_be_bytes).collect();
            let outcome = |number: Result<i128, Trouble>| format!("{number:?}");
            let expected = outcome(to_any_i128(&sent, scale, limit));
            prop_assert_eq!(outcome(to_i128(&sent, scale, limit)), expected);
        }
    }
}
