//! Reads one table of several databases as one: each is a shard, told by a column of its own.
//!
//! A sharded source is made of ordinary ones. The ids of its splits begin with the shard, and what
//! each shard needs for itself (its position, its memo) is kept by shard.

mod columns;
mod options;
mod positions;
pub(super) mod resumption;
mod snapshot;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::future::join_all;

use self::columns::Columns;
pub(super) use self::options::{are_sharded, refuse_without_shards};
use self::snapshot::{Part, Whole};
use crate::config::{Options, Problem};
use crate::connectors::{Context, Open, OptionDoc};
use crate::error::{Error, Result, ResultExt};
use crate::source::{Snapshot, Source, Window};

/// How a connector reads one of the databases.
#[derive(Debug)]
pub(super) struct OneShard {
    /// Opens an ordinary source.
    pub open: Open<dyn Source>,
    /// Everything that is wrong with the options of an ordinary source.
    pub check: fn(&Options) -> Vec<Problem>,
    /// The options of its connection: those that a shard may have of its own.
    pub connection: &'static [OptionDoc],
    /// How `shards` are written, for hints.
    pub form: &'static str,
}

impl OneShard {
    /// The source that `options` with their shards describe; they have been checked.
    pub(super) fn open_all(&self, options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
        let (wanted, _) = options::read(options, self);
        let shard = |(name, options): (String, Options)| {
            let source = (self.open)(&options, context).at("shard", &name)?;
            Ok(Shard { name, source })
        };
        let shards = wanted.shards.into_iter().map(shard).collect::<Result<_>>()?;
        Ok(Arc::new(Shards { column: wanted.column, has_cursor: wanted.has_cursor, shards }))
    }

    /// Everything that is wrong with `options`, which are those of a sharded source. What is wrong
    /// for every shard is said once.
    pub(super) fn check_all(&self, options: &Options) -> Vec<Problem> {
        options::check(options, self)
    }
}

/// A table of several databases.
#[derive(Debug)]
struct Shards {
    /// The column that tells the shard.
    column: String,
    has_cursor: bool,
    /// In the order written.
    shards: Vec<Shard>,
}

/// One of the databases.
#[derive(Debug)]
struct Shard {
    name: String,
    source: Arc<dyn Source>,
}

impl Shards {
    /// What all shards gave, or what is wrong with each that gave nothing.
    fn all<T>(&self, found: Vec<Result<T>>) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let mut errors = Vec::new();
        for (shard, found) in self.shards.iter().zip(found) {
            match found.at("shard", &shard.name) {
                Ok(found) => all.push(found),
                Err(error) => errors.push(error),
            }
        }
        // The first one says whether another try is worth it: it is not while one of them lasts.
        errors.sort_by_key(|error| error.kind().is_transient());
        if errors.is_empty() { Ok(all) } else { Err(Error::several(errors)) }
    }

    fn columns(&self, schemas: impl IntoIterator<Item = SchemaRef>) -> Result<Columns> {
        let names = self.shards.iter().map(|shard| shard.name.as_str());
        let schemas: Vec<_> = names.zip(schemas).collect();
        Columns::of(&self.column, &schemas)
    }
}

#[async_trait]
impl Source for Shards {
    async fn schema(&self) -> Result<SchemaRef> {
        let found = join_all(self.shards.iter().map(|shard| shard.source.schema())).await;
        Ok(self.columns(self.all(found)?)?.schema)
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        let above = positions::watermarks(window.above.as_ref())?;
        let memos = positions::memos(window.memo.as_ref());
        let opening = self.shards.iter().map(|shard| async {
            let window = Window {
                above: above.get(&shard.name).cloned(),
                memo: memos.get(&shard.name).cloned(),
            };
            shard.source.open(&window).await
        });
        let found = join_all(opening).await;
        let opened: Vec<_> = found.iter().flatten().cloned().collect();
        let schemas = self.all(found).map(|all| all.into_iter().map(|shard| shard.schema()));
        let columns = match schemas.and_then(|schemas| self.columns(schemas)) {
            Ok(columns) => columns,
            Err(error) => {
                // Nobody will ask for them again.
                join_all(opened.iter().map(|snapshot| snapshot.release())).await;
                return Err(error);
            }
        };
        let names = self.shards.iter().map(|shard| shard.name.clone());
        let parts = names.zip(opened).zip(columns.places);
        let parts = parts.map(|((name, snapshot), places)| Part { name, snapshot, places });
        // A shard that has gone, or that has nothing yet, stays where it was.
        let high = self.has_cursor.then_some(above);
        Ok(Arc::new(Whole::of(columns.schema, parts.collect(), high)))
    }
}
