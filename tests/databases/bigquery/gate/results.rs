//! Rows as the API writes them: `{"f":[{"v":…}]}`, every scalar a text.

use serde_json::{Value, json};

use super::route::Call;
use super::schema::{Field, Mode, Type};
use super::store::Row;
use super::values::micros;

/// What a query gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Results {
    pub(crate) fields: Vec<Field>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows that a statement wrote or removed: inserted, updated, deleted.
    pub(crate) changed: Option<(u64, u64, u64)>,
    pub(crate) statement: String,
    /// Bytes of the tables that were read.
    pub(crate) bytes: u64,
}

impl Results {
    /// A page of rows, and where the next one begins.
    pub(crate) fn page(
        &self,
        start: usize,
        most: usize,
        moments: Moments,
    ) -> (Vec<Value>, Option<usize>) {
        let rows = self.rows.iter().skip(start).take(most);
        let rows: Vec<Value> = rows.map(|row| cells(&self.fields, row, moments)).collect();
        let end = start + rows.len();
        (rows, (end < self.rows.len() && most > 0).then_some(end))
    }

    pub(crate) fn schema(&self) -> Value {
        json!({ "fields": self.fields.iter().map(Field::json).collect::<Vec<_>>() })
    }
}

/// How a TIMESTAMP is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moments {
    /// Seconds as a double: what comes when nobody asks for anything else.
    Seconds,
    Micros,
    /// With twelve digits of the second.
    Iso,
}

impl Moments {
    /// From `useInt64Timestamp` and `timestampOutputFormat`.
    pub(crate) fn of(is_int64: bool, format: Option<&str>) -> Self {
        match format {
            Some("ISO8601_STRING") => Moments::Iso,
            Some("INT64") => Moments::Micros,
            _ if is_int64 => Moments::Micros,
            _ => Moments::Seconds,
        }
    }

    pub(crate) fn of_call(call: &Call) -> Self {
        let is_int64 = call
            .get("formatOptions.useInt64Timestamp")
            .is_some_and(|said| said.eq_ignore_ascii_case("true"));
        Moments::of(is_int64, call.get("formatOptions.timestampOutputFormat"))
    }
}

/// A row of a table.
pub(crate) fn row(fields: &[Field], row: &Row, moments: Moments) -> Value {
    let values: Vec<Value> = fields.iter().map(|field| row[&field.name].clone()).collect();
    cells(fields, &values, moments)
}

fn cells(fields: &[Field], values: &[Value], moments: Moments) -> Value {
    let cells = fields.iter().zip(values);
    let cells: Vec<Value> =
        cells.map(|(field, value)| json!({ "v": encoded(field, value, moments) })).collect();
    json!({ "f": cells })
}

fn encoded(field: &Field, value: &Value, moments: Moments) -> Value {
    match (field.mode, value) {
        (_, Value::Null) => Value::Null,
        (Mode::Repeated, Value::Array(items)) => {
            let items = items.iter().map(|item| json!({ "v": single(field, item, moments) }));
            items.collect()
        }
        (_, value) => single(field, value, moments),
    }
}

fn single(field: &Field, value: &Value, moments: Moments) -> Value {
    match (field.kind, value) {
        (Type::Record, Value::Object(map)) => row(&field.fields, map, moments),
        (Type::Json, value) => value.to_string().into(),
        (Type::Timestamp, Value::String(form)) => match (micros(form), moments) {
            (Some(micros), Moments::Micros) => micros.to_string().into(),
            (Some(micros), Moments::Seconds) => format!("{:E}", micros as f64 / 1e6).into(),
            (_, _) => format!("{}000000Z", form.trim_end_matches('Z')).into(),
        },
        (_, Value::String(text)) => text.clone().into(),
        (Type::Bool, Value::Number(number)) => (number.as_i64() != Some(0)).to_string().into(),
        (_, value) => value.to_string().into(),
    }
}
