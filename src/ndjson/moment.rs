//! Dates, times of day and timestamps, written digit by digit without a calendar library.

use arrow::buffer::ScalarBuffer;
use arrow::datatypes::ArrowNativeType;

use super::cells::Values;
use super::digits::{eight, put};
use super::unfit::Unfit;

/// 0001-01-01, in days since 1970.
const FIRST_DAY: i64 = -719_162;
/// 9999-12-31, in days since 1970.
const LAST_DAY: i64 = 2_932_896;
/// From 0000-03-01, when the count of years of 365.25 days begins, to 1970-01-01.
const MARCH: i64 = 719_468;

const DAY_SECONDS: i64 = 86_400;

/// The days of a column; a day has `PARTS` parts.
pub(super) struct Dates<T: ArrowNativeType, const PARTS: i64>(pub ScalarBuffer<T>);

impl<T: ArrowNativeType + Into<i64>, const PARTS: i64> Values for Dates<T, PARTS> {
    fn most(&self) -> Option<usize> {
        Some(10)
    }

    fn bound(&self, _row: usize) -> usize {
        10
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value: i64 = self.0[row].into();
        if value % PARTS != 0 {
            return Err(Unfit::PartOfDay);
        }
        date(value / PARTS, out, at)
    }
}

/// The times of day of a column, in `UNIT` parts of a second.
pub(super) struct Times<T: ArrowNativeType, const UNIT: i64> {
    pub values: ScalarBuffer<T>,
    pub fraction: Fraction,
}

impl<T: ArrowNativeType + Into<i64>, const UNIT: i64> Values for Times<T, UNIT> {
    fn most(&self) -> Option<usize> {
        Some(18)
    }

    fn bound(&self, _row: usize) -> usize {
        18
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value: i64 = self.values[row].into();
        if !(0..DAY_SECONDS * UNIT).contains(&value) {
            return Err(Unfit::Clock);
        }
        let at = clock(value / UNIT, out, at);
        self.fraction.write(value % UNIT, UNIT, out, at)
    }
}

/// The timestamps of a column, in `UNIT` parts of a second since 1970.
pub(super) struct Moments<const UNIT: i64> {
    pub values: ScalarBuffer<i64>,
    pub fraction: Fraction,
    /// What stands between the date and the time of day.
    pub between: u8,
    /// Whether a `Z` stands at the end.
    pub is_zulu: bool,
}

impl<const UNIT: i64> Values for Moments<UNIT> {
    fn most(&self) -> Option<usize> {
        Some(30)
    }

    fn bound(&self, _row: usize) -> usize {
        30
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let value = self.values[row];
        let (seconds, part) = (value.div_euclid(UNIT), value.rem_euclid(UNIT));
        let at = date(seconds.div_euclid(DAY_SECONDS), out, at)?;
        out[at] = self.between;
        let at = clock(seconds.rem_euclid(DAY_SECONDS), out, at + 1);
        let at = self.fraction.write(part, UNIT, out, at)?;
        out[at] = b'Z';
        Ok(at + usize::from(self.is_zulu))
    }
}

/// The digits after the point of a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fraction {
    digits: usize,
    /// The nanoseconds of the last digit.
    step: i64,
}

impl Fraction {
    /// A fraction of at most `digits` digits, at most 9.
    pub(super) fn new(digits: u8) -> Self {
        let digits = digits.min(9);
        Fraction { digits: digits.into(), step: 10_i64.pow(9 - u32::from(digits)) }
    }

    /// Writes `part` of a second, where it is not zero.
    #[inline(always)]
    fn write(self, part: i64, unit: i64, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        if part == 0 {
            return Ok(at);
        }
        let nanos = part * (1_000_000_000 / unit);
        if nanos % self.step != 0 {
            return Err(Unfit::SecondDigits);
        }
        out[at] = b'.';
        let nanos = nanos.unsigned_abs();
        put(eight(nanos / 10), out, at + 1);
        out[at + 9] = digit(nanos % 10);
        Ok(at + 1 + self.digits)
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "it is below ten")]
fn digit(number: u64) -> u8 {
    b'0' + number as u8
}

/// Writes the day that is so many days after 1970-01-01.
///
/// Years are counted from March, so that the day that is not always there is the last one, and
/// begin with that of 0000: each four of them, but for three in four centuries, have 1461 days.
#[inline(always)]
fn date(days: i64, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
    if !(FIRST_DAY..=LAST_DAY).contains(&days) {
        return Err(Unfit::Year);
    }
    // The limits leave a number of some millions, and half a word is divided faster than a whole.
    let quarters = 4 * u32::try_from(days + MARCH).unwrap_or(0) + 3;
    let century = quarters / 146_097;
    let quarters = (quarters % 146_097) | 3;
    let (year, day) = (quarters / 1_461, quarters % 1_461 / 4);
    // From March on, five months have 153 days.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let is_next = month >= 10;
    let month = if is_next { month - 9 } else { month + 3 };
    let year = century * 100 + year + u32::from(is_next);
    let digits = eight((year * 10_000 + month * 100 + day).into()).to_le_bytes();
    let [a, b, c, d, e, f, g, h] = digits;
    out[at..at + 10].copy_from_slice(&[a, b, c, d, b'-', e, f, b'-', g, h]);
    Ok(at + 10)
}

/// Writes the time that is so many seconds after midnight.
#[inline(always)]
fn clock(seconds: i64, out: &mut [u8], at: usize) -> usize {
    let seconds = seconds.unsigned_abs();
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let digits = eight(minutes / 60 * 10_000 + minutes % 60 * 100 + seconds).to_le_bytes();
    let [_, _, a, b, c, d, e, f] = digits;
    out[at..at + 8].copy_from_slice(&[a, b, b':', c, d, b':', e, f]);
    at + 8
}
