//! Values of the server as Arrow arrays, each exact or refused.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt8Builder,
};
use arrow::datatypes::Field;
use tiberius::ColumnData;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, SmallDateTime, Time};

use super::reading::{Fraction, Wire};
use super::variant;
use crate::error::{Error, Result};
use crate::source::Refused;

/// Days from 0001-01-01 to 1970-01-01.
const DAYS_FROM_ONE: i64 = 719_162;
/// Days from 1900-01-01 to 1970-01-01.
const DAYS_FROM_1900: i64 = 25_567;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// A column under construction.
#[derive(Debug)]
pub(super) enum Cells {
    Bit(BooleanBuilder),
    TinyInt(UInt8Builder),
    SmallInt(Int16Builder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Real(Float32Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Text(StringBuilder),
    Variant(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder, Fraction),
    Moment(TimestampMicrosecondBuilder, Fraction),
}

/// Why a value does not become one of Arrow.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble {
    /// The value, the reason and what to do: its row is refused.
    Misfit(String, &'static str, &'static str),
    /// The server sent another type than it said: nothing can be read any more.
    Foreign,
}

impl Cells {
    /// An empty column for what comes over `wire`.
    pub(super) fn new(wire: Wire, field: &Field) -> Self {
        match wire {
            Wire::Bit => Cells::Bit(BooleanBuilder::new()),
            Wire::TinyInt => Cells::TinyInt(UInt8Builder::new()),
            Wire::SmallInt => Cells::SmallInt(Int16Builder::new()),
            Wire::Int => Cells::Int(Int32Builder::new()),
            Wire::BigInt => Cells::BigInt(Int64Builder::new()),
            Wire::Real => Cells::Real(Float32Builder::new()),
            Wire::Float => Cells::Float(Float64Builder::new()),
            Wire::Decimal(precision, scale) => {
                let cells = Decimal128Builder::new().with_data_type(field.data_type().clone());
                Cells::Decimal(cells, precision, scale)
            }
            Wire::Text | Wire::Guid => Cells::Text(StringBuilder::new()),
            Wire::Variant => Cells::Variant(StringBuilder::new()),
            Wire::Bytes => Cells::Bytes(BinaryBuilder::new()),
            Wire::Date => Cells::Date(Date32Builder::new()),
            Wire::Time(fraction) => Cells::Time(Time64MicrosecondBuilder::new(), fraction),
            Wire::Moment(fraction) => Cells::Moment(TimestampMicrosecondBuilder::new(), fraction),
            Wire::Instant(fraction) => {
                let cells = TimestampMicrosecondBuilder::new();
                Cells::Moment(cells.with_timezone("UTC"), fraction)
            }
        }
    }

    /// Appends `value`; gives the bytes that it takes, where they vary. Nothing is appended when
    /// there is trouble.
    pub(super) fn push(&mut self, value: &ColumnData<'static>) -> Result<usize, Trouble> {
        use ColumnData as V;
        match (self, value) {
            (Cells::Bit(cells), V::Bit(value)) => cells.append_option(*value),
            (Cells::TinyInt(cells), V::U8(value)) => cells.append_option(*value),
            (Cells::SmallInt(cells), V::I16(value)) => cells.append_option(*value),
            (Cells::Int(cells), V::I32(value)) => cells.append_option(*value),
            (Cells::BigInt(cells), V::I64(value)) => cells.append_option(*value),
            (Cells::Real(cells), V::F32(value)) => cells.append_option(*value),
            (Cells::Float(cells), V::F64(value)) => cells.append_option(*value),
            (Cells::Decimal(cells, precision, scale), V::Numeric(value)) => {
                let digits = value.map(|value| digits(value, *precision, *scale)).transpose()?;
                cells.append_option(digits);
            }
            (Cells::Text(cells), V::Guid(value)) => {
                // The server shows them in capitals.
                cells.append_option(value.map(|value| format!("{value:X}")));
            }
            (Cells::Text(cells), V::Binary(value)) => {
                let text = value.as_deref().map(text).transpose()?;
                cells.append_option(text.as_deref());
                return Ok(text.map_or(0, |text| text.len()));
            }
            (Cells::Variant(cells), V::Binary(value)) => {
                let text = value.as_deref().map(variant::read).transpose()?;
                cells.append_option(text.as_deref());
                return Ok(text.map_or(0, |text| text.len()));
            }
            (Cells::Bytes(cells), V::Binary(value)) => {
                cells.append_option(value.as_deref());
                return Ok(value.as_deref().map_or(0, <[u8]>::len));
            }
            (Cells::Date(cells), V::Date(value)) => {
                cells.append_option(value.and_then(|value| i32::try_from(days(value)).ok()));
            }
            (Cells::Time(cells, fraction), V::Time(value)) => {
                cells.append_option(value.map(|value| micros(value, *fraction)).transpose()?);
            }
            (Cells::Moment(cells, fraction), value) => {
                cells.append_option(moment(value, *fraction)?);
            }
            _ => return Err(Trouble::Foreign),
        }
        Ok(0)
    }

