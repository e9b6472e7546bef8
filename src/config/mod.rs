//! What the user wrote: sources, models, checks and sinks, with the place of each.
//!
//! A pipeline file is read into [`Node`]s, each of which knows its line and column; these become a
//! [`Pipeline`], and everything that is wrong becomes a [`Problem`]. Only [`read`] touches files:
//! the pipeline, its SQL and `.env`; whether there are data, tables or columns is not known yet.

mod connection;
mod env;
mod known;
pub mod measure;
mod names;
mod node;
mod options;
mod parameters;
mod pipeline;
mod placeholder;
mod problem;
pub mod read;
mod scrub;
mod secret;
mod sinks;
mod statements;
#[cfg(test)]
mod tests;
mod var;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use env::Variables;
pub use known::{Known, KnownConnector, Role};
pub use node::{Node, Place, Value};
pub use options::{Options, Reader};
pub use problem::{Problem, suggest};
pub use scrub::{scrub, scrub_bytes};
pub use secret::Secret;
pub use var::Var;

use crate::sink::Mode;

/// A pipeline as written: every name in it is unique, every connector and mode exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pipeline {
    /// The name: letters, digits, `_` and `-`; the key of its state.
    pub name: String,
    /// What it is for, in the words of its author.
    pub description: Option<String>,
    /// The folder that every relative path in it starts from.
    pub base: PathBuf,
    /// Where rows come from, in the order written.
    pub sources: Vec<SourceDef>,
    /// The SQL between, in the order written.
    pub models: Vec<ModelDef>,
    /// What must not be true of the rows, in the order written.
    pub checks: Vec<CheckDef>,
    /// Where rows go, in the order written.
    pub sinks: Vec<SinkDef>,
    /// How many rows may be refused, and where they go.
    pub rejects: Rejects,
    /// Parameters of the SQL: `{name}` in a model stands for the typed value.
    pub vars: BTreeMap<String, Var>,
    /// The MaxMind database of `geo_ip`, as written: a path from `base`.
    pub geo_ip: Option<String>,
}

impl Pipeline {
    /// Makes `{date}` stand for the day of the run in SQL too, unless there is a `date` already.
    pub fn declare_date(&mut self, today: jiff::civil::Date) {
        self.vars.entry("date".to_owned()).or_insert(Var::Date(today));
    }
}

/// Somewhere rows come from.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceDef {
    /// The name that SQL uses.
    pub name: String,
    /// The connector's name, such as `csv`.
    pub connector: String,
    /// The connector's own options.
    pub options: Options,
}

/// A `SELECT` in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDef {
    /// The name that SQL uses.
    pub name: String,
    /// The statement.
    pub sql: Sql,
}

/// A `SELECT` that must return no rows.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckDef {
    /// The name shown to people.
    pub name: String,
    /// The statement.
    pub sql: Sql,
    /// What happens to a run whose check returns rows.
    pub refused: OnRefused,
}

/// What happens when a check returns rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefused {
    /// The run stops before anything is written.
    Stop,
    /// The run goes on and says so.
    Warn,
    /// The rows go to the reject table instead of the sink.
    Reject,
}

impl OnRefused {
    /// The word that a user writes.
    pub fn word(self) -> &'static str {
        match self {
            OnRefused::Stop => "stop",
            OnRefused::Warn => "warn",
            OnRefused::Reject => "reject",
        }
    }
}

/// SQL text and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    /// The file as shown to people.
    pub file: String,
    /// The whole text, as written.
    pub text: String,
}

/// Somewhere rows go.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkDef {
    /// The name shown to people; the key of its loads and watermarks.
    pub name: String,
    /// The source or model whose rows are written.
    pub from: String,
    /// The connector's name, such as `parquet`.
    pub connector: String,
    /// How the table changes.
    pub mode: Mode,
    /// Whether a replace or truncate with no rows at all may empty the table.
    pub allow_empty: bool,
    /// At most so many rows of its loads may be refused, where it says so itself.
    pub max_refused: Option<u64>,
    /// The connector's own options.
    pub options: Options,
}

/// How many rows of a load may be refused, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejects {
    /// At most this many rows of a load; 0 stops at the first.
    pub max_rows: u64,
    /// At most this share of the rows read by a load, from 0 to 1.
    pub max_ratio: f64,
    /// The folder under which each sink has a Parquet table of refused rows.
    pub path: String,
}

impl Rejects {
    /// The same for the loads of `sink`.
    pub fn of(&self, sink: &SinkDef) -> Self {
        Rejects { max_rows: sink.max_refused.unwrap_or(self.max_rows), ..self.clone() }
    }
}

impl Default for Rejects {
    fn default() -> Self {
        Rejects { max_rows: 0, max_ratio: 1.0, path: "rejects".to_owned() }
    }
}
