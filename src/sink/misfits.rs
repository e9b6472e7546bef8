//! Rows that the target cannot hold, as refused rows: where they stand, and with which key.

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions, array_value_to_string};

use crate::error::{Error, Result};
use crate::source::Refused;

/// A value that its target column cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
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

/// Counts the rows of a part, so that each has a place.
#[derive(Debug)]
pub struct Misfits {
    part: String,
    key: Vec<String>,
    passed: usize,
}

impl Misfits {
    /// None yet, of the part `part` of a load with this key.
    pub fn new(part: &str, key: &[String]) -> Self {
        Misfits { part: part.to_owned(), key: key.to_owned(), passed: 0 }
    }

    /// Counts rows that have been looked at.
    pub fn passed(&mut self, rows: usize) {
        self.passed += rows;
    }

    /// The row of `misfit`, which stands in `batch`.
    pub fn refused(&self, batch: &RecordBatch, misfit: Misfit) -> Result<Refused> {
        let mut place = format!("{} row {}", self.part, self.passed + misfit.row + 1);
        for name in &self.key {
            let Some(column) = batch.column_by_name(name) else { continue };
            let value = array_value_to_string(column, misfit.row)
                .map_err(|e| Error::bug("a key could not be shown").at("arrow", e))?;
            place.push_str(&format!(", {name}={}", Refused::shown(value.as_bytes())));
        }
        let (column, value) = (Some(misfit.column), Some(misfit.value));
        Ok(Refused { place, column, value, reason: misfit.reason, hint: misfit.hint })
    }
}

/// The value of `array` at `row` as text.
pub fn shown(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::new().with_null("NULL");
    ArrayFormatter::try_new(array, &options)
        .and_then(|formatter| formatter.value(row).try_to_string())
        .unwrap_or_else(|_| number(array, row))
}

/// A value that no calendar has, as its number.
fn number(array: &dyn Array, row: usize) -> String {
    let number = cast(&array.slice(row, 1), &DataType::Int64);
    let number = number.ok().and_then(|n| Some(n.as_primitive_opt::<Int64Type>()?.value(0)));
    match number {
        Some(number) => format!("{number} as {}", array.data_type()),
        None => format!("a value of type {}", array.data_type()),
    }
}

/// The rows of `batch` but for those of `misfits`.
pub fn without(batch: &RecordBatch, misfits: &[Misfit]) -> Result<RecordBatch> {
    if misfits.is_empty() {
        return Ok(batch.clone());
    }
    let mut fits = vec![true; batch.num_rows()];
    for misfit in misfits {
        if let Some(fits) = fits.get_mut(misfit.row) {
            *fits = false;
        }
    }
    filter_record_batch(batch, &BooleanArray::from(fits))
        .map_err(|error| Error::bug("rows could not be left out").at("arrow", error))
}
