//! The contract of a sink, kept by a folder and by a single file; and what only Parquet has.

mod contract;
mod killed;
mod modes;
mod readers;
mod single;
mod stores;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use futures::{StreamExt, stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::config::Options;
use crate::connectors::Context;
use crate::error::Result;
use crate::memory::{Memory, unlimited};
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink};
use crate::source::{Stop, Watermark, Watermarks};

/// A folder of its own for each test, and sinks that write to it.
struct Yard {
    dir: TempDir,
    options: Vec<(&'static str, &'static str)>,
    memory: Arc<dyn Memory>,
}

type Row = (i64, &'static str);

impl Yard {
    fn new(path: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Yard { dir, options: vec![("path", path)], memory: unlimited() }
    }

    fn option(mut self, name: &'static str, value: &'static str) -> Self {
        self.options.push((name, value));
        self
    }

    fn sink(&self) -> Arc<dyn Sink> {
        let options = Options::of_arguments(&self.options);
        let context = Context {
            base: self.dir.path().to_owned(),
            jobs: 2,
            memory: self.memory.clone(),
            state: None,
        };
        super::sink(&options, &context).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One load with `parts`, from `prepare` to `sweep`.
    async fn load(&self, id: &str, mode: Mode, parts: &[&[Row]]) -> Result<Mark> {
        let load = load(id, mode);
        let sink = self.sink();
        sink.prepare(&load).await?;
        let staged = stage(&sink, &load, parts).await?;
        let mark = sink.commit(&load, &staged, &high(id)).await?;
        sink.sweep(&load).await?;
        Ok(mark)
    }

    /// The rows that readers of `out/t` find, in the order of their ids and words.
    fn rows(&self) -> Vec<(i64, String)> {
        rows(&self.path("out/t"))
    }

    /// Every file below the table's house, without nonces.
    fn staged_files(&self) -> usize {
        tree(&self.path("out/_dhow")).iter().filter(|f| f.contains("/data/")).count()
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id));
    let words = StringArray::from_iter_values(rows.iter().map(|(_, word)| *word));
    let columns: [(&str, ArrayRef); 2] = [("id", Arc::new(ids)), ("word", Arc::new(words))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn load(id: &str, mode: Mode) -> Load {
    Load { schema: batch(&[]).schema(), ..Load::question(id.parse().unwrap(), &mode) }
}

fn part(id: &str, batches: Vec<RecordBatch>) -> Part {
    let batches = stream::iter(batches.into_iter().map(Ok)).boxed();
    Part::new(id, batches, Arc::new(Stop))
}

fn high(id: &str) -> Watermarks {
    Watermarks::from([("source".to_owned(), Watermark(id.to_owned()))])
}

fn key(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn stage(sink: &Arc<dyn Sink>, load: &Load, parts: &[&[Row]]) -> Result<Vec<Receipt>> {
    let mut staged = Vec::new();
    for (index, rows) in parts.iter().enumerate() {
        let part = part(&format!("eu/{index:04}"), vec![batch(rows)]);
        staged.push(sink.write(load, part).await?);
    }
    Ok(staged)
}

/// The rows of every file below `folder` (or of one file), sorted.
fn rows(folder: &Path) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    for path in parquet_files(folder) {
        for batch in read(&path) {
            let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().clone();
            let words = batch.column_by_name("word").map(|column| {
                assert_eq!(column.data_type(), &DataType::Utf8);
                column.as_string::<i32>().clone()
            });
            for row in 0..batch.num_rows() {
                let word = words.as_ref().map(|words| words.value(row).to_owned());
                let folder = path.parent().unwrap().file_name().unwrap().to_string_lossy();
                found.push((ids.value(row), word.unwrap_or(folder.into_owned())));
            }
        }
    }
    found.sort();
    found
}

fn owned(rows: &[Row]) -> Vec<(i64, String)> {
    rows.iter().map(|(id, word)| (*id, (*word).to_owned())).collect()
}

fn read(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(|batch| batch.unwrap()).collect()
}

fn columns(schema: &SchemaRef) -> Vec<(String, DataType)> {
    schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
}

fn schema_of(path: &Path) -> SchemaRef {
    let file = std::fs::File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone()
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    tree(folder).iter().filter(|f| f.ends_with(".parquet")).map(|f| folder.join(f)).collect()
}

/// Every file below `folder`, relative to it, sorted.
fn tree(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(root, &path, found),
                false => found.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}
