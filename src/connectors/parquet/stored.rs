//! How Arrow columns are stored: plain types that every reader understands, and nothing lost.
//!
//! Views and dictionaries are ways of holding values in memory, so they are written as what they
//! hold. Parquet has no seconds and no Arrow date in milliseconds; these become the next finer unit
//! or a plain date, exactly. What has no logical type in Parquet is refused. Columns are always
//! written as nullable, so that a later load may bring a NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Date64Type, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};

/// The columns of `schema` as they are stored.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type that Parquet has no logical type for,
/// [`crate::error::Kind::Config`] when there is no column or two have the same name.
pub(super) fn schema(schema: &Schema) -> Result<SchemaRef> {
    if schema.fields().is_empty() {
        return Err(Error::config("a table without columns cannot be written as Parquet"));
    }
    let mut fields: Vec<Field> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if fields.iter().any(|known| known.name() == field.name()) {
            return Err(Error::config(format!("two columns are called `{}`", field.name()))
                .hint("give one of them another name with `as`"));
        }
        let kind = data_type(field.data_type()).map_err(|e| e.at("column", field.name()))?;
        fields.push(field.as_ref().clone().with_data_type(kind).with_nullable(true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn data_type(kind: &DataType) -> Result<DataType> {
    let inner = |field: &Field| -> Result<Arc<Field>> {
        Ok(Arc::new(field.clone().with_data_type(data_type(field.data_type())?)))
    };
    Ok(match kind {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => data_type(value)?,
        DataType::RunEndEncoded(_, value) => data_type(value.data_type())?,
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        DataType::Time32(TimeUnit::Second) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Date64 => DataType::Date32,
        DataType::List(field) | DataType::ListView(field) => DataType::List(inner(field)?),
        DataType::LargeList(field) | DataType::LargeListView(field) => {
            DataType::LargeList(inner(field)?)
        }
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(inner(field)?, *size),
        DataType::Map(field, sorted) => DataType::Map(inner(field)?, *sorted),
        DataType::Struct(fields) if fields.is_empty() => {
            return Err(Error::unsupported("a struct without fields cannot be written as Parquet")
                .hint("leave the column out, or write it as text"));
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|f| inner(f)).collect::<Result<_>>()?)
        }
        DataType::Duration(_)
        | DataType::Interval(IntervalUnit::MonthDayNano)
        | DataType::Union(..) => {
            return Err(Error::unsupported(format!("Parquet has no type for {kind}"))
                .hint("cast the column in the model, for example to bigint or varchar"));
        }
        other => other.clone(),
    })
}

/// The rows of `batch`, columns picked by `order`, as `schema` stores them.
///
/// # Errors
/// [`crate::error::Kind::Data`] when a value does not fit exactly.
pub(super) fn rows(
    batch: &RecordBatch,
    order: &[usize],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(order.len());
    for (field, &index) in schema.fields().iter().zip(order) {
        let Some(column) = batch.columns().get(index) else {
            return Err(Error::bug("a batch has fewer columns than its load"));
        };
        columns.push(cast(column, field.data_type()).map_err(|e| e.at("column", field.name()))?);
    }
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|e| Error::bug("a batch does not have the columns of its load").at("arrow", e))
}

fn cast(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    if column.data_type() == kind {
        return Ok(column.clone());
    }
    if let Some(dates) = column.as_primitive_opt::<Date64Type>() {
        const DAY: i64 = 86_400_000;
        if let Some(off) = dates.iter().flatten().find(|value| value % DAY != 0) {
            return Err(Error::data("a date carries a time of day, which Parquet cannot hold")
                .at("value", format!("{off} ms since 1970"))
                .hint("cast the column to timestamp in the model"));
        }
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, kind, &strict).map_err(|e| {
        Error::data(format!("a value does not fit {kind}, as which the column is stored"))
            .at("arrow", e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Date32Array, Date64Array, DictionaryArray, StringArray, StringViewArray,
        TimestampMillisecondArray, TimestampSecondArray,
    };
    use arrow::datatypes::Int8Type;

    #[test]
    fn views_dictionaries_and_seconds_are_stored_as_plain_types_with_equal_values() {
        let words: DictionaryArray<Int8Type> = [Some("a"), None].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("view", Arc::new(StringViewArray::from(vec![Some("x"), None]))),
            ("dictionary", Arc::new(words)),
            ("second", Arc::new(TimestampSecondArray::from(vec![1, -1]))),
            ("date", Arc::new(Date64Array::from(vec![86_400_000, -86_400_000]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let stored = schema(&batch.schema()).unwrap();
        let rows = rows(&batch, &[0, 1, 2, 3], &stored).unwrap();
        let expected: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("x"), None])),
            Arc::new(StringArray::from(vec![Some("a"), None])),
            Arc::new(TimestampMillisecondArray::from(vec![1000, -1000])),
            Arc::new(Date32Array::from(vec![1, -1])),
        ];
        assert_eq!(rows.columns(), expected);
    }

    #[test]
    fn a_value_that_would_change_is_refused() {
        let late: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
        let noon: ArrayRef = Arc::new(Date64Array::from(vec![43_200_000]));
        for column in [late, noon] {
            let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
            let stored = schema(&batch.schema()).unwrap();
            assert_eq!(rows(&batch, &[0], &stored).unwrap_err().kind(), crate::error::Kind::Data);
        }
    }

    #[test]
    fn what_parquet_cannot_say_is_refused_by_name() {
        let duration = Field::new("d", DataType::Duration(TimeUnit::Second), true);
        let error = schema(&Schema::new(vec![duration])).unwrap_err();
        assert_eq!(error.places(), [("column".to_owned(), "d".to_owned())]);
        let twice = vec![Field::new("a", DataType::Int8, true); 2];
        let error = schema(&Schema::new(twice)).unwrap_err();
        assert_eq!(error.message(), "two columns are called `a`");
    }
}
