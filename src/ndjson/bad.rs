//! Values that do not fit, gathered while a block of rows is written.

use arrow::array::Array;

use super::form::Form;
use super::unfit::Unfit;
use crate::sink::{Misfit, shown};
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
    /// Which column of its row it is.
    pub order: usize,
    /// The value, as far as it can be shown.
    pub value: String,
    /// What is wrong.
    pub reason: String,
    /// What can be done.
    pub hint: &'static str,
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
        self.found.push(Found { row, path: String::new(), order: 0, value, reason, hint });
    }

    /// Takes over what was found in a part, as `place` says it of each: it may have none here.
    pub(super) fn adopt(&mut self, part: Bad, place: impl Fn(Found) -> Option<Found>) {
        self.found.extend(part.found.into_iter().filter_map(place));
    }

    /// Takes over everything that `other` has.
    pub(super) fn append(&mut self, other: &mut Bad) {
        self.found.append(&mut other.found);
    }

    /// The rows that do not fit.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.found.iter().map(|found| found.row)
    }

    /// What was found, in the order of rows and one for each: that of the first column.
    pub(super) fn into_misfits(mut self) -> Vec<Misfit> {
        self.found.sort_by_key(|found| (found.row, found.order));
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
