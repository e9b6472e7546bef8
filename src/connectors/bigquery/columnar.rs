//! Batches as Parquet, in the types that load jobs turn into those of the table.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::field::{BIGNUMERIC, Column, Digits, Kind, Mode, NUMERIC};
use super::types::item;
use crate::error::{Error, Result};

/// Bytes after which a row group ends, as encoded.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// Writes batches as one Parquet file, into a buffer that is emptied as it goes.
#[derive(Debug)]
pub(super) struct Columnar {
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl Columnar {
    /// A file for batches of `schema` into a table of `columns`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for types that Parquet does not carry there.
    pub(super) fn new(schema: &Schema, columns: &[Column]) -> Result<Self> {
        let fields = schema.fields().iter().map(|field| {
            let column = columns.iter().find(|column| column.is(field.name()));
            column.and_then(|column| carried(field, column)).ok_or_else(|| {
                Error::unsupported(format!("column `{}` cannot go there as Parquet", field.name()))
                    .at("type", field.data_type())
                    .hint("use `format: json`, which carries every type")
            })
        });
        let schema = Arc::new(Schema::new(fields.collect::<Result<Fields>>()?));
        let level = ZstdLevel::try_new(1).map_err(|error| failed(&error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties));
        Ok(Columnar { schema, writer: writer.map_err(|error| failed(&error))? })
    }

    /// Appends rows; bytes that are finished go to `out`.
    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| turned(column, field.data_type()));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.schema);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|error| Error::bug("rows do not fit their columns").at("arrow", error))?;
        self.writer.write(&batch).map_err(|error| failed(&error))?;
        out.append(self.writer.inner_mut());
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.finish().map_err(|error| failed(&error))?;
        out.append(self.writer.inner_mut());
        Ok(())
    }

    /// Bytes of memory in use.
    pub(super) fn memory(&self) -> usize {
        self.writer.memory_size()
    }
}

/// The field as the file has it.
fn carried(field: &Field, column: &Column) -> Option<Field> {
    let nullable = column.mode != Mode::Required;
    let kind = match (column.mode, item(field.data_type())) {
        (_, Some(_)) if matches!(field.data_type(), DataType::Map(..)) => return None,
        (Mode::Repeated, Some(inner)) => {
            let kind = single(inner, &column.kind)?;
            DataType::List(Arc::new(Field::new("element", kind, false)))
        }
        (Mode::Repeated, None) | (_, Some(_)) => return None,
        (_, None) => single(field, &column.kind)?,
    };
    Some(Field::new(&column.name, kind, nullable || column.mode == Mode::Repeated))
}

/// The type of Arrow that the file has for values of one.
fn single(field: &Field, kind: &Kind) -> Option<DataType> {
    let decimal = |digits: Digits| {
        let (precision, scale) = (digits.integer + digits.fraction, i8::try_from(digits.fraction));
        scale.ok().map(|scale| match precision {
            ..=38 => DataType::Decimal128(precision, scale),
            _ => DataType::Decimal256(precision, scale),
        })
    };
    let kind = match kind {
        Kind::String(_) => match field.data_type() {
            kind if kind.is_decimal() || matches!(kind, DataType::FixedSizeBinary(_)) => {
                return None;
            }
            _ => DataType::Utf8,
        },
        Kind::Bytes(_) => DataType::Binary,
        Kind::Int64 => DataType::Int64,
        Kind::Float64 => DataType::Float64,
        Kind::Numeric(digits) => decimal(digits.unwrap_or(NUMERIC))?,
        Kind::BigNumeric(digits) => decimal(digits.unwrap_or(BIGNUMERIC))?,
        Kind::Bool => DataType::Boolean,
        Kind::Date => DataType::Date32,
        Kind::Time => DataType::Time64(TimeUnit::Microsecond),
        Kind::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Record(columns) => {
            let DataType::Struct(fields) = field.data_type() else { return None };
            let fields = fields.iter().map(|field| {
                let column = columns.iter().find(|column| column.is(field.name()))?;
                carried(field, column)
            });
            DataType::Struct(fields.collect::<Option<Fields>>()?)
        }
        Kind::Json | Kind::Geography | Kind::Other(_) => return None,
    };
    Some(kind)
}

/// `column` in the type of the file; every value has been looked at, so none is lost.
fn turned(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, kind, &options)
        .map_err(|error| Error::data("a value does not fit its column").at("arrow", error))
}

fn failed(error: &parquet::errors::ParquetError) -> Error {
    Error::bug("rows could not be written as Parquet").at("parquet", error)
}
