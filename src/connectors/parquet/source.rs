//! Reads Parquet files: options, finding files, freezing a view.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::bucket;
use super::folder::{self, Found};
use super::footer::{self, Part};
use super::read::Frozen;
use crate::config::{Options, Problem};
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::files::Places;
use crate::memory::Memory;
use crate::source::{Snapshot, Source, Window};
use crate::stores::{Access, Address};

/// Everything that is wrong with `options` as those of a source.
pub(super) fn check(options: &Options) -> Vec<Problem> {
    read_options(options).2
}

/// The source that `options` describe; they have been checked.
pub(super) fn open(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    let (paths, access, _) = read_options(options);
    Ok(Arc::new(ParquetSource {
        paths,
        places: Places::new(&context.base, &access),
        jobs: context.jobs,
        memory: Arc::clone(&context.memory),
        promised: OnceLock::new(),
    }))
}

fn read_options(options: &Options) -> (Vec<String>, Access, Vec<Problem>) {
    let reader = options.reader();
    let paths = reader.list("path");
    if paths.is_empty() && reader.node("path").is_none() {
        reader.problem(Problem::new(options.place(), "`path` is missing"));
    }
    let access = Access::read(&reader, &paths);
    (paths, access, reader.finish())
}

/// Parquet files that are one table.
#[derive(Debug)]
struct ParquetSource {
    paths: Vec<String>,
    places: Places,
    jobs: usize,
    memory: Arc<dyn Memory>,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

impl ParquetSource {
    /// Finds the files and reads their footers, away from the threads that others wait on.
    async fn load(&self) -> Result<(SchemaRef, Vec<Part>)> {
        let (places, paths, jobs) = (self.places.clone(), self.paths.clone(), self.jobs);
        let loaded = tokio::task::spawn_blocking(move || {
            let found = find(&places, &paths)?;
            footer::load(found, jobs)
        });
        let (schema, parts) =
            loaded.await.map_err(|e| Error::bug("reading footers ended early").at("task", e))??;
        if self.promised.get_or_init(|| Arc::clone(&schema)) != &schema {
            let error = Error::conflict("the files changed their columns while they were planned");
            return Err(error
                .at("path", self.paths.join(", "))
                .hint("run again once nothing writes to the files"));
        }
        Ok((schema, parts))
    }
}

#[async_trait]
impl Source for ParquetSource {
    async fn schema(&self) -> Result<SchemaRef> {
        Ok(self.load().await?.0)
    }

    async fn open(&self, _window: &Window) -> Result<Arc<dyn Snapshot>> {
        let (schema, parts) = self.load().await?;
        Ok(Arc::new(Frozen::new(schema, parts, Arc::clone(&self.memory))?))
    }
}

/// The files of all `paths`, each of them once.
pub(super) fn find(places: &Places, paths: &[String]) -> Result<Vec<Found>> {
    let mut all: Vec<Found> = Vec::new();
    for path in paths {
        let more = if Address::is(path) {
            bucket::find(places, path)?
        } else if places.base().join(path).is_dir() {
            folder::find(places.base(), path)?
        } else {
            places.find(path)?.into_iter().map(Found::alone).collect()
        };
        all.extend(more);
    }
    let mut seen = std::collections::HashSet::new();
    match all.iter().find(|found| !seen.insert(found.stamp.path.clone())) {
        Some(twice) => Err(Error::config(format!("`{}` is read twice", twice.stamp.shown))
            .at("path", paths.join(", "))
            .hint("write paths that do not overlap; its rows would come twice")),
        None => Ok(all),
    }
}
