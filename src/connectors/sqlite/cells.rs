//! Values of SQLite as Arrow arrays, each checked against the type of its column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, TimeUnit};
use rusqlite::types::ValueRef;

use super::moment;
use crate::error::{Error, Result};

/// Every whole number up to this one is a `f64`.
const FLOAT_EXACT: u64 = 1 << 53;

/// A column under construction.
#[derive(Debug)]
pub(super) enum Cells {
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Bool(BooleanBuilder),
    Date(Date32Builder),
    Moment { cells: TimestampMicrosecondBuilder, zone: bool },
    Decimal { cells: Decimal128Builder, precision: u8, scale: u8 },
}

/// Why a value does not fit its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// As in [`crate::source::Refused::reason`].
    pub reason: String,
    /// As in [`crate::source::Refused::hint`].
    pub hint: String,
}

impl Cells {
    /// An empty column of `data_type`.
    ///
    /// # Errors
    /// For a type that no column of SQLite is given.
    pub(super) fn new(data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Int64 => Cells::Int(Int64Builder::new()),
            DataType::Float64 => Cells::Float(Float64Builder::new()),
            DataType::Utf8 => Cells::Text(StringBuilder::new()),
            DataType::Binary => Cells::Bytes(BinaryBuilder::new()),
            DataType::Boolean => Cells::Bool(BooleanBuilder::new()),
            DataType::Date32 => Cells::Date(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let cells = TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone());
                Cells::Moment { cells, zone: zone.is_some() }
            }
            DataType::Decimal128(precision, scale) => {
                let cells = Decimal128Builder::new().with_data_type(data_type.clone());
                let scale = u8::try_from(*scale).unwrap_or(0);
                Cells::Decimal { cells, precision: *precision, scale }
            }
            other => return Err(Error::bug(format!("SQLite has no values of type {other}"))),
        })
    }

    /// Appends `value`, or nothing when it does not fit.
    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Result<(), Misfit> {
        if value == ValueRef::Null {
            self.push_null();
            return Ok(());
        }
        match (&mut *self, value) {
            (Cells::Int(cells), ValueRef::Integer(n)) => cells.append_value(n),
            (Cells::Float(cells), ValueRef::Real(x)) => cells.append_value(x),
            (Cells::Float(cells), ValueRef::Integer(n)) => cells.append_value(float(n)?),
            (Cells::Text(cells), ValueRef::Text(bytes)) => cells.append_value(text(bytes)?),
            (Cells::Bytes(cells), ValueRef::Blob(bytes)) => cells.append_value(bytes),
            (Cells::Bool(cells), ValueRef::Integer(n @ (0 | 1))) => cells.append_value(n == 1),
            (Cells::Date(cells), ValueRef::Text(bytes)) => {
                let days = moment::days(text(bytes)?);
                cells.append_value(days.ok_or_else(|| misfit("text", "a date"))?);
            }
            (Cells::Moment { cells, zone }, ValueRef::Text(bytes)) => {
                cells.append_value(micros(text(bytes)?, *zone)?);
            }
            (Cells::Decimal { cells, precision, scale }, value) => {
                cells.append_value(decimal(value, *precision, *scale)?);
            }
            (cells, value) => return Err(misfit(class(value), cells.wanted())),
        }
        Ok(())
    }

    /// Appends NULL.
    pub(super) fn push_null(&mut self) {
        match self {
            Cells::Int(cells) => cells.append_null(),
            Cells::Float(cells) => cells.append_null(),
            Cells::Text(cells) => cells.append_null(),
            Cells::Bytes(cells) => cells.append_null(),
            Cells::Bool(cells) => cells.append_null(),
            Cells::Date(cells) => cells.append_null(),
            Cells::Moment { cells, .. } => cells.append_null(),
            Cells::Decimal { cells, .. } => cells.append_null(),
        }
    }

    /// The column as it stands.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Int(cells) => Arc::new(cells.finish()),
            Cells::Float(cells) => Arc::new(cells.finish()),
            Cells::Text(cells) => Arc::new(cells.finish()),
            Cells::Bytes(cells) => Arc::new(cells.finish()),
            Cells::Bool(cells) => Arc::new(cells.finish()),
            Cells::Date(cells) => Arc::new(cells.finish()),
            Cells::Moment { cells, .. } => Arc::new(cells.finish()),
            Cells::Decimal { cells, .. } => Arc::new(cells.finish()),
        }
    }

    fn wanted(&self) -> &'static str {
        match self {
            Cells::Int(_) => "an integer",
            Cells::Float(_) => "a real",
            Cells::Text(_) => "text",
            Cells::Bytes(_) => "a blob",
            Cells::Bool(_) => "a boolean (0 or 1)",
            Cells::Date(_) => "a date",
            Cells::Moment { .. } => "a timestamp",
            Cells::Decimal { .. } => "a decimal",
        }
    }
}

/// SQLite's name for the storage class of `value`.
pub(super) fn class(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "null",
        ValueRef::Integer(_) => "integer",
        ValueRef::Real(_) => "real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "blob",
    }
}

/// `value` as people see it.
pub(super) fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(x) => format!("{x:?}"),
        ValueRef::Text(bytes) => crate::source::Refused::shown(bytes),
        ValueRef::Blob(bytes) => {
            let start = &bytes[..bytes.len().min(32)];
            let hex: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{hex}'{}", if start.len() < bytes.len() { "…" } else { "" })
        }
    }
}

