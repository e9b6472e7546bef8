//! From the bytes of a row in the binary protocol to Arrow, column by column.
//!
//! How a column arrives is decided once, by [`reading`]. [`Decoder`] then only moves bytes: a value
//! goes from the packet straight into the builder of its column. A value without a place in its
//! Arrow type is never changed: its row is refused, or it becomes NULL where a policy says so.
//!
//! - `reading`, `declared`: what becomes of which type; `manual` prints it.
//! - `sent`: how values stand in a row; `number` and `moment`: what they are; `text`: how the server
//!   would write them.
//! - `cells`: the columns of a batch; `rows`: batches; `misfit`: why a value is not taken.

mod cells;
mod declared;
mod manual;
mod misfit;
mod moment;
mod number;
mod reading;
mod rows;
mod sent;
#[cfg(test)]
mod tests;
mod text;

pub(in crate::connectors::mysql) use manual::manual;
pub(in crate::connectors::mysql) use reading::{Policies, Reading, ZeroDates, reading};
pub(in crate::connectors::mysql) use rows::Decoder;

/// The key of a field's metadata that holds its type at the source, as `mysql:decimal(12,2)`.
const SOURCE_TYPE: &str = "dhow.source_type";

/// The key of a field's metadata that holds the comment on the column.
const COMMENT: &str = "dhow.comment";
