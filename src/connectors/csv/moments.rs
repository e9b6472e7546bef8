//! Texts that are dates, times and timestamps in ISO 8601.

const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970-01-01 of `2001-02-03`.
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..])?);
    let real = (1..=12).contains(&month) && day >= 1 && day <= month_days(year, month) && year > 0;
    real.then(|| days(year, month, day))
}

/// Microseconds since midnight of `06:55`, `06:55:01` or `06:55:01.123456`.
pub(super) fn time(text: &[u8]) -> Option<i64> {
    match clock(text)? {
        (micros, []) => Some(micros),
        _ => None,
    }
}

/// Microseconds since 1970-01-01 of `2001-02-03 06:55:01` or with `T`, without a zone.
pub(super) fn timestamp(text: &[u8]) -> Option<i64> {
    match day_and_clock(text)? {
        (micros, []) => Some(micros),
        _ => None,
    }
}

/// Microseconds since 1970-01-01 UTC of a timestamp that ends in `Z` or an offset such as `+02:00`.
pub(super) fn instant(text: &[u8]) -> Option<i64> {
    let (micros, zone) = day_and_clock(text)?;
    Some(micros - offset(zone)?)
}

/// The microseconds at the beginning of a day.
pub(super) fn midnight(days: i32) -> i64 {
    i64::from(days) * DAY_MICROS
}

fn day_and_clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (day, rest) = text.split_at_checked(10)?;
    let (b' ' | b'T', rest) = rest.split_first()? else { return None };
    let (micros, rest) = clock(rest)?;
    Some((midnight(date(day)?) + micros, rest))
}

/// The microseconds of the clock at the beginning of `text`, and what follows it.
fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hours, rest) = text.split_at_checked(2)?;
    let (minutes, rest) = rest.strip_prefix(b":")?.split_at_checked(2)?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let (seconds, rest) = match rest.strip_prefix(b":") {
        Some(rest) => {
            let (seconds, rest) = rest.split_at_checked(2)?;
            (number(seconds)?, rest)
        }
        None => (0, rest),
    };
    let (micros, rest) = match rest.strip_prefix(b".") {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let real = hours < 24 && minutes < 60 && seconds < 60;
    real.then(|| (i64::from((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros, rest))
}

/// Microseconds of the digits after the point; digits beyond them must be zeros.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    if digits.is_empty() || digits.iter().skip(6).any(|b| *b != b'0') {
        return None;
    }
    let six = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
    Some((six.fold(0, |sum, b| sum * 10 + i64::from(b - b'0')), rest))
}

/// Microseconds that a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let ahead = match zone.split_first()? {
        (b'Z', []) => return Some(0),
        (b'+', _) => 1,
        (b'-', _) => -1,
        _ => return None,
    };
    let (hours, minutes) = match &zone[1..] {
        hours @ [_, _] => (number(hours)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
        _ => return None,
    };
    let real = hours < 24 && minutes < 60;
    real.then(|| ahead * i64::from(hours * 60 + minutes) * 60_000_000)
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| sum * 10 + i32::from(digit))
    })
}

fn month_days(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years begin in March here, so that the leap day is the last of a year.
fn days(year: i32, month: i32, day: i32) -> i32 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    of_years + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_days_that_exist_are_dates() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11_016)),
            ("1900-02-29", None),
            ("2001-04-31", None),
            ("2001-13-01", None),
            ("2001-00-01", None),
            ("2001-01-00", None),
            ("0000-01-01", None),
            ("2001/01/01", None),
            ("2001-1-01", None),
            ("2001-01-01 ", None),
            ("", None),
        ] {
            assert_eq!(date(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn timestamps_are_read_to_the_microsecond_and_no_digit_is_lost() {
        for (text, expected) in [
            ("1970-01-01 00:00", Some(0)),
            ("1970-01-01T00:00:01", Some(1_000_000)),
            ("1969-12-31 23:59:59.5", Some(-500_000)),
            ("1970-01-01 00:00:00.123456", Some(123_456)),
            ("1970-01-01 00:00:00.123456000", Some(123_456)),
            ("1970-01-01 00:00:00.1234567", None),
            ("1970-01-01 24:00:00", None),
            ("1970-01-01 00:60", None),
            ("1970-01-01 00:00:60", None),
            ("1970-01-01 00:00:00.", None),
            ("1970-01-01 00:00:00Z", None),
            ("1970-01-01", None),
            ("2001/01/01 06:55", None),
        ] {
            assert_eq!(timestamp(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(time(b"01:00:00.000001"), Some(3_600_000_001));
        assert_eq!(time(b"1:00"), None);
    }

    #[test]
    fn an_instant_needs_its_zone() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01 02:00:00+02:00", Some(0)),
            ("1970-01-01 02:00:00+0200", Some(0)),
            ("1969-12-31 22:00:00-02", Some(0)),
            ("1970-01-01 00:00:00", None),
            ("1970-01-01 00:00:00+2", None),
            ("1970-01-01 00:00:00+24:00", None),
            ("1970-01-01 00:00:00Zulu", None),
        ] {
            assert_eq!(instant(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_is_the_day_after_the_one_before(days in -719_162_i32..2_932_896) {
            let epoch = jiff::civil::date(1970, 1, 1);
            let day = epoch + jiff::Span::new().days(days);
            prop_assert_eq!(date(day.to_string().as_bytes()), Some(days));
        }
    }
}
