//! Whom dhow can talk to. A connector is a value: its name, what it can do, how to open it.
//!
//! The registry is the list [`ALL`]; `dhow connectors`, the table in README and the checks of a
//! pipeline are printed from it. A connector imports no other connector.

pub mod bigquery;
#[cfg(test)]
mod conformance;
pub mod connectorx;
pub mod csv;
mod dotted;
pub mod doris;
pub mod json;
pub mod memory;
pub mod mysql;
mod on_schema_change;
pub mod parquet;
pub mod postgres;
mod reader;
mod relation_options;
#[cfg(test)]
#[cfg(feature = "connectorx")]
mod road_tests;
mod shards;
#[cfg(test)]
mod sink_tests;
pub mod sqlite;
pub mod sqlserver;
mod store_options;
mod underway;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use on_schema_change::OnSchemaChange;
pub use parquet::Orphan;
pub use reader::{check, options, source as open};
#[cfg(test)]
#[cfg(feature = "connectorx")]
use {mysql::mariadb, postgres::cluster};

pub use crate::config::Role;
use crate::config::{KnownConnector, Options, Problem};
use crate::error::Result;
use crate::memory::Memory;
use crate::sink::Sink;
use crate::source::Source;

/// Whom dhow can talk to, by name.
pub static ALL: &[&Connector] = &[
    &bigquery::CONNECTOR,
    &connectorx::CONNECTOR,
    &csv::CONNECTOR,
    &doris::CONNECTOR,
    &json::CONNECTOR,
    &memory::CONNECTOR,
    &mysql::CONNECTOR,
    &parquet::CONNECTOR,
    &postgres::CONNECTOR,
    &sqlite::CONNECTOR,
    &sqlserver::CONNECTOR,
];

/// A kind of place that rows can be read from, written to, or both.
#[derive(Debug)]
pub struct Connector {
    /// What a pipeline writes after `type:`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What it can do; prints the manual.
    pub can: Capability,
    /// Its options, in the order of the manual.
    pub options: &'static [OptionDoc],
    /// What its types become, in the order of the manual; `None` where the files say it themselves.
    pub types: Option<fn() -> Vec<TypeDoc>>,
    /// Everything that is wrong with these options as those of a source or sink; no I/O.
    pub check: fn(&Options, Role) -> Vec<Problem>,
    /// Opens a source; the options have been checked.
    pub source: Option<Open<dyn Source>>,
    /// Opens a sink; the options have been checked.
    pub sink: Option<Open<dyn Sink>>,
}

/// Opens what the options name; nothing is read or written yet.
pub type Open<T> = fn(&Options, &Context) -> Result<Arc<T>>;

/// What a connector can do.
#[derive(Debug, Clone, Copy)]
pub struct Capability {
    /// File endings that `copy` and `sql --source name=path` recognise, without the dot.
    pub endings: &'static [&'static str],
    /// Schemes of URLs that they recognise, without `://`.
    pub schemes: &'static [&'static str],
    /// What a split is, for people: "byte range of a file"; `None` for a connector without source.
    pub splits: Option<&'static str>,
    /// Whether a snapshot can be opened again by a later process, so that a load can be resumed.
    pub reopen: bool,
    /// Names of the modes it can write; empty for a connector without sink.
    pub modes: &'static [&'static str],
}

/// One option of a connector, for the manual.
#[derive(Debug, Clone, Copy)]
pub struct OptionDoc {
    /// The key.
    pub name: &'static str,
    /// Which role takes it; `None` for both.
    pub role: Option<Role>,
    /// What is used when it is not given; `None` when it must be given or stands for nothing.
    pub default: Option<&'static str>,
    /// What it does, in one line.
    pub summary: &'static str,
}

/// What becomes of a type of the source, for the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDoc {
    /// Its name there, or the names of several.
    pub name: String,
    /// What it becomes, as dhow writes it.
    pub becomes: String,
    /// What to know of it.
    pub remark: &'static str,
}

/// What a connector may know of the run that opens it.
#[derive(Debug, Clone)]
pub struct Context {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// Splits in flight at once.
    pub jobs: usize,
    /// Where large buffers are drawn from.
    pub memory: Arc<dyn Memory>,
    /// The state folder, when rows will be moved: a source may keep its snapshot there for the next
    /// process. `None` for a look.
    pub state: Option<PathBuf>,
}

/// The connector with this name.
pub fn named(name: &str) -> Option<&'static Connector> {
    ALL.iter().find(|connector| connector.name == name).copied()
}

/// Every connector as the reader of pipeline files knows it.
pub fn known() -> Vec<KnownConnector> {
    let known = |connector: &&Connector| KnownConnector {
        name: connector.name,
        can_read: connector.source.is_some(),
        modes: connector.can.modes,
        check,
    };
    ALL.iter().map(known).collect()
}

/// Removes what killed and superseded loads left beside the table `folder`, if it is older than
/// `older_than`; with `dry_run` it is only listed.
pub async fn clean(folder: &Path, older_than: Duration, dry_run: bool) -> Result<Vec<Orphan>> {
    parquet::clean(folder, older_than, dry_run).await
}

/// Holds a snapshot of a source for the next process. `order` is the line that dhow sends to a
/// process that it starts for this, `answer` is called once with the line that it waits for.
///
/// # Errors
/// Why the snapshot cannot be held.
pub async fn hold(order: &str, answer: impl FnOnce(&str) + Send) -> Result<()> {
    postgres::hold(order, answer).await
}

/// The table of refused rows of the sink `name` under the folder `path`, and what it is called for
/// people.
pub fn rejects(path: &str, name: &str, context: &Context) -> Result<(Arc<dyn Sink>, String)> {
    let table = format!("{}/{name}", path.trim_end_matches('/'));
    let options = Options::of_arguments(&[("path", &table)]);
    Ok((parquet::sink(&options, context)?, table))
}

/// The connector whose URLs begin with the scheme of `text`.
pub fn for_url(text: &str) -> Option<&'static Connector> {
    let (scheme, _) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    ALL.iter().find(|connector| connector.can.schemes.contains(&scheme.as_str())).copied()
}

/// The connector that reads or writes files with this ending; compressed files are looked at
/// without `.gz`, `.zst` and `.bz2`.
pub fn for_path(path: &str) -> Option<&'static Connector> {
    let lower = path.to_ascii_lowercase();
    let stem = [".gz", ".zst", ".bz2"].iter().find_map(|end| lower.strip_suffix(end));
    let stem = stem.unwrap_or(&lower);
    let (_, ending) = stem.rsplit_once('.')?;
    ALL.iter().find(|connector| connector.can.endings.contains(&ending)).copied()
}
