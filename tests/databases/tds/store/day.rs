//! Days and the time of day: 0001-01-01 is day 0, and time is counted in units of 100 ns.

/// Units of a second.
pub(crate) const SECOND: i64 = 10_000_000;
/// Units of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// The day 1900-01-01, from which `datetime` counts.
pub(crate) const EPOCH_1900: i32 = 693_595;
/// The day 1970-01-01.
pub(crate) const EPOCH_1970: i32 = 719_162;
/// The day 9999-12-31.
pub(crate) const LAST: i32 = 3_652_058;

/// The number of a day, unless there is no such day.
pub(crate) fn number(year: i32, month: i32, day: i32) -> Option<i32> {
    let long = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *long.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let days = before * 365 + before / 4 - before / 100 + before / 400;
    let months: i32 = long.iter().take(usize::try_from(month - 1).ok()?).sum();
    Some(days + months + day - 1)
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Year, month and day.
pub(crate) fn parts(number: i32) -> (i32, i32, i32) {
    let mut year = number / 366 + 1;
    while self::number(year + 1, 1, 1).is_some_and(|first| first <= number) {
        year += 1;
    }
    let mut month = 12;
    while self::number(year, month, 1).is_some_and(|first| first > number) {
        month -= 1;
    }
    let first = self::number(year, month, 1).unwrap_or(0);
    (year, month, number - first + 1)
}

/// `2026-01-31`.
pub(crate) fn text(number: i32) -> String {
    let (year, month, day) = parts(number);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `23:59:59.1234567` with so many digits after the point.
pub(crate) fn clock(ticks: i64, digits: u8) -> String {
    let seconds = ticks / SECOND;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let whole = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if digits == 0 {
        return whole;
    }
    let fraction = format!("{:07}", ticks % SECOND);
    format!("{whole}.{}", &fraction[..usize::from(digits)])
}

/// Rounds to so many digits of a second.
pub(crate) fn round(ticks: i64, digits: u8) -> i64 {
    let unit = 10_i64.pow(u32::from(7 - digits.min(7)));
    (ticks + unit / 2) / unit * unit
}

/// The nearest 1/300 of a second, as `datetime` keeps it.
pub(crate) fn three_hundredths(ticks: i64) -> i64 {
    (ticks * 3 + 50_000) / 100_000
}

/// A number of 1/300 seconds in units of 100 ns.
pub(crate) fn of_three_hundredths(count: i64) -> i64 {
    (count * 100_000 + 1) / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_the_year_one() {
        for (year, month, day, expected) in
            [(1, 1, 1, 0), (1900, 1, 1, EPOCH_1900), (1970, 1, 1, EPOCH_1970), (9999, 12, 31, LAST)]
        {
            assert_eq!(number(year, month, day), Some(expected));
            assert_eq!(parts(expected), (year, month, day));
        }
        assert_eq!(number(2023, 2, 29), None);
        assert!((0..LAST).step_by(97).all(|n| {
            let (year, month, day) = parts(n);
            number(year, month, day) == Some(n)
        }));
    }

    #[test]
    fn datetime_is_rounded_to_three_hundredths() {
        for (ms, printed) in
            [(1, "00.000"), (2, "00.003"), (5, "00.007"), (8, "00.007"), (9, "00.010")]
        {
            let kept = of_three_hundredths(three_hundredths(ms * 10_000));
            assert_eq!(clock(round(kept, 3), 3), format!("00:00:{printed}"), "{ms}");
        }
    }
}
