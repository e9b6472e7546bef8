//! Somewhere rows can be read: the contract of every source.
//!
//! A [`Source`] is a place; a [`Snapshot`] is a frozen view of it, cut into [`Split`]s that can be
//! read alone, side by side, and again. Two traits, because a snapshot may hold something open (a
//! transaction, a lock) for as long as it lives.

mod verbatim;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use arrow::array::{ArrayRef, Scalar};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use verbatim::{Block, BlockStream, RowForm, Verbatim};

use crate::error::{Error, Result};

/// Arrow's batches, our errors. The stream ends after its first error.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// Somewhere rows can be read.
///
/// # Contract
/// 1. `schema` and `open` read; they never change the source.
/// 2. Every snapshot of a source has the schema that `schema` returned, or `open` fails.
/// 3. Rows above the window's lower end and up to the snapshot's `high` are in exactly one split.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// The columns, with types and nullability as they will arrive.
    async fn schema(&self) -> Result<SchemaRef>;

    /// Freezes a view of the rows in `window`.
    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>>;
}

/// A frozen view of a source.
///
/// # Contract
/// 1. Equal ids, equal rows: whoever opens a snapshot with this id again reads the same splits
///    with the same rows in the same order.
/// 2. Every row of the snapshot is in exactly one split.
/// 3. `read` may be called any number of times, also at once, also for the same split.
/// 4. A read that no longer sees what was frozen fails with [`crate::error::Kind::Conflict`];
///    it never returns other rows.
/// 5. [`Want::filters`] may only save work: rows that do not pass may still be returned, rows that
///    pass are never left out.
/// 6. `verbatim` gives the rows that `read` gives of all columns, as it would give them if every
///    value had a place in Arrow's types.
#[async_trait]
pub trait Snapshot: Debug + Send + Sync {
    /// What is frozen here.
    fn id(&self) -> &SnapshotId;

    /// The columns of every batch read without a projection.
    fn schema(&self) -> SchemaRef;

    /// The parts, in the order of the source; empty when there are no rows.
    fn splits(&self) -> &[Split];

    /// The upper end of the window, fixed when the snapshot was frozen; `None` without a cursor.
    fn high(&self) -> Option<&Watermark> {
        None
    }

    /// The columns of its primary key, in order: never NULL, and no two rows have the same values in
    /// them. Empty where the source vouches for none.
    fn key(&self) -> &[String] {
        &[]
    }

    /// How a later process can open this very snapshot again, where its id alone does not tell.
    fn memo(&self) -> Option<Memo> {
        None
    }

    /// What a person should know of this snapshot, as sentences for the plan and the report: how
    /// consistent it is, and for how long.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The shards that could not be reached and were left for a later run, as the author allows.
    fn late(&self) -> Vec<String> {
        Vec::new()
    }

    /// The statement that asks a server for all of a split, for people; `None` where none is sent.
    fn statement(&self, _split: &Split) -> Option<String> {
        None
    }

    /// The rows of a split as the server sends them; `None` where they cannot be had so, or where the
    /// author wants something done with their values.
    fn verbatim(&self, _split: &Split) -> Option<Verbatim> {
        None
    }

    /// Lets go of what is kept for a later process. Called once everything that is read from the
    /// snapshot is published; what is dropped without it may be opened again, as its memo says.
    async fn release(&self) {}

    /// Reads one split. The batches have the columns of [`Want::columns`], in that order.
    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream>;
}

/// The name of a frozen view. Equal ids mean equal rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SnapshotId(pub String);

impl SnapshotId {
    /// The id that stands for all of `parts` together, in their order.
    pub fn of<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            let part = part.as_ref();
            // The length goes first so that ("ab", "c") and ("a", "bc") differ.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        SnapshotId(hasher.finalize().to_hex()[..32].to_owned())
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a snapshot that can be read alone and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Unique within the snapshot and stable for its id; sorts in the order of the source. That of
    /// a sharded source begins with the shard: `eu/000017`.
    pub id: String,
    /// Rows, if known; an estimate unless the connector says otherwise.
    pub rows: Option<u64>,
    /// Bytes to be read, as stored, if known.
    pub bytes: Option<u64>,
}

impl Split {
    /// The shard that it is of: what stands before the `/` in its id; `None` for a source that is
    /// not sharded.
    pub fn shard(&self) -> Option<&str> {
        self.id.split_once('/').map(|(shard, _)| shard)
    }

    /// The error of a snapshot that is asked for this split and does not have it.
    pub(crate) fn unknown(&self) -> Error {
        Error::bug("a split is asked for that this snapshot does not have").at("split", &self.id)
    }
}

