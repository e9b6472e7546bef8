//! Texts of days and times.

use super::super::store::day;

/// Day, time of day, and the offset in minutes, as far as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) day: Option<i32>,
    pub(crate) ticks: i64,
    pub(crate) offset: Option<i16>,
}

/// `2026-01-31 23:59:59.1234567 +02:00` and parts of it, `20260131`, and `T` and `Z` as in ISO 8601.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Moment { day: Some(day::EPOCH_1900), ticks: 0, offset: None });
    }
    let (date, rest) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None if text.contains(':') => ("", text),
        None => (text, ""),
    };
    let day = if date.is_empty() { None } else { Some(of_date(date)?) };
    let (clock, offset) = split_offset(rest)?;
    let ticks = if clock.is_empty() { 0 } else { of_clock(clock)? };
    Some(Moment { day, ticks, offset })
}

fn of_date(text: &str) -> Option<i32> {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let digits = |part: &str| part.parse::<i32>().ok().filter(|n| *n >= 0);
    match parts.as_slice() {
        [all] if all.len() == 8 => {
            day::number(digits(&all[..4])?, digits(&all[4..6])?, digits(&all[6..])?)
        }
        [year, month, day] if year.len() == 4 => {
            day::number(digits(year)?, digits(month)?, digits(day)?)
        }
        _ => None,
    }
}

fn split_offset(text: &str) -> Option<(&str, Option<i16>)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[at + 1..].split_once(':')?;
    let total: i16 = hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?;
    let offset = Some(sign * total).filter(|offset| (-840..=840).contains(offset))?;
    Some((text[..at].trim(), Some(offset)))
}

fn of_clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<i64> = whole.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [h, m] => (*h, *m, 0),
        [h, m, s] => (*h, *m, *s),
        _ => return None,
    };
    let valid =
        (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    if !valid || fraction.len() > 7 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ticks: i64 = format!("{fraction:0<7}").parse().ok()?;
    Some((hours * 3600 + minutes * 60 + seconds) * day::SECOND + ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read() {
        let clock = Some(day::DAY - 1);
        for (text, expected) in [
            ("0001-01-01", Some((Some(0), 0, None))),
            ("99991231 23:59:59.9999999", clock.map(|t| (Some(day::LAST), t, None))),
            ("23:59:59.9999999", clock.map(|t| (None, t, None))),
            ("1900-01-01T00:00:00Z", Some((Some(day::EPOCH_1900), 0, Some(0)))),
            ("1900-01-01 00:00 -14:00", Some((Some(day::EPOCH_1900), 0, Some(-840)))),
            ("1900-02-29", None),
            ("1900-01-01 24:00", None),
        ] {
            let found = moment(text).map(|m| (m.day, m.ticks, m.offset));
            assert_eq!(found, expected, "{text}");
        }
    }
}
