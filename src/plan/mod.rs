//! What a run will do: data, printable, made without I/O.
//!
//! [`plan`] takes what the user wrote and what was found out about the world ([`Facts`]), and
//! gives the steps in the order in which they will be taken, or everything that stands against
//! them.

pub mod dag;
mod explain;
mod fingerprint;
mod fit;
mod make;
mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use make::{plan, selected};
pub use parts::{PartStep, parts};

use arrow::datatypes::SchemaRef;

use crate::config::OnRefused;
use crate::sink::{Key, Load, LoadId, Mode, Target};
use crate::source::{RowForm, SnapshotId, Split, Watermark};

/// What was found out about the world before planning.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Each source that is needed, frozen.
    pub sources: BTreeMap<String, SourceFacts>,
    /// Each source and model, as a relation of SQL.
    pub relations: BTreeMap<String, RelationFacts>,
    /// Each check, by name.
    pub checks: BTreeMap<String, RelationFacts>,
    /// What each sink's target holds.
    pub targets: BTreeMap<String, Target>,
    /// The fingerprint of the database that `geo_ip` looks into, if there is one.
    pub geo_database: Option<String>,
}

/// A frozen source.
#[derive(Debug, Clone)]
pub struct SourceFacts {
    /// Its snapshot.
    pub snapshot: SnapshotId,
    /// Its splits.
    pub splits: Vec<Split>,
    /// The upper end of its window.
    pub high: Option<Watermark>,
    /// The columns of its primary key, if it has one.
    pub key: Key,
    /// What a person should know of it.
    pub notes: Vec<String>,
    /// The statement that asks for its first split, if one is sent.
    pub statement: Option<String>,
    /// The form of its rows where they can be handed on as they came.
    pub form: Option<RowForm>,
}

/// A source, model or check as SQL sees it.
#[derive(Debug, Clone)]
pub struct RelationFacts {
    /// Its columns.
    pub schema: SchemaRef,
    /// The relations that its statement names, sorted; empty for a source.
    pub names: Vec<String>,
    /// How often each source is scanned for it, through all models between.
    pub scans: BTreeMap<String, usize>,
    /// The one source whose splits it can follow, because it is row-local; for a source, itself.
    pub follows: Option<String>,
    /// Types that change on the way with a possible loss, in words: "amount: Float64 to Int64".
    pub losses: Vec<String>,
    /// The statement with parameters bound; the optimised logical plan, as text.
    pub explained: String,
}

/// What a run will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pipeline's name.
    pub pipeline: String,
    /// The steps in order: checks first, then loads.
    pub steps: Vec<Step>,
    /// What a careful reader should know, such as a source that is scanned twice.
    pub notes: Vec<String>,
}

/// One step of a plan.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of steps")]
pub enum Step {
    /// Run a check and look whether it returns rows.
    Check(CheckStep),
    /// Load a table.
    Load(LoadStep),
}

/// A check that runs before the loads.
#[derive(Debug, Clone)]
pub struct CheckStep {
    /// The check's name.
    pub check: String,
    /// What happens when it returns rows; never `Reject`, which is part of a load.
    pub refused: OnRefused,
}

/// One load.
#[derive(Debug, Clone)]
pub struct LoadStep {
    /// The sink's name.
    pub sink: String,
    /// The relation whose rows are written.
    pub from: String,
    /// Where they go, for people: `parquet out/delays`.
    pub target: String,
    /// How the table changes.
    pub mode: Mode,
    /// Whether it may become empty.
    pub allow_empty: bool,
    /// The columns that will be written.
    pub schema: SchemaRef,
    /// The source whose splits are loaded one by one; `None` when it runs whole.
    pub by_split_of: Option<String>,
    /// The primary key of the source that is written as it is; else empty.
    pub source_key: Key,
    /// Sources that are read, sorted.
    pub reads: Vec<String>,
    /// Checks whose rows are refused on the way.
    pub rejecting: Vec<String>,
    /// Splits that are read, when known before running.
    pub splits: Option<usize>,
    /// Parts that they go into, when known before running.
    pub parts: Option<usize>,
    /// Bytes to be read that a part should have, where the sink asks for that.
    pub part_bytes: Option<u64>,
    /// Rows that are read, as far as the sources know.
    pub rows: Option<u64>,
    /// Bytes that are read, as stored, as far as the sources know.
    pub bytes: Option<u64>,
    /// What is in the target now.
    pub before: TargetSize,
    /// Everything that decides what this load writes apart from the rows of its sources: SQL,
    /// parameters, options, mode, columns. A load is resumed only under the same fingerprint.
    pub fingerprint: String,
}

impl Facts {
    /// The primary key of `relation`, if that is a source which has one.
    pub fn source_key(&self, relation: &str) -> Key {
        self.sources.get(relation).map(|source| source.key.clone()).unwrap_or_default()
    }
}

impl LoadStep {
    /// The load that this step is when it has `id` and reads `snapshot`.
    pub fn load(&self, id: LoadId, snapshot: SnapshotId) -> Load {
        Load {
            id,
            schema: Arc::clone(&self.schema),
            mode: self.mode.clone(),
            snapshot,
            source_key: self.source_key.clone(),
            repeatable: self.by_split_of.is_some(),
        }
    }

    /// The source, if each of its rows goes to the sink just as it is read.
    pub fn as_read(&self) -> Option<&str> {
        let source = self.by_split_of.as_deref()?;
        (source == self.from && self.rejecting.is_empty()).then_some(source)
    }
}

/// How much is in a target now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetSize {
    /// Whether there is a table.
    pub exists: bool,
    /// Its rows, if known.
    pub rows: Option<u64>,
    /// Its bytes, if known.
    pub bytes: Option<u64>,
}

#[cfg(test)]
mod tests;
