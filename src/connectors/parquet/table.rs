//! The sink that writes a folder: staged files, a manifest that is the commit, a view for readers.
//!
//! Rules: a file is written once, under a name that nobody else uses; the manifest holds the load's
//! mark beside the files it adds; what is not in a manifest is not in the table; the view is made
//! from the newest manifest and never decides anything. A bucket's single file is such a table with
//! one file, of which the object that readers know is a copy.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::StreamExt;

use crate::connectors::parquet::delete;
use crate::connectors::parquet::encode::Encoding;
use crate::connectors::parquet::home::Home;
use crate::connectors::parquet::manifest::{self, DataFile, Manifest};
use crate::connectors::parquet::splice::splice;
use crate::connectors::parquet::stage::{self, Stage};
use crate::connectors::parquet::store::Store;
use crate::connectors::parquet::{fit, hive, receipts, single, stored};
use crate::error::{Error, Result};
use crate::faults;
use crate::memory::Memory;
use crate::sink;
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink, Target};
use crate::source::{BatchStream, Watermarks};

/// How often a commit starts over when other loads are published at the same time.
const COMMIT_TRIES: usize = 20;

/// A table that is a folder.
#[derive(Debug)]
pub(super) struct Table {
    home: Home,
    is_single: bool,
    partition_by: Vec<String>,
    encoding: Encoding,
    memory: Arc<dyn Memory>,
}

/// How rows of a load become rows of the table.
struct Shape {
    /// The columns as stored, in the order of the table.
    schema: SchemaRef,
    /// Where each of them stands in a batch of the load.
    order: Vec<usize>,
}

#[async_trait]
impl Sink for Table {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        self.check(load).await?;
        if !load.schema.fields().is_empty() {
            self.stored(load)?;
        }
        let Some(store) = self.home.open().await? else { return Ok(Target::default()) };
        let Some(current) = manifest::current(&store).await? else { return Ok(Target::default()) };
        Ok(Target {
            schema: Some(current.schema()?),
            rows: Some(current.files.iter().map(|file| file.rows).sum()),
            bytes: Some(current.files.iter().map(|file| file.bytes).sum()),
            mark: current.mark(&load.id).cloned(),
            watermarks: current.marks.first().map(|m| m.watermarks.clone()).unwrap_or_default(),
            ..Target::default()
        })
    }

    async fn prepare(&self, load: &Load) -> Result<()> {
        self.check(load).await?;
        let store = self.home.make().await?;
        let current = manifest::current(&store).await?;
        if current.as_ref().is_none_or(|current| current.mark(&load.id).is_none()) {
            self.shape(load, current.as_ref())?;
        }
        self.home.show(&store).await
    }

    async fn write(&self, load: &Load, part: Part) -> Result<Receipt> {
        let store = self.home.make().await?;
        let current = manifest::current(&store).await?;
        let shape = self.shape(load, current.as_ref())?;
        let folder = stage::folder("", &load.id);
        let mut stage = self.stage(&store, (&folder, &part.id), &shape.schema)?;
        match fill(&mut stage, &shape, part.batches).await {
            Ok(()) => receipts::receipt(part.id, &stage.finish().await?),
            Err(error) => {
                stage.discard().await;
                Err(error)
            }
        }
    }

    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark> {
        let store = self.home.make().await?;
        let files = receipts::files(staged)?;
        let mark = receipts::mark(load, staged, high);
        for _ in 0..COMMIT_TRIES {
            let current = manifest::current(&store).await?;
            if let Some(published) = current.as_ref().and_then(|current| current.mark(&load.id)) {
                let published = published.clone();
                self.home.show(&store).await?;
                return Ok(published);
            }
            receipts::check(&store, &files).await?;
            let next = self.next(&store, load, current.as_ref(), &files, &mark).await?;
            faults::point("sink.before_mark").await;
            if manifest::publish(&store, &next).await? {
                faults::point("sink.after_mark").await;
                self.home.show(&store).await?;
                faults::point("sink.shown").await;
                return Ok(mark);
            }
        }
        Err(Error::unavailable("other loads of this table were always faster")
            .at("table", store.shown("")))
    }

    async fn sweep(&self, load: &Load) -> Result<()> {
        let Some(store) = self.home.open().await? else { return Ok(()) };
        // A load that was killed between its mark and its view is published, but not shown yet.
        self.home.show(&store).await?;
        let published = manifest::listed(&store).await?;
        for found in store.list(&stage::folder("", &load.id)).await? {
            if !published.contains(found.location.as_ref()) {
                store.remove(found.location.as_ref()).await?;
            }
        }
        self.home.sweep(load).await
    }
}

