//! Decimal numbers as the server keeps them: groups of four digits, a weight and a scale.
//!
//! Four numbers of 16 bits come first: how many groups, the power of 10,000 of the first one, the
//! sign, and the digits shown after the point (`numeric_send` in the server's source).

use arrow::array::{Array, Decimal128Array, Decimal256Array};
use arrow::datatypes::i256;

use super::bad::Bad;
use super::cells::{Cells, Gather};
use super::numeric_text;
use super::target::Digits;

pub(super) const NEGATIVE: u16 = 0x4000;

/// The header and the groups of 42 digits.
const MOST: usize = 8 + 2 * 11;
/// The header and the groups of 16 digits.
const SHORT: usize = 8 + 2 * 4;

pub(super) const WIDEN: &str =
    "widen the column of the target, or round or cast the value in the model";

/// Whole numbers.
pub(super) fn of_integers<T: Copy + Into<i128>>(
    array: &dyn Array,
    values: &[T],
    digits: Option<Digits>,
    bad: &mut Bad,
) -> Cells {
    let mut out = Gather::with_capacity(values.len(), values.len() * 12);
    let bound = digits.and_then(|digits| Bound::of(digits, 0));
    for (row, value) in values.iter().enumerate() {
        let value: i128 = (*value).into();
        if bound.as_ref().is_some_and(|bound| bound.excludes(value)) && array.is_valid(row) {
            too_large(array, row, digits, bad);
        }
        put(&mut out.bytes, value, 0);
        out.end();
    }
    out.finish(array.nulls())
}

/// Decimals of at most 38 digits.
pub(super) fn of_decimals(array: &Decimal128Array, digits: Option<Digits>, bad: &mut Bad) -> Cells {
    let (values, scale) = (array.values(), i32::from(array.scale()));
    let mut out = Gather::with_capacity(values.len(), values.len() * 16);
    let bound = digits.and_then(|digits| Bound::of(digits, scale));
    for (row, value) in values.iter().enumerate() {
        if bound.as_ref().is_some_and(|bound| bound.excludes(*value)) && array.is_valid(row) {
            too_large(array, row, digits, bad);
        }
        put(&mut out.bytes, *value, scale);
        out.end();
    }
    out.finish(array.nulls())
}

/// Decimals of at most 76 digits.
pub(super) fn of_large_decimals(
    array: &Decimal256Array,
    digits: Option<Digits>,
    bad: &mut Bad,
) -> Cells {
    let scale = i32::from(array.scale());
    let mut out = Gather::with_capacity(array.len(), array.len() * 24);
    let bound = digits.map(|digits| Bound::large(digits, scale));
    let mut text = String::new();
    for (row, value) in array.values().iter().enumerate() {
        if array.is_valid(row) {
            if bound.as_ref().is_some_and(|bound| bound.excludes(*value)) {
                too_large(array, row, digits, bad);
            }
            numeric_text::put_large(&mut out.bytes, *value, scale, &mut text);
        }
        out.end();
    }
    out.finish(array.nulls())
}

fn too_large(array: &dyn Array, row: usize, digits: Option<Digits>, bad: &mut Bad) {
    bad.cell(array, row, too_many(digits), Some(WIDEN));
}

pub(super) fn too_many(digits: Option<Digits>) -> String {
    let shown = digits.map_or("numeric".to_owned(), |Digits { precision, scale }| {
        format!("numeric({precision},{scale})")
    });
    format!("the number has more digits than `{shown}`")
}

/// What a declared column holds, in units of the last place of the values.
struct Bound<T> {
    /// The first whole number that is too large.
    end: T,
    /// What values must be multiples of: more than 1 where the column has fewer places.
    unit: T,
}

impl Bound<i128> {
    /// `None` when every value of the type is within.
    fn of(digits: Digits, scale: i32) -> Option<Self> {
        let power = |power: i64| match u32::try_from(power) {
            Ok(power) => 10_i128.checked_pow(power),
            // Not even the last place is within the precision: only zero is.
            Err(_) => Some(1),
        };
        let unit = power(i64::from(scale) - i64::from(digits.scale)).unwrap_or(i128::MAX);
        let end = power(before_point(digits) + i64::from(scale));
        (end.is_some() || unit > 1).then(|| Bound { end: end.unwrap_or(i128::MAX), unit })
    }

    fn excludes(&self, value: i128) -> bool {
        value.unsigned_abs() >= self.end.unsigned_abs() || self.unit > 1 && value % self.unit != 0
    }
}

