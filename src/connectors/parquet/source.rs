//! Reads Parquet files: options, finding files, freezing a view.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::folder::{self, Found};
use super::footer::{self, Part};
use super::read::Frozen;
use crate::config::{Options, Problem};
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::files;
use crate::source::{Snapshot, Source, Window};

/// Everything that is wrong with `options` as those of a source.
pub(super) fn check(options: &Options) -> Vec<Problem> {
    read_options(options).1
}

/// The source that `options` describe; they have been checked.
pub(super) fn open(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    let (paths, _) = read_options(options);
    Ok(Arc::new(ParquetSource { paths, base: context.base.clone(), promised: OnceLock::new() }))
}

fn read_options(options: &Options) -> (Vec<String>, Vec<Problem>) {
    let reader = options.reader();
    let paths = reader.list("path");
    if paths.is_empty() && reader.node("path").is_none() {
        reader.problem(Problem::new(options.place(), "`path` is missing"));
    }
    (paths, reader.finish())
}

/// Parquet files that are one table.
#[derive(Debug)]
struct ParquetSource {
    paths: Vec<String>,
    base: PathBuf,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

impl ParquetSource {
    /// Finds the files and reads their footers, away from the threads that others wait on.
    async fn load(&self) -> Result<(SchemaRef, Vec<Part>)> {
        let (base, paths) = (self.base.clone(), self.paths.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            let found = find(&base, &paths)?;
            footer::load(found)
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
        Ok(Arc::new(Frozen::new(schema, parts)?))
    }
}

/// The files of all `paths`, each of them once.
pub(super) fn find(base: &Path, paths: &[String]) -> Result<Vec<Found>> {
    let mut all: Vec<Found> = Vec::new();
    for path in paths {
        let more = if base.join(path).is_dir() {
            folder::find(base, path)?
        } else {
            let plain = |stamp| Found { stamp, keys: Vec::new() };
            files::find(base, path)?.into_iter().map(plain).collect()
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
