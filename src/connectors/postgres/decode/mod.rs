//! From the bytes of `COPY … TO STDOUT (FORMAT binary)` to Arrow, column by column.
//!
//! How a column arrives is decided once, by [`reading`]. [`Decoder`] then only moves bytes: it cuts
//! some rows into fields, and then the values of one column after the other go from the messages
//! straight into its buffer. A value without a place in its Arrow type is never changed: its row is
//! refused, or it becomes NULL where a policy says so.
//!
//! [`Passing`] decodes nothing: its rows are for a server that reads them as they are.

mod cells;
mod chunk;
mod frames;
mod lists;
mod manual;
mod misfit;
mod numeric;
mod passing;
mod reading;
mod rows;
mod strings;
#[cfg(test)]
mod tests;
mod vector;

use crate::error::Result;

pub(in crate::connectors::postgres) use manual::manual;
pub(in crate::connectors::postgres) use passing::Passing;
pub(in crate::connectors::postgres) use reading::{Policies, Reading, Special, reading};
pub(in crate::connectors::postgres) use rows::Decoder;

/// What is made of the rows of a `COPY`.
pub(in crate::connectors::postgres) trait Intake:
    Send + 'static
{
    /// Some rows.
    type Piece: Send + 'static;

    /// Takes the payloads of `CopyData` messages: the header, the header with the first row, one
    /// row, or the trailer. Gives a piece as soon as one is full, and leaves the rest of the
    /// payloads where they are.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] for bytes that are none of these, and whatever the taker of
    /// refused rows says.
    fn push<'a>(
        &mut self,
        payloads: &mut impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Self::Piece>>;

    /// The rows that are left, and the proof that the trailer has been seen.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] when it has not.
    fn finish(self) -> Result<Option<Self::Piece>>;

    /// Bytes of memory that a piece takes.
    fn bytes(piece: &Self::Piece) -> usize;
}

/// The key of a field's metadata that holds its type at the source, as `postgres:numeric(12,2)`.
pub(super) const SOURCE_TYPE: &str = "dhow.source_type";

/// The key of a field's metadata that holds the comment on the column.
pub(super) const COMMENT: &str = "dhow.comment";
