//! From Arrow to the bytes of `COPY … FROM STDIN`.
//!
//! What becomes of each column is decided once ([`fit`]). A batch is then encoded column by column:
//! each becomes [`cells::Cells`], the bytes of its values, while everything that the target could
//! not hold is found; [`rows`] copies them to where they belong. A batch with bad values is encoded
//! again without their rows, so that the ordinary loop never asks.
//!
//! The crate pgpq (0.12) was tried first. It has one dimension of arrays, no `Decimal256`, no
//! dictionaries and no types that are checked text (`uuid`, `inet`, `numeric` of any precision), and
//! one bad value fails its whole batch; here each of them must be found and named.

mod address;
mod bad;
mod cells;
mod column;
mod fit;
mod interval;
mod json;
mod list;
mod moment;
mod moment_text;
mod money;
mod nested;
mod new_type;
mod numeric;
mod numeric_text;
mod plain_text;
mod rows;
mod source_type;
mod target;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use bytes::BytesMut;

use super::server_type::Column;
use crate::error::{Error, Result};
use crate::sink::{Misfit, without};
use bad::Bad;
use cells::Cells;
use fit::Way;
use target::Leaf;

/// The format of a `COPY`: text is taken where a column has a type without an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `(FORMAT binary)`.
    Binary,
    /// `(FORMAT text)`.
    Text,
}

/// Writes batches as the rows of one `COPY`; decided once, for a schema and its target columns.
#[derive(Debug)]
pub(super) struct Encoder {
    /// The format to be named in the statement.
    pub format: Format,
    columns: Vec<Planned>,
}

/// A column and how its values get there.
#[derive(Debug)]
struct Planned {
    name: String,
    nullable: bool,
    way: Way,
}

/// What begins a binary `COPY`: a signature, flags and the length of an extension, both none.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What ends it, in the place of a row's number of values.
const TRAILER: [u8; 2] = [0xff; 2];

const NO_NULL: &str = "the column takes no NULL";
const COALESCE: &str = "fill it in the model with `coalesce`, or drop the column's `not null`";

impl Encoder {
    /// An encoder for batches of `schema` into `columns`, one for each field and in the same order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Drift`] for fields that do not fit their columns.
    pub(super) fn new(schema: &Schema, columns: &[Column]) -> Result<Self> {
        if schema.fields().len() != columns.len() {
            return Err(Error::bug("an encoder needs a column for each field"));
        }
        let pairs = || schema.fields().iter().zip(columns);
        let ways: Vec<_> = pairs().map(|(field, column)| fit::way(field, column)).collect();
        if ways.iter().any(std::result::Result::is_err) {
            return Err(drift(pairs().zip(&ways)));
        }
        let ways: Vec<_> = ways.into_iter().flatten().collect();
        let is_binary = ways.iter().all(|way| way.leaf.is_binary());
        let format = if is_binary { Format::Binary } else { Format::Text };
        let columns = columns.iter().zip(ways).map(|(column, way)| Planned {
            name: column.name.clone(),
            nullable: column.nullable,
            way: Way { format, ..way },
        });
        Ok(Encoder { format, columns: columns.collect() })
    }

    /// Tells the labels of the enum type `oid`; without them it is the server that finds others.
    pub(super) fn set_labels(&mut self, oid: u32, labels: &[String]) {
        let labels: BTreeSet<_> = labels.iter().map(|label| label.as_bytes().to_vec()).collect();
        let labels = Arc::new(labels);
        for column in &mut self.columns {
            match &mut column.way.leaf {
                Leaf::Label(label) if label.oid == oid => label.labels = Some(labels.clone()),
                _ => {}
            }
        }
    }

    /// Tells how many digits after the point `money` has on the server.
    pub(super) fn set_money_digits(&mut self, digits: i8) {
        for column in &mut self.columns {
            if let Leaf::Money(of) = &mut column.way.leaf {
                *of = Some(digits);
            }
        }
    }

    /// Whether the session has to read amounts of `money` as they are written where `lc_monetary`
    /// is `C`.
    pub(super) fn writes_money(&self) -> bool {
        let is_money = |column: &Planned| matches!(column.way.leaf, Leaf::Money(_));
        self.format == Format::Text && self.columns.iter().any(is_money)
    }

    /// What comes before the first row.
    pub(super) fn begin(&self, out: &mut BytesMut) {
        if self.format == Format::Binary {
            out.extend_from_slice(SIGNATURE);
        }
    }

