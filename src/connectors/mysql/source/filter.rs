//! Comparisons that the server makes as Arrow would, or with more rows in the answer, so that they
//! may be left to it.
//!
//! Floats are compared there by other digits, and texts by collations; what is not listed here is
//! not pushed down.

use arrow::array::{Array, AsArray, Datum};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use mysql_common::constants::ColumnType;

use super::relation::Relation;
use crate::connectors::mysql::quote::{identifier, literal};
use crate::connectors::mysql::wire::Column;
use crate::source::{Comparison, Op};

/// What the values of a column are to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    Moment,
    /// Equal texts are equal in every collation; the server may find more of them.
    Text,
}

/// The condition for a comparison; `None` when it is not the server's to make.
pub(in crate::connectors::mysql) fn condition(
    relation: &Relation,
    filter: &Comparison,
) -> Option<String> {
    let reading = relation.readings.get(filter.column)?;
    let column = relation.columns.get(filter.column)?;
    let name = identifier(&column.name);
    // What is cast on its way is compared as something else here.
    if reading.select(&name) != name {
        return None;
    }
    let class = class(column)?;
    let operator = match filter.op {
        Op::IsNotNull => return Some(format!("not ({name} <=> null)")),
        // A policy may make NULL of other dates.
        Op::IsNull if class == Class::Moment => return None,
        Op::IsNull => return Some(format!("{name} <=> null")),
        Op::Eq => "=",
        _ if class == Class::Text => return None,
        Op::NotEq => "<>",
        Op::Lt => "<",
        Op::LtEq => "<=",
        Op::Gt => ">",
        Op::GtEq => ">=",
    };
    let (array, _) = filter.value.get();
    let value = value(array, reading.field.data_type(), class)?;
    Some(format!("{name} {operator} {value}"))
}

fn class(column: &Column) -> Option<Class> {
    use ColumnType as T;
    /// The collation of bytes.
    const BYTES: u16 = 63;
    let is_document = column.declared.as_deref() == Some("json");
    match column.kind {
        _ if column.is_enum || column.is_set || is_document => None,
        T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_LONGLONG
        | T::MYSQL_TYPE_NEWDECIMAL => Some(Class::Number),
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_TIMESTAMP => {
            Some(Class::Moment)
        }
        T::MYSQL_TYPE_VAR_STRING | T::MYSQL_TYPE_STRING | T::MYSQL_TYPE_VARCHAR
            if column.charset != BYTES =>
        {
            Some(Class::Text)
        }
        _ => None,
    }
}

fn value(array: &dyn Array, data_type: &DataType, class: Class) -> Option<String> {
    if array.is_null(0) || array.data_type() != data_type {
        return None;
    }
    match class {
        Class::Number => number(array, data_type),
        Class::Moment => moment(array, data_type),
        Class::Text if *data_type == DataType::Utf8 => {
            let text = array.as_string::<i32>().value(0);
            // Other text may have no place in the encoding of the column.
            let is_plain = text.is_ascii() && !text.contains('\0');
            is_plain.then(|| literal(text))
        }
        Class::Text => None,
    }
}

fn number(array: &dyn Array, data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(0).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(0).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(0).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(0).to_string(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(0).to_string(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(0).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(0).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(0).to_string(),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(0),
        _ => return None,
    })
}

fn moment(array: &dyn Array, data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(0);
            let text = written(i64::from(days).checked_mul(86_400_000_000)?)?;
            Some(literal(text.get(..10)?))
        }
        // The session is in UTC.
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(0);
            Some(literal(&written(micros)?))
        }
        _ => None,
    }
}

/// Microseconds since 1970 in the years that both sides know.
fn written(micros: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_microsecond(micros).ok()?;
    let moment = moment.to_zoned(jiff::tz::TimeZone::UTC);
    (1000..=9998)
        .contains(&moment.year())
        .then(|| moment.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}
