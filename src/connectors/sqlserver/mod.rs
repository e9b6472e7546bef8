//! The `sqlserver` connector: reads tables, views and queries of Microsoft SQL Server.
//!
//! - `server`, `session`: how a server is reached, and statements on it. The driver (tiberius)
//!   brings its own TLS; what it cannot do is refused (`server.rs`).
//! - `reading`, `variant`, `cells`: how a type arrives, decided once; and its values, exact or
//!   refused.
//! - `relation`, `table`, `hidden`: what is read, what a name stands for, and what the server would
//!   hide of it.
//! - `keys`, `cut`: in which ranges it is read. The server finds the borders and compares with them.
//! - `instance`, `freeze`, `sessions`: what readers see. Sessions of SQL Server cannot share a
//!   moment: a split has a moment of its own, or one session reads everything, or the database is
//!   a snapshot itself. What is not committed is never read.
//! - `cursor`: what an incremental load may read.

mod address;
mod batch;
mod browser;
mod cells;
#[cfg(test)]
mod cells_tests;
mod connection_string;
mod cursor;
mod cut;
mod error;
mod filter;
mod freeze;
mod frozen;
mod hidden;
mod instance;
mod keys;
mod manual;
mod name;
mod notes;
mod options;
mod piece;
mod quote;
mod read;
mod reading;
mod relation;
mod server;
mod server_type;
mod session;
mod sessions;
mod statement;
mod table;
#[cfg(test)]
#[path = "../../../tests/databases/tds/mod.rs"]
pub(super) mod tds;
#[cfg(test)]
mod tests;
mod variant;

use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use crate::config::Options;
use crate::connectors::relation_options::Reads;
use crate::connectors::shards::{OneShard, are_sharded};
use crate::connectors::{Capability, Connector, Context, OptionDoc};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::source::{Snapshot, Source, Window};
use options::{SOURCE, SourceOptions};
use relation::Relation;
use server::CONNECTION;

/// The `sqlserver` connector.
pub static CONNECTOR: Connector = Connector {
    name: "sqlserver",
    summary: "tables, views and queries of Microsoft SQL Server",
    can: Capability {
        endings: &[],
        schemes: &["sqlserver", "mssql"],
        splits: Some("key range"),
        reopen: true,
        modes: &[],
    },
    options: &OPTIONS,
    types: Some(manual::manual),
    check: options::check,
    source: Some(open),
    sink: None,
};

/// What is read, then how the server is reached.
const OPTIONS: [OptionDoc; SOURCE.len() + CONNECTION.len()] = {
    let mut all = [SOURCE[0]; SOURCE.len() + CONNECTION.len()];
    let mut next = 0;
    while next < all.len() {
        all[next] = match next < SOURCE.len() {
            true => SOURCE[next],
            false => CONNECTION[next - SOURCE.len()],
        };
        next += 1;
    }
    all
};

/// One of several databases.
static SHARD: OneShard = OneShard {
    open,
    check: |options| options::source(options).1,
    connection: CONNECTION,
    form: "write `shards: {eu: sqlserver://user@host/database, us: {host: …}}`",
};

/// The source that `options` describe; they have been checked.
fn open(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    if are_sharded(options) {
        return SHARD.open_all(options, context);
    }
    let (mut wanted, _) = options::source(options);
    wanted.server = wanted.server.within(&context.base);
    let plan =
        Plan { options: wanted, jobs: context.jobs.max(1), memory: Arc::clone(&context.memory) };
    Ok(Arc::new(SqlServer { plan, promised: OnceLock::new() }))
}

/// A table, view or query of a database.
#[derive(Debug)]
struct SqlServer {
    plan: Plan,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

/// What a source was opened with.
#[derive(Debug)]
struct Plan {
    options: SourceOptions,
    /// Splits in flight at once.
    jobs: usize,
    /// Where buffers are drawn from.
    memory: Arc<dyn Memory>,
}

impl SqlServer {
    fn keep_promise(&self, schema: SchemaRef) -> Result<()> {
        if *self.promised.get_or_init(|| Arc::clone(&schema)) == schema {
            return Ok(());
        }
        let label = match &self.plan.options.reads {
            Reads::Table(name) => name,
            Reads::Query(_) => "query",
        };
        Err(Error::conflict(format!("`{label}` changed its columns while it was planned"))
            .hint("run again once nobody changes the table"))
    }
}

#[async_trait]
impl Source for SqlServer {
    async fn schema(&self) -> Result<SchemaRef> {
        let options = &self.plan.options;
        let mut session = options.server.connect("schema").await?;
        let schema = Relation::describe(&mut session, options).await?.schema;
        self.keep_promise(Arc::clone(&schema))?;
        Ok(schema)
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        let frozen = freeze::freeze(&self.plan, window).await?;
        self.keep_promise(frozen.schema())?;
        Ok(Arc::new(frozen))
    }
}