    /// Appends the rows of `batch`; those that do not fit are left out after `misfit` took them,
    /// one for each row. Gives the number of rows appended.
    pub(super) fn rows(
        &mut self,
        batch: &RecordBatch,
        out: &mut BytesMut,
        misfit: &mut dyn FnMut(Misfit) -> Result<()>,
    ) -> Result<u64> {
        let (cells, mut misfits) = self.cells(batch)?;
        if misfits.is_empty() {
            rows::append(self.format, &cells, batch.num_rows(), out);
            return Ok(count(batch));
        }
        misfits.sort_by_key(|misfit| misfit.row);
        misfits.dedup_by_key(|misfit| misfit.row);
        let rest = without(batch, &misfits)?;
        for found in misfits {
            misfit(found)?;
        }
        let (cells, misfits) = self.cells(&rest)?;
        if !misfits.is_empty() {
            return Err(Error::bug("a row that did not fit was not left out"));
        }
        rows::append(self.format, &cells, rest.num_rows(), out);
        Ok(count(&rest))
    }

    /// The columns of `batch`, and what does not fit; where anything does not, the cells mean
    /// nothing.
    fn cells(&self, batch: &RecordBatch) -> Result<(Vec<Cells>, Vec<Misfit>)> {
        if batch.num_columns() != self.columns.len() {
            return Err(Error::bug("a batch has other columns than its schema"));
        }
        let mut all = Vec::with_capacity(self.columns.len());
        let mut misfits = Vec::new();
        for (planned, array) in self.columns.iter().zip(batch.columns()) {
            let mut bad = Bad::default();
            let mut cells = fit_cells(planned, array, &mut bad)?;
            if self.format == Format::Text && bad.is_empty() {
                // Arrays are text already.
                if planned.way.element.is_none() {
                    cells = plain_text::of(&planned.way.leaf, cells);
                }
                cells = plain_text::escaped(cells);
            }
            misfits.extend(bad.into_misfits(&planned.name));
            all.push(cells);
        }
        Ok((all, misfits))
    }

    /// What comes after the last row.
    pub(super) fn end(&self, out: &mut BytesMut) {
        if self.format == Format::Binary {
            out.extend_from_slice(&TRAILER);
        }
    }
}

fn fit_cells(planned: &Planned, array: &arrow::array::ArrayRef, bad: &mut Bad) -> Result<Cells> {
    let cells = column::encode(&planned.way, array, bad)?;
    if !planned.nullable && cells.nulls.is_some() {
        (0..cells.len())
            .filter(|row| cells.is_null(*row))
            .for_each(|row| bad.note(row, b"NULL", NO_NULL, Some(COALESCE)));
    }
    Ok(cells)
}

fn count(batch: &RecordBatch) -> u64 {
    u64::try_from(batch.num_rows()).unwrap_or(u64::MAX)
}

fn drift<'a>(
    pairs: impl Iterator<Item = ((&'a Arc<Field>, &'a Column), &'a Result<Way, &'static str>)>,
) -> Error {
    let error = Error::drift("the columns of the load do not fit those of the table");
    let mut hints = BTreeSet::new();
    let error = pairs.fold(error, |error, ((field, column), way)| match way {
        Ok(_) => error,
        Err(hint) => {
            hints.insert(*hint);
            let what =
                format!("{} in the load, {} in the table", field.data_type(), column.kind.shown);
            error.at(format!("`{}`", column.name), what)
        }
    });
    error.hint(hints.into_iter().collect::<Vec<_>>().join("; "))
}

/// The type that a new table gets for `field`, such as `numeric(12,2)`: the source type where the
/// metadata has one that this server knows without extensions, or one that holds every value.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type that no column holds.
pub(super) fn new_type(field: &Field) -> Result<String> {
    new_type::of(field)
}

/// The type of `field` at its source when no server has it by itself: an enum, a domain, or a type
/// of an extension. A target that has a type of this name may give it to the column if [`fits`]
/// then agrees; else [`new_type`] is the way.
pub(super) fn wished_type(field: &Field) -> Option<&str> {
    new_type::wished(field)
}

/// Whether each value of `field` either fits `column` or is found before it is sent.
pub(super) fn fits(field: &Field, column: &Column) -> bool {
    fit::way(field, column).is_ok()
}

/// The type that would hold both what `column` has and what `field` brings, when there is one and
/// the column does not hold it now: `bigint` for an `integer` column and `Int64`.
pub(super) fn widened(field: &Field, column: &Column) -> Option<String> {
    new_type::widened(field, column)
}
