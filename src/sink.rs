//! Somewhere rows can be written: the contract of every sink, and the words of exactly-once.
//!
//! A [`Load`] is one intended change of one table. Its parts are staged one by one, each answered
//! by a [`Receipt`]; `commit` publishes what the receipts name and leaves a [`Mark`] in the same
//! transaction as the rows. A sink holds nothing between calls, so another process can commit with
//! receipts alone.

mod misfits;
mod nonce;
mod slices;

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use misfits::{Misfit, Misfits, shown, without};
pub use nonce::nonce;
pub use slices::slices;

use crate::error::{Error, Result};
use crate::source::{BatchStream, Refuse, SnapshotId, Verbatim, Watermarks};

/// Somewhere rows can be written.
///
/// # Contract
/// 1. `inspect` reads only. Asked about a load without columns, it looks for the mark and takes no
///    offence; otherwise it also refuses columns that this sink cannot hold.
/// 2. Every `write` stages in a place of its own, which readers of the table cannot see. A sink
///    that can take rows back may instead put a part that is [`Load::repeatable`] straight where it
///    belongs, once: the part's number of rows is noted in the same transaction, a second write of
///    it changes nothing, and so do writes of a load that has been bound to another snapshot since.
/// 3. `commit` publishes exactly what the receipts name, and the mark, in one atomic step.
/// 4. `commit` of a load that is already published changes nothing and returns the mark that is in
///    the target.
/// 5. Two commits at once of one load publish it once; two loads of one table publish both, one
///    after the other, or one fails with [`crate::error::Kind::Unavailable`] having done nothing.
/// 6. `sweep` removes only what is staged and not published, of this load, and a write that is
///    still under way cannot bring it back. It is called after the load is published or given up,
///    and may be called again.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// What is in the target now: serves the plan, and finds a mark that is already there.
    async fn inspect(&self, load: &Load) -> Result<Target>;

    /// What `load` would have the target do, as SQL in the order of the run, for a person who wants to
    /// read it beforehand: whole statements with their `;`, and comments. Empty where no SQL is sent.
    ///
    /// Reads only, like `inspect`. Names that come from the load's id are those of this `load`.
    async fn statements(&self, _load: &Load) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Makes ready for parts; may be called again, also with another snapshot: then what was staged
    /// under the one before is taken back.
    async fn prepare(&self, load: &Load) -> Result<()>;

    /// Stages one part. The stream is read to its end, or the error is returned.
    async fn write(&self, load: &Load, part: Part) -> Result<Receipt>;

    /// Publishes the staged parts in the load's mode, with the mark; returns the mark in the
    /// target.
    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark>;

    /// Removes what was staged and not published.
    async fn sweep(&self, load: &Load) -> Result<()>;
}

/// How a load changes its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Adds rows.
    Append,
    /// Empties the table and adds rows; the columns stay as they are.
    Truncate,
    /// Puts a new table in place of the old one; columns may differ.
    Replace,
    /// Updates rows with the same key, adds the others.
    Merge(Key),
    /// Deletes all rows whose key occurs in the load, then adds rows.
    DeleteInsert(Key),
}

/// The columns that tell rows apart, in order; never empty.
pub type Key = Vec<String>;

impl Mode {
    /// The names a user writes, in the order of the manual.
    pub const NAMES: &[&str] = &["append", "truncate", "replace", "merge", "delete+insert"];

    /// The name of this mode.
    pub fn name(&self) -> &'static str {
        match self {
            Mode::Append => "append",
            Mode::Truncate => "truncate",
            Mode::Replace => "replace",
            Mode::Merge(_) => "merge",
            Mode::DeleteInsert(_) => "delete+insert",
        }
    }

    /// The key columns; empty for modes without a key.
    pub fn key(&self) -> &[String] {
        match self {
            Mode::Merge(key) | Mode::DeleteInsert(key) => key,
            Mode::Append | Mode::Truncate | Mode::Replace => &[],
        }
    }

    /// Whether rows that are in the table now may be gone afterwards.
    pub fn is_destructive(&self) -> bool {
        matches!(self, Mode::Truncate | Mode::Replace | Mode::DeleteInsert(_))
    }

    /// The mode with this name (or alias) and key.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for an unknown name, a missing key, or a key where the mode
    /// takes none.
    pub fn parse(name: &str, key: Key) -> Result<Self> {
        let mode = match name {
            "append" => Mode::Append,
            "truncate" => Mode::Truncate,
            "replace" | "full-refresh" => Mode::Replace,
            "merge" | "upsert" => Mode::Merge(key.clone()),
            "delete+insert" => Mode::DeleteInsert(key.clone()),
            other => {
                return Err(Error::config(format!("there is no mode `{other}`"))
                    .hint(format!("modes: {}", Mode::NAMES.join(", "))));
            }
        };
        match (mode.key().is_empty(), key.is_empty()) {
            (true, true) if matches!(mode, Mode::Merge(_) | Mode::DeleteInsert(_)) => {
                Err(Error::config(format!("mode `{name}` needs a key"))
                    .hint("name the columns that tell rows apart as `key`, such as `id`"))
            }
            (true, false) => Err(Error::config(format!("mode `{name}` takes no key"))
                .hint("remove `key`, or choose `merge` or `delete+insert`")),
            _ => Ok(mode),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if !self.key().is_empty() {
            write!(f, " on {}", self.key().join(", "))?;
        }
        Ok(())
    }
}

