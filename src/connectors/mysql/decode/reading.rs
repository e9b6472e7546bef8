//! How each type of the server arrives: decided once for a column, before the first row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use mysql_common::constants::ColumnType;

use super::declared;
use super::sent::{Sent, Width};
use super::{COMMENT, SOURCE_TYPE};
use crate::connectors::mysql::wire::Column;
use crate::error::{Error, Result};
use crate::files::types::type_name;

/// How a column arrives: decided once, before the first row.
#[derive(Debug, Clone)]
pub(in crate::connectors::mysql) struct Reading {
    /// The column in Arrow, its source type and comment in the metadata.
    pub field: Field,
    /// What comes over the wire for [`Reading::select`].
    pub(super) sent: Sent,
    pub(super) special: Special,
    pub(super) zero_dates: ZeroDates,
}

/// What has to be done with values beside moving them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Nothing,
    /// The number of the reference system is cut off a shape.
    Shape,
    /// The server is asked to write a shape as text.
    ShapeAsText,
}

/// What is done with values that have no place in Arrow's types.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::connectors::mysql) struct Policies {
    /// `0000-00-00`, and dates without a month or a day.
    pub zero_dates: ZeroDates,
    /// Whether `tinyint(1)` is read as a boolean.
    pub tinyint1_is_boolean: bool,
    /// Types that the author wants instead, by column; text is exact for every type.
    pub columns: BTreeMap<String, DataType>,
}

/// What is done with `0000-00-00`, and with dates without a month or a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum ZeroDates {
    /// The row is refused.
    #[default]
    Reject,
    /// The value becomes NULL.
    Null,
    /// The read ends with an error, also where rows may be refused.
    Fail,
}

/// How `column` arrives.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type without values that can be read, and
/// [`crate::error::Kind::Config`] for a type under `columns` that would not hold the values
/// exactly.
pub(in crate::connectors::mysql) fn reading(
    column: &Column,
    policies: &Policies,
) -> Result<Reading> {
    let shown = declared::shown(column);
    let own = strategy(column, policies.tinyint1_is_boolean)
        .map_err(|error| error.at("column", &column.name))?;
    let wanted = policies.columns.get(&column.name);
    let strategy = match wanted {
        None => own,
        Some(wanted) => own.wanted(wanted, &shown).map_err(|e| e.at("column", &column.name))?,
    };
    let has_dates = matches!(strategy.data_type, DataType::Date32 | DataType::Timestamp(..));
    let nullable = column.nullable || has_dates && policies.zero_dates == ZeroDates::Null;
    let mut metadata = HashMap::new();
    if wanted.is_none_or(|wanted| *wanted == DataType::Utf8) {
        metadata.insert(SOURCE_TYPE.to_owned(), format!("mysql:{shown}"));
    }
    metadata.extend(column.comment.iter().map(|text| (COMMENT.to_owned(), text.clone())));
    let field = Field::new(&column.name, strategy.data_type, nullable).with_metadata(metadata);
    let Strategy { sent, special, .. } = strategy;
    Ok(Reading { field, sent, special, zero_dates: policies.zero_dates })
}

impl Reading {
    /// What to write into the list of a SELECT for this column; `quoted` is its name in backticks.
    pub(in crate::connectors::mysql) fn select(&self, quoted: &str) -> String {
        match self.special {
            Special::ShapeAsText => format!("ST_AsText({quoted}) as {quoted}"),
            Special::Nothing | Special::Shape => quoted.to_owned(),
        }
    }

    /// Whether `column` of a result can be read like this.
    pub(super) fn takes(&self, column: &Column) -> bool {
        let is_same = strategy(column, false).is_ok_and(|found| found.sent.is_like(self.sent));
        is_same && column.name == *self.field.name()
    }
}

/// What a type becomes, and over what.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strategy {
    pub data_type: DataType,
    pub sent: Sent,
    pub special: Special,
}

const fn plain(data_type: DataType, sent: Sent) -> Strategy {
    Strategy { data_type, sent, special: Special::Nothing }
}

