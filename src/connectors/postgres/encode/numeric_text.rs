//! Decimal numbers from their digits: what a server has written, and numbers that no integer of the
//! machine holds.

use arrow::datatypes::i256;

use super::cells::{Cells, Gather};
use super::numeric::{NEGATIVE, WIDEN, before_point, put, short, signed, too_many};
use super::target::Digits;
use crate::connectors::postgres::encode::bad::Bad;

const NAN: [u8; 8] = [0, 0, 0, 0, 0xC0, 0, 0, 0];
const PLUS_INFINITY: [u8; 8] = [0, 0, 0, 0, 0xD0, 0, 0, 0];
const MINUS_INFINITY: [u8; 8] = [0, 0, 0, 0, 0xF0, 0, 0, 0];

/// The digits that the server keeps before the point.
const MOST_DIGITS: usize = 131_072;
/// The digits that the server keeps after the point.
const MOST_PLACES: usize = 16_383;

const PLAIN: &str = "write it in plain digits, such as -12.34";

/// Decimals that are written as the server writes them.
pub(super) fn of_texts(texts: &Cells, digits: Option<Digits>, bad: &mut Bad) -> Cells {
    let mut out = Gather::with_capacity(texts.len(), texts.len() * 16);
    for row in 0..texts.len() {
        if !texts.is_null(row) {
            let text = texts.bytes(row);
            if let Err((reason, hint)) = read(text, digits, &mut out.bytes) {
                bad.note(row, text, reason, Some(hint));
            }
        }
        out.end();
    }
    out.finish(texts.nulls.as_ref())
}

/// Why a text is no number that fits, and what can be done.
type Wrong = (String, &'static str);

/// Appends the number that `text` writes in digits.
fn read(text: &[u8], digits: Option<Digits>, out: &mut Vec<u8>) -> Result<(), Wrong> {
    if let Some(special) = special(text) {
        if digits.is_some() && special != NAN {
            return Err((too_many(digits), WIDEN));
        }
        out.extend_from_slice(&special);
        return Ok(());
    }
    let (negative, before, after) = written(text)?;
    let after = match digits {
        Some(digits) => within(before, after, digits),
        None => Some(after),
    };
    let after = after.ok_or_else(|| (too_many(digits), WIDEN))?;
    put_digits(out, negative, before.iter(), after);
    Ok(())
}

/// The bytes of what is no finite number.
fn special(text: &[u8]) -> Option<[u8; 8]> {
    match text {
        b"NaN" => Some(NAN),
        b"Infinity" => Some(PLUS_INFINITY),
        b"-Infinity" => Some(MINUS_INFINITY),
        _ => None,
    }
}

/// Whether a number is below zero, its digits before the point without zeros in front, and those
/// after it.
fn written(text: &[u8]) -> Result<(bool, &[u8], &[u8]), Wrong> {
    let (negative, number) = match text.strip_prefix(b"-") {
        Some(number) => (true, number),
        None => (false, text),
    };
    let point = number.iter().position(|byte| *byte == b'.');
    let (before, after) = match point {
        Some(at) => (&number[..at], &number[at + 1..]),
        None => (number, &[][..]),
    };
    let only_digits = before.iter().chain(after).all(u8::is_ascii_digit);
    if !only_digits || before.is_empty() && after.is_empty() {
        return Err(("the text is not a number".to_owned(), PLAIN));
    }
    let before = &before[before.iter().take_while(|digit| **digit == b'0').count()..];
    if before.len() > MOST_DIGITS || after.len() > MOST_PLACES {
        return Err(("the number has more digits than the server keeps".to_owned(), WIDEN));
    }
    Ok((negative, before, after))
}

/// The digits after the point without zeros that a declared column does not keep; `None` when the
/// number does not fit it.
fn within<'a>(before: &[u8], after: &'a [u8], digits: Digits) -> Option<&'a [u8]> {
    let used = after.len() - after.iter().rev().take_while(|digit| **digit == b'0').count();
    let scale = usize::try_from(digits.scale.max(0)).ok()?;
    let lost = usize::try_from((-digits.scale).max(0)).ok()?;
    // A number such as 0.001 has fewer digits than places.
    let whole = i64::try_from(before.len()).ok()?;
    let fits_before = if whole > 0 {
        whole <= before_point(digits)
    } else {
        let zeros = after[..used].iter().take_while(|digit| **digit == b'0').count();
        used == 0 || -i64::try_from(zeros).ok()? <= before_point(digits)
    };
    let kept = used == 0 && before.iter().rev().take(lost).all(|digit| *digit == b'0');
    (fits_before && used <= scale && (lost == 0 || kept))
        .then_some(&after[..after.len().min(scale)])
}