impl Bound<i256> {
    fn large(digits: Digits, scale: i32) -> Self {
        let power = |power: i64| {
            let power = u32::try_from(power.clamp(0, 255)).unwrap_or(0);
            i256::from_i128(10).checked_pow(power).unwrap_or(i256::MAX)
        };
        let unit = power(i64::from(scale) - i64::from(digits.scale));
        Bound { end: power(before_point(digits) + i64::from(scale)), unit }
    }

    fn excludes(&self, value: i256) -> bool {
        let rest = value.checked_rem(self.unit).unwrap_or(i256::ZERO);
        value >= self.end || value <= self.end.wrapping_neg() || rest != i256::ZERO
    }
}

pub(super) fn before_point(digits: Digits) -> i64 {
    i64::from(digits.precision) - i64::from(digits.scale)
}

/// Appends `value` × 10^-`scale`.
pub(super) fn put(out: &mut Vec<u8>, value: i128, scale: i32) {
    let shift = (-scale).rem_euclid(4);
    let mut buffer = [0_u8; MOST + SHORT];
    let mut groups = Groups { buffer: &mut buffer, at: MOST, end: MOST };
    match u64::try_from(value.unsigned_abs()) {
        Ok(small) => groups.small(small, shift),
        Err(_) => groups.large(value.unsigned_abs(), shift),
    }
    let lowest = (-scale - shift) / 4;
    groups.finish(out, value < 0, lowest, scale.max(0));
}

/// Groups of digits, written from the last one to the first.
struct Groups<'a> {
    buffer: &'a mut [u8; MOST + SHORT],
    at: usize,
    end: usize,
}

impl Groups<'_> {
    fn group(&mut self, digits: u16) {
        self.at -= 2;
        self.buffer[self.at..self.at + 2].copy_from_slice(&digits.to_be_bytes());
    }

    /// `shift` zeros are appended to the number so that groups begin at the point.
    fn small(&mut self, mut rest: u64, shift: i32) {
        if shift != 0 && rest != 0 {
            let (keep, fill) = split(shift);
            self.group(narrow((rest % keep) * fill));
            rest /= keep;
        }
        while rest != 0 {
            self.group(narrow(rest % 10_000));
            rest /= 10_000;
        }
    }

    fn large(&mut self, mut rest: u128, shift: i32) {
        if shift != 0 {
            let (keep, fill) = split(shift);
            let low = u64::try_from(rest % u128::from(keep)).unwrap_or(0);
            self.group(narrow(low * fill));
            rest /= u128::from(keep);
        }
        // Four groups at a time: divisions of 128 bits are slow.
        while u64::try_from(rest).is_err() {
            let mut low = u64::try_from(rest % 10_000_000_000_000_000).unwrap_or(0);
            for _ in 0..4 {
                self.group(narrow(low % 10_000));
                low /= 10_000;
            }
            rest /= 10_000_000_000_000_000;
        }
        self.small(u64::try_from(rest).unwrap_or(0), 0);
    }

    fn finish(mut self, out: &mut Vec<u8>, negative: bool, lowest: i32, scale: i32) {
        let mut lowest = lowest;
        while self.end > self.at && self.buffer[self.end - 2..self.end] == [0, 0] {
            self.end -= 2;
            lowest += 1;
        }
        let count = (self.end - self.at) / 2;
        let weight = if count == 0 { 0 } else { lowest + signed(count) - 1 };
        let sign = if negative { NEGATIVE } else { 0 };
        let begin = self.at - 8;
        let head = &mut self.buffer[begin..self.at];
        head[..2].copy_from_slice(&short(count).to_be_bytes());
        head[2..4].copy_from_slice(&i16::try_from(weight).unwrap_or(0).to_be_bytes());
        head[4..6].copy_from_slice(&sign.to_be_bytes());
        head[6..].copy_from_slice(&i16::try_from(scale).unwrap_or(0).to_be_bytes());
        let bytes = &self.buffer[begin..];
        match bytes.first_chunk::<SHORT>() {
            // A copy of a fixed length is two instructions, and nearly all numbers are that short.
            Some(short) if self.end - begin <= SHORT => {
                out.extend_from_slice(short);
                out.truncate(out.len() - SHORT + self.end - begin);
            }
            _ => out.extend_from_slice(&bytes[..self.end - begin]),
        }
    }
}

/// For a last group that is filled up with `shift` zeros: the power of ten that cuts its digits
/// off, and the one that fills it.
fn split(shift: i32) -> (u64, u64) {
    match shift {
        1 => (1_000, 10),
        2 => (100, 100),
        _ => (10, 1_000),
    }
}

/// A group is below 10,000.
fn narrow(group: u64) -> u16 {
    u16::try_from(group).unwrap_or(0)
}

/// Numbers of groups are below 32,768: no more digits are accepted.
pub(super) fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(0)
}

pub(super) fn signed(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(0)
}
