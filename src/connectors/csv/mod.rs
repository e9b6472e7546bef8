//! Reads CSV and TSV files, plain or compressed, each cut into ranges that are read side by side.
//!
//! Every file has the same columns, by name; their order may differ. Types are declared
//! (`columns`), or inferred from the beginning of each file, or from every value (`infer: all`).
//! Every value that is read is checked against the type of its column: one that does not fit is
//! refused with file and line and never becomes NULL. An empty field is NULL, a quoted empty field
//! is an empty text. Blank lines are no rows, unless the files have one column only.

mod buffer;
mod column;
mod cutter;
mod fields;
mod frozen;
mod head;
mod infer;
mod marks;
mod moments;
mod numbers;
mod options;
mod read;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::try_unfold;
use tokio::sync::Mutex;

use crate::config::Options;
use crate::connectors::{Capability, Connector, Context};
use crate::error::{Error, Result};
use crate::files::{Places, Stamp};
use crate::memory::Memory;
use crate::source::{BatchStream, Snapshot, SnapshotId, Source, Split, Want, Window};
use frozen::Frozen;
use options::Settings;
use read::Rows;

/// The `csv` connector.
pub static CONNECTOR: Connector = Connector {
    name: "csv",
    summary: "CSV and TSV files, plain or compressed with gzip, zstd or bzip2",
    can: Capability {
        endings: &["csv", "tsv"],
        schemes: &[],
        splits: Some("byte range of a file; a compressed file is one"),
        reopen: true,
        modes: &[],
    },
    options: options::DOCS,
    types: None,
    check: |options, _| Settings::of(options).2,
    source: Some(source),
    sink: None,
};

fn source(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    let (settings, access, problems) = Settings::of(options);
    if !problems.is_empty() {
        return Err(Error::several(problems.into_iter().map(|p| p.into_error(None)).collect()));
    }
    let places = Places::new(&context.base, &access);
    Ok(Arc::new(CsvSource { settings, places, context: context.clone(), known: Mutex::default() }))
}

/// The files that some paths and globs name.
#[derive(Debug)]
struct CsvSource {
    settings: Settings,
    places: Places,
    context: Context,
    known: Mutex<Option<Arc<Frozen>>>,
}

impl CsvSource {
    /// The files as they are now; looked at again only when one of them changed.
    async fn freeze(&self) -> Result<Arc<Frozen>> {
        let mut known = self.known.lock().await;
        let (settings, jobs) = (self.settings.clone(), self.context.jobs);
        let places = self.places.clone();
        let before = known.clone();
        let work = move || {
            let stamps = stamps(&settings, &places)?;
            match before {
                Some(before) if before.members.iter().map(|m| &m.stamp).eq(&stamps) => Ok(before),
                _ => Ok(Arc::new(Frozen::of(&settings, stamps, jobs)?)),
            }
        };
        let done = tokio::task::spawn_blocking(work).await;
        let now = done.map_err(|e| Error::bug(format!("looking at CSV files failed: {e}")))??;
        if let Some(before) = &*known
            && before.schema != now.schema
        {
            return Err(Error::conflict("the files changed, and with them their columns")
                .at("first file", &now.members[0].stamp.shown)
                .hint("run again"));
        }
        *known = Some(Arc::clone(&now));
        Ok(now)
    }
}

/// Every file that the paths name, once.
fn stamps(settings: &Settings, places: &Places) -> Result<Vec<Stamp>> {
    let mut stamps: Vec<Stamp> = Vec::new();
    for pattern in &settings.paths {
        for stamp in places.find(pattern)? {
            if !stamps.iter().any(|known| known.path == stamp.path) {
                stamps.push(stamp);
            }
        }
    }
    Ok(stamps)
}

#[async_trait]
impl Source for CsvSource {
    async fn schema(&self) -> Result<SchemaRef> {
        Ok(Arc::clone(&self.freeze().await?.schema))
    }

    async fn open(&self, window: &Window) -> Result<Arc<dyn Snapshot>> {
        if window.above.is_some() {
            return Err(Error::unsupported("files have no cursor to go on from"));
        }
        let memory = Arc::clone(&self.context.memory);
        Ok(Arc::new(CsvSnapshot { frozen: self.freeze().await?, memory }))
    }
}

/// The files as they were when they were looked at.
#[derive(Debug)]
struct CsvSnapshot {
    frozen: Arc<Frozen>,
    memory: Arc<dyn Memory>,
}

#[async_trait]
impl Snapshot for CsvSnapshot {
    fn id(&self) -> &SnapshotId {
        &self.frozen.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.frozen.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.frozen.splits
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let at = self.frozen.splits.iter().position(|known| known.id == split.id);
        let at = at.ok_or_else(|| Error::bug(format!("there is no split `{}`", split.id)))?;
        let rows = Rows::open(&self.frozen, self.frozen.pieces[at], want, &*self.memory)?;
        let next = |mut rows: Rows| async move { Ok(rows.next()?.map(|batch| (batch, rows))) };
        Ok(try_unfold(rows, next).boxed())
    }
}
