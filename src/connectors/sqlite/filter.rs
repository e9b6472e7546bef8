//! Comparisons that SQLite can make as Arrow would.
//!
//! Only integers and text take part: their classes compare alike on both sides. A value of another
//! class is always read, so that it is refused whatever is asked for.

use arrow::array::{Array, AsArray, Datum};
use arrow::datatypes::{DataType, Int64Type};
use rusqlite::types::Value;

use super::quote::identifier;
use super::table::Table;
use crate::source::{Comparison, Op};

/// The condition for a comparison, with its parameter; `None` when it is not SQLite's to make.
pub(super) fn condition(table: &Table, filter: &Comparison) -> Option<(String, Option<Value>)> {
    let field = table.schema.fields().get(filter.column)?;
    let name = identifier(field.name());
    let (class, value) = match field.data_type() {
        DataType::Int64 => ("integer", integer(filter)),
        DataType::Utf8 if table.utf8 => ("text", text(filter)),
        _ => return None,
    };
    let misfit = format!("typeof({name}) not in ('{class}', 'null')");
    let operator = match filter.op {
        Op::IsNull => return Some((format!("({name} is null or {misfit})"), None)),
        Op::IsNotNull => return Some((format!("{name} is not null"), None)),
        Op::Eq => "=",
        Op::NotEq => "<>",
        Op::Lt => "<",
        Op::LtEq => "<=",
        Op::Gt => ">",
        Op::GtEq => ">=",
    };
    // The plus takes the column's affinity away: the constant is compared as it is.
    Some((format!("((+{name} collate binary) {operator} ? or {misfit})"), Some(value?)))
}

fn integer(filter: &Comparison) -> Option<Value> {
    let (array, _) = filter.value.get();
    let array = array.as_primitive_opt::<Int64Type>()?;
    array.is_valid(0).then(|| Value::Integer(array.value(0)))
}

fn text(filter: &Comparison) -> Option<Value> {
    let (array, _) = filter.value.get();
    let array = array.as_string_opt::<i32>()?;
    array.is_valid(0).then(|| Value::Text(array.value(0).to_owned()))
}
