//! Dates, times and timestamps that the server has written as text: also those that Arrow has no
//! place for, such as `infinity`, `24:00:00` and `0044-03-15 BC`.

use super::bad::Bad;
use super::cells::Cells;
use super::moment::{self, DAY_MICROS};
use super::target::Leaf;

type Found<T> = Result<T, (&'static str, Option<&'static str>)>;

const NO_DATE: &str = "the text is not a date";
const NO_TIME: &str = "the text is not a time";
const NO_TIMESTAMP: &str = "the text is not a timestamp";

/// Texts as moments of the kind of `leaf`.
pub(super) fn encode(leaf: &Leaf, texts: &Cells, bad: &mut Bad) -> Cells {
    moment::texts(texts, 12, bad, |text, out| match leaf {
        Leaf::Time(places) => {
            let (micros, rest) = clock(text).ok_or((NO_TIME, None))?;
            if !rest.is_empty() {
                return Err((NO_TIME, None));
            }
            eight(moment::rounded(micros, *places), out)
        }
        Leaf::TimeTz(places) => {
            let (micros, rest) = clock(text).ok_or((NO_TIME, None))?;
            let east = zone(rest).ok_or((NO_TIME, Some("write its offset, such as +02:00")))?;
            eight(moment::rounded(micros, *places), out)?;
            out.extend_from_slice(&(-east).to_be_bytes());
            Ok(())
        }
        Leaf::Timestamp(places) => eight(timestamp(text, false, *places), out),
        Leaf::TimestampTz(places) => eight(timestamp(text, true, *places), out),
        _ => {
            out.extend_from_slice(&date(text)?.to_be_bytes());
            Ok(())
        }
    })
}

fn eight(value: Found<i64>, out: &mut Vec<u8>) -> Found<()> {
    out.extend_from_slice(&value?.to_be_bytes());
    Ok(())
}

fn date(text: &[u8]) -> Found<i32> {
    match text {
        b"infinity" => return Ok(i32::MAX),
        b"-infinity" => return Ok(i32::MIN),
        _ => {}
    }
    let (text, before_christ) = era(text);
    match day(text, before_christ) {
        Some((days, [])) => moment::day(i32::try_from(days).map_err(|_| (NO_DATE, None))?),
        _ => Err((NO_DATE, Some("write it as 2024-02-29"))),
    }
}

fn timestamp(text: &[u8], with_zone: bool, places: u32) -> Found<i64> {
    match text {
        b"infinity" => return Ok(i64::MAX),
        b"-infinity" => return Ok(i64::MIN),
        _ => {}
    }
    let hint = match with_zone {
        true => "write it as 2024-02-29 12:00:00+00",
        false => "write it as 2024-02-29 12:00:00",
    };
    let wrong = (NO_TIMESTAMP, Some(hint));
    let micros = since_2000(text, with_zone).ok_or(wrong)?;
    if !moment::is_instant(micros) {
        return Err(("the server has no such point in time", None));
    }
    moment::rounded(micros, places)
}

fn since_2000(text: &[u8], with_zone: bool) -> Option<i64> {
    let (text, before_christ) = era(text);
    let (days, rest) = day(text, before_christ)?;
    let (b' ' | b'T', rest) = rest.split_first()? else { return None };
    let (micros, rest) = clock(rest)?;
    let east = match (with_zone, rest) {
        (false, []) => 0,
        (true, rest) => zone(rest)?,
        (false, _) => return None,
    };
    let days = days.checked_sub(i64::from(moment::EPOCH_DAYS))?;
    let midnight = days.checked_mul(DAY_MICROS)?;
    midnight.checked_add(micros)?.checked_sub(i64::from(east) * 1_000_000)
}

/// The text without the era, and whether it is the one before Christ.
fn era(text: &[u8]) -> (&[u8], bool) {
    match text.strip_suffix(b" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

/// Days since 1970 of the date at the beginning of `text`, and what follows it.
fn day(text: &[u8], before_christ: bool) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(4..=7).contains(&length) {
        return None;
    }
    let (year, rest) = text.split_at(length);
    let (month, rest) = rest.strip_prefix(b"-")?.split_at_checked(2)?;
    let (day, rest) = rest.strip_prefix(b"-")?.split_at_checked(2)?;
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if year == 0 {
        return None;
    }
    let year = if before_christ { 1 - year } else { year };
    let real = (1..=12).contains(&month) && day >= 1 && day <= month_days(year, month);
    real.then(|| (days(year, month, day), rest))
}

/// Microseconds of the clock at the beginning of `text`, and what follows it.
fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hours, rest) = text.split_at_checked(2)?;
    let (minutes, rest) = rest.strip_prefix(b":")?.split_at_checked(2)?;
    let (seconds, mut rest) = rest.strip_prefix(b":")?.split_at_checked(2)?;
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = after.split_at(length);
        if !(1..=6).contains(&length) {
            return None;
        }
        fraction = number(digits)? * 10_i64.pow(6 - u32::try_from(length).ok()?);
        rest = behind;
    }
    let micros = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
    (minutes < 60 && seconds < 60 && micros <= DAY_MICROS).then_some((micros, rest))
}

/// Seconds east of Greenwich.
fn zone(text: &[u8]) -> Option<i32> {
    let (sign, rest) = match text.split_first()? {
        (b'Z', []) => return Some(0),
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let mut parts = [0; 3];
    let mut groups = rest.split(|byte| *byte == b':');
    let mut count = 0;
    for (part, group) in parts.iter_mut().zip(&mut groups) {
        let pair: &[u8; 2] = group.try_into().ok()?;
        *part = i32::try_from(number(pair)?).ok()?;
        count += 1;
    }
    let [hours, minutes, seconds] = parts;
    let real = count > 0 && groups.next().is_none() && hours < 16 && minutes < 60 && seconds < 60;
    real.then(|| sign * (hours * 3600 + minutes * 60 + seconds))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01; the year before 1 is 0. Years begin in March here, so that the leap day
/// is the last of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}
