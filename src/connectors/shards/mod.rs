//! Reads one table of several databases as one: each is a shard, told by a column of its own.
//!
//! A sharded source is made of ordinary ones. The ids of its splits begin with the shard, and what
//! each shard needs for itself (its position, its memo) is kept by shard. With `shard_down: skip` one
//! that cannot be reached stays at its position, and the others go on.

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
use self::positions::ByShard;
use self::snapshot::{Part, Whole};
use crate::config::{Options, Problem};
use crate::connectors::{Context, Open, OptionDoc};
use crate::error::{Error, Result, ResultExt};
use crate::source::{Snapshot, Source, Watermark, Window};

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
        let options::Wanted { column, has_cursor, skips, .. } = wanted;
        Ok(Arc::new(Shards { column, has_cursor, skips, shards }))
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
    /// Whether one that cannot be reached is left for a later run.
    skips: bool,
    /// In the order written.
    shards: Vec<Shard>,
}

/// One of the databases.
#[derive(Debug)]
struct Shard {
    name: String,
    source: Arc<dyn Source>,
}

/// Something of each shard, in the order written.
type ByName<'a, T> = Vec<(&'a str, T)>;

impl Shards {
    /// What the shards gave, by name, and why others are left for a later run; or what is wrong
    /// with each that gave nothing.
    fn all<T>(&self, found: Vec<Result<T>>) -> Result<(ByName<'_, T>, Vec<Error>)> {
        let mut all = Vec::new();
        let mut errors = Vec::new();
        for (shard, found) in self.shards.iter().zip(found) {
            match found.at("shard", &shard.name) {
                Ok(found) => all.push((shard.name.as_str(), found)),
                Err(error) => errors.push(error),
            }
        }
        let is_down = |error: &Error| error.kind().is_transient();
        if self.skips && !all.is_empty() && errors.iter().all(is_down) {
            return Ok((all, errors));
        }
        // The first one says whether another try is worth it: it is not while one of them lasts.
        errors.sort_by_key(is_down);
        if errors.is_empty() { Ok((all, errors)) } else { Err(Error::several(errors)) }
    }

    /// The frozen views of the shards as one; `above` are the positions before.
    fn whole(
        &self,
        found: Vec<Result<Arc<dyn Snapshot>>>,
        above: ByShard<Watermark>,
    ) -> Result<Whole> {
        let (all, down) = self.all(found)?;
        let schemas: Vec<_> = all.iter().map(|(name, shard)| (*name, shard.schema())).collect();
        let columns = Columns::of(&self.column, &schemas)?;
        let part = |((name, snapshot), places): ((&str, _), _)| Part {
            name: name.to_owned(),
            snapshot,
            places,
        };
        let parts = all.into_iter().zip(columns.places).map(part).collect();
        // A shard that has gone, or that has nothing yet, stays where it was.
        let high = self.has_cursor.then_some(above);
        Ok(Whole::of(columns.schema, parts, high, down.iter().map(late).collect()))
    }
}

#[async_trait]
impl Source for Shards {
    async fn schema(&self) -> Result<SchemaRef> {
        let found = join_all(self.shards.iter().map(|shard| shard.source.schema())).await;
        Ok(Columns::of(&self.column, &self.all(found)?.0)?.schema)
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
        match self.whole(found, above) {
            Ok(whole) => Ok(Arc::new(whole)),
            Err(error) => {
                // Nobody will ask for them again.
                join_all(opened.iter().map(|snapshot| snapshot.release())).await;
                Err(error)
            }
        }
    }
}

/// The shard that `error` kept away, and what is to be known of it.
fn late(error: &Error) -> (String, String) {
    let shard = error.places().iter().rfind(|(what, _)| what == "shard");
    let shard = shard.map_or("", |(_, name)| name.as_str());
    tracing::warn!(shard, %error, "the shard is left for a later run");
    let message = error.message();
    let note = format!("`{shard}` is left for a later run, its position unchanged: {message}");
    (shard.to_owned(), note)
}
