//! From the bytes of `COPY … TO STDOUT (FORMAT binary)` to Arrow, column by column.

use std::sync::Arc;

use arrow::datatypes::Field;
use arrow::record_batch::RecordBatch;

use super::server_type::Column;
use crate::error::{Error, Result};
use crate::source::Refuse;

/// How a column arrives: decided once, before the first row.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The column in Arrow, its source type in the metadata.
    pub field: Field,
    /// The expression to select, such as `"amount"` or `"address"::text`.
    pub select: String,
}

/// What is done with values that have no place in Arrow's types.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policies;

/// How `column` arrives.
pub(super) fn reading(column: &Column, _policies: &Policies) -> Result<Reading> {
    Err(Error::bug(format!("`{}` cannot be read yet", column.name)))
}

/// Makes batches of rows.
#[derive(Debug)]
pub(super) struct Decoder {}

impl Decoder {
    /// A decoder for rows of `readings`; `place` names the split for refused rows.
    pub(super) fn new(
        _readings: &[Reading],
        _batch_rows: usize,
        _place: &str,
        _refuse: Arc<dyn Refuse>,
    ) -> Self {
        Decoder {}
    }

    /// Takes the payload of one `CopyData` message: the header, one row, or the trailer. Gives a
    /// batch when one is full.
    pub(super) fn push(&mut self, _payload: &[u8]) -> Result<Option<RecordBatch>> {
        Err(Error::bug("nothing can be read yet"))
    }

    /// The rows that are left, and the proof that the trailer has been seen.
    pub(super) fn finish(self) -> Result<Option<RecordBatch>> {
        Err(Error::bug("nothing can be read yet"))
    }
}