fn misfit(class: &str, wanted: &str) -> Misfit {
    let hint = match (class, wanted) {
        ("integer" | "real", "a date" | "a timestamp") => {
            "declare the column as bigint or double under `columns` and convert it in a model"
        }
        ("text", "a date" | "a timestamp") => {
            "dates are read as `2026-03-01`, times as `2026-03-01 12:00:00`; declare the column as \
             text under `columns` to read it as it is"
        }
        _ => "correct the value, or declare another type for the column under `columns`",
    };
    let reason = format!("the value of storage class {class} is not {wanted}");
    Misfit { reason, hint: hint.to_owned() }
}

fn float(n: i64) -> Result<f64, Misfit> {
    if n.unsigned_abs() > FLOAT_EXACT {
        return Err(Misfit {
            reason: "the value of storage class integer is too large for a real".to_owned(),
            hint: "declare the column as bigint or decimal under `columns`".to_owned(),
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "checked above: it is exact")]
    Ok(n as f64)
}

fn text(bytes: &[u8]) -> Result<&str, Misfit> {
    std::str::from_utf8(bytes).map_err(|error| Misfit {
        reason: format!("the text is not valid UTF-8 at byte {}", error.valid_up_to()),
        hint: "correct the value, or read it as a blob with a `query`: cast(… as blob)".to_owned(),
    })
}

fn micros(text: &str, zone: bool) -> Result<i64, Misfit> {
    let moment = moment::moment(text).ok_or_else(|| misfit("text", "a timestamp"))?;
    if moment.zone == zone {
        return Ok(moment.micros);
    }
    let (has, other) = if zone { ("no", "timestamp") } else { ("a", "timestamptz") };
    Err(Misfit {
        reason: format!("the timestamp has {has} time zone, unlike its column"),
        hint: format!("declare the column as {other} under `columns`"),
    })
}

/// The digits of `value` times 10 to the power of `scale`.
fn decimal(value: ValueRef<'_>, precision: u8, scale: u8) -> Result<i128, Misfit> {
    let shown = match value {
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(x) => real_digits(x).ok_or_else(|| misfit("real", "an exact decimal"))?,
        ValueRef::Text(bytes) => text(bytes)?.to_owned(),
        other => return Err(misfit(class(other), "a decimal")),
    };
    let digits = scaled(&shown, usize::from(scale));
    let fits = |n: &i128| n.unsigned_abs() < 10_u128.pow(u32::from(precision));
    digits.filter(fits).ok_or_else(|| Misfit {
        reason: format!(
            "the value of storage class {} does not fit decimal({precision}, {scale})",
            class(value)
        ),
        hint: "declare more digits, double or text for the column under `columns`".to_owned(),
    })
}

/// A real as the decimal number that SQLite took it from: it keeps 15 digits of what is written.
fn real_digits(x: f64) -> Option<String> {
    let shown = format!("{x}");
    let significant = shown.trim_start_matches(['-', '0', '.']).replace('.', "");
    let kept = significant.trim_end_matches('0').len();
    (x.is_finite() && kept <= 15).then_some(shown)
}

/// A plain decimal number times 10 to the power of `scale`, if that is a whole number.
fn scaled(text: &str, scale: usize) -> Option<i128> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let kept = fraction.trim_end_matches('0');
    if !numeric(whole) || !numeric(fraction) || kept.len() > scale {
        return None;
    }
    format!("{whole}{kept:0<scale$}").parse::<i128>().ok().map(|n| sign * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(data_type: &DataType, value: ValueRef<'_>) -> Result<ArrayRef, Misfit> {
        let mut cells = Cells::new(data_type).unwrap();
        cells.push(value).map(|()| cells.finish())
    }

    #[test]
    fn a_decimal_is_exact_or_refused() {
        let exact = |value| decimal(value, 6, 2).ok();
        assert_eq!(exact(ValueRef::Integer(-12)), Some(-1200));
        assert_eq!(exact(ValueRef::Real(1.1)), Some(110));
        assert_eq!(exact(ValueRef::Real(-0.05)), Some(-5));
        assert_eq!(exact(ValueRef::Text(b"9999.99")), Some(999_999));
        assert_eq!(exact(ValueRef::Text(b"-0.50")), Some(-50));
        for value in [
            ValueRef::Integer(10_000),
            ValueRef::Real(0.005),
            ValueRef::Real(0.1 + 0.2),
            ValueRef::Real(f64::INFINITY),
            ValueRef::Text(b"1e3"),
            ValueRef::Text(b"1."),
            ValueRef::Text(b""),
            ValueRef::Blob(b"1"),
        ] {
            assert_eq!(exact(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_value_of_another_class_names_its_class() {
        let reason = |data_type, value| pushed(&data_type, value).unwrap_err().reason;
        assert_eq!(
            reason(DataType::Int64, ValueRef::Text(b"abc")),
            "the value of storage class text is not an integer"
        );
        assert_eq!(
            reason(DataType::Int64, ValueRef::Real(1e20)),
            "the value of storage class real is not an integer"
        );
        assert_eq!(
            reason(DataType::Utf8, ValueRef::Blob(b"abc")),
            "the value of storage class blob is not text"
        );
        assert_eq!(
            reason(DataType::Utf8, ValueRef::Text(b"ab\xff")),
            "the text is not valid UTF-8 at byte 2"
        );
        assert_eq!(
            reason(DataType::Boolean, ValueRef::Integer(2)),
            "the value of storage class integer is not a boolean (0 or 1)"
        );
        assert_eq!(
            reason(DataType::Float64, ValueRef::Integer((1 << 53) + 1)),
            "the value of storage class integer is too large for a real"
        );
        assert!(pushed(&DataType::Float64, ValueRef::Integer(1 << 53)).is_ok());
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(
            reason(zoned, ValueRef::Text(b"2026-01-01T00:00:00Z")),
            "the timestamp has a time zone, unlike its column"
        );
    }
}
