//! Opens a Postgres database as a source, and freezes it.

pub(super) mod blocks;
pub(super) mod cursor;
pub(super) mod cut;
#[cfg(test)]
mod cut_tests;
pub(super) mod filter;
pub(super) mod freeze;
pub(super) mod frozen;
pub(super) mod hold;
#[cfg(test)]
mod hold_tests;
pub(super) mod holder;
pub(super) mod instance;
pub(super) mod kept;
pub(super) mod keys;
pub(super) mod notes;
pub(super) mod options;
pub(super) mod order;
pub(super) mod piece;
pub(super) mod read;
pub(super) mod relation;
#[cfg(test)]
mod rows_tests;
pub(super) mod sessions;
#[cfg(test)]
mod shards_tests;
#[cfg(test)]
pub(super) mod source_tests;
#[cfg(test)]
mod verbatim_tests;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::postgres::server::{CONNECTION, Purpose};
use crate::connectors::shards::{OneShard, are_sharded};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::source::{Snapshot, Source, Window};
use freeze::Freeze;
use hold::{Holding, Launch};
use options::SourceOptions;
use relation::Relation;

/// The source that `options` describe; they have been checked.
pub(in crate::connectors::postgres) fn open(
    options: &Options,
    context: &Context,
) -> Result<Arc<dyn Source>> {
    if are_sharded(options) {
        return SHARD.open_all(options, context);
    }
    open_with(options, context, hold::launch)
}

/// One of several databases.
pub(in crate::connectors::postgres) static SHARD: OneShard = OneShard {
    open,
    check: |options| options::source(options).1,
    connection: CONNECTION,
    form: "write `shards: {eu: postgres://user@host/database, us: {host: …}}`",
};

/// The same; snapshots are held by what `launch` starts.
pub(in crate::connectors::postgres) fn open_with(
    options: &Options,
    context: &Context,
    launch: Launch,
) -> Result<Arc<dyn Source>> {
    let (mut wanted, _) = options::source(options);
    let holding = |state: &PathBuf| {
        Ok(Holding {
            options: options.clone(),
            base: hold::absolute(&context.base)?,
            state: hold::absolute(state)?,
            launch,
        })
    };
    let holding = context.state.as_ref().map(holding).transpose()?;
    wanted.server = wanted.server.within(&context.base);
    Ok(Arc::new(PostgresSource {
        plan: Plan {
            options: wanted,
            jobs: context.jobs.max(1),
            memory: Arc::clone(&context.memory),
            holding,
        },
        promised: OnceLock::new(),
    }))
}

/// A table, view or query of a database.
#[derive(Debug)]
struct PostgresSource {
    plan: Plan,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

/// What a source was opened with.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Plan {
    /// The options.
    pub options: SourceOptions,
    /// Splits in flight at once.
    pub jobs: usize,
    /// Where buffers are drawn from.
    pub memory: Arc<dyn Memory>,
    /// How a snapshot is held; `None` for a look.
    pub holding: Option<Holding>,
}

impl PostgresSource {
    fn keep_promise(&self, schema: SchemaRef) -> Result<()> {
        if *self.promised.get_or_init(|| Arc::clone(&schema)) == schema {
            return Ok(());
        }
        let label = self.plan.options.reads.label();
        Err(Error::conflict(format!("`{label}` changed its columns while it was planned"))
            .hint("run again once nobody changes the table"))
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn schema(&self) -> Result<SchemaRef> {
        let options = &self.plan.options;
        let client = options.server.connect(Purpose::Read, "schema").await?;
        sessions::begin(&client, None).await?;
        let schema = Relation::describe(&client, options).await?.schema;
        self.keep_promise(Arc::clone(&schema))?;
        Ok(schema)
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        let frozen = Freeze::new(&self.plan, window).freeze().await?;
        self.keep_promise(frozen.schema())?;
        Ok(Arc::new(frozen))
    }
}
