//! The type that a field had at its source, where Doris has one like it.

use arrow::datatypes::{DataType, Field};

use super::kind::{Kind, VARCHAR_BYTES};

/// Where a field says of which type it was at its source, such as `postgres:numeric(12,2)`.
const KEY: &str = "dhow.source_type";

/// Where a field has the comment of its column.
pub(super) const COMMENT: &str = "dhow.comment";

/// Bytes of a character in UTF-8, at most.
const CHARACTER: usize = 4;

/// Digits of a UUID, with its hyphens.
const UUID: usize = 36;

/// The type of Doris that is like the one at the source, if there is a better one than follows from
/// Arrow's.
pub(super) fn kind(field: &Field) -> Option<Kind> {
    if is_uuid(field) {
        return Some(Kind::Char(UUID));
    }
    let is_text =
        matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let (_, shown) = field.metadata().get(KEY).filter(|_| is_text)?.split_once(':')?;
    let shown = shown.to_ascii_lowercase();
    let (name, length) = match shown.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.split_once(')')?.0.trim().parse::<usize>().ok()),
        None => (shown.as_str(), None),
    };
    match (name, length) {
        ("json" | "jsonb", _) => Some(Kind::Json),
        ("uuid", _) => Some(Kind::Char(UUID)),
        (
            "character varying" | "varchar" | "character" | "char" | "bpchar" | "nvarchar",
            Some(n),
        ) => {
            let bytes = n.checked_mul(CHARACTER)?;
            (1..=VARCHAR_BYTES).contains(&bytes).then_some(Kind::Varchar(bytes))
        }
        _ => None,
    }
}

/// Whether its values are UUIDs, in 16 bytes each.
pub(super) fn is_uuid(field: &Field) -> bool {
    *field.data_type() == DataType::FixedSizeBinary(16)
        && field.extension_type_name() == Some("arrow.uuid")
}
