//! Separates refused rows from the rest, and stages them beside it.
//!
//! The rows that a source or a check refuses are a load into a reject table: same load id, same
//! parts, published after the rows themselves. A part that is tried again counts its refused rows
//! again from nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, stream};

use crate::config::Rejects;
use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};
use crate::sink::{Load, Mode, Part, Receipt, Sink};
use crate::source::{Refuse, Refused, Stop};

/// The columns of every reject table.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("load", false),
        text("source", false),
        Field::new("line", DataType::Int64, true),
        text("column", true),
        text("value", true),
        text("reason", false),
    ]))
});

/// How many rows one load may refuse, over all its parts.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Rejects,
    refused: AtomicU64,
    memory: Arc<dyn Memory>,
}

impl Budget {
    /// The budget of a load of which nothing is staged yet.
    pub(super) fn new(limits: Rejects, memory: Arc<dyn Memory>) -> Arc<Self> {
        Arc::new(Budget { limits, refused: AtomicU64::new(0), memory })
    }

    /// Counts rows that were refused when an earlier process staged its parts.
    pub(super) fn count(&self, refused: u64) {
        self.refused.fetch_add(refused, Ordering::SeqCst);
    }

    /// The collector of one try of one part.
    pub(super) fn collector(self: &Arc<Self>) -> Arc<Collector> {
        Arc::new(Collector {
            budget: Arc::clone(self),
            rows: Mutex::new(Rows {
                set: BTreeSet::new(),
                bytes: 0,
                held: self.memory.reserve("refused rows"),
            }),
        })
    }

    /// Refuses to publish when too large a share of the rows was refused.
    pub(super) fn check_ratio(&self, sink: &str, written: u64, refused: u64) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more digits")]
        let ratio = refused as f64 / (written + refused).max(1) as f64;
        if ratio <= self.limits.max_ratio {
            return Ok(());
        }
        Err(Error::data(format!("too many rows of `{sink}` were refused"))
            .at("refused", format!("{refused} of {} rows", written + refused))
            .at("allowed", format!("{} of all rows", self.limits.max_ratio))
            .hint("nothing was published; look at the rows, or raise `rejects.max_ratio`"))
    }
}

/// Takes the refused rows of one try of one part.
#[derive(Debug)]
pub(super) struct Collector {
    budget: Arc<Budget>,
    rows: Mutex<Rows>,
}

#[derive(Debug)]
struct Rows {
    set: BTreeSet<Refused>,
    bytes: usize,
    held: Box<dyn Reservation>,
}

impl Refuse for Collector {
    fn refuse(&self, row: Refused) -> Result<()> {
        let limit = self.budget.limits.max_rows;
        if limit == 0 {
            return Err(row.into_error());
        }
        let mut rows = self.rows();
        // A source that is scanned twice by one statement refuses the same row twice.
        if rows.set.contains(&row) {
            return Ok(());
        }
        if self.budget.refused.fetch_add(1, Ordering::SeqCst) >= limit {
            self.budget.refused.fetch_sub(1, Ordering::SeqCst);
            return Err(row.into_error().at(
                "refused before",
                format!(
                    "{limit} rows, the most \
                 that `rejects.max_rows` allows"
                ),
            ));
        }
        let bytes = rows.bytes + size(&row);
        rows.held.resize(bytes)?;
        rows.bytes = bytes;
        rows.set.insert(row);
        Ok(())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Whoever keeps the rows takes them out first; what is left belongs to a failed try.
        let left = self.rows().set.len() as u64;
        self.budget.refused.fetch_sub(left, Ordering::SeqCst);
    }
}

impl Collector {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stages the refused rows as part `part` of the reject load; `None` when there are none.
    pub(super) async fn stage(
        &self,
        sink: &dyn Sink,
        load: &Load,
        part: &str,
    ) -> Result<Option<Receipt>> {
        let rows = std::mem::take(&mut self.rows().set);
        if rows.is_empty() {
            return Ok(None);
        }
        let batch = batch(load, &rows)?;
        let batches = stream::iter([Ok(batch)]).boxed();
        let part = Part::new(part, batches, Arc::new(Stop));
        let written = sink.write(&reject_load(load), part).await;
        if written.is_err() {
            self.rows().set = rows;
        }
        written.map(Some)
    }
}

/// The load that carries the refused rows of `load`.
pub(super) fn reject_load(load: &Load) -> Load {
    Load { schema: Arc::clone(&SCHEMA), mode: Mode::Append, ..load.clone() }
}

fn batch(load: &Load, rows: &BTreeSet<Refused>) -> Result<RecordBatch> {
    let places: Vec<_> = rows.iter().map(|row| source_and_line(&row.place)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| load.id.as_str()))),
        Arc::new(StringArray::from_iter_values(places.iter().map(|(source, _)| source))),
        Arc::new(Int64Array::from_iter(places.iter().map(|(_, line)| *line))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.column.as_deref()))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.value.as_deref()))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.reason))),
    ];
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
        .map_err(|e| Error::bug("refused rows do not fit the reject table").at("arrow", e))
}

/// `data/a.csv:17` is line 17 of `data/a.csv`; other places have no line.
fn source_and_line(place: &str) -> (&str, Option<i64>) {
    match place.rsplit_once(':').map(|(source, line)| (source, line.parse())) {
        Some((source, Ok(line))) => (source, Some(line)),
        _ => (place, None),
    }
}

fn size(row: &Refused) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    size_of::<Refused>()
        + row.place.len()
        + row.reason.len()
        + optional(&row.column)
        + optional(&row.value)
        + optional(&row.hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::unlimited;

    fn row(place: &str) -> Refused {
        let reason = "`x` is not a whole number".to_owned();
        Refused { place: place.into(), column: None, value: None, reason, hint: None }
    }

    fn budget(max_rows: u64) -> Arc<Budget> {
        let limits = Rejects { max_rows, max_ratio: 0.5, path: String::new() };
        Budget::new(limits, unlimited())
    }

    #[test]
    fn without_a_budget_the_first_refused_row_is_the_error() {
        let error = budget(0).collector().refuse(row("a.csv:2")).unwrap_err();
        assert_eq!(error.message(), "`x` is not a whole number");
        assert_eq!(error.places(), [("place".to_owned(), "a.csv:2".to_owned())]);
    }

    #[test]
    fn a_budget_is_shared_by_parts_and_given_back_by_a_failed_try() {
        let budget = budget(2);
        let failed = budget.collector();
        failed.refuse(row("a.csv:2")).unwrap();
        failed.refuse(row("a.csv:2")).unwrap();
        failed.refuse(row("a.csv:3")).unwrap();
        let other = budget.collector();
        assert!(other.refuse(row("b.csv:2")).is_err());
        drop(failed);
        other.refuse(row("b.csv:2")).unwrap();
        other.refuse(row("b.csv:3")).unwrap();
        assert!(other.refuse(row("b.csv:4")).is_err());
    }

    #[test]
    fn too_large_a_share_of_refused_rows_is_not_published() {
        let budget = budget(9);
        assert!(budget.check_ratio("s", 5, 5).is_ok());
        assert!(budget.check_ratio("s", 4, 5).is_err());
        assert!(budget.check_ratio("s", 0, 0).is_ok());
    }

    #[test]
    fn a_place_is_a_source_and_perhaps_a_line() {
        assert_eq!(source_and_line("data/a.csv:17"), ("data/a.csv", Some(17)));
        assert_eq!(source_and_line("strikes rowid 12"), ("strikes rowid 12", None));
        assert_eq!(source_and_line("c:x"), ("c:x", None));
    }
}
