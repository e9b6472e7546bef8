//! Bodies of Arrow and Parquet: columns as they are, in the types that the server reads.
//!
//! Values have been looked at before, row by row; here types are changed only where every value
//! stays what it is.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use crate::connectors::doris::kind::Kind;
use crate::connectors::doris::options::Format;
use crate::connectors::doris::stage::PLACE;
use crate::connectors::doris::table::Column;
use crate::error::{Error, Result};

/// Bytes of a row group, about: it is held until it is whole.
const GROUP: usize = 8 * 1024 * 1024;

/// Writes batches as the body of a request.
pub(super) struct Columnar {
    format: Format,
    schema: SchemaRef,
    writer: Option<Writer>,
}

enum Writer {
    Arrow(Box<StreamWriter<Vec<u8>>>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl Columnar {
    /// For batches of `load` with the place behind their columns.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for a column that only JSON carries.
    pub(super) fn new(load: &Schema, columns: &[Column], format: Format) -> Result<Self> {
        let mut fields = Vec::new();
        for field in load.fields() {
            let column = columns.iter().find(|c| c.name.eq_ignore_ascii_case(field.name()));
            let sent = column.and_then(|column| {
                let sent = sent(&column.kind, field.data_type())?;
                Some(Field::new(&column.name, sent, true))
            });
            fields.push(sent.ok_or_else(|| {
                let message = format!("column `{}` can only be sent as JSON", field.name());
                Error::config(message).at("type", field.data_type()).hint("set `format: json`")
            })?);
        }
        fields.push(Field::new(PLACE, DataType::Utf8, false));
        Ok(Columnar { format, schema: Arc::new(Schema::new(fields)), writer: None })
    }

    /// Writes a batch, whose columns are those of the load and the place.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let cast = |(column, field): (&ArrayRef, &Arc<Field>)| {
            let mut column = Arc::clone(column);
            if let (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(_, None)) =
                (column.data_type().clone(), field.data_type())
            {
                // To the time in UTC, and not to that of its zone.
                let utc = DataType::Timestamp(unit, Some("UTC".into()));
                column = cast_with_options(&column, &utc, &options).map_err(broken)?;
            }
            cast_with_options(&column, field.data_type(), &options).map_err(broken)
        };
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(cast).collect::<Result<Vec<_>>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &rows).map_err(broken)?;
        match self.writer()? {
            Writer::Arrow(writer) => writer.write(&batch).map_err(broken),
            Writer::Parquet(writer) => {
                writer.write(&batch).map_err(broken)?;
                if writer.in_progress_size() > GROUP {
                    writer.flush().map_err(broken)?;
                }
                Ok(())
            }
        }
    }

    fn writer(&mut self) -> Result<&mut Writer> {
        if self.writer.is_none() {
            let schema = Arc::clone(&self.schema);
            self.writer = Some(match self.format {
                Format::Parquet => Writer::Parquet(Box::new(
                    ArrowWriter::try_new(Vec::new(), schema, None).map_err(broken)?,
                )),
                Format::Arrow | Format::Json => Writer::Arrow(Box::new(
                    StreamWriter::try_new(Vec::new(), &self.schema).map_err(broken)?,
                )),
            });
        }
        self.writer.as_mut().ok_or_else(|| Error::bug("there is no writer"))
    }

    /// Bytes that can be handed on.
    pub(super) fn ready(&self) -> usize {
        match &self.writer {
            None => 0,
            Some(Writer::Arrow(writer)) => writer.get_ref().len(),
            Some(Writer::Parquet(writer)) => writer.inner().len(),
        }
    }

    /// Takes what is ready; at the end of a request, all of it.
    pub(super) fn take(&mut self, is_over: bool) -> Result<Bytes> {
        let all = match (is_over, &mut self.writer) {
            (_, None) => Vec::new(),
            (false, Some(Writer::Arrow(writer))) => std::mem::take(writer.get_mut()),
            (false, Some(Writer::Parquet(writer))) => std::mem::take(writer.inner_mut()),
            (true, writer) => match writer.take() {
                None => Vec::new(),
                Some(Writer::Arrow(writer)) => writer.into_inner().map_err(broken)?,
                Some(Writer::Parquet(writer)) => writer.into_inner().map_err(broken)?,
            },
        };
        Ok(all.into())
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.writer = None;
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::bug("rows could not be written as a body").at("reason", error)
}

/// The type in which values are sent to a column; `None` where they have to be written by hand.
fn sent(kind: &Kind, field: &DataType) -> Option<DataType> {
    let is_text = matches!(field, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    Some(match kind {
        Kind::Boolean => DataType::Boolean,
        Kind::Integer(8) => DataType::Int8,
        Kind::Integer(16) => DataType::Int16,
        Kind::Integer(32) => DataType::Int32,
        Kind::Integer(64) => DataType::Int64,
        // There is no whole number of 128 bits in Arrow.
        Kind::Integer(_) => DataType::Utf8,
        Kind::Float => DataType::Float32,
        Kind::Double => DataType::Float64,
        Kind::Decimal(digits @ 1..=38, scale) => {
            DataType::Decimal128(*digits, i8::try_from(*scale).ok()?)
        }
        Kind::Date => DataType::Date32,
        Kind::DateTime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::Char(_) | Kind::Varchar(_) | Kind::Text | Kind::Json | Kind::Variant if is_text => {
            DataType::Utf8
        }
        Kind::Address(_) if is_text => DataType::Utf8,
        _ => return None,
    })
}