    /// Appends NULL.
    pub(super) fn push_null(&mut self) {
        match self {
            Cells::Bit(cells) => cells.append_null(),
            Cells::TinyInt(cells) => cells.append_null(),
            Cells::SmallInt(cells) => cells.append_null(),
            Cells::Int(cells) => cells.append_null(),
            Cells::BigInt(cells) => cells.append_null(),
            Cells::Real(cells) => cells.append_null(),
            Cells::Float(cells) => cells.append_null(),
            Cells::Decimal(cells, ..) => cells.append_null(),
            Cells::Text(cells) | Cells::Variant(cells) => cells.append_null(),
            Cells::Bytes(cells) => cells.append_null(),
            Cells::Date(cells) => cells.append_null(),
            Cells::Time(cells, _) => cells.append_null(),
            Cells::Moment(cells, _) => cells.append_null(),
        }
    }

    /// The column as it stands.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Bit(cells) => Arc::new(cells.finish()),
            Cells::TinyInt(cells) => Arc::new(cells.finish()),
            Cells::SmallInt(cells) => Arc::new(cells.finish()),
            Cells::Int(cells) => Arc::new(cells.finish()),
            Cells::BigInt(cells) => Arc::new(cells.finish()),
            Cells::Real(cells) => Arc::new(cells.finish()),
            Cells::Float(cells) => Arc::new(cells.finish()),
            Cells::Decimal(cells, ..) => Arc::new(cells.finish()),
            Cells::Text(cells) | Cells::Variant(cells) => Arc::new(cells.finish()),
            Cells::Bytes(cells) => Arc::new(cells.finish()),
            Cells::Date(cells) => Arc::new(cells.finish()),
            Cells::Time(cells, _) => Arc::new(cells.finish()),
            Cells::Moment(cells, _) => Arc::new(cells.finish()),
        }
    }
}

/// The digits of `value` with `scale` of them after the point.
fn digits(value: Numeric, precision: u8, scale: i8) -> Result<i128, Trouble> {
    let digits = value.value();
    let is_own = i8::try_from(value.scale()) == Ok(scale);
    let fits = digits.unsigned_abs() < 10_u128.pow(u32::from(precision.min(38)));
    match is_own && fits {
        true => Ok(digits),
        false => Err(Trouble::Foreign),
    }
}

/// The text of which `bytes` are the UTF-16.
pub(super) fn text(bytes: &[u8]) -> Result<String, Trouble> {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    });
    let mut text = String::with_capacity(bytes.len() / 2);
    for c in char::decode_utf16(units) {
        match c {
            Ok(c) => text.push(c),
            Err(_) => return Err(half(bytes)),
        }
    }
    if bytes.len() % 2 == 1 { Err(half(bytes)) } else { Ok(text) }
}

