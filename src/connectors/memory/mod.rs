//! Tables in the memory of the process: the reference for the contract, and the test double.
//!
//! A [`Store`] holds tables; sources read its tables and sinks write them. Everything is gone when
//! the process ends, so a pipeline has no use for it outside tests.

mod sink;
mod source;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

pub use sink::MemorySink;
pub use source::MemorySource;

use crate::config::{Options, Problem};
use crate::connectors::{Capability, Connector, Context, OptionDoc, Role};
use crate::error::Result;
use crate::sink::{Mark, Mode, Sink};
use crate::source::Source;

/// The `memory` connector.
pub static CONNECTOR: Connector = Connector {
    name: "memory",
    summary: "tables in the memory of this process, for tests",
    can: Capability {
        endings: &[],
        schemes: &[],
        splits: Some("batch"),
        reopen: true,
        modes: Mode::NAMES,
    },
    options: &[
        OptionDoc { name: "table", role: None, default: None, summary: "name of the table" },
        OptionDoc {
            name: "cursor",
            role: Some(Role::Source),
            default: None,
            summary: "column of whole numbers that grows with every change",
        },
    ],
    types: None,
    check,
    source: Some(open_source),
    sink: Some(open_sink),
};

/// Tables by name.
#[derive(Debug, Default)]
pub struct Store {
    tables: Mutex<BTreeMap<String, Table>>,
    staged: Mutex<HashMap<String, Vec<RecordBatch>>>,
    places: AtomicU64,
    /// A bug to be found by the tests of the commit protocol.
    #[cfg(test)]
    pub(crate) planted: Option<Planted>,
}

/// A table: its columns, its rows, the loads that it has seen.
#[derive(Debug, Clone)]
pub struct Table {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows; each batch is a split when read.
    pub batches: Vec<RecordBatch>,
    /// The marks of the loads published to it, oldest first.
    pub marks: Vec<Mark>,
}

/// Rules of the commit protocol that a test takes away from source and sink.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Rule 1: the rows are published without a mark.
    NoMark,
    /// Rule 2: `commit` answers what was asked for, not what is in the target.
    OwnWatermark,
    /// Rule 3: every write of a part stages in the same place.
    SharedPlace,
    /// Rule 6: a snapshot reads the rows that are there when it is read.
    LiveRows,
}

impl Store {
    /// The table called `name`, as it is now.
    pub fn table(&self, name: &str) -> Option<Table> {
        lock(&self.tables).get(name).cloned()
    }

    /// Puts a table in place of whatever was called `name`; its marks are kept.
    pub fn put(&self, name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) {
        let mut tables = lock(&self.tables);
        let marks = tables.remove(name).map(|table| table.marks).unwrap_or_default();
        tables.insert(name.to_owned(), Table { schema, batches, marks });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half done between two statements under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The store that pipelines use: one for the process.
pub fn shared() -> Arc<Store> {
    static SHARED: LazyLock<Arc<Store>> = LazyLock::new(Arc::default);
    Arc::clone(&SHARED)
}

fn check(options: &Options, role: Role) -> Vec<Problem> {
    let reader = options.reader();
    reader.required("table");
    if role == Role::Source {
        reader.text("cursor");
    }
    reader.finish()
}

fn open_source(options: &Options, _: &Context) -> Result<Arc<dyn Source>> {
    let reader = options.reader();
    let source = MemorySource::new(shared(), &reader.required("table"));
    Ok(Arc::new(source.with_cursor(reader.text("cursor"))))
}

fn open_sink(options: &Options, _: &Context) -> Result<Arc<dyn Sink>> {
    Ok(Arc::new(MemorySink::new(shared(), &options.reader().required("table"))))
}
