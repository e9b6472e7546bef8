//! From the bytes of a row in the binary protocol to Arrow, column by column.
//!
//! How a column arrives is decided once, by [`reading`]. [`Decoder`] then only moves bytes: a value
//! goes from the packet straight into the buffer of its column. A value without a place in its
//! Arrow type is never changed: its row is refused, or it becomes NULL where a policy says so.

mod manual;
mod reading;
mod rows;

pub(in crate::connectors::mysql) use manual::manual;
pub(in crate::connectors::mysql) use reading::{Policies, Reading, ZeroDates, reading};
pub(in crate::connectors::mysql) use rows::Decoder;

/// The key of a field's metadata that holds its type at the source, as `mysql:decimal(12,2)`.
pub(super) const SOURCE_TYPE: &str = "dhow.source_type";

/// The key of a field's metadata that holds the comment on the column.
pub(super) const COMMENT: &str = "dhow.comment";