/// How values of `column` arrive when nobody asks for anything else.
pub(super) fn strategy(column: &Column, tinyint1_is_boolean: bool) -> Result<Strategy> {
    use ColumnType::*;
    let micros =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Arc::from));
    // A column without a fixed number of digits says 31 or more.
    let digits = if column.decimals <= 6 { column.decimals } else { 0 };
    Ok(match column.kind {
        MYSQL_TYPE_TINY if tinyint1_is_boolean && is_tinyint1(column) => {
            Strategy { data_type: DataType::Boolean, ..integer(Width::One, column.unsigned) }
        }
        MYSQL_TYPE_TINY => integer(Width::One, column.unsigned),
        MYSQL_TYPE_SHORT => integer(Width::Two, column.unsigned),
        MYSQL_TYPE_LONG | MYSQL_TYPE_INT24 => integer(Width::Four, column.unsigned),
        MYSQL_TYPE_LONGLONG => integer(Width::Eight, column.unsigned),
        MYSQL_TYPE_YEAR => plain(DataType::Int16, Sent::Unsigned(Width::Two)),
        MYSQL_TYPE_FLOAT => plain(DataType::Float32, Sent::Float32),
        MYSQL_TYPE_DOUBLE => plain(DataType::Float64, Sent::Float64),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => {
            let (precision, scale) = declared::digits(column);
            plain(decimal(precision, scale), Sent::Decimal)
        }
        MYSQL_TYPE_BIT if column.length == 1 => plain(DataType::Boolean, Sent::Bits(1)),
        MYSQL_TYPE_BIT => plain(DataType::UInt64, Sent::Bits(column.length)),
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => plain(DataType::Date32, Sent::Date),
        MYSQL_TYPE_DATETIME => plain(micros(None), Sent::Moment(digits)),
        MYSQL_TYPE_TIMESTAMP => plain(micros(Some("UTC")), Sent::Moment(digits)),
        MYSQL_TYPE_TIME => plain(DataType::Utf8, Sent::Time(digits)),
        MYSQL_TYPE_GEOMETRY => {
            Strategy { special: Special::Shape, ..plain(DataType::Binary, Sent::Bytes) }
        }
        MYSQL_TYPE_JSON | MYSQL_TYPE_NULL => plain(DataType::Utf8, Sent::Bytes),
        MYSQL_TYPE_VARCHAR
        | MYSQL_TYPE_VAR_STRING
        | MYSQL_TYPE_STRING
        | MYSQL_TYPE_TINY_BLOB
        | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB
        | MYSQL_TYPE_BLOB
        | MYSQL_TYPE_ENUM
        | MYSQL_TYPE_SET => string(column)?,
        _ => return Err(unreadable(column)),
    })
}

/// A text, bytes, or what MariaDB sends as one of them.
fn string(column: &Column) -> Result<Strategy> {
    let shown = declared::shown(column);
    match declared::name(&shown) {
        "vector" => Err(unreadable(column)),
        "json" | "uuid" | "inet4" | "inet6" => Ok(plain(DataType::Utf8, Sent::Bytes)),
        _ if declared::is_bytes(column) => Ok(plain(DataType::Binary, Sent::Bytes)),
        _ => Ok(plain(DataType::Utf8, Sent::Bytes)),
    }
}

fn unreadable(column: &Column) -> Error {
    let shown = declared::shown(column);
    let message = format!("column `{}` is of a type that cannot be read: {shown}", column.name);
    Error::unsupported(message).hint(match column.kind {
        ColumnType::MYSQL_TYPE_VECTOR => "read it with a `query`: `vector_to_string(column)`",
        _ if shown.starts_with("vector") => "read it with a `query`: `vec_totext(column)`",
        _ => "leave it out, or convert it, with a `query`",
    })
}

/// Only the width of a `tinyint(1)` tells it from other small numbers.
fn is_tinyint1(column: &Column) -> bool {
    match &column.declared {
        Some(declared) => declared.starts_with("tinyint(1)"),
        None => column.length == 1,
    }
}

fn integer(width: Width, unsigned: bool) -> Strategy {
    let data_type = match (width, unsigned) {
        (Width::One, false) => DataType::Int8,
        (Width::Two, false) => DataType::Int16,
        (Width::Four, false) => DataType::Int32,
        (Width::Eight, false) => DataType::Int64,
        (Width::One, true) => DataType::UInt8,
        (Width::Two, true) => DataType::UInt16,
        (Width::Four, true) => DataType::UInt32,
        (Width::Eight, true) => DataType::UInt64,
    };
    plain(data_type, if unsigned { Sent::Unsigned(width) } else { Sent::Signed(width) })
}

fn decimal(precision: u8, scale: u8) -> DataType {
    // No decimal of the server has more than 38 digits after the point.
    let scale_in_arrow = i8::try_from(scale).unwrap_or(38);
    match precision {
        ..=38 => DataType::Decimal128(precision, scale_in_arrow),
        _ => DataType::Decimal256(precision, scale_in_arrow),
    }
}

impl Strategy {
    /// The same values as `wanted`, exactly or refused.
    fn wanted(self, wanted: &DataType, shown: &str) -> Result<Self> {
        let Strategy { sent, special, .. } = self;
        let is_whole = matches!(sent, Sent::Signed(_) | Sent::Unsigned(_) | Sent::Bits(_));
        let is_number = is_whole || sent == Sent::Decimal;
        let is_exact_double = match sent {
            Sent::Float32 => true,
            Sent::Signed(width) | Sent::Unsigned(width) => width != Width::Eight,
            _ => false,
        };
        let special = match (special, wanted) {
            (Special::Shape, DataType::Utf8) => Special::ShapeAsText,
            (special, _) => special,
        };
        let fits = match wanted {
            DataType::Utf8 => true,
            wanted if self.data_type == *wanted => true,
            DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Decimal128(..) => {
                is_number
            }
            DataType::Boolean => is_whole,
            DataType::Float64 => is_exact_double,
            DataType::Time64(TimeUnit::Microsecond) => matches!(sent, Sent::Time(_)),
            _ => false,
        };
        if fits {
            return Ok(Strategy { data_type: wanted.clone(), sent, special });
        }
        let wanted = type_name(wanted);
        Err(Error::config(format!("{shown} cannot be read as {wanted} exactly"))
            .hint("`text` under `columns` is exact for every type; a `query` can convert it"))
    }
}
