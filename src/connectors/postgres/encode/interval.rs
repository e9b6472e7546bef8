//! Intervals: months, days and microseconds, which are never turned into each other.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    TimeUnit,
};

use super::bad::Bad;
use super::cells::{Body, Cells};
use super::moment;

type Found<T> = Result<T, (&'static str, Option<&'static str>)>;

const NO_INTERVAL: &str = "the text is not an interval";
const TOO_LONG: &str = "the interval is longer than the server keeps";
const TOO_FINE: &str = "the interval has parts of a microsecond, which the server does not keep";

/// The sixteen bytes of an interval as one number.
fn packed(months: i32, days: i32, micros: i64) -> i128 {
    i128::from(micros) << 64
        | i128::from(days.cast_unsigned()) << 32
        | i128::from(months.cast_unsigned())
}

/// Intervals of Arrow.
pub(super) fn of_arrow(array: &ArrayRef, unit: IntervalUnit, bad: &mut Bad) -> Cells {
    match unit {
        IntervalUnit::YearMonth => {
            let values = array.as_primitive::<IntervalYearMonthType>().values();
            sixteen(array, bad, values.iter().map(|months| Ok(packed(*months, 0, 0))))
        }
        IntervalUnit::DayTime => {
            let values = array.as_primitive::<IntervalDayTimeType>().values();
            let value = values.iter();
            sixteen(
                array,
                bad,
                value.map(|v| Ok(packed(0, v.days, i64::from(v.milliseconds) * 1_000))),
            )
        }
        IntervalUnit::MonthDayNano => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>().values();
            let value = values.iter();
            sixteen(
                array,
                bad,
                value.map(|v| match v.nanoseconds % 1_000 {
                    0 => Ok(packed(v.months, v.days, v.nanoseconds / 1_000)),
                    _ => Err((TOO_FINE, Some("round it in the model"))),
                }),
            )
        }
    }
}

/// Durations, as microseconds.
pub(super) fn of_durations(
    counts: &PrimitiveArray<Int64Type>,
    unit: TimeUnit,
    bad: &mut Bad,
) -> Cells {
    let value = |count: &i64| match moment::micros(*count, unit) {
        Ok(Ok(micros)) => Ok(packed(0, 0, micros)),
        Ok(Err(_)) => Err((TOO_FINE, Some("round it in the model"))),
        Err(()) => Err((TOO_LONG, None)),
    };
    sixteen(counts, bad, counts.values().iter().map(value))
}

fn sixteen(array: &dyn Array, bad: &mut Bad, values: impl Iterator<Item = Found<i128>>) -> Cells {
    let mut out = Vec::with_capacity(array.len());
    for (row, value) in values.enumerate() {
        match value {
            Err((reason, hint)) if array.is_valid(row) => bad.cell(array, row, reason, hint),
            _ => {}
        }
        out.push(value.unwrap_or(0));
    }
    Cells::new(Body::Sixteen(out.into()), array.nulls())
}

/// Appends the interval that `text` has in the server's own style, such as
/// `1 year 2 mons -3 days +04:05:06.789`.
pub(super) fn read(text: &[u8], out: &mut Vec<u8>) -> Found<()> {
    const STYLE: &str = "write it as 1 year 2 mons -3 days 04:05:06.789";
    let (months, days, micros) = parts(text).ok_or((NO_INTERVAL, Some(STYLE)))?;
    out.extend_from_slice(&packed(months, days, micros).to_be_bytes());
    Ok(())
}

fn parts(text: &[u8]) -> Option<(i32, i32, i64)> {
    let (mut months, mut days, mut micros) = (0_i32, 0_i32, 0_i64);
    let mut words = std::str::from_utf8(text).ok()?.split(' ');
    let mut seen = 0;
    while let Some(word) = words.next() {
        // Parts come in the order of their size, each once.
        let part = if word.contains(':') {
            micros = clock(word)?;
            4
        } else {
            let count: i32 = word.parse().ok()?;
            match words.next()? {
                "year" | "years" => {
                    months = count.checked_mul(12)?;
                    1
                }
                "mon" | "mons" => {
                    months = months.checked_add(count)?;
                    2
                }
                "day" | "days" => {
                    days = count;
                    3
                }
                _ => return None,
            }
        };
        if part <= seen {
            return None;
        }
        seen = part;
    }
    (seen > 0).then_some((months, days, micros))
}

/// Microseconds of hours, which may be many, minutes and seconds.
fn clock(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let pairs = minutes.len() == 2 && seconds.len() == 2;
    if !pairs || ![hours, minutes, seconds, fraction].into_iter().all(digits) || fraction.len() > 6
    {
        return None;
    }
    let (minutes, seconds): (i128, i128) = (minutes.parse().ok()?, seconds.parse().ok()?);
    if minutes > 59 || seconds > 59 || hours.len() > 12 {
        return None;
    }
    let places = u32::try_from(fraction.len()).ok()?;
    let fraction = fraction.parse::<i128>().ok()? * 10_i128.pow(6 - places);
    let size = ((hours.parse::<i128>().ok()? * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
    i64::try_from(if negative { -size } else { size }).ok()
}
