//! The manifest: which files are the table, and which loads are in it. Putting one is the commit.
//!
//! Manifests are numbered; the highest one is the table. Each is put once, where nothing was
//! before, so that of two loads that read the same table only one gets the next number and the
//! other one starts over from what it finds there.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use crate::connectors::parquet::store::{Created, Store};
use crate::error::{Error, Result};
use crate::sink;
use crate::sink::{LoadId, Mark};

/// The folder of the manifests.
pub(super) const FOLDER: &str = "manifest";
/// Marks that a manifest remembers, newest first.
const MARKS: usize = 1000;
/// Manifests whose files are kept, the newest one among them.
pub(super) const KEPT: usize = 10;
const FORMAT: u32 = 1;

/// What the table is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// Its number, from 1.
    pub(super) number: u64,
    /// Tells whether a manifest that is found is the one that was put.
    nonce: String,
    /// Columns and types, for people.
    columns: Vec<(String, String)>,
    /// The columns as an Arrow IPC stream in hexadecimal digits, for dhow.
    schema: String,
    /// The columns that are folders.
    pub(super) partition_by: Vec<String>,
    /// The loads that are in the table, newest first.
    pub(super) marks: Vec<Mark>,
    /// Every file of the table, in the order of its rows.
    pub(super) files: Vec<DataFile>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DataFile {
    /// Where it is in the store.
    pub(super) path: String,
    /// Its rows.
    pub(super) rows: u64,
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// The value of each partition column as text; `None` is NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) partition: Vec<Option<String>>,
}

impl DataFile {
    /// Its name without folders.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl Manifest {
    /// The manifest that follows `current` when `mark` is published with `files`.
    pub(super) fn after(
        current: Option<&Manifest>,
        schema: &Schema,
        partition_by: &[String],
        files: Vec<DataFile>,
        mark: Mark,
    ) -> Result<Self> {
        let known = current.map_or(&[][..], |manifest| &manifest.marks);
        let column =
            |f: &Arc<arrow::datatypes::Field>| (f.name().clone(), f.data_type().to_string());
        Ok(Manifest {
            format: FORMAT,
            number: current.map_or(1, |manifest| manifest.number + 1),
            nonce: sink::nonce(),
            columns: schema.fields().iter().map(column).collect(),
            schema: encoded(schema)?,
            partition_by: partition_by.to_owned(),
            marks: std::iter::once(mark).chain(known.iter().cloned()).take(MARKS).collect(),
            files,
        })
    }

    /// The columns of the table, those that are folders among them.
    pub(super) fn schema(&self) -> Result<SchemaRef> {
        decoded(&self.schema).ok_or_else(|| damaged(&path_of(self.number)).at("field", "schema"))
    }

    /// The mark of `load`, if it is in the table.
    pub(super) fn mark(&self, load: &LoadId) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.load == *load)
    }
}

/// Where the manifest with this number is.
pub(super) fn path_of(number: u64) -> String {
    format!("{FOLDER}/{number:08}.json")
}

/// The numbers of all manifests, smallest first.
pub(super) async fn numbers(store: &Store) -> Result<Vec<u64>> {
    let number = |meta: &object_store::ObjectMeta| {
        meta.location.filename()?.strip_suffix(".json")?.parse::<u64>().ok()
    };
    let mut found: Vec<_> = store.list(FOLDER).await?.iter().filter_map(number).collect();
    found.sort_unstable();
    Ok(found)
}

/// The manifest with this number, if it is there.
pub(super) async fn read(store: &Store, number: u64) -> Result<Option<Manifest>> {
    let path = path_of(number);
    let Some(bytes) = store.read(&path).await? else { return Ok(None) };
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let shown = store.shown(&path);
    let version: Version =
        serde_json::from_slice(&bytes).map_err(|e| damaged(&shown).at("json", e))?;
    if version.format > FORMAT {
        return Err(Error::unsupported(format!("`{shown}` was written by a newer dhow"))
            .hint("use that version for this table"));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|e| damaged(&shown).at("json", e))
}

/// The table as it is now; `None` when nothing was ever published.
pub(super) async fn current(store: &Store) -> Result<Option<Manifest>> {
    // The newest one is never removed, but it may be superseded, and cleaned, while we look.
    for _ in 0..3 {
        let Some(newest) = numbers(store).await?.pop() else { return Ok(None) };
        if let Some(manifest) = read(store, newest).await? {
            return Ok(Some(manifest));
        }
    }
    Err(Error::unavailable("the table changes faster than its manifest can be read"))
}

