//! The table of types for people, made by the decisions themselves.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use super::types::new_kind;
use crate::connectors::TypeDoc;
use crate::files::types::type_name;

/// What a new column is for each type, and what to know of it.
pub(super) fn manual() -> Vec<TypeDoc> {
    samples().into_iter().map(|(kind, remark)| line(&kind, remark)).collect()
}

fn line(kind: &DataType, remark: &'static str) -> TypeDoc {
    let becomes = new_kind(&Field::new("x", kind.clone(), true), false);
    let becomes = becomes.map_or("none".to_owned(), |kind| kind.to_string());
    TypeDoc { name: type_name(kind), becomes, remark }
}

fn samples() -> Vec<(DataType, &'static str)> {
    use DataType as D;
    let item = |kind| Arc::new(Field::new("item", kind, true));
    let pair = [Field::new("a", D::Int32, true), Field::new("b", D::Utf8, true)];
    vec![
        (D::Boolean, ""),
        (D::Int8, ""),
        (D::Int16, ""),
        (D::Int32, ""),
        (D::Int64, ""),
        (D::UInt32, "all whole numbers of Doris are signed"),
        (D::UInt64, "all whole numbers of Doris are signed"),
        (D::Float32, "NaN and infinity are refused"),
        (D::Float64, "NaN and infinity are refused"),
        (D::Decimal128(12, 2), "digits that do not fit are refused, never rounded"),
        (D::Decimal256(60, 10), "more than 38 digits are text"),
        (
            D::Utf8,
            "up to 1 MiB; VARCHAR of 4 bytes a character where the source has a length, \
             VARCHAR(65533) in a key, JSON for JSON, CHAR(36) for UUIDs",
        ),
        (D::Binary, "as Base64, or hexadecimal with `bytes: hex`"),
        (D::Date32, "years 1 to 9999"),
        (D::Time64(TimeUnit::Microsecond), "times of day cannot be stored as such"),
        (D::Timestamp(TimeUnit::Microsecond, None), "years 1 to 9999"),
        (D::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), "the time in UTC"),
        (D::Timestamp(TimeUnit::Nanosecond, None), "more than microseconds are refused"),
        (D::List(item(D::Int64)), ""),
        (D::Struct(Fields::from(pair.to_vec())), ""),
        (D::Interval(arrow::datatypes::IntervalUnit::MonthDayNano), "cast it to text in a model"),
    ]
}
