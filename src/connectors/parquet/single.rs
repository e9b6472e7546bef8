//! The sink that writes one file: staged parts are spliced, and the new file takes the old one's
//! place in one step. The marks are in the file's own footer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::StreamExt;
use parquet::file::metadata::{KeyValue, ParquetMetaData};

use crate::connectors::parquet::encode::Encoding;
use crate::connectors::parquet::local::{self, blocking};
use crate::connectors::parquet::manifest::DataFile;
use crate::connectors::parquet::splice::splice;
use crate::connectors::parquet::stage::{self, Stage};
use crate::connectors::parquet::store::Store;
use crate::connectors::parquet::{decode, fit, options, receipts, stored};
use crate::error::{Error, Kind, Result, ResultExt};
use crate::faults;
use crate::memory::Memory;
use crate::sink;
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink, Target};
use crate::source::Watermarks;

/// The key under which a footer holds the marks, newest first, as JSON.
const MARKS_KEY: &str = "dhow.marks";
/// Marks that a file remembers.
const MARKS: usize = 100;

/// A table that is one file.
#[derive(Debug)]
pub(super) struct SingleFile {
    /// The path as written.
    shown: String,
    table: PathBuf,
    encoding: Encoding,
    memory: Arc<dyn Memory>,
}

/// The file that is there now.
struct Current {
    schema: SchemaRef,
    rows: u64,
    bytes: u64,
    marks: Vec<Mark>,
}

impl Current {
    fn mark(&self, load: &Load) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.load == load.id)
    }
}

#[async_trait]
impl Sink for SingleFile {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        if !load.schema.fields().is_empty() {
            self.check(load)?;
        }
        let Some(store) = Store::local(self.folder())? else { return Ok(Target::default()) };
        let Some(current) = self.current(&store).await? else { return Ok(Target::default()) };
        Ok(Target {
            mark: current.mark(load).cloned(),
            watermarks: current.marks.first().map(|m| m.watermarks.clone()).unwrap_or_default(),
            schema: Some(current.schema),
            rows: Some(current.rows),
            bytes: Some(current.bytes),
            ..Target::default()
        })
    }

    async fn prepare(&self, load: &Load) -> Result<()> {
        self.check(load)?;
        let store = Store::make(self.folder())?;
        let current = self.current(&store).await?;
        self.order(load, current.as_ref()).map(|_| ())
    }

    async fn write(&self, load: &Load, part: Part) -> Result<Receipt> {
        let store = Store::make(self.folder())?;
        let current = self.current(&store).await?;
        let (schema, order) = self.order(load, current.as_ref())?;
        let folder = self.staging(load);
        let mut stage = self.stage(&store, (&folder, &part.id), &schema)?;
        let mut batches = part.batches;
        while let Some(batch) = batches.next().await {
            let rows = batch.and_then(|batch| stored::rows(&batch, &order, &schema));
            let written = match rows {
                Ok(rows) => stage.write(&rows).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                stage.discard().await;
                return Err(error);
            }
        }
        receipts::receipt(part.id, &stage.finish().await?)
    }

    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark> {
        self.check(load)?;
        let store = Store::make(self.folder())?;
        let folder = self.folder().to_owned();
        // Two loads of one file follow each other; the lock of a killed one is let go.
        let _lock = blocking(move || local::lock(&folder)).await?;
        let current = self.current(&store).await?;
        if let Some(mark) = current.as_ref().and_then(|current| current.mark(load)) {
            return Ok(mark.clone());
        }
        let files = receipts::files(staged)?;
        receipts::check(&store, &files).await?;
        let mark = receipts::mark(load, staged, high);
        let new = self.build(&store, load, current.as_ref(), files, &mark).await?;
        faults::point("sink.before_mark").await;
        store.rename(&new, &self.name()?).await?;
        faults::point("sink.after_mark").await;
        faults::point("sink.shown").await;
        Ok(mark)
    }

    async fn sweep(&self, load: &Load) -> Result<()> {
        let Some(store) = Store::local(self.folder())? else { return Ok(()) };
        let staging = self.staging(load);
        for found in store.list(&staging).await? {
            store.remove(found.location.as_ref()).await?;
        }
        let folder = self.folder().join(staging);
        blocking(move || {
            local::unfinished(&folder)?.iter().try_for_each(|file| local::remove(file))?;
            local::remove_empty(Some(&folder));
            Ok(())
        })
        .await
    }
}

impl SingleFile {
    /// The file at these places, written as `shown`.
    pub(super) fn new(
        shown: String,
        (table, _): (PathBuf, PathBuf),
        encoding: Encoding,
        memory: Arc<dyn Memory>,
    ) -> Self {
        SingleFile { shown, table, encoding, memory }
    }

