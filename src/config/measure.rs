//! Sizes and durations as people write them: `512MB`, `2GiB`, `24h`.

use std::time::Duration;

/// Bytes in `text`: a number, perhaps with decimals, and a unit. `kB`, `MB`, `GB` and `TB` are
/// powers of 1000; `KiB`, `MiB`, `GiB` and `TiB` are powers of 1024; case does not matter.
///
/// # Errors
/// A sentence for the person who wrote it: no unit, no number, nothing at all, too much.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = parted(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        "" => return Err("a size needs a unit, such as 512MB or 2GiB".to_owned()),
        _ => return Err(format!("`{unit}` is not a unit of size; write 512MB or 2GiB")),
    };
    let bytes = times(number, factor).ok_or("write a size such as 512MB, 1.5GB or 2GiB")?;
    match u64::try_from(bytes) {
        Ok(0) => Err("a size must be more than nothing".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("no machine is that large".to_owned()),
    }
}

/// The duration in `text`: a number, perhaps with decimals, and `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = parted(text);
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err("a duration needs a unit, such as 10s or 24h".to_owned()),
        _ => return Err(format!("`{unit}` is not a unit of time; write 10s, 5m, 24h or 7d")),
    };
    let millis = times(number, factor).and_then(|millis| u64::try_from(millis).ok());
    millis
        .map(Duration::from_millis)
        .ok_or("write a duration such as 10s, 5m, 24h or 7d".to_owned())
}

fn parted(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// `number` times `factor`, rounded down; `None` when it is not a number of at most 15 digits on
/// either side of its point.
fn times(number: &str, factor: u64) -> Option<u128> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| -> Option<u128> {
        let fits = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if fits { text.parse().ok() } else { None }
    };
    let power = 10_u128.pow(u32::try_from(decimals.len()).ok()?.min(15));
    let factor = u128::from(factor);
    Some(digits(whole)? * factor + digits(decimals)? * factor / power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_decimal_or_binary_as_their_unit_says() {
        let sizes = ["1B", "512MB", "1.5GB", "2GiB", "2 gib", "0.5kib", "16TiB"].map(size);
        let expected =
            [1, 512_000_000, 1_500_000_000, 2_147_483_648, 2_147_483_648, 512, 17_592_186_044_416];
        assert_eq!(sizes, expected.map(Ok));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for (text, reason) in [
            ("", "a size needs a unit, such as 512MB or 2GiB"),
            ("512", "a size needs a unit, such as 512MB or 2GiB"),
            ("0MB", "a size must be more than nothing"),
            ("0.4B", "a size must be more than nothing"),
            ("-1MB", "`-1MB` is not a unit of size; write 512MB or 2GiB"),
            ("1,5GB", "`,5GB` is not a unit of size; write 512MB or 2GiB"),
            ("MB", "write a size such as 512MB, 1.5GB or 2GiB"),
            ("1.MB", "write a size such as 512MB, 1.5GB or 2GiB"),
            ("1.2.3MB", "write a size such as 512MB, 1.5GB or 2GiB"),
            ("999999999999TB", "no machine is that large"),
        ] {
            assert_eq!(size(text), Err(reason.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(duration("24").is_err());
        assert!(duration("yesterday").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "\\PC*") {
            let _ = (size(&text), duration(&text));
        }

        #[test]
        fn whole_mebibytes_come_back_exactly(n in 1_u64..1 << 40) {
            prop_assert_eq!(size(&format!("{n}MiB")), Ok(n << 20));
        }
    }
}
