//! From Arrow to the bytes of `COPY … FROM STDIN`.

use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use bytes::BytesMut;

use super::server_type::Column;
use crate::error::{Error, Result};

/// The format of a `COPY`: text is taken where a column has a type without an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `(FORMAT binary)`.
    Binary,
    /// `(FORMAT text)`.
    Text,
}

/// A value that its target column cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The row in the batch, from 0.
    pub row: usize,
    /// The column's name.
    pub column: String,
    /// The value, as far as it can be shown.
    pub value: String,
    /// What is wrong, as a sentence of the house.
    pub reason: String,
    /// What can be done.
    pub hint: Option<String>,
}

/// Writes batches as the rows of one `COPY`; decided once, for a schema and its target columns.
#[derive(Debug)]
pub(super) struct Encoder {
    /// The format to be named in the statement.
    pub format: Format,
}

impl Encoder {
    /// An encoder for batches of `schema` into `columns`, one for each field and in the same order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Drift`] for a field that does not fit its column.
    pub(super) fn new(_schema: &Schema, _columns: &[Column]) -> Result<Self> {
        Err(Error::bug("nothing can be written yet"))
    }

    /// What comes before the first row.
    pub(super) fn begin(&self, _out: &mut BytesMut) {}

    /// Appends the rows of `batch`; those that do not fit are left out after `misfit` took them.
    /// Gives the number of rows appended.
    pub(super) fn rows(
        &mut self,
        _batch: &RecordBatch,
        _out: &mut BytesMut,
        _misfit: &mut dyn FnMut(Misfit) -> Result<()>,
    ) -> Result<u64> {
        Err(Error::bug("nothing can be written yet"))
    }

    /// What comes after the last row.
    pub(super) fn end(&self, _out: &mut BytesMut) {}
}

/// The type that a new table gets for `field`, such as `numeric(12,2)`: the source type where the
/// metadata has one that this server knows without extensions, or one that holds every value.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type that no column holds.
pub(super) fn new_type(field: &Field) -> Result<String> {
    Err(Error::unsupported(format!("column `{}` cannot be written yet", field.name())))
}

/// Whether each value of `field` either fits `column` or is found before it is sent.
pub(super) fn fits(_field: &Field, _column: &Column) -> bool {
    false
}

/// The type that would hold both what `column` has and what `field` brings, when there is one:
/// `bigint` for an `integer` column and `Int64`.
pub(super) fn widened(_field: &Field, _column: &Column) -> Option<String> {
    None
}
