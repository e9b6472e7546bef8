//! From the bytes of `COPY … TO STDOUT (FORMAT binary)` to Arrow, column by column.
//!
//! How a column arrives is decided once, by [`reading`]. [`Decoder`] then only moves bytes: it cuts
//! some rows into fields, and then the values of one column after the other go from the messages
//! straight into its buffer. A value without a place in its Arrow type is never changed: its row is
//! refused, or it becomes NULL where a policy says so.

mod cells;
mod chunk;
mod lists;
mod manual;
mod misfit;
mod numeric;
mod reading;
mod rows;
mod strings;
#[cfg(test)]
mod tests;
mod vector;

pub(in crate::connectors::postgres) use manual::manual;
pub(in crate::connectors::postgres) use reading::{Policies, Reading, Special, reading};
pub(in crate::connectors::postgres) use rows::Decoder;

/// The key of a field's metadata that holds its type at the source, as `postgres:numeric(12,2)`.
pub(super) const SOURCE_TYPE: &str = "dhow.source_type";

/// The key of a field's metadata that holds the comment on the column.
pub(super) const COMMENT: &str = "dhow.comment";
