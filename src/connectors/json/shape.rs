//! What a value must look like to be taken, and the Arrow type that it becomes.

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::error::{Error, Result};
use crate::files::types::{parse_type, type_name};

/// What a column takes. Several shapes are text in Arrow: they differ in what is let in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// `true` and `false`.
    Boolean,
    /// Whole numbers of this Arrow type.
    Whole(DataType),
    /// Numbers of which a double keeps every digit.
    Double,
    /// Numbers with at most this many digits, and so many of them after the point.
    Decimal(u8, u8),
    /// Strings.
    Text,
    /// Numbers, as the text of their digits: no type of Arrow is wide enough for those seen.
    Digits,
    /// Strings, and numbers and booleans as they are written: somebody asked for text.
    Written,
    /// Any value, as its JSON text.
    Json,
    /// Strings that are a date.
    Date,
    /// Strings that are a time of day.
    Time,
    /// Strings that are a date and a time of day, with a zone or without.
    Moment(Zone),
    /// Objects with these members.
    Object(Vec<(String, Shape)>),
    /// Lists.
    List(Box<Shape>),
}

/// Whether a moment names its offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// It must.
    Named,
    /// It must not.
    Absent,
}

impl Shape {
    /// The shape that a person declares as `text`: a name of [`crate::files`], or `json`.
    pub(super) fn declared(text: &str) -> Result<Self> {
        if text.trim().eq_ignore_ascii_case("json") {
            return Ok(Shape::Json);
        }
        Ok(match parse_type(text)? {
            DataType::Boolean => Shape::Boolean,
            kind @ (DataType::Int16 | DataType::Int32 | DataType::Int64) => Shape::Whole(kind),
            DataType::Float64 => Shape::Double,
            DataType::Decimal128(precision, scale) => {
                Shape::Decimal(precision, scale.unsigned_abs())
            }
            DataType::Utf8 => Shape::Written,
            DataType::Date32 => Shape::Date,
            DataType::Time64(_) => Shape::Time,
            DataType::Timestamp(_, None) => Shape::Moment(Zone::Absent),
            DataType::Timestamp(_, Some(_)) => Shape::Moment(Zone::Named),
            other => {
                let name = type_name(&other);
                return Err(Error::config(format!("`{name}` cannot be read from JSON")));
            }
        })
    }

    /// The Arrow type.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Shape::Boolean => DataType::Boolean,
            Shape::Whole(kind) => kind.clone(),
            Shape::Double => DataType::Float64,
            Shape::Decimal(precision, scale) => {
                DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))
            }
            Shape::Text | Shape::Digits | Shape::Written | Shape::Json => DataType::Utf8,
            Shape::Date => DataType::Date32,
            Shape::Time => DataType::Time64(TimeUnit::Microsecond),
            Shape::Moment(Zone::Absent) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Shape::Moment(Zone::Named) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            Shape::Object(members) => DataType::Struct(fields(members)),
            Shape::List(item) => DataType::new_list(item.data_type(), true),
        }
    }
}

/// The fields of an object, all of them nullable: a key may always be missing.
pub(super) fn fields(members: &[(String, Shape)]) -> Fields {
    members.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect()
}
