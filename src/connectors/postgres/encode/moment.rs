//! Dates, times and timestamps: from 1970 to 2000, where the server counts from.

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::TimeUnit;

use super::bad::Bad;
use super::cells::{Body, Cells, Gather};

/// Days from 1970-01-01 to 2000-01-01.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The microseconds of those days.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// 4714-11-24 BC, the first day that the server has, in days since 2000.
const FIRST_DAY: i32 = -2_451_545;
/// The day after 5874897-12-31, in days since 2000.
const END_DAY: i32 = 2_145_031_949;
/// The first microsecond that the server has, since 2000.
const FIRST_MICRO: i64 = -211_813_488_000_000_000;
/// The first microsecond of the year 294277, since 2000.
const END_MICRO: i64 = 9_223_371_331_200_000_000;

const OUT_OF_RANGE: &str = "the server has no such point in time";
const TOO_FINE: &str = "the value has parts of a microsecond, which the server does not keep";
const ROUND: &str = "round it in the model, such as with `date_trunc('microsecond', x)`";
const PARTS: &str = "the value has more digits after the second than the column keeps";
const DECLARE: &str = "round it in the model, or declare the column with 6 digits";
const NO_TIME: &str = "the value is no time of a day";
const NO_DAY: &str = "the value is no whole day";
const CAST: &str = "cast it in the model";

type Found<T> = Result<T, (&'static str, Option<&'static str>)>;

/// Days since 2000 of days since 1970.
pub(super) fn day(days: i32) -> Found<i32> {
    let days = days.checked_sub(EPOCH_DAYS).ok_or((OUT_OF_RANGE, None))?;
    (FIRST_DAY..END_DAY).contains(&days).then_some(days).ok_or((OUT_OF_RANGE, None))
}

/// Days since 2000 of milliseconds since 1970.
pub(super) fn day_of_millis(millis: i64) -> Found<i32> {
    if millis % 86_400_000 != 0 {
        return Err((NO_DAY, Some(CAST)));
    }
    day(i32::try_from(millis / 86_400_000).map_err(|_| (OUT_OF_RANGE, None))?)
}

/// Microseconds since midnight, with at most `places` digits after the second.
pub(super) fn time(value: i64, unit: TimeUnit, places: u32) -> Found<i64> {
    let micros = micros(value, unit).map_err(|_| (NO_TIME, None))??;
    if !(0..=DAY_MICROS).contains(&micros) {
        return Err((NO_TIME, None));
    }
    rounded(micros, places)
}

/// Microseconds since 2000 of a moment since 1970.
pub(super) fn instant(value: i64, unit: TimeUnit, places: u32) -> Found<i64> {
    let micros = micros(value, unit).map_err(|_| (OUT_OF_RANGE, None))??;
    let micros = micros.checked_sub(EPOCH_MICROS).ok_or((OUT_OF_RANGE, None))?;
    if !(FIRST_MICRO..END_MICRO).contains(&micros) {
        return Err((OUT_OF_RANGE, None));
    }
    rounded(micros, places)
}

/// Whether `micros` since 2000 is a moment of the server; its two infinities are not.
pub(super) fn is_instant(micros: i64) -> bool {
    (FIRST_MICRO..END_MICRO).contains(&micros)
}

/// A number of microseconds, or what has none: the outer error is a number too large.
pub(super) fn micros(value: i64, unit: TimeUnit) -> Result<Found<i64>, ()> {
    match unit {
        TimeUnit::Second => value.checked_mul(1_000_000).map(Ok).ok_or(()),
        TimeUnit::Millisecond => value.checked_mul(1_000).map(Ok).ok_or(()),
        TimeUnit::Microsecond => Ok(Ok(value)),
        TimeUnit::Nanosecond if value % 1_000 != 0 => Ok(Err((TOO_FINE, Some(ROUND)))),
        TimeUnit::Nanosecond => Ok(Ok(value / 1_000)),
    }
}

/// `micros` when it has no more than `places` digits after the second: the server would round.
pub(super) fn rounded(micros: i64, places: u32) -> Found<i64> {
    let unit = 10_i64.pow(6_u32.saturating_sub(places));
    if unit > 1 && micros % unit != 0 { Err((PARTS, Some(DECLARE))) } else { Ok(micros) }
}

/// The days of `array`.
pub(super) fn days<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    bad: &mut Bad,
    day: impl Fn(T::Native) -> Found<i32>,
) -> Cells {
    let mut out = Vec::with_capacity(array.len());
    for (row, value) in array.values().iter().enumerate() {
        out.push(kept(day(*value), array, row, bad).unwrap_or(0));
    }
    Cells::new(Body::Four(ScalarBuffer::from(out)), array.nulls())
}

/// The times or timestamps of `array`.
pub(super) fn moments<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    bad: &mut Bad,
    moment: impl Fn(i64) -> Found<i64>,
) -> Cells
where
    T::Native: Into<i64>,
{
    let mut out = Vec::with_capacity(array.len());
    for (row, value) in array.values().iter().enumerate() {
        out.push(kept(moment((*value).into()), array, row, bad).unwrap_or(0));
    }
    Cells::new(Body::Eight(ScalarBuffer::from(out)), array.nulls())
}

/// What was found, with note taken of what does not fit and is not NULL.
#[inline]
fn kept<T>(found: Found<T>, array: &dyn Array, row: usize, bad: &mut Bad) -> Option<T> {
    match found {
        Ok(value) => Some(value),
        Err((reason, hint)) => {
            if array.is_valid(row) {
                bad.cell(array, row, reason, hint);
            }
            None
        }
    }
}

/// Texts that `read` appends to the bytes of a value, or tells that it is not `what`.
pub(super) fn texts(
    texts: &Cells,
    width: usize,
    bad: &mut Bad,
    read: impl Fn(&[u8], &mut Vec<u8>) -> Found<()>,
) -> Cells {
    let mut out = Gather::with_capacity(texts.len(), texts.len() * width);
    for row in 0..texts.len() {
        if texts.is_null(row) {
            out.end();
        } else if let Err((reason, hint)) = read(texts.bytes(row), &mut out.bytes) {
            bad.note(row, texts.bytes(row), reason, hint);
            out.drop_and_end();
        } else {
            out.end();
        }
    }
    out.finish(texts.nulls.as_ref())
}
