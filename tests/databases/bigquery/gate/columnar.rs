//! Parquet load jobs: rows of a file as the JSON that the same rows would be.

use arrow::array::{
    Array, AsArray, FixedSizeBinaryArray, GenericListArray, OffsetSizeTrait, StructArray,
};
use arrow::datatypes::{self as types, DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::schema::{Field, Mode, Type};
use super::store::Row;
use super::values;

fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(format!(
        "Error while reading data, error message: Failed to read the Parquet file: {error}"
    ))
}

/// How many rows a file has.
pub(crate) fn count(data: &[u8]) -> Outcome<u64> {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(data)).map_err(broken)?;
    Ok(reader.metadata().file_metadata().num_rows().unsigned_abs())
}

/// The rows of a file, checked against the columns.
pub(crate) fn rows(data: &[u8], fields: &[Field], load: &Value) -> Outcome<Vec<Row>> {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(data)).map_err(broken)?;
    let schema = builder.schema().clone();
    let lists = load["parquetOptions"]["enableListInference"] == true;
    for column in schema.fields() {
        let Some(field) = fields.iter().find(|field| field.is(column.name())) else {
            return Err(Refusal::invalid(format!(
                "Provided Schema does not match the file. Cannot add fields (field: {})",
                column.name()
            )));
        };
        check(field, column.data_type(), lists)?;
    }
    let mut rows = Vec::new();
    for batch in builder.build().map_err(broken)? {
        let batch = batch.map_err(broken)?;
        for at in 0..batch.num_rows() {
            let given: Map<String, Value> = schema
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| (column.name().clone(), value(array.as_ref(), at)))
                .collect();
            let row = values::row(fields, &given, false);
            rows.push(row.map_err(|why| {
                Refusal::invalid(format!("Error while reading data, error message: {why}"))
            })?);
        }
    }
    Ok(rows)
}

/// Whether a column of the file can become this column of the table.
fn check(field: &Field, from: &DataType, lists: bool) -> Outcome<()> {
    if let DataType::List(item) | DataType::LargeList(item) = from {
        if !lists || field.mode != Mode::Repeated {
            return Err(mismatch(field, from));
        }
        return check(&Field { mode: Mode::Nullable, ..field.clone() }, item.data_type(), lists);
    }
    if field.mode == Mode::Repeated {
        return Err(mismatch(field, from));
    }
    if let (Type::Record, DataType::Struct(inner)) = (field.kind, from) {
        for column in inner {
            let known = field.fields.iter().find(|field| field.is(column.name()));
            check(known.ok_or_else(|| mismatch(field, from))?, column.data_type(), lists)?;
        }
        return Ok(());
    }
    match is_fit(field.kind, from) {
        true => Ok(()),
        false => Err(mismatch(field, from)),
    }
}

fn mismatch(field: &Field, from: &DataType) -> Refusal {
    let to = field.kind.name();
    Refusal::invalid(format!(
        "Error while reading data, error message: Parquet column '{}' has type {from} which does not match the target cpp_type {to}",
        field.name
    ))
}

fn is_fit(kind: Type, from: &DataType) -> bool {
    match kind {
        Type::Int64 => from.is_integer() && *from != DataType::UInt64,
        Type::Float64 => matches!(from, DataType::Float16 | DataType::Float32 | DataType::Float64),
        Type::Bool => *from == DataType::Boolean,
        Type::String | Type::Json | Type::Geography => {
            matches!(from, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        Type::Bytes => matches!(
            from,
            DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
        ),
        Type::Date => *from == DataType::Date32,
        Type::Time => matches!(from, DataType::Time32(_) | DataType::Time64(_)),
        Type::DateTime => matches!(from, DataType::Timestamp(_, None)),
        // Moments without a zone are taken as UTC.
        Type::Timestamp => matches!(
            from,
            DataType::Timestamp(
                TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
                _
            )
        ),
        Type::Numeric => {
            matches!(from, DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) if digits(*p, *s, 29, 9))
        }
        Type::BigNumeric => {
            matches!(
                from,
                DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..)
            ) || matches!(from, DataType::Decimal256(p, s) if digits(*p, *s, 38, 38))
        }
        Type::Interval | Type::Record => false,
    }
}

fn digits(precision: u8, scale: i8, integer: i16, fraction: i8) -> bool {
    (0..=fraction).contains(&scale) && i16::from(precision) - i16::from(scale) <= integer
}

/// A cell as it would stand in NDJSON.
fn value(array: &dyn Array, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(at).into(),
        DataType::Float32 => float(f64::from(array.as_primitive::<types::Float32Type>().value(at))),
        DataType::Float64 => float(array.as_primitive::<types::Float64Type>().value(at)),
        DataType::Binary => BASE64_STANDARD.encode(array.as_binary::<i32>().value(at)).into(),
        DataType::LargeBinary => BASE64_STANDARD.encode(array.as_binary::<i64>().value(at)).into(),
        DataType::BinaryView => BASE64_STANDARD.encode(array.as_binary_view().value(at)).into(),
        DataType::FixedSizeBinary(_) => {
            let array: &FixedSizeBinaryArray = array.as_fixed_size_binary();
            BASE64_STANDARD.encode(array.value(at)).into()
        }
        DataType::Struct(_) => record(array.as_struct(), at),
        DataType::List(_) => list(array.as_list::<i32>(), at),
        DataType::LargeList(_) => list(array.as_list::<i64>(), at),
        _ => text(array, at),
    }
}

fn float(number: f64) -> Value {
    match number {
        n if n.is_nan() => "NaN".into(),
        n if n.is_infinite() => {
            if n > 0.0 {
                "Infinity".into()
            } else {
                "-Infinity".into()
            }
        }
        n => n.into(),
    }
}

fn record(array: &StructArray, at: usize) -> Value {
    let columns = array.fields().iter().zip(array.columns());
    columns
        .map(|(field, column)| (field.name().clone(), value(column.as_ref(), at)))
        .collect::<Map<_, _>>()
        .into()
}

fn list<O: OffsetSizeTrait>(array: &GenericListArray<O>, at: usize) -> Value {
    let items = array.value(at);
    (0..items.len()).map(|at| value(items.as_ref(), at)).collect::<Vec<_>>().into()
}

/// Numbers, text, dates and times by Arrow's own display; finer than a microsecond is cut off.
fn text(array: &dyn Array, at: usize) -> Value {
    let options = FormatOptions::new()
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.6f"))
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.6f%:z"))
        .with_time_format(Some("%H:%M:%S%.6f"));
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(at).to_string().into(),
        Err(_) => Value::Null,
    }
}
