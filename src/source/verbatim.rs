//! Rows as a server sent them, for a sink whose server reads that very form: nobody decodes them in
//! between, so that nothing can happen to a value.

use std::fmt::{self, Debug};

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::error::Result;

/// How rows look that are handed on as they came: what is sent in one form can be taken wherever
/// that very form is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowForm {
    /// How rows follow each other, and values in a row: `postgres copy binary`.
    pub layout: &'static str,
    /// The type of each column, as the server writes it: `numeric(12,2)`.
    pub types: Vec<String>,
}

/// Some whole rows, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The rows, with nothing before or after them.
    pub bytes: Bytes,
    /// How many these are.
    pub rows: u64,
}

/// Rows, in blocks, with the errors of [`Snapshot::read`](super::Snapshot::read) but for those of
/// refused rows. Nobody reads on after the first error.
pub type BlockStream = BoxStream<'static, Result<Block>>;

/// The rows of a split, or of several, as they came.
pub struct Verbatim {
    /// How they look.
    pub form: RowForm,
    /// The rows; nothing is asked of the server before the first of them is wanted.
    pub blocks: BlockStream,
}

impl Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verbatim").field("form", &self.form).finish_non_exhaustive()
    }
}