impl Table {
    /// The table at `home`; `is_single` where all of it is one file.
    pub(super) fn new(
        home: Home,
        is_single: bool,
        partition_by: Vec<String>,
        encoding: Encoding,
        memory: Arc<dyn Memory>,
    ) -> Self {
        Table { home, is_single, partition_by, encoding, memory }
    }

    async fn check(&self, load: &Load) -> Result<()> {
        if self.is_single {
            single::check_mode(load)?;
        }
        self.home.check(load).await
    }

    /// The columns of `load` as stored, if this table can hold them at all.
    fn stored(&self, load: &Load) -> Result<SchemaRef> {
        let stored = stored::schema(&load.schema)?;
        hive::check(&stored, &self.partition_by)?;
        delete::check_key(&stored, load.mode.key())?;
        Ok(stored)
    }

    /// How rows of `load` are stored in a table that is as `current` says.
    fn shape(&self, load: &Load, current: Option<&Manifest>) -> Result<Shape> {
        let stored = self.stored(load)?;
        let Some(current) = current.filter(|_| load.mode != Mode::Replace) else {
            let order = (0..stored.fields().len()).collect();
            return Ok(Shape { schema: stored, order });
        };
        if load.mode != Mode::Truncate && current.partition_by != self.partition_by {
            return Err(Error::drift("the table is partitioned by other columns")
                .at("table", current.partition_by.join(", "))
                .at("pipeline", self.partition_by.join(", "))
                .hint("write the same `partition_by`, or write the table anew: `mode: replace`"));
        }
        let order = fit::order(&*current.schema()?, &stored, &load.mode)?;
        let schema = stored
            .project(&order)
            .map_err(|e| Error::bug("columns cannot be put in order").at("arrow", e))?;
        Ok(Shape { schema: Arc::new(schema), order })
    }

    fn stage<'a>(
        &'a self,
        store: &'a Store,
        place: (&str, &str),
        schema: &SchemaRef,
    ) -> Result<Stage<'a>> {
        let rows = (schema.as_ref(), self.partition_by.as_slice());
        Stage::begin(store, &self.encoding, self.memory.as_ref(), place, rows)
    }

    /// The manifest that publishes `staged` on top of `current`.
    async fn next(
        &self,
        store: &Store,
        load: &Load,
        current: Option<&Manifest>,
        staged: &[DataFile],
        mark: &Mark,
    ) -> Result<Manifest> {
        let shape = self.shape(load, current)?;
        let mut files = match load.mode {
            Mode::Replace | Mode::Truncate => Vec::new(),
            Mode::Append | Mode::Merge(_) | Mode::DeleteInsert(_) => {
                current.map_or_else(Vec::new, |current| current.files.clone())
            }
        };
        if !load.mode.key().is_empty() {
            let place = delete::Place {
                store,
                folder: stage::folder("", &load.id),
                schema: &shape.schema,
                partition_by: &self.partition_by,
                encoding: &self.encoding,
                memory: self.memory.as_ref(),
            };
            files = place.without_keys(load, files, staged).await?;
        }
        files.extend(staged.iter().cloned());
        files.retain(|file| file.rows > 0);
        if files.is_empty() {
            // Readers see the columns of a table without rows, too.
            let folder = stage::folder("", &load.id);
            let stage = self.stage(store, (&folder, "empty"), &shape.schema)?;
            files.push(stage.finish_empty(&self.partition_by).await?);
        }
        if self.is_single && files.len() > 1 {
            files = vec![self.joined(store, load, &files).await?];
        }
        Manifest::after(current, &shape.schema, &self.partition_by, files, mark.clone())
    }
}

impl Table {
    /// `files` as one.
    async fn joined(&self, store: &Store, load: &Load, files: &[DataFile]) -> Result<DataFile> {
        let folder = stage::folder("", &load.id);
        let path = format!("{folder}/whole-{}.parquet", sink::nonce());
        splice(store, files, &path, &self.encoding, None).await?;
        let bytes = store.size(&path).await?.unwrap_or(0);
        let rows = files.iter().map(|file| file.rows).sum();
        Ok(DataFile { path, rows, bytes, partition: Vec::new() })
    }
}

async fn fill(stage: &mut Stage<'_>, shape: &Shape, mut batches: BatchStream) -> Result<()> {
    while let Some(batch) = batches.next().await {
        stage.write(&stored::rows(&batch?, &shape.order, &shape.schema)?).await?;
    }
    Ok(())
}
