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

impl Whole for u64 {
    const ZERO: Self = 0;

    #[inline]
    fn add(self, factor: u32, digit: u32) -> Option<Self> {
        self.checked_mul(u64::from(factor))?.checked_add(u64::from(digit))
    }

    #[inline]
    fn move_up(self, places: u32) -> Option<Self> {
        match places {
            0 => Some(self),
            _ => self.checked_mul(10_u64.checked_pow(places)?),
        }
    }
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

/// The number times 10 to the power of `scale`, exactly; its size must be below `limit`.
#[inline]
pub(super) fn to_i128(bytes: &[u8], scale: i32, limit: i128) -> Result<i128, Trouble> {
    let sent = part(bytes, scale)?;
    // Up to 16 decimal digits are the everyday case; they never overflow 64 bits.
    let size = match sent.digits.len() <= 4 && sent.shift <= 2 {
        true => i128::from(whole::<u64>(&sent)?),
        false => whole::<i128>(&sent)?,
    };
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
