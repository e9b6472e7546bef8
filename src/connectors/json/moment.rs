//! Dates, times of day and moments as ISO 8601 writes them, exact to the microsecond or refused.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::shape::Zone;

/// The result of reading a moment: the reason, if it is none.
type Read<T> = Result<T, &'static str>;

const NO_DATE: &str = "the text is no date such as 2026-11-21";
const NO_TIME: &str = "the text is no time of day such as 23:59:00.25";
const NO_MOMENT: &str = "the text is no timestamp such as 2026-11-21T23:59:00";
const TOO_FINE: &str = "the time is finer than a microsecond";

/// Days since 1970-01-01.
pub(super) fn date(text: &str) -> Read<i64> {
    let midnight = DateTime::from_parts(civil_date(text).ok_or(NO_DATE)?, Time::midnight());
    let seconds = Offset::UTC.to_timestamp(midnight).map_err(|_| NO_DATE)?.as_second();
    Ok(seconds.div_euclid(86_400))
}

/// Microseconds since midnight.
pub(super) fn time(text: &str) -> Read<i64> {
    let time = civil_time(text, NO_TIME)?;
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Ok(seconds * 1_000_000 + i64::from(time.subsec_nanosecond() / 1000))
}

/// Microseconds since 1970-01-01T00:00:00, in UTC when there is a zone.
pub(super) fn moment(text: &str, zone: Zone) -> Read<i64> {
    let day = civil_date(text.get(..10).unwrap_or_default()).ok_or(NO_MOMENT)?;
    let rest = text.get(10..).unwrap_or_default();
    let clock = rest.strip_prefix(['T', ' ', 't']).unwrap_or_default();
    let (clock, offset) = match clock.find(['Z', 'z', '+', '-']) {
        Some(at) => (&clock[..at], Some(&clock[at..])),
        None => (clock, None),
    };
    let clock = match rest.is_empty() {
        true => Time::midnight(),
        false => civil_time(clock, NO_MOMENT)?,
    };
    let offset = match (offset, zone) {
        (Some(text), Zone::Named) => offset_of(text).ok_or(NO_MOMENT)?,
        (None, Zone::Absent) => Offset::UTC,
        (Some(_), Zone::Absent) => return Err("the time names a zone; declare `timestamptz`"),
        (None, Zone::Named) => return Err("the time names no zone; declare `timestamp`"),
    };
    let timestamp = offset.to_timestamp(DateTime::from_parts(day, clock));
    Ok(timestamp.map_err(|_| NO_MOMENT)?.as_microsecond())
}

fn civil_date(text: &str) -> Option<Date> {
    let [year, month, day] = parts(text, b'-', [4, 2, 2])?;
    let small = |number: u16| i8::try_from(number).ok();
    Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`. A leap second is refused: no type can hold it.
fn civil_time(text: &str, none: &'static str) -> Read<Time> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let clock = match clock.len() {
        5 if !text.contains('.') => parts(clock, b':', [2, 2]).map(|[h, m]| [h, m, 0]),
        _ => parts(clock, b':', [2, 2, 2]),
    };
    let [hour, minute, second] = clock.ok_or(none)?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(none);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return Err(TOO_FINE);
    }
    let nanos = format!("{fraction:0<9}").parse().map_err(|_| none)?;
    let small = |number: u16| i8::try_from(number).map_err(|_| none);
    Time::new(small(hour)?, small(minute)?, small(second)?, nanos).map_err(|_| none)
}

fn offset_of(text: &str) -> Option<Offset> {
    if text.eq_ignore_ascii_case("z") {
        return Some(Offset::UTC);
    }
    let digits = &text[1..];
    let [hours, minutes] = match digits.len() {
        2 => parts(digits, b':', [2]).map(|[h]| [h, 0])?,
        4 => [parts(digits.get(..2)?, b':', [2])?[0], parts(digits.get(2..)?, b':', [2])?[0]],
        _ => parts(digits, b':', [2, 2])?,
    };
    if minutes > 59 {
        return None;
    }
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Offset::from_seconds(if text.starts_with('-') { -seconds } else { seconds }).ok()
}

/// Groups of digits of the lengths `widths`, with `between` between them and nothing else.
fn parts<const N: usize>(text: &str, between: u8, widths: [usize; N]) -> Option<[u16; N]> {
    let mut numbers = [0; N];
    let mut rest = text;
    for (index, width) in widths.into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(char::from(between))?;
        }
        let digits = rest.get(..width).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?;
        numbers[index] = digits.parse().ok()?;
        rest = &rest[width..];
    }
    rest.is_empty().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_and_nothing_else() {
        assert_eq!(date("1970-01-02"), Ok(1));
        assert_eq!(date("1969-12-31"), Ok(-1));
        assert_eq!(date("2024-02-29"), Ok(19_782));
        for text in
            ["2023-02-29", "2024-2-9", "2024-02-29T00:00:00", "", "2024/02/29", "+024-02-29"]
        {
            assert_eq!(date(text), Err(NO_DATE), "{text}");
        }
    }

    #[test]
    fn a_time_is_exact_to_the_microsecond() {
        assert_eq!(time("00:00:01.000001000"), Ok(1_000_001));
        assert_eq!(time("23:59"), Ok(86_340_000_000));
        assert_eq!(time("23:59:00.1234567"), Err(TOO_FINE));
        for text in ["24:00", "23:59:60", "23:59:", "23:59.5", "1:00", "23:59:00.", "ä3:59"] {
            assert_eq!(time(text), Err(NO_TIME), "{text}");
        }
    }

    #[test]
    fn a_moment_with_a_zone_and_one_without_are_not_mixed() {
        assert_eq!(moment("1970-01-01T00:00:01", Zone::Absent), Ok(1_000_000));
        assert_eq!(moment("1970-01-01", Zone::Absent), Ok(0));
        for text in
            ["1970-01-01 02:00:01+02:00", "1970-01-01T00:00:01Z", "1969-12-31T22:30:01-0130"]
        {
            assert_eq!(moment(text, Zone::Named), Ok(1_000_000), "{text}");
            assert!(moment(text, Zone::Absent).is_err(), "{text}");
        }
        for text in ["1970-01-01T00:00:01", "1970-01-01", "1970-01-01Z", "1970-01-01T00:00+2", ""] {
            assert!(moment(text, Zone::Named).is_err(), "{text}");
        }
    }
}
