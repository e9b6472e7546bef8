//! The shortest plain text of a decimal number.

/// The number with these `digits` (perhaps behind a minus), `scale` of them after the point;
/// without zeros that say nothing: `-12.5`, `1`, `0`.
pub(super) fn plain(digits: &str, scale: i8) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    if digits.bytes().all(|digit| digit == b'0') {
        return "0".to_owned();
    }
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        return format!("{sign}{digits}{}", "0".repeat(places));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = padded.split_at(padded.len() - places);
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_decimal_is_told_without_zeros_that_say_nothing() {
        for (digits, scale, expected) in [
            ("0", 2, "0"),
            ("1", 0, "1"),
            ("100", 2, "1"),
            ("-1250", 2, "-12.5"),
            ("5", 3, "0.005"),
            ("-5", 1, "-0.5"),
            ("12", -3, "12000"),
            ("1000", 0, "1000"),
        ] {
            assert_eq!(plain(digits, scale), expected, "{digits} {scale}");
        }
    }
}
