//! What SQLite lacks: decimals that compare as numbers, and BigQuery's own functions.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value;

use super::schema::{Field, Type};
use super::{store, values};

type Answer<T = Cell> = rusqlite::Result<T>;

fn refused(why: String) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(why.into())
}

/// Adds everything to a connection.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation("decimal", values::compare)?;
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let add = |name: &str, arguments: i32, work: fn(&Context<'_>) -> Answer| {
        connection.create_scalar_function(name, arguments, pure, work)
    };
    add("gate_cast", 4, cast)?;
    add("gate_concat", -1, concat)?;
    add("gate_json", 2, |context| {
        let kind = Type::of(&context.get::<String>(1)?).unwrap_or(Type::String);
        let shown = store::value(&Field::new("", kind), context.get_raw(0));
        Ok(Cell::Text(shown.to_string()))
    })?;
    add("gate_parse_json", 1, |context| {
        text(context, |text| {
            let json: Value =
                serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
            Ok(Cell::Text(json.to_string()))
        })
    })?;
    add("gate_to_base64", 1, |context| {
        bytes(context, |bytes| Cell::Text(BASE64_STANDARD.encode(bytes)))
    })?;
    add("gate_to_hex", 1, |context| {
        bytes(context, |bytes| Cell::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    })?;
    add("gate_from_base64", 1, |context| {
        text(context, |text| {
            BASE64_STANDARD.decode(text).map(Cell::Blob).map_err(|error| refused(error.to_string()))
        })
    })?;
    add("gate_micros", 1, |context| {
        text(context, |text| {
            values::micros(text)
                .map(Cell::Integer)
                .ok_or_else(|| refused(format!("Invalid timestamp: '{text}'")))
        })
    })?;
    add("gate_of_micros", 1, |context| match context.get::<Option<i64>>(0)? {
        None => Ok(Cell::Null),
        Some(micros) => values::of_micros(micros)
            .map(Cell::Text)
            .ok_or_else(|| refused("timestamp out of range".to_owned())),
    })?;
    add("gate_fingerprint", 1, |context| {
        let mut hasher = DefaultHasher::new();
        store::plain(context.get_raw(0)).to_string().hash(&mut hasher);
        Ok(Cell::Integer(i64::from_ne_bytes(hasher.finish().to_ne_bytes())))
    })?;
    add("gate_error", 1, |context| Err(refused(context.get::<String>(0)?)))?;
    connection.create_aggregate_function("gate_sum", 1, pure, Sum)?;
    connection.create_scalar_function("gate_now", 0, FunctionFlags::SQLITE_UTF8, |_| {
        let now = jiff::Timestamp::now().as_microsecond();
        Ok(Cell::Text(values::of_micros(now).expect("now is within four digits of the year")))
    })
}

fn text(context: &Context<'_>, work: impl Fn(&str) -> Answer) -> Answer {
    match context.get::<Option<String>>(0)? {
        None => Ok(Cell::Null),
        Some(text) => work(&text),
    }
}

fn bytes(context: &Context<'_>, work: impl Fn(&[u8]) -> Cell) -> Answer {
    Ok(match context.get_raw(0) {
        ValueRef::Null => Cell::Null,
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => work(bytes),
        _ => return Err(refused("bytes are needed".to_owned())),
    })
}

/// NULL when one of them is.
fn concat(context: &Context<'_>) -> Answer {
    let mut whole = String::new();
    for at in 0..context.len() {
        match context.get::<Option<String>>(at)? {
            None => return Ok(Cell::Null),
            Some(part) => whole.push_str(&part),
        }
    }
    Ok(Cell::Text(whole))
}

/// `gate_cast(value, to, from, safe)`; `from` is empty when it is not known.
fn cast(context: &Context<'_>) -> Answer {
    let (to, from): (String, String) = (context.get(1)?, context.get(2)?);
    let kind = Type::of(&to).ok_or_else(|| refused(format!("the gate cannot cast to {to}")))?;
    let cell = context.get_raw(0);
    if matches!(cell, ValueRef::Null) {
        return Ok(Cell::Null);
    }
    let from = Type::of(&from);
    let value = match (cell, from) {
        (ValueRef::Integer(truth), Some(Type::Bool)) => Value::Bool(truth != 0),
        (ValueRef::Blob(bytes), _) if kind == Type::String => {
            String::from_utf8_lossy(bytes).into_owned().into()
        }
        (ValueRef::Text(text), Some(Type::String)) if kind == Type::Bytes => {
            BASE64_STANDARD.encode(text).into()
        }
        (ValueRef::Text(text), Some(Type::Timestamp)) if kind == Type::String => {
            shown(&String::from_utf8_lossy(text)).into()
        }
        (ValueRef::Text(text), Some(Type::Timestamp | Type::DateTime)) if kind == Type::Date => {
            String::from_utf8_lossy(&text[..10]).into_owned().into()
        }
        (ValueRef::Real(number), _) if kind == Type::Int64 => {
            format!("{:.0}", number.round()).into()
        }
        (ValueRef::Text(text), Some(Type::Numeric | Type::BigNumeric)) if kind == Type::Int64 => {
            let text = String::from_utf8_lossy(text);
            values::decimal(Type::Numeric, Some((38, 0)), &text).unwrap_or_default().into()
        }
        (ValueRef::Integer(number), _) if kind == Type::Bool => Value::Bool(number != 0),
        (cell, _) => store::plain(cell),
    };
    let field = Field::new("", kind);
    match (values::scalar(&field, &value), context.get::<bool>(3)?) {
        (Some(value), _) => Ok(store::cell(&field, value)),
        (None, true) => Ok(Cell::Null),
        (None, false) => Err(refused(format!("Could not cast {value} to type {to}"))),
    }
}

/// A moment as BigQuery writes it into text.
fn shown(form: &str) -> String {
    let text = form.replace('T', " ");
    let text = text.trim_end_matches('Z');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match fraction {
        "000000" | "" => format!("{whole}+00"),
        fraction => match fraction.strip_suffix("000") {
            Some(millis) => format!("{whole}.{millis}+00"),
            None => format!("{whole}.{fraction}+00"),
        },
    }
}

/// Adds decimals without losing a digit.
struct Sum;

/// Nine digits stand behind the point.
const SCALE: u32 = 9;

impl Aggregate<Option<i128>, Option<String>> for Sum {
    fn init(&self, _: &mut Context<'_>) -> Answer<Option<i128>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<i128>) -> Answer<()> {
        let text = match store::plain(context.get_raw(0)) {
            Value::Null => return Ok(()),
            Value::String(text) => text,
            other => other.to_string(),
        };
        let is_negative = text.starts_with('-');
        let (integer, fraction) = text
            .trim_start_matches('-')
            .split_once('.')
            .unwrap_or((text.trim_start_matches('-'), ""));
        let digits = format!("{integer}{fraction:0<9}");
        let scaled: Option<i128> = digits.parse().ok().filter(|_| fraction.len() <= SCALE as usize);
        let scaled = scaled.ok_or_else(|| refused(format!("the gate cannot add {text}")))?;
        let signed = if is_negative { -scaled } else { scaled };
        *sum = sum.unwrap_or(0).checked_add(signed);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Option<i128>>) -> Answer<Option<String>> {
        let Some(sum) = sum.flatten() else { return Ok(None) };
        let text = format!("{sum}e-{SCALE}");
        Ok(values::decimal(Type::BigNumeric, None, &text))
    }
}