/// The rows an incremental load asks for: above `above`, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Rows up to and including this cursor value are already in the target.
    pub above: Option<Watermark>,
    /// What the snapshot of an unfinished run left, to be opened again if that is still possible.
    pub memo: Option<Memo>,
}

/// What a source needs to open one of its snapshots again: understood by that source alone, kept by
/// the ledger for as long as the run is unfinished. Holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memo(pub String);

/// A position of a cursor column, as the source itself writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Watermark(pub String);

impl fmt::Display for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The watermark of each source that a load read through a cursor, by source name.
pub type Watermarks = BTreeMap<String, Watermark>;

/// What a reader wants of a split.
#[derive(Debug, Clone)]
pub struct Want {
    /// Indexes into the snapshot's schema, in the order wanted; `None` for all columns. An empty
    /// list asks for batches with a row count and no columns.
    pub columns: Option<Vec<usize>>,
    /// Comparisons that every row needed passes; see contract 5 of [`Snapshot`].
    pub filters: Vec<Comparison>,
    /// Stop after this many rows of the split.
    pub limit: Option<usize>,
    /// Rows in a batch, at most.
    pub batch_rows: usize,
    /// Where rows go that cannot be read.
    pub refuse: Arc<dyn Refuse>,
}

impl Default for Want {
    fn default() -> Self {
        Want {
            columns: None,
            filters: Vec::new(),
            limit: None,
            batch_rows: BATCH_ROWS,
            refuse: Arc::new(Stop),
        }
    }
}

/// Rows in a batch unless somebody asks otherwise; DataFusion's own default.
pub const BATCH_ROWS: usize = 8192;

/// A comparison of a column with a constant; NULL in the column never passes, except `IsNull`.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Index into the snapshot's schema.
    pub column: usize,
    /// How to compare: column on the left, value on the right.
    pub op: Op,
    /// One value of the column's type; for `IsNull` and `IsNotNull` a NULL that is not looked at.
    pub value: Scalar<ArrayRef>,
}

/// The comparisons that can be pushed down to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Op {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    IsNull,
    IsNotNull,
}

/// Takes the rows that cannot be read, or stops the run.
pub trait Refuse: Debug + Send + Sync {
    /// Takes `row`, or returns the error that ends the read when no more may be refused.
    fn refuse(&self, row: Refused) -> Result<()>;
}

/// A row that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Where it stands in the source: `data/a.csv:17`, `strikes rowid 12`, or the model's name.
    /// Two refused rows of one source never share place and column.
    pub place: String,
    /// The column that made trouble, if it was one.
    pub column: Option<String>,
    /// The value as found, as far as it can be shown; shortened to [`Refused::VALUE_CHARS`].
    pub value: Option<String>,
    /// What is wrong, as a sentence of the house: lower case, no full stop.
    pub reason: String,
    /// What the author of the pipeline could do about it.
    pub hint: Option<String>,
}

impl Refused {
    /// The longest value that is kept, in characters.
    pub const VALUE_CHARS: usize = 200;

    /// `value` as text that is safe to show, cut to [`Refused::VALUE_CHARS`].
    pub fn shown(value: &[u8]) -> String {
        let text = String::from_utf8_lossy(value);
        let mut shown: String = text
            .chars()
            .take(Self::VALUE_CHARS)
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        if text.chars().nth(Self::VALUE_CHARS).is_some() {
            shown.push('…');
        }
        shown
    }

    /// The error for this row when it may not be refused.
    pub fn into_error(self) -> Error {
        let mut error = Error::data(self.reason).at("place", self.place);
        if let Some(column) = self.column {
            error = error.at("column", column);
        }
        if let Some(value) = self.value {
            error = error.at("value", value);
        }
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Refuses nothing: the first such row is the error that ends the read.
#[derive(Debug, Clone, Copy)]
pub struct Stop;

impl Refuse for Stop {
    fn refuse(&self, row: Refused) -> Result<()> {
        Err(row.into_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_id_depends_on_where_one_part_ends() {
        assert_ne!(SnapshotId::of(["ab", "c"]), SnapshotId::of(["a", "bc"]));
    }

    #[test]
    fn a_shown_value_is_short_and_has_no_control_characters() {
        assert_eq!(Refused::shown(b"a\x1b[31m\n"), "a\\u{1b}[31m\\n");
        let long = Refused::shown("ä".repeat(500).as_bytes());
        assert_eq!(long.chars().count(), Refused::VALUE_CHARS + 1);
    }
}
