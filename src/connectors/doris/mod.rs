//! The `doris` connector: writes tables of Apache Doris, and of StarRocks where it is the same.
//!
//! - `nodes`, `redirect`, `request`, `answer`, `error_url`: Stream Load over HTTP. Who may see the
//!   password, what an answer is worth, and what a label says of a load whose answer was lost
//!   (`outcome`).
//! - `query`: statements, in MySQL's protocol.
//! - `kind`, `types`, `source_type`, `ddl`, `drift`: types of columns, and tables made and changed.
//! - `stage`, `write`: every part goes into one table beside the target, each request under a label
//!   of its own, and with its place in every row, which is evidence that does not expire.
//! - `mark`, `settle`, `commit`, `publish`, `swap`: an intent is written, then the rows are published by
//!   one `INSERT … SELECT` under a label, or by putting a new table in the target's place, then the
//!   intent becomes the mark.

mod address;
mod answer;
mod commit;
mod ddl;
mod drift;
mod encode;
mod error;
mod error_url;
mod inspect;
mod keys;
mod kind;
mod label;
mod login;
mod manual;
mod mark;
mod nodes;
mod options;
mod outcome;
mod patience;
mod publish;
mod query;
mod quote;
mod redirect;
mod request;
mod settle;
mod source_type;
mod stage;
#[cfg(test)]
#[path = "../../../tests/databases/doris/stand/mod.rs"]
mod stand_in;
mod swap;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod write;

use std::sync::Arc;

use async_trait::async_trait;

use crate::config::Options;
use crate::connectors::{Capability, Connector, Context};
use crate::error::{Result, ResultExt};
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink, Target};
use crate::source::Watermarks;

use label::Names;
use nodes::Nodes;
use options::DorisOptions;
use query::{Session, Sessions};

/// The `doris` connector.
pub static CONNECTOR: Connector = Connector {
    name: "doris",
    summary: "tables of Apache Doris, and of StarRocks",
    can: Capability { endings: &[], schemes: &[], splits: None, reopen: false, modes: Mode::NAMES },
    options: options::OPTIONS,
    types: Some(manual::manual),
    check: options::check,
    source: None,
    sink: Some(open),
};

/// A table of Doris as a sink.
#[derive(Debug)]
struct DorisSink {
    options: DorisOptions,
    context: Context,
    nodes: Nodes,
}

/// The sink that `options` describe; they have been checked.
fn open(options: &Options, context: &Context) -> Result<Arc<dyn Sink>> {
    let (options, _) = options::read(options);
    let nodes = Nodes::new(&options.cluster, &context.base);
    Ok(Arc::new(DorisSink { options, context: context.clone(), nodes }))
}

impl DorisSink {
    /// A session with a front end.
    async fn session(&self) -> Result<Session> {
        let sessions = Sessions {
            cluster: &self.options.cluster,
            login: &self.nodes.login,
            database: &self.options.database,
            base: &self.context.base,
            timeout: self.options.timeout,
        };
        sessions.open().await
    }

    /// The names of a load into this table.
    fn names(&self, load: &Load) -> Names {
        Names::of(&self.shown(), &load.id)
    }

    /// The table for people.
    fn shown(&self) -> String {
        format!("{}.{}", self.options.database, self.options.table)
    }
}

#[async_trait]
impl Sink for DorisSink {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        inspect::inspect(self, load).await.at("table", self.shown())
    }

    async fn prepare(&self, load: &Load) -> Result<()> {
        stage::prepare(self, load).await.at("table", self.shown())
    }

    async fn write(&self, load: &Load, part: Part) -> Result<Receipt> {
        write::write(self, load, part).await
    }

    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark> {
        commit::commit(self, load, staged, high).await.at("table", self.shown())
    }

    async fn sweep(&self, load: &Load) -> Result<()> {
        sweep::sweep(self, load).await.at("table", self.shown())
    }
}
