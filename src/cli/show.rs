//! How numbers look to people: counts, sizes, durations, rates, plural forms. Pure functions.

use std::time::Duration;

/// `12,483,112`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `12.4 M`: for places where the number changes faster than it can be read.
pub(super) fn short_count(number: u64) -> String {
    scaled(u128::from(number), &["", "k", "M", "G", "T", "P", "E"])
}

/// `1.9 GB`: powers of a thousand, as disks and networks are sold.
pub(super) fn bytes(number: u64) -> String {
    scaled(u128::from(number), &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// `0.42s`, `12.3s`, `1m 32s`, `2h 05m`
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{seconds}.{:02}s", duration.subsec_millis() / 10),
        10..60 => format!("{seconds}.{}s", duration.subsec_millis() / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `0:14`, `1:02:03`: time left.
pub(super) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// How many in a second; `None` when the time is too short to say.
pub(super) fn per_second(number: u64, elapsed: Duration) -> Option<u64> {
    let rate = (u128::from(number) * 1000).checked_div(elapsed.as_millis())?;
    u64::try_from(rate).ok()
}

/// `1 row`, `2 rows`, `0 rows`
pub(super) fn plural(number: usize, noun: &str) -> String {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", count(number)),
    }
}

/// `plural` for counts of rows.
pub(super) fn rows(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        _ => format!("{} rows", count(number)),
    }
}

fn scaled(number: u128, units: &[&str]) -> String {
    let mut unit = 1_u128;
    for (at, name) in units.iter().enumerate() {
        let next = unit * 1000;
        // The unit is left where rounding would give four digits: 999,960 is 1.0 M.
        if number * 10 + unit / 2 < next * 10 || at + 1 == units.len() {
            if at == 0 {
                return format!("{number} {name}").trim_end().to_owned();
            }
            let tenths = (number * 10 + unit / 2) / unit;
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit = next;
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separators() {
        let shown: Vec<_> = [0, 999, 1000, 12_483_112].map(count).into();
        assert_eq!(shown, ["0", "999", "1,000", "12,483,112"]);
    }

    #[test]
    fn sizes_have_three_digits_at_most_before_the_point() {
        let sizes = [0, 999, 1000, 1_949, 999_940, 999_960, 1_900_000_000, u64::MAX];
        let shown: Vec<_> = sizes.map(bytes).into();
        let expected =
            ["0 B", "999 B", "1.0 kB", "1.9 kB", "999.9 kB", "1.0 MB", "1.9 GB", "18.4 EB"];
        assert_eq!(shown, expected);
        assert_eq!(short_count(12_400_000), "12.4 M");
        assert_eq!(short_count(7), "7");
    }

    #[test]
    fn durations_keep_two_figures_that_matter() {
        let shown: Vec<_> = [0, 420, 9_999, 12_345, 92_000, 7_500_000]
            .map(Duration::from_millis)
            .map(duration)
            .into();
        assert_eq!(shown, ["0.00s", "0.42s", "9.99s", "12.3s", "1m 32s", "2h 05m"]);
        assert_eq!(clock(Duration::from_secs(14)), "0:14");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn a_rate_needs_time_to_have_passed() {
        assert_eq!(per_second(500, Duration::from_millis(250)), Some(2000));
        assert_eq!(per_second(500, Duration::from_micros(10)), None);
    }

    #[test]
    fn one_is_singular_and_nothing_else_is() {
        let shown: Vec<_> = [0, 1, 2000].map(|n| plural(n, "split")).into();
        assert_eq!(shown, ["0 splits", "1 split", "2,000 splits"]);
        assert_eq!((rows(1), rows(1234)), ("1 row".into(), "1,234 rows".into()));
    }
}