/// Every file that a kept manifest lists.
pub(super) async fn listed(store: &Store) -> Result<BTreeSet<String>> {
    let mut listed = BTreeSet::new();
    for number in numbers(store).await?.into_iter().rev().take(KEPT) {
        let files = read(store, number).await?.map(|manifest| manifest.files);
        listed.extend(files.into_iter().flatten().map(|file| file.path));
    }
    Ok(listed)
}

/// Puts `next`, unless its number is taken; tells whether it is now part of the table.
pub(super) async fn publish(store: &Store, next: &Manifest) -> Result<bool> {
    let bytes = serde_json::to_vec_pretty(next)
        .map_err(|e| Error::bug("a manifest cannot be written as JSON").at("json", e))?;
    let path = path_of(next.number);
    let put = store.create(&path, bytes.into()).await;
    if !matches!(put, Ok(Created::New)) {
        // The answer may have been lost although the put arrived: what is there now decides.
        match read(store, next.number).await? {
            Some(found) if found.nonce == next.nonce => {}
            Some(_) => return Ok(false),
            None => return put.map(|_| false),
        }
    }
    is_current(store, next).await
}

/// Whether `put` is in the line of the table. A process that slept while others went on and while
/// its number was cleaned away puts a manifest that nobody will ever read.
async fn is_current(store: &Store, put: &Manifest) -> Result<bool> {
    let newest = current(store).await?;
    let load = put.marks.first().map(|mark| &mark.load);
    let in_line = newest.is_some_and(|newest| {
        newest.number == put.number || load.is_some_and(|load| newest.mark(load).is_some())
    });
    if !in_line {
        store.remove(&path_of(put.number)).await?;
    }
    Ok(in_line)
}

fn damaged(shown: &str) -> Error {
    Error::data(format!("the manifest `{shown}` is damaged"))
        .hint("restore it from a backup; the files it lists are untouched")
}

fn encoded(schema: &Schema) -> Result<String> {
    let mut bytes = Vec::new();
    StreamWriter::try_new(&mut bytes, schema)
        .and_then(|mut writer| writer.finish())
        .map_err(|e| Error::bug("a schema cannot be written as Arrow IPC").at("arrow", e))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn decoded(hex: &str) -> Option<SchemaRef> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Vec<u8> = hex.as_bytes().chunks(2).map(byte).collect::<Option<_>>()?;
    StreamReader::try_new(Cursor::new(bytes), None).ok().map(|reader| reader.schema())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

    fn next(current: Option<&Manifest>, load: &str) -> Manifest {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let mark = Mark {
            load: load.parse().unwrap(),
            rows: 0,
            watermarks: Default::default(),
            at: String::new(),
        };
        Manifest::after(current, &schema, &[], Vec::new(), mark).unwrap()
    }

    #[tokio::test]
    async fn a_number_is_given_once_and_a_lost_answer_is_not_taken_for_somebody_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::local(dir.path()).unwrap().unwrap();
        let (ours, theirs) = (next(None, "ours"), next(None, "theirs"));
        assert!(publish(&store, &ours).await.unwrap());
        // The same put again: what it finds is its own, so the first answer was merely lost.
        assert!(publish(&store, &ours).await.unwrap());
        assert!(!publish(&store, &theirs).await.unwrap());
        let found = current(&store).await.unwrap().unwrap();
        assert_eq!((found.number, found.nonce), (1, ours.nonce));
    }

    #[tokio::test]
    async fn a_damaged_or_newer_manifest_is_one_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::local(dir.path()).unwrap().unwrap();
        let cases =
            [("{", crate::error::Kind::Data), ("{\"format\": 2}", crate::error::Kind::Unsupported)];
        for (number, (text, kind)) in (1..).zip(cases) {
            store.create(&path_of(number), text.into()).await.unwrap();
            assert_eq!(current(&store).await.unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn marks_are_newest_first_and_bounded() {
        let mut manifest = next(None, "load-0");
        for number in 1..=MARKS {
            manifest = next(Some(&manifest), &format!("load-{number}"));
        }
        assert_eq!(manifest.marks.len(), MARKS);
        assert_eq!(manifest.marks[0].load.as_str(), format!("load-{MARKS}"));
        assert!(manifest.mark(&"load-0".parse().unwrap()).is_none());
    }
}