/// One intended change of one table.
#[derive(Debug, Clone)]
pub struct Load {
    /// The key of exactly-once.
    pub id: LoadId,
    /// The columns of every batch that will be written.
    pub schema: SchemaRef,
    /// How the table changes.
    pub mode: Mode,
    /// What the rows are read from: all sources' snapshots together. Empty in a load that is only
    /// asked about.
    pub snapshot: SnapshotId,
    /// The primary key that its rows had where they come from, which a new table may have, too; empty
    /// where none is known.
    pub source_key: Key,
    /// Whether a part has the same rows whenever it is written under this snapshot, because it is a
    /// split of a source.
    pub repeatable: bool,
}

impl Load {
    /// A load to ask about: its columns and what it is read from are not known yet.
    pub fn question(id: LoadId, mode: &Mode) -> Self {
        let (schema, snapshot) = (Arc::new(Schema::empty()), SnapshotId(String::new()));
        let (mode, source_key) = (mode.clone(), Key::new());
        Load { id, schema, mode, snapshot, source_key, repeatable: false }
    }
}

/// The identity of a load: letters, digits, `.`, `_` and `-`, at most 120 of them, so that it can
/// be a file name or a label everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct LoadId(String);

impl LoadId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LoadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 120 || text.starts_with('.') || !text.chars().all(fits) {
            return Err(Error::bug(format!(
                "`{}` cannot be the id of a load",
                text.escape_debug()
            )));
        }
        Ok(LoadId(text.to_owned()))
    }
}

impl TryFrom<String> for LoadId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for LoadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One part of a load on its way to the sink.
pub struct Part {
    /// Unique within the load and stable over retries: the split's id, or `whole-0003`.
    pub id: String,
    /// The rows, with the load's schema.
    pub batches: BatchStream,
    /// Where rows go that the target cannot hold.
    pub refuse: Arc<dyn Refuse>,
    /// The same rows as their server sent them, for a sink that can hand them on to one that reads
    /// them; then the batches are left alone. None of these rows can be refused.
    pub verbatim: Option<Verbatim>,
}

impl Part {
    /// Rows as batches only.
    pub fn new(id: impl Into<String>, batches: BatchStream, refuse: Arc<dyn Refuse>) -> Self {
        Part { id: id.into(), batches, refuse, verbatim: None }
    }
}

impl Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where one part was staged, and how many rows. Serializable: another process may commit it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The part's id.
    pub part: String,
    /// Rows staged.
    pub rows: u64,
    /// Bytes staged, as stored.
    pub bytes: u64,
    /// Where: understood by the sink that wrote it alone.
    pub token: String,
}

/// What a load leaves in its target, in the same transaction as the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The load that was published.
    pub load: LoadId,
    /// Rows that its receipts named.
    pub rows: u64,
    /// Where the next window of each source with a cursor starts.
    pub watermarks: Watermarks,
    /// When, in RFC 3339, by the clock of whoever published.
    pub at: String,
}

/// What is in the target before a load.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The table's columns; `None` when there is no table.
    pub schema: Option<SchemaRef>,
    /// Rows in the table, if that can be known without reading it.
    pub rows: Option<u64>,
    /// Bytes of the table, if known.
    pub bytes: Option<u64>,
    /// The mark of the load that was asked about, if it is already published.
    pub mark: Option<Mark>,
    /// The watermarks of the newest mark of any load, for a ledger that has lost its own.
    pub watermarks: Watermarks,
    /// What a person should know before this load, as sentences for the plan.
    pub notes: Vec<String>,
    /// Bytes to be read, as stored, that a part should have so that it is worth what it costs:
    /// neighbouring splits go into one part until they are together. `None` makes each split one.
    pub part_bytes: Option<u64>,
    /// The layout in which rows can go to it as they came, where there is one: that of
    /// [`RowForm`](crate::source::RowForm).
    pub layout: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_by_name_or_alias() {
        let key = vec!["id".to_owned()];
        assert_eq!(Mode::parse("upsert", key.clone()).unwrap(), Mode::Merge(key.clone()));
        assert_eq!(Mode::parse("full-refresh", vec![]).unwrap(), Mode::Replace);
        assert_eq!(Mode::parse("merge", key).unwrap().to_string(), "merge on id");
    }

    #[test]
    fn a_merge_without_a_key_is_refused_and_so_is_an_append_with_one() {
        let error = Mode::parse("merge", vec![]).unwrap_err();
        assert_eq!(error.message(), "mode `merge` needs a key");
        let error = Mode::parse("append", vec!["id".into()]).unwrap_err();
        assert_eq!(error.message(), "mode `append` takes no key");
        assert!(Mode::parse("insert", vec![]).is_err());
    }

    #[test]
    fn a_load_id_can_always_be_a_file_name() {
        assert!("nightly.orders-20260301".parse::<LoadId>().is_ok());
        for bad in ["", "a/b", "..", "a b", "ä"] {
            assert!(bad.parse::<LoadId>().is_err(), "{bad}");
        }
    }
}
