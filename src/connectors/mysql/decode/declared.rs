//! What a type is called: as the catalog has it, or as far as the wire tells.

use mysql_common::constants::ColumnType;

use crate::connectors::mysql::wire::Column;

/// The collation of bytes that are no text.
const BYTES: u16 = 63;
/// The bytes that a character of the session takes, at most: it speaks utf8mb4.
const CHARACTER: u32 = 4;

/// The type of `column` as the server would write it.
pub(super) fn shown(column: &Column) -> String {
    match &column.declared {
        Some(declared) => declared.clone(),
        None => rebuilt(column),
    }
}

/// Whether its values are bytes, and no text.
pub(super) fn is_bytes(column: &Column) -> bool {
    column.charset == BYTES && !column.is_enum && !column.is_set
}

/// The first word of a type: `decimal` for `decimal(12,2) unsigned`.
pub(super) fn name(shown: &str) -> &str {
    let end = shown.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &shown[..end.unwrap_or(shown.len())]
}

/// Precision and scale of a number with digits after the point.
pub(super) fn digits(column: &Column) -> (u8, u8) {
    let declared = column.declared.as_deref().and_then(parameters);
    declared.unwrap_or_else(|| {
        // The width counts the sign and the point.
        let point = u32::from(column.decimals > 0);
        let sign = u32::from(!column.unsigned);
        let precision = column.length.saturating_sub(point + sign).clamp(1, 65);
        let precision = u8::try_from(precision).unwrap_or(65).max(column.decimals.min(65));
        (precision, column.decimals.min(precision))
    })
}

/// The numbers in the parentheses of `decimal(12,2)`.
fn parameters(shown: &str) -> Option<(u8, u8)> {
    let (_, rest) = shown.split_once('(')?;
    let (numbers, _) = rest.split_once(')')?;
    let (precision, scale) = numbers.split_once(',').unwrap_or((numbers, "0"));
    let numbers = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    Some(numbers).filter(|(precision, scale)| (1..=65).contains(precision) && scale <= precision)
}

/// The type as far as the wire tells: for the columns of a query.
fn rebuilt(column: &Column) -> String {
    use ColumnType::*;
    let unsigned = if column.unsigned { " unsigned" } else { "" };
    let (binary, length) = (is_bytes(column), column.length);
    let fraction = match column.decimals {
        digits @ 1..=6 => format!("({digits})"),
        _ => String::new(),
    };
    match column.kind {
        MYSQL_TYPE_TINY if length == 1 => format!("tinyint(1){unsigned}"),
        MYSQL_TYPE_TINY => format!("tinyint{unsigned}"),
        MYSQL_TYPE_SHORT => format!("smallint{unsigned}"),
        MYSQL_TYPE_INT24 => format!("mediumint{unsigned}"),
        MYSQL_TYPE_LONG => format!("int{unsigned}"),
        MYSQL_TYPE_LONGLONG => format!("bigint{unsigned}"),
        MYSQL_TYPE_FLOAT => format!("float{unsigned}"),
        MYSQL_TYPE_DOUBLE => format!("double{unsigned}"),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => {
            let (precision, scale) = digits(column);
            format!("decimal({precision},{scale}){unsigned}")
        }
        MYSQL_TYPE_BIT => format!("bit({length})"),
        MYSQL_TYPE_YEAR => "year".to_owned(),
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => "date".to_owned(),
        MYSQL_TYPE_TIME => format!("time{fraction}"),
        MYSQL_TYPE_DATETIME => format!("datetime{fraction}"),
        MYSQL_TYPE_TIMESTAMP => format!("timestamp{fraction}"),
        MYSQL_TYPE_JSON => "json".to_owned(),
        MYSQL_TYPE_GEOMETRY => "geometry".to_owned(),
        _ if column.is_enum => "enum".to_owned(),
        _ if column.is_set => "set".to_owned(),
        MYSQL_TYPE_STRING if binary => format!("binary({length})"),
        MYSQL_TYPE_STRING => format!("char({})", length / CHARACTER),
        MYSQL_TYPE_VARCHAR | MYSQL_TYPE_VAR_STRING if binary => format!("varbinary({length})"),
        MYSQL_TYPE_VARCHAR | MYSQL_TYPE_VAR_STRING => format!("varchar({})", length / CHARACTER),
        _ if binary => "blob".to_owned(),
        _ => "text".to_owned(),
    }
}