/// Appends `value` × 10^-`scale`; `text` is room for its digits.
pub(super) fn put_large(out: &mut Vec<u8>, value: i256, scale: i32, text: &mut String) {
    use std::fmt::Write;
    if let Some(value) = value.to_i128() {
        return put(out, value, scale);
    }
    text.clear();
    // Writing into a string cannot fail.
    let _ = write!(text, "{value}");
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches('-').as_bytes();
    let places = usize::try_from(scale.max(0)).unwrap_or(0);
    match digits.len().checked_sub(places) {
        Some(point) => {
            let zeros = usize::try_from((-scale).max(0)).unwrap_or(0);
            let (before, after) = digits.split_at(point);
            put_digits(out, negative, before.iter().chain(ZERO.repeat(zeros).iter()), after);
        }
        None => {
            let zeros = ZERO.repeat(places - digits.len());
            put_digits(out, negative, [].iter(), &[zeros.as_slice(), digits].concat());
        }
    }
}

const ZERO: &[u8] = b"0";

/// Appends the number with these digits before and after the point.
fn put_digits<'a>(
    out: &mut Vec<u8>,
    negative: bool,
    before: impl Iterator<Item = &'a u8>,
    after: &[u8],
) {
    let before: Vec<u8> = before.copied().skip_while(|digit| *digit == b'0').collect();
    let begin = out.len();
    out.extend_from_slice(&[0; 8]);
    let lead = before.len() % 4;
    let (first, others) = before.split_at(lead);
    let groups = (lead > 0).then_some(first).into_iter().chain(others.chunks(4));
    groups.for_each(|group| out.extend_from_slice(&value_of(group, 0).to_be_bytes()));
    let mut weight = signed(before.len().div_ceil(4)) - 1;
    for group in after.chunks(4) {
        out.extend_from_slice(&value_of(group, 4 - group.len()).to_be_bytes());
    }
    while out.len() > begin + 8 && out.ends_with(&[0, 0]) {
        out.truncate(out.len() - 2);
    }
    let zeros = out[begin + 8..].chunks(2).take_while(|group| **group == [0, 0]).count();
    out.drain(begin + 8..begin + 8 + 2 * zeros);
    weight -= signed(zeros);
    let count = (out.len() - begin - 8) / 2;
    let weight = if count == 0 { 0 } else { weight };
    let sign = if negative && count > 0 { NEGATIVE } else { 0 };
    out[begin..begin + 2].copy_from_slice(&short(count).to_be_bytes());
    out[begin + 2..begin + 4].copy_from_slice(&i16::try_from(weight).unwrap_or(0).to_be_bytes());
    out[begin + 4..begin + 6].copy_from_slice(&sign.to_be_bytes());
    out[begin + 6..begin + 8].copy_from_slice(&short(after.len()).to_be_bytes());
}

fn value_of(group: &[u8], zeros: usize) -> u16 {
    let digits = group.iter().chain(ZERO.iter().cycle().take(zeros));
    digits.fold(0, |sum, digit| sum * 10 + u16::from(digit.wrapping_sub(b'0') % 10))
}
