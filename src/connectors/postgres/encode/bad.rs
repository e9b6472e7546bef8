//! Values that do not fit, gathered while a column is encoded.

use arrow::array::Array;

use crate::sink::{Misfit, shown};
use crate::source::Refused;

/// The values of one column that do not fit, by row.
#[derive(Debug, Default)]
pub(super) struct Bad {
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    row: usize,
    value: String,
    reason: String,
    hint: Option<&'static str>,
}

impl Bad {
    /// Whether each value fits.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Takes note of a value; its bytes are shown as text.
    pub(super) fn note(
        &mut self,
        row: usize,
        value: &[u8],
        reason: impl Into<String>,
        hint: Option<&'static str>,
    ) {
        let value = Refused::shown(value);
        self.found.push(Found { row, value, reason: reason.into(), hint });
    }

    /// Takes note of the value that stands in `array` at `row`.
    pub(super) fn cell(
        &mut self,
        array: &dyn Array,
        row: usize,
        reason: impl Into<String>,
        hint: Option<&'static str>,
    ) {
        self.note(row, shown(array, row).as_bytes(), reason, hint);
    }

    /// Takes over what was found among the elements of lists; `row` gives the row of an element, if
    /// there is one.
    pub(super) fn adopt(&mut self, elements: Bad, row: impl Fn(usize) -> Option<usize>) {
        let rows = elements.found.into_iter();
        self.found.extend(rows.filter_map(|found| Some(Found { row: row(found.row)?, ..found })));
    }

    /// What was found, as misfits of `column`, in the order of rows and one for each.
    pub(super) fn into_misfits(mut self, column: &str) -> Vec<Misfit> {
        self.found.sort_by_key(|found| found.row);
        self.found.dedup_by_key(|found| found.row);
        let misfit = |found: Found| Misfit {
            row: found.row,
            column: column.to_owned(),
            value: found.value,
            reason: found.reason,
            hint: found.hint.map(str::to_owned),
        };
        self.found.into_iter().map(misfit).collect()
    }
}
