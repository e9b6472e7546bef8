//! Writes Arrow batches as lines of JSON, each value exactly.
//!
//! What becomes of each column is decided once, by the [`Form`] that a connector chooses for it;
//! the loop then only moves bytes. A value that its form cannot hold makes its row a [`Misfit`]:
//! the row is left out of the lines and handed back with the place, the value and the reason.
//! Nothing is rounded, cut or replaced.

mod bad;
mod binary;
mod bind;
mod boolean;
mod cells;
mod decimal;
mod digits;
mod escape;
mod fit;
mod float;
mod form;
mod frame;
mod json;
mod list;
mod moment;
mod plan;
mod record;
mod rows;
mod spans;
#[cfg(test)]
mod tests;
mod text;
mod unfit;
mod whole;

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;

pub use form::{Column, Form, NullList, Nulls, Specials, TextLimit};

use crate::error::Result;
use crate::sink::Misfit;
use bad::Bad;
use plan::Planned;
use rows::{Members, Places};

/// Writes batches as lines of JSON; decided once, for a schema and its target columns.
#[derive(Debug)]
pub struct Lines {
    columns: Vec<Planned>,
    max_row_bytes: usize,
    places: Places,
}

impl Lines {
    /// Lines for batches of `schema`: one column for each field, in the same order. NULL values are
    /// left out of the objects, and rows may have any length.
    ///
    /// # Errors
    /// [`crate::error::Kind::Drift`] where a form cannot hold the type of its field; it names all
    /// such columns.
    pub fn new(schema: &Schema, columns: Vec<Column>) -> Result<Lines> {
        fit::check(schema, &columns)?;
        let planned = |column| Planned::column(column, Nulls::Omit);
        let columns = columns.into_iter().map(planned).collect();
        Ok(Lines { columns, max_row_bytes: usize::MAX, places: Places::default() })
    }

    /// The same lines with NULL values written as `nulls` says, in records as well.
    #[must_use]
    pub fn with_nulls(self, nulls: Nulls) -> Self {
        let columns = self.columns.into_iter().map(|planned| planned.with_nulls(nulls)).collect();
        Lines { columns, ..self }
    }

    /// The same lines, where a row of more than `bytes` bytes, with the end of its line, is a
    /// misfit.
    #[must_use]
    pub fn with_max_row_bytes(self, bytes: usize) -> Self {
        Lines { max_row_bytes: bytes, ..self }
    }

    /// Appends one line for each row of `batch` that fits, in the order of rows. The others are
    /// returned, in the order of rows and one for each, and nothing of them is in `out`. So the
    /// number of lines is that of the rows less that of the misfits.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] for a batch that has other columns than the schema.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<Vec<Misfit>> {
        let columns = bind::columns(&self.columns, batch.columns())?;
        let mut members = Members::new(columns, std::mem::take(&mut self.places));
        let (mut bad, mut long) = (Bad::default(), Vec::new());
        members.objects(0..batch.num_rows(), &mut bad, |row, object, fits| {
            if object.len() > self.max_row_bytes {
                long.push((row, object.len()));
            } else if fits {
                if let Some(last) = object.last_mut() {
                    *last = b'\n';
                }
                out.extend_from_slice(object);
            }
        });
        for (row, bytes) in long {
            let widest = members.widest(row);
            bad.long(row, widest, bytes, self.max_row_bytes);
        }
        self.places = members.into_places();
        Ok(bad.into_misfits())
    }
}
