//! Comparisons that the server makes as Arrow would, so that they may be left to it.
//!
//! Text has collations and times have other ends; what is not listed here is not pushed down.

use arrow::array::{Array, AsArray, Datum};
use arrow::datatypes::{DataType, Decimal128Type, Int16Type, Int32Type, Int64Type, UInt8Type};

use super::quote::{identifier, literal};
use super::reading::Wire;
use super::relation::Relation;
use crate::source::{Comparison, Op};

/// The condition for a comparison; `None` when it is not the server's to make.
pub(super) fn condition(relation: &Relation, filter: &Comparison) -> Option<String> {
    let reading = relation.readings.get(filter.column)?;
    let name = identifier(reading.field.name());
    // What is cast on its way is compared as something else here.
    if reading.select != name {
        return None;
    }
    let operator = match filter.op {
        Op::IsNotNull => return Some(format!("{name} is not null")),
        Op::IsNull => return Some(format!("{name} is null")),
        Op::Eq => "=",
        Op::NotEq => "<>",
        Op::Lt => "<",
        Op::LtEq => "<=",
        Op::Gt => ">",
        Op::GtEq => ">=",
    };
    let (array, _) = filter.value.get();
    let value = value(array, reading.field.data_type(), reading.wire)?;
    Some(format!("{name} {operator} {value}"))
}

fn value(array: &dyn Array, data_type: &DataType, wire: Wire) -> Option<String> {
    if array.is_null(0) || array.data_type() != data_type {
        return None;
    }
    let (text, kind) = match wire {
        Wire::TinyInt => (array.as_primitive::<UInt8Type>().value(0).to_string(), "tinyint"),
        Wire::SmallInt => (array.as_primitive::<Int16Type>().value(0).to_string(), "smallint"),
        Wire::Int => (array.as_primitive::<Int32Type>().value(0).to_string(), "int"),
        Wire::BigInt => (array.as_primitive::<Int64Type>().value(0).to_string(), "bigint"),
        Wire::Decimal(precision, scale) => {
            let text = array.as_primitive::<Decimal128Type>().value_as_string(0);
            let kind = format!("decimal({precision}, {scale})");
            return Some(format!("cast({} as {kind})", literal(&text)));
        }
        _ => return None,
    };
    Some(format!("cast({} as {kind})", literal(&text)))
}
