//! Decimal numbers as text: read exactly, rounded to the digits of a column.

/// `text` with exactly `scale` digits behind the point, rounded half up, as Doris does without a
/// word; `None` if it is no number.
pub(crate) fn rounded(text: &str, scale: usize) -> Option<String> {
    let (negative, digits, point) = parts(text.trim())?;
    let mut digits = digits;
    let mut point = point;
    if point < 0 {
        let zeros = usize::try_from(-point).ok().filter(|n| *n < 400)?;
        digits.splice(0..0, std::iter::repeat_n(0, zeros));
        point = 0;
    }
    let point = usize::try_from(point).ok().filter(|n| *n < 400)?;
    while digits.len() < point + scale + 1 {
        digits.push(0);
    }
    let up = digits[point + scale] >= 5;
    digits.truncate(point + scale);
    let mut whole: Vec<u8> = std::iter::once(0).chain(digits).collect();
    if up {
        for digit in whole.iter_mut().rev() {
            *digit = (*digit + 1) % 10;
            if *digit != 0 {
                break;
            }
        }
    }
    let at = whole.len() - scale;
    let text: String = whole.iter().map(|d| char::from(b'0' + d)).collect();
    let integer = text[..at].trim_start_matches('0');
    let integer = if integer.is_empty() { "0" } else { integer };
    let is_zero = whole.iter().all(|d| *d == 0);
    let sign = if negative && !is_zero { "-" } else { "" };
    Some(match scale {
        0 => format!("{sign}{integer}"),
        _ => format!("{sign}{integer}.{}", &text[at..]),
    })
}

/// Sign, digits, and how many of them stand before the point.
fn parts(text: &str) -> Option<(bool, Vec<u8>, i64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{integer}{fraction}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = all.bytes().map(|b| b - b'0').collect();
    Some((negative, digits, i64::try_from(integer.len()).ok()?.checked_add(exponent)?))
}
