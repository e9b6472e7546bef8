//! Dates and times as SQLite's own functions write them.

use jiff::civil::Date;

/// Days since 1970 of `YYYY-MM-DD`, and nothing else.
pub(super) fn days(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i16::try_from(digits(&bytes[..4])?).ok()?;
    let (month, day) = (digits(&bytes[5..7])?, digits(&bytes[8..])?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let since = date.since(Date::constant(1970, 1, 1)).ok()?;
    Some(since.get_days())
}

/// A moment as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Microseconds since 1970 on the clock that the text shows, or of UTC if there is a zone.
    pub micros: i64,
    /// Whether the text names a zone: `Z` or `+01:00`.
    pub zone: bool,
}

/// `YYYY-MM-DD`, then possibly a space or `T` with `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f`, then
/// possibly a zone. A fraction finer than a microsecond is none.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let date = i64::from(days(text.get(..10)?)?) * 86_400;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        return Some(Moment { micros: date * 1_000_000, zone: false });
    };
    let rest = rest.strip_prefix([' ', 'T'])?;
    let at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(at);
    let offset = if zone.is_empty() { 0 } else { offset_seconds(zone)? };
    let micros = (date - offset) * 1_000_000 + clock_micros(clock.trim_end())?;
    Some(Moment { micros, zone: !zone.is_empty() })
}

fn clock_micros(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let bytes = whole.as_bytes();
    let seconds = match bytes {
        [_, _, b':', _, _] if !clock.contains('.') => 0,
        [_, _, b':', _, _, b':', rest @ ..] if rest.len() == 2 => digits(rest)?,
        _ => return None,
    };
    let (hours, minutes) = (digits(&bytes[..2])?, digits(&bytes[3..5])?);
    if hours > 23 || minutes > 59 || seconds > 59 || fraction.is_empty() {
        return None;
    }
    let kept = fraction.trim_end_matches('0');
    if kept.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros: i64 = format!("{kept:0<6}").parse().ok()?;
    Some((hours * 3600 + minutes * 60 + seconds) * 1_000_000 + micros)
}

fn offset_seconds(zone: &str) -> Option<i64> {
    match zone.as_bytes() {
        [b'Z' | b'z'] => Some(0),
        [sign, h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let seconds = hours * 3600 + minutes * 60;
            let known = hours <= 14 && minutes <= 59;
            known.then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_exactly_or_not_at_all() {
        assert_eq!(days("1970-01-02"), Some(1));
        assert_eq!(days("0000-01-01"), Some(-719_528));
        assert_eq!(days("9999-12-31"), Some(2_932_896));
        for wrong in ["2026-02-30", "2026-1-1", "2026-01-01 ", "20260101", "", "2026-01-0ü"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_read_exactly_or_not_at_all() {
        let read = |text| moment(text).map(|m| (m.micros, m.zone));
        assert_eq!(read("1970-01-01"), Some((0, false)));
        assert_eq!(read("1970-01-01 00:01"), Some((60_000_000, false)));
        assert_eq!(read("1970-01-01T00:00:01.5000000"), Some((1_500_000, false)));
        assert_eq!(read("1970-01-01 01:00:00+01:00"), Some((0, true)));
        assert_eq!(read("1970-01-01T00:00:00Z"), Some((0, true)));
        assert_eq!(read("1969-12-31 23:59:59.999999"), Some((-1, false)));
        let wrong = [
            "1970-01-01 24:00:00",
            "1970-01-01 00:00:60",
            "1970-01-01 00:00:00.0000001",
            "1970-01-01 00:00.5",
            "1970-01-01 1:00:00",
            "1970-01-01x00:00:00",
            "1970-01-01 00:00:00 CET",
            "1700000000",
            "now",
        ];
        for text in wrong {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