    fn folder(&self) -> &Path {
        self.table.parent().unwrap_or(Path::new("."))
    }

    fn name(&self) -> Result<String> {
        let name = self.table.file_name().and_then(|name| name.to_str());
        name.map(str::to_owned)
            .ok_or_else(|| Error::config(format!("`{}` is not a name in UTF-8", self.shown)))
    }

    /// The folder, below that of the file, of everything that `load` stages.
    fn staging(&self, load: &Load) -> String {
        let name = self.table.file_name().unwrap_or_default().to_string_lossy();
        stage::folder(&format!("{}/{name}/", options::HOUSE), &load.id)
    }

    /// Refuses a mode that keeps rows, and a folder where the file should be.
    fn check(&self, load: &Load) -> Result<()> {
        check_mode(load).at("path", &self.shown)?;
        if self.table.is_dir() {
            return Err(Error::refused(format!("`{}` is a folder", self.shown))
                .hint("give a path without `.parquet` to write a folder, or another name"));
        }
        Ok(())
    }

    /// The file that is there now.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is no Parquet file: it may be anything, so it is not replaced.
    async fn current(&self, store: &Store) -> Result<Option<Current>> {
        let name = self.name()?;
        let Some(bytes) = store.size(&name).await? else { return Ok(None) };
        let footer = match decode::footer(store, &name, bytes).await {
            Ok(footer) => footer,
            Err(error) if error.kind() == Kind::Data => {
                return Err(Error::refused(format!("`{}` is not a Parquet file", self.shown))
                    .at("reader", error)
                    .hint("nothing was touched; move it away, or choose another `path`"));
            }
            Err(error) => return Err(error),
        };
        let schema = decode::arrow(&footer, &self.shown)?.schema().clone();
        let rows = u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0);
        Ok(Some(Current { schema, rows, bytes, marks: marks(&footer) }))
    }

    /// The columns as stored, and where each of them stands in a batch of the load.
    fn order(&self, load: &Load, current: Option<&Current>) -> Result<(SchemaRef, Vec<usize>)> {
        let schema = stored::schema(&load.schema)?;
        let Some(current) = current.filter(|_| load.mode == Mode::Truncate) else {
            let order = (0..schema.fields().len()).collect();
            return Ok((schema, order));
        };
        let order = fit::order(&current.schema, &schema, &load.mode)?;
        let schema = schema
            .project(&order)
            .map_err(|e| Error::bug("columns cannot be put in order").at("arrow", e))?;
        Ok((Arc::new(schema), order))
    }

    fn stage<'a>(
        &'a self,
        store: &'a Store,
        place: (&str, &str),
        schema: &SchemaRef,
    ) -> Result<Stage<'a>> {
        Stage::begin(store, &self.encoding, self.memory.as_ref(), place, (schema, &[]))
    }

    /// The file that takes the place of the current one, complete but for its name.
    async fn build(
        &self,
        store: &Store,
        load: &Load,
        current: Option<&Current>,
        mut parts: Vec<DataFile>,
        mark: &Mark,
    ) -> Result<String> {
        let (schema, _) = self.order(load, current)?;
        let folder = self.staging(load);
        if parts.is_empty() {
            let stage = self.stage(store, (&folder, "empty"), &schema)?;
            parts.push(stage.finish_empty(&[]).await?);
        }
        let known = current.map_or(&[][..], |current| &current.marks);
        let marks: Vec<&Mark> = std::iter::once(mark).chain(known).take(MARKS).collect();
        let marks = serde_json::to_string(&marks)
            .map_err(|e| Error::bug("a mark cannot be written as JSON").at("json", e))?;
        let note = KeyValue::new(MARKS_KEY.to_owned(), marks);
        let path = format!("{folder}/whole-{}.parquet", sink::nonce());
        splice(store, &parts, &path, &self.encoding, Some(note)).await?;
        Ok(path)
    }
}

/// Refuses a mode that keeps rows.
pub(super) fn check_mode(load: &Load) -> Result<()> {
    if matches!(load.mode, Mode::Truncate | Mode::Replace) {
        return Ok(());
    }
    let message = format!("a single file cannot be loaded in mode `{}`", load.mode.name());
    Err(Error::config(message).hint("give a folder as `path`, or use `truncate` or `replace`"))
}

/// The marks in a footer; none when dhow did not write it.
fn marks(footer: &ParquetMetaData) -> Vec<Mark> {
    let entries = footer.file_metadata().key_value_metadata();
    let entry = entries.into_iter().flatten().find(|entry| entry.key == MARKS_KEY);
    let text = entry.and_then(|entry| entry.value.as_deref());
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
