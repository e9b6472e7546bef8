//! Values out of the rows of our own statements.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::{Error, Result};

/// The value at `index`.
///
/// # Errors
/// [`crate::error::Kind::Bug`] when the statement gives another type: it is one of ours.
pub(super) fn cell<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T> {
    row.try_get(index).map_err(|e| Error::bug("a catalog query gave something else").at("cell", e))
}
