//! What tests of sinks have in common: rows of two columns, loads, parts and modes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::{StreamExt, stream};

use crate::error::Result;
use crate::sink::{Load, Mode, Part, Receipt, Sink};
use crate::source::{SnapshotId, Stop, Watermark, Watermarks};

/// An id, and a word.
pub(super) type Row = (i64, &'static str);

/// The rows of two parts, for a table that has `(1, "old")` and `(2, "old")`.
pub(super) const PARTS: &[&[Row]] = &[&[(2, "new")], &[(3, "new"), (4, "new")]];

/// Rows of any columns as a part.
pub(super) fn part_of(id: &str, rows: &RecordBatch) -> Part {
    let batches = stream::iter([Ok(rows.clone())]).boxed();
    Part::new(id, batches, Arc::new(Stop))
}

/// Columns by name; those that end in `!` are never NULL.
pub(super) fn columns(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let named = columns
        .iter()
        .map(|(name, array)| (name.trim_end_matches('!'), array.clone(), !name.ends_with('!')));
    RecordBatch::try_from_iter_with_nullable(named).unwrap()
}

/// A load of the columns of `rows`.
pub(super) fn load_of(id: &str, mode: Mode, rows: &RecordBatch) -> Load {
    Load { schema: rows.schema(), ..load(id, mode) }
}

/// Rows of the columns `id`, which is never NULL, and `word`.
pub(super) fn batch(rows: &[Row]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id));
    let words = StringArray::from_iter_values(rows.iter().map(|(_, word)| *word));
    columns(&[("id!", Arc::new(ids)), ("word", Arc::new(words))])
}

/// A load of splits, bound to the snapshot `s1`.
pub(super) fn load(id: &str, mode: Mode) -> Load {
    Load {
        schema: batch(&[]).schema(),
        snapshot: SnapshotId("s1".to_owned()),
        repeatable: true,
        ..Load::question(id.parse().unwrap(), &mode)
    }
}

/// The same load, bound to another snapshot.
pub(super) fn under(load: &Load, snapshot: &str) -> Load {
    Load { snapshot: SnapshotId(snapshot.to_owned()), ..load.clone() }
}

/// Rows as a part.
pub(super) fn part(id: &str, rows: &[Row]) -> Part {
    part_of(id, &batch(rows))
}

/// The watermark of a source.
pub(super) fn high(word: &str) -> Watermarks {
    Watermarks::from([("source".to_owned(), Watermark(word.to_owned()))])
}

/// The columns of a key.
pub(super) fn key(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Every mode, with the key `id`.
pub(super) fn modes() -> Vec<Mode> {
    let id = || key(&["id"]);
    vec![Mode::Append, Mode::Truncate, Mode::Replace, Mode::Merge(id()), Mode::DeleteInsert(id())]
}

/// Writes `parts` one after the other.
pub(super) async fn stage(
    sink: &Arc<dyn Sink>,
    load: &Load,
    parts: &[&[Row]],
) -> Result<Vec<Receipt>> {
    let mut staged = Vec::new();
    for (index, rows) in parts.iter().enumerate() {
        staged.push(sink.write(load, part(&format!("p{index}"), rows)).await?);
    }
    Ok(staged)
}

/// What each mode makes of [`PARTS`] and the two rows before.
pub(super) fn after(mode: &Mode) -> &'static str {
    match mode {
        Mode::Append => "1=old 2=new 2=old 3=new 4=new",
        Mode::Truncate | Mode::Replace => "2=new 3=new 4=new",
        Mode::Merge(_) | Mode::DeleteInsert(_) => "1=old 2=new 3=new 4=new",
    }
}
