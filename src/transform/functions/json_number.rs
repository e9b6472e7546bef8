//! Numbers in JSON, taken as what they are or not at all.
//!
//! A number in JSON has any number of digits. Where it goes into 64 bits, it must be the same
//! number there: a whole number exactly, a fraction as the nearest that 64 bits have, as everywhere.

use crate::error::{Error, Result};
use crate::source::Refused;

/// The whole number in the JSON text of a value; NULL for what is no number.
///
/// # Errors
/// [`crate::error::Kind::Data`] for a number with a fraction, and for one beyond 64 bits.
pub(super) fn whole(json: &str) -> Result<Option<i64>> {
    let Some(number) = number(json) else { return Ok(None) };
    if let Ok(whole) = number.parse() {
        return Ok(Some(whole));
    }
    match shifted(number).and_then(|digits| digits.parse().ok()) {
        Some(whole) => Ok(Some(whole)),
        None => Err(unfit("json_get_int", number, "a whole number of 64 bits")),
    }
}

/// The floating-point number in the JSON text of a value; NULL for what is no number.
///
/// # Errors
/// [`crate::error::Kind::Data`] for a whole number that a 64-bit float cannot hold exactly, and for
/// a number that is too large for any.
pub(super) fn float(json: &str) -> Result<Option<f64>> {
    let Some(number) = number(json) else { return Ok(None) };
    let unfit = || unfit("json_get_float", number, "a 64-bit float");
    let float: f64 = number.parse().map_err(|_| unfit())?;
    let is_whole = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let held = |digits: &str| format!("{float:.0}").trim_start_matches('-') == digits;
    let digits = number.trim_start_matches('-');
    if !float.is_finite() || is_whole && !held(digits.trim_start_matches('0')) && float != 0.0 {
        return Err(unfit());
    }
    Ok(Some(float))
}

/// The number in a JSON value: itself, or a text that is nothing but a number.
fn number(json: &str) -> Option<&str> {
    let text = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(json);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && text.parse::<f64>().is_ok();
    is_number.then_some(text)
}

/// `2.5e1` as `25`; `None` when it has a fraction or more digits than any number of 64 bits.
fn shifted(number: &str) -> Option<String> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let places = exponent.checked_sub(i64::try_from(part.len()).ok()?)?;
    if digits.trim_start_matches(['-', '0']).is_empty() {
        return Some("0".to_owned());
    }
    match usize::try_from(places) {
        Ok(places @ 0..=20) => Some(format!("{digits}{}", "0".repeat(places))),
        Ok(_) => None,
        Err(_) => {
            let places = usize::try_from(places.unsigned_abs()).ok()?;
            let kept = digits.len().checked_sub(places)?;
            let (kept, cut) = digits.split_at_checked(kept)?;
            let is_zero = cut.bytes().all(|digit| digit == b'0');
            (is_zero && !kept.is_empty()).then(|| kept.to_owned())
        }
    }
}

fn unfit(function: &str, number: &str, what: &str) -> Error {
    let shown = Refused::shown(number.as_bytes());
    Error::data(format!("`{function}` found {shown}, which {what} cannot hold"))
        .hint("take its digits out as text and say their type: `cast(j ->> 'a' as decimal(38, 9))`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_the_same_number_or_refused() {
        for (json, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("2.5e1", Some(25)),
            ("-1.20e2", Some(-120)),
            ("1e18", Some(1_000_000_000_000_000_000)),
            ("100e-2", Some(1)),
            ("0e999999999", Some(0)),
            ("\"12\"", Some(12)),
            ("\"12 apples\"", None),
            ("\"\"", None),
            ("\"inf\"", None),
            ("\"NaN\"", None),
            ("true", None),
            ("null", None),
            ("[1]", None),
            ("{}", None),
        ] {
            assert_eq!(whole(json).unwrap(), expected, "{json}");
        }
        for json in ["9223372036854775808", "1.5", "1e19", "1e999999999", "1e-1", "0.001e2"] {
            let error = whole(json).unwrap_err();
            let message =
                format!("`json_get_int` found {json}, which a whole number of 64 bits cannot hold");
            assert_eq!(error.message(), message);
        }
    }

    #[test]
    fn a_float_is_the_nearest_fraction_but_the_same_whole_number() {
        for (json, expected) in [
            ("0", 0.0),
            ("-7", -7.0),
            ("9007199254740992", 9_007_199_254_740_992.0),
            ("1000000000000000000000", 1e21),
            ("0.1", 0.1),
            ("1.7976931348623157e308", f64::MAX),
            ("\"2.5\"", 2.5),
        ] {
            assert_eq!(float(json).unwrap(), Some(expected), "{json}");
        }
        for json in ["9007199254740993", "-9007199254740993", "1e400", "18446744073709551615"] {
            let error = float(json).unwrap_err();
            let message =
                format!("`json_get_float` found {json}, which a 64-bit float cannot hold");
            assert_eq!(error.message(), message);
        }
        assert_eq!(float("\"x\"").unwrap(), None);
    }
}