fn half(bytes: &[u8]) -> Trouble {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
        .take(Refused::VALUE_CHARS + 1)
        .collect();
    Trouble::Misfit(
        Refused::shown(String::from_utf16_lossy(&units).as_bytes()),
        "the text has half a character: a surrogate of UTF-16 without its other half",
        "correct the value, or read it as varbinary with a `query`",
    )
}

/// Days since 1970 of a date since the year 1.
fn days(date: Date) -> i64 {
    i64::from(date.days()) - DAYS_FROM_ONE
}

/// The microseconds of a time of day.
fn micros(time: Time, fraction: Fraction) -> Result<i64, Trouble> {
    let increments = i64::try_from(time.increments()).map_err(|_| Trouble::Foreign)?;
    match u32::from(time.scale()) {
        scale @ ..=6 => increments.checked_mul(10_i64.pow(6 - scale)).ok_or(Trouble::Foreign),
        7 if increments % 10 == 0 || fraction == Fraction::Truncate => Ok(increments / 10),
        7 => Err(Trouble::Misfit(
            clock(increments),
            "the time has tenths of a microsecond, for which there is no place",
            "`fraction: truncate` cuts them off; `columns: {…: text}` reads the column exactly",
        )),
        _ => Err(Trouble::Foreign),
    }
}

/// A time of day in tenths of a microsecond, as the server shows it.
fn clock(increments: i64) -> String {
    let (seconds, rest) = (increments / 10_000_000, increments % 10_000_000);
    format!("{:02}:{:02}:{:02}.{rest:07}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Microseconds since 1970 of any type that is a date with a time of day.
fn moment(value: &ColumnData<'static>, fraction: Fraction) -> Result<Option<i64>, Trouble> {
    let of = |days: i64, micros: i64| days * MICROS_OF_DAY + micros;
    let both = |value: DateTime2| {
        let micros = micros(value.time(), fraction).map_err(|trouble| match trouble {
            Trouble::Misfit(time, reason, hint) => {
                Trouble::Misfit(format!("{} {time}", calendar(value.date())), reason, hint)
            }
            Trouble::Foreign => Trouble::Foreign,
        })?;
        Ok(of(days(value.date()), micros))
    };
    match value {
        ColumnData::DateTime(value) => Ok(value.map(datetime)),
        ColumnData::SmallDateTime(value) => Ok(value.map(smalldatetime)),
        ColumnData::DateTime2(value) => value.map(both).transpose(),
        // Its moment is in UTC on the wire; the offset beside it is only for showing it.
        ColumnData::DateTimeOffset(value) => value.map(|v| both(v.datetime2())).transpose(),
        _ => Err(Trouble::Foreign),
    }
}

/// A `datetime` counts in three hundredths of a second, and is shown with three digits: .000, .003
/// and .007. What is shown is what is meant.
fn datetime(value: DateTime) -> i64 {
    let millis = (i64::from(value.seconds_fragments()) * 10 + 1) / 3;
    (i64::from(value.days()) - DAYS_FROM_1900) * MICROS_OF_DAY + millis * 1000
}

/// A `smalldatetime` counts in minutes.
fn smalldatetime(value: SmallDateTime) -> i64 {
    let minutes = i64::from(value.seconds_fragments());
    (i64::from(value.days()) - DAYS_FROM_1900) * MICROS_OF_DAY + minutes * 60_000_000
}

/// A date as the server shows it.
fn calendar(date: Date) -> String {
    let seconds = days(date) * 86_400;
    match jiff::Timestamp::from_second(seconds) {
        Ok(day) => day.strftime("%Y-%m-%d").to_string(),
        Err(_) => format!("day {} of the calendar", date.days()),
    }
}

/// The error for a server that sent something else than it said.
pub(super) fn foreign(column: &str) -> Error {
    Error::conflict("the server sent another type than it said")
        .at("column", column)
        .hint("the table was changed meanwhile: run again")
}
