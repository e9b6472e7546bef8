//! Opens a SQLite database as a source, and freezes it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::freeze::{Database, Readers};
use super::options::{self, Wanted};
use super::pool::Pool;
use super::read::Frozen;
use super::table::Table;
use super::{cursor, error, split};
use crate::config::Options;
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::source::{Snapshot, SnapshotId, Source, Window};

/// The source that `options` describe; they have been checked.
pub(super) fn open(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    let (wanted, _) = options::read(options);
    let plan = Plan {
        wanted,
        base: context.base.clone(),
        jobs: context.jobs.max(1),
        memory: Arc::clone(&context.memory),
    };
    Ok(Arc::new(SqliteSource { plan: Arc::new(plan), promised: OnceLock::new() }))
}

/// A table, view or query of a database file.
#[derive(Debug)]
struct SqliteSource {
    plan: Arc<Plan>,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

#[derive(Debug)]
struct Plan {
    wanted: Wanted,
    base: PathBuf,
    jobs: usize,
    memory: Arc<dyn Memory>,
}

impl Plan {
    fn describe(&self) -> Result<Table> {
        let database = Database::find(&self.base, &self.wanted.path)?;
        Table::describe(&database.reader()?, &self.wanted)
    }

    fn freeze(&self, window: &Window) -> Result<Frozen> {
        let database = Database::find(&self.base, &self.wanted.path)?;
        // One more than there are jobs: a stream that is not read from may hold one.
        let Readers { connections, state } = database.readers(self.jobs + 1)?;
        connections.iter().try_for_each(|connection| self.bound(connection))?;
        let Some(first) = connections.first() else {
            return Err(Error::bug("a SQLite database was opened without a reader"));
        };
        let wanted = &self.wanted;
        let table = Table::describe(first, wanted)?;
        let above = window.above.as_ref();
        let window = cursor::window(first, &table, wanted.cursor.as_deref(), above)?;
        let splits = split::cut(first, &table, &window, wanted.split_rows)?;
        let how = format!("{wanted:?} {above:?}");
        let id = SnapshotId::of([state.0.as_str(), how.as_str()]);
        let pool = Pool::new(connections);
        Ok(Frozen::new(id, table, window, splits, (pool, Arc::clone(&self.memory))))
    }
}

impl Plan {
    /// Lets SQLite make no value that there is no memory for; each is held twice.
    fn bound(&self, connection: &Connection) -> Result<()> {
        let half = self.memory.limit().and_then(|bytes| i32::try_from(bytes / 2).ok());
        let Some(half) = half else { return Ok(()) };
        let set = connection
            .limit(Limit::SQLITE_LIMIT_LENGTH)
            .and_then(|own| connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, own.min(half.max(1))));
        set.map(|_| ()).map_err(|e| error::of(&self.wanted.path, &e))
    }
}

impl SqliteSource {
    fn keep_promise(&self, schema: SchemaRef) -> Result<()> {
        if *self.promised.get_or_init(|| Arc::clone(&schema)) == schema {
            return Ok(());
        }
        let label = self.plan.wanted.reads.label();
        Err(Error::conflict(format!("`{label}` changed its columns while it was planned"))
            .at("file", &self.plan.wanted.path)
            .hint("run again once nobody changes the table"))
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn schema(&self) -> Result<SchemaRef> {
        let plan = Arc::clone(&self.plan);
        let schema = blocking(move || plan.describe()).await?.schema;
        self.keep_promise(Arc::clone(&schema))?;
        Ok(schema)
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        let (plan, window) = (Arc::clone(&self.plan), window.clone());
        let frozen = blocking(move || plan.freeze(&window)).await?;
        self.keep_promise(frozen.schema())?;
        Ok(Arc::new(frozen))
    }
}

/// Runs `work` away from the threads that others wait on.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::bug("reading SQLite ended early").at("task", e))?
}
