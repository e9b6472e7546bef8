//! Values that do not fit, gathered while a block of rows is written.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::form::Form;
use super::unfit::Unfit;
use crate::sink::Misfit;
use crate::source::Refused;

const LONG: &str = "cut its texts in the model with `substr`, or leave columns out";

/// What does not fit, by row.
#[derive(Debug, Default)]
pub(super) struct Bad {
    found: Vec<Found>,
}

/// A value that does not fit.
#[derive(Debug)]
pub(super) struct Found {
    /// The row, or the item among those of all lists.
    pub row: usize,
    /// Where it stands within its column: `.b[3]`.
    pub path: String,
    value: String,
    reason: String,
    hint: &'static str,
}

impl Bad {
    /// Whether each value fits.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.found.clear();
    }

    /// Takes note of the value that stands in `array` at `row`.
    #[cold]
    pub(super) fn cell(&mut self, array: &dyn Array, row: usize, unfit: Unfit, form: &Form) {
        self.note(row, &shown(array, row), unfit.reason(form), unfit.hint());
    }

    /// Takes note of a row that is too long, most of it for the column `widest`.
    pub(super) fn long(&mut self, row: usize, widest: &str, bytes: usize, most: usize) {
        let reason = format!("the row is longer than {most} bytes as a line of JSON");
        self.note(row, &format!("a row of {bytes} bytes"), reason, LONG);
        if let Some(found) = self.found.last_mut() {
            widest.clone_into(&mut found.path);
        }
    }

    /// Takes note of a value.
    fn note(&mut self, row: usize, value: &str, reason: String, hint: &'static str) {
        let value = Refused::shown(value.as_bytes());
        self.found.push(Found { row, path: String::new(), value, reason, hint });
    }

    /// Takes over what was found in a part; `place` gives the row of each and its path, if there
    /// is a row to which it belongs.
    pub(super) fn adopt(&mut self, part: Bad, place: impl Fn(&Found) -> Option<(usize, String)>) {
        let rows = part.found.into_iter();
        self.found.extend(rows.filter_map(|found| {
            let (row, path) = place(&found)?;
            Some(Found { row, path, ..found })
        }));
    }

    /// The rows that do not fit.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.found.iter().map(|found| found.row)
    }

    /// What was found, one for each row and in their order; of several values in a row, that of
    /// the first of `columns`, in whose order they were taken over.
    pub(super) fn into_misfits(mut self) -> Vec<Misfit> {
        self.found.sort_by_key(|found| found.row);
        self.found.dedup_by_key(|found| found.row);
        let misfit = |found: Found| Misfit {
            row: found.row,
            // The path of a column begins with the point before its name.
            column: found.path.strip_prefix('.').unwrap_or(&found.path).to_owned(),
            value: found.value,
            reason: found.reason,
            hint: Some(found.hint.to_owned()),
        };
        self.found.into_iter().map(misfit).collect()
    }
}

/// The value of `array` at `row` as text.
fn shown(array: &dyn Array, row: usize) -> String {
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
