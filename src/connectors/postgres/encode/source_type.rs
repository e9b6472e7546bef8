//! The type that a field had in the database it was read from, out of its metadata.

use arrow::datatypes::Field;

use super::target::Digits;

/// Where a field says of which type it was at its source, such as `postgres:numeric(12,2)`.
pub(super) const KEY: &str = "dhow.source_type";

/// The Postgres type of `field` at its source, as the server shows it.
pub(super) fn of(field: &Field) -> Option<&str> {
    field.metadata().get(KEY)?.strip_prefix("postgres:")
}

/// Whether two types are the same but for their modifiers, and the number of their dimensions,
/// which the server does not hold anybody to.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    element(one) == element(other) && one.ends_with("[]") == other.ends_with("[]")
}

/// The element type without its modifier: `numeric` for `numeric(12,2)[]`.
pub(super) fn element(shown: &str) -> String {
    base(shown.trim_end_matches("[]"))
}

/// The type without its modifier: `timestamp without time zone` for one of 3 digits.
fn base(shown: &str) -> String {
    match (shown.find('('), shown.find(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", &shown[..open], &shown[close + 1..])
        }
        _ => shown.to_owned(),
    }
}

/// The numbers in the parentheses of a type.
pub(super) fn modifiers(shown: &str) -> Option<Vec<i32>> {
    let inner = shown.split_once('(')?.1.split_once(')')?.0;
    inner.split(',').map(|number| number.trim().parse().ok()).collect()
}

/// Precision and scale of a `numeric`.
pub(super) fn digits(shown: &str) -> Option<Digits> {
    let modifiers = modifiers(shown)?;
    let precision = u32::try_from(*modifiers.first()?).ok()?;
    Some(Digits { precision, scale: modifiers.get(1).copied().unwrap_or(0) })
}
