//! Comparisons that the server makes as Arrow would, so that they may be left to it.
//!
//! Floats order NaN and -0.0 differently there, and text has collations; what is not listed here
//! is not pushed down.

use arrow::array::{Array, AsArray, Datum};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

use super::relation::Relation;
use crate::connectors::postgres::quote::{identifier, literal};
use crate::source::{Comparison, Op};

/// Numbers of the types that hold text without rules of their own: `text` and `varchar`.
const PLAIN_TEXT: [u32; 2] = [25, 1043];

/// The condition for a comparison; `None` when it is not the server's to make.
pub(in crate::connectors::postgres) fn condition(
    relation: &Relation,
    filter: &Comparison,
) -> Option<String> {
    let reading = relation.readings.get(filter.column)?;
    let column = relation.columns.get(filter.column)?;
    let name = identifier(&column.name);
    // What is cast on its way is compared as something else here.
    if reading.select != name {
        return None;
    }
    let data_type = reading.field.data_type();
    let exact = matches!(
        data_type,
        DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Boolean
    );
    let text = *data_type == DataType::Utf8 && PLAIN_TEXT.contains(&column.kind.oid);
    let operator = match filter.op {
        Op::IsNotNull => return Some(format!("{name} is not null")),
        // A policy may make NULL of other values.
        Op::IsNull if exact || text => return Some(format!("{name} is null")),
        Op::IsNull => return None,
        Op::Eq => "=",
        _ if text => return None,
        Op::NotEq => "<>",
        Op::Lt => "<",
        Op::LtEq => "<=",
        Op::Gt => ">",
        Op::GtEq => ">=",
    };
    let (array, _) = filter.value.get();
    let value = value(array, data_type, text)?;
    Some(format!("{name} {operator} {value}"))
}

fn value(array: &dyn Array, data_type: &DataType, text: bool) -> Option<String> {
    if array.is_null(0) || array.data_type() != data_type {
        return None;
    }
    Some(match data_type {
        DataType::Boolean => array.as_boolean().value(0).to_string(),
        DataType::Int16 => {
            format!("'{}'::pg_catalog.int2", array.as_primitive::<Int16Type>().value(0))
        }
        DataType::Int32 => {
            format!("'{}'::pg_catalog.int4", array.as_primitive::<Int32Type>().value(0))
        }
        DataType::Int64 => {
            format!("'{}'::pg_catalog.int8", array.as_primitive::<Int64Type>().value(0))
        }
        DataType::Decimal128(..) => {
            let text = array.as_primitive::<Decimal128Type>().value_as_string(0);
            format!("'{text}'::pg_catalog.numeric")
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(0);
            let seconds = i64::from(days) * 86_400;
            format!("'{}'::pg_catalog.date", moment(seconds * 1_000_000)?.get(..10)?)
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(0);
            match zone {
                None => format!("'{}'::pg_catalog.timestamp", moment(micros)?),
                Some(_) => format!("'{}+00'::pg_catalog.timestamptz", moment(micros)?),
            }
        }
        DataType::Utf8 if text => {
            let text = array.as_string::<i32>().value(0);
            // Other text may have no place in the encoding of the database.
            let is_plain = text.is_ascii() && !text.contains('\0');
            is_plain.then(|| format!("{}::pg_catalog.text", literal(text)))?
        }
        _ => return None,
    })
}

/// Microseconds since 1970 in the years that both sides write alike.
fn moment(micros: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_microsecond(micros).ok()?;
    let moment = moment.to_zoned(jiff::tz::TimeZone::UTC);
    (1..=9998)
        .contains(&moment.year())
        .then(|| moment.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}
