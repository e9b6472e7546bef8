//! Opens a MySQL database as a source, and freezes it.

mod borders;
mod cursor;
#[cfg(test)]
mod cursor_tests;
mod cut;
#[cfg(test)]
mod cut_tests;
mod filter;
mod freeze;
mod frozen;
mod guess;
mod horizon;
mod kept;
mod key;
mod moment;
#[cfg(test)]
mod moment_tests;
mod notes;
mod piece;
mod position;
mod read;
mod relation;
#[cfg(test)]
mod rows_tests;
mod sessions;
#[cfg(test)]
mod source_tests;
mod warning;

use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::options::{self, SourceOptions};
use crate::config::Options;
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::source::{Snapshot, Source, Window};
use freeze::Freeze;
use relation::Relation;

/// The source that `options` describe; they have been checked.
pub(super) fn open(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    let (mut wanted, _) = options::source(options);
    wanted.server = wanted.server.within(&context.base);
    let plan = Plan {
        options: wanted,
        jobs: context.jobs.max(1),
        memory: Arc::clone(&context.memory),
        moves_rows: context.state.is_some(),
    };
    Ok(Arc::new(MySqlSource { plan, promised: OnceLock::new() }))
}

/// A table, view or query of a database.
#[derive(Debug)]
struct MySqlSource {
    plan: Plan,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

/// What a source was opened with.
#[derive(Debug)]
struct Plan {
    /// The options.
    options: SourceOptions,
    /// Splits in flight at once.
    jobs: usize,
    /// Where buffers are drawn from.
    memory: Arc<dyn Memory>,
    /// Whether rows will be moved; a look takes no lock.
    moves_rows: bool,
}

impl MySqlSource {
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
impl Source for MySqlSource {
    async fn schema(&self) -> Result<SchemaRef> {
        let options = &self.plan.options;
        let mut connection = options.server.connect().await?;
        let schema = Relation::describe(&mut connection, options).await?.schema;
        connection.close().await;
        self.keep_promise(Arc::clone(&schema))?;
        Ok(schema)
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        let frozen = Freeze::new(&self.plan, window).freeze().await?;
        self.keep_promise(frozen.relation.schema.clone())?;
        Ok(Arc::new(frozen))
    }
}
