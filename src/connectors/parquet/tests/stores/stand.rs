//! A bucket of its own for each test, sinks and sources on it, and its objects.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};

use super::servers::{
    AZURE_ACCOUNT, AZURE_KEY, Gate, KEY, SECRET, azurite, make_in_moto, make_in_s3s, moto, python,
    s3s,
};
use crate::config::Options;
use crate::connectors::{Context, named};
use crate::error::Result;
use crate::memory::unlimited;
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink};
use crate::source::{Snapshot, Source, Stop, Want, Watermark, Watermarks, Window};
use crate::stores::{Access, Address};

pub(super) type Row = (i64, &'static str);
pub(super) type Rows = Vec<(i64, String)>;

/// Which store a bucket is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Moto,
    S3s,
    Azurite,
    Google,
}

pub(super) const ALL: [At; 4] = [At::Moto, At::S3s, At::Azurite, At::Google];

/// A bucket, and a gate in front of it.
pub(super) struct Stand {
    at: At,
    pub(super) gate: Gate,
    pub(super) bucket: String,
    more: Vec<(&'static str, String)>,
}

static GOOGLE_FILE: LazyLock<(tempfile::TempDir, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    // A file of Google's own emulators: it asks nobody for a token.
    let text = r#"{"private_key": "", "private_key_id": "", "client_email": "",
        "disable_oauth": true}"#;
    std::fs::write(&path, text).unwrap();
    (folder, path.display().to_string())
});

impl Stand {
    /// A new bucket.
    pub(super) fn new(at: At) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let bucket = format!("test-{}-{number}", std::process::id());
        let gate = match at {
            At::Moto => Gate::to(moto()),
            At::S3s => Gate::to(s3s()),
            At::Azurite => Gate::to(azurite()),
            At::Google => Gate::google(moto()),
        };
        let stand = Stand { at, gate, bucket, more: Vec::new() };
        stand.make_bucket();
        stand.gate.seen();
        stand
    }

    /// A bucket is made by a request of which stores of objects know nothing.
    fn make_bucket(&self) {
        match self.at {
            At::Moto | At::Google => make_in_moto(&self.bucket),
            At::S3s => make_in_s3s(&self.bucket),
            At::Azurite => {
                python(MAKE, &[&self.bucket, &azurite().to_string()]);
            }
        }
    }

    /// An option beside those that the store needs.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.retain(|(known, _)| *known != name);
        self.more.push((name, value.to_owned()));
        self
    }

    /// The address of `key`.
    pub(super) fn address(&self, key: &str) -> String {
        let scheme = match self.at {
            At::Moto | At::S3s => "s3",
            At::Azurite => "az",
            At::Google => "gs",
        };
        format!("{scheme}://{}/{key}", self.bucket)
    }

    pub(super) fn entries(&self) -> Vec<(&'static str, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.gate.port);
        let mut entries = match self.at {
            At::Moto | At::S3s => vec![
                ("endpoint", endpoint),
                ("access_key_id", KEY.to_owned()),
                ("secret_access_key", SECRET.to_owned()),
            ],
            At::Azurite => vec![
                ("endpoint", format!("{endpoint}/{AZURE_ACCOUNT}")),
                ("account", AZURE_ACCOUNT.to_owned()),
                ("account_key", AZURE_KEY.to_owned()),
            ],
            At::Google => {
                vec![("endpoint", endpoint), ("service_account_file", GOOGLE_FILE.1.clone())]
            }
        };
        entries.retain(|(name, _)| !self.more.iter().any(|(other, _)| other == name));
        entries.extend(self.more.iter().filter(|(_, value)| !value.is_empty()).cloned());
        entries
    }

    fn options(&self, path: &str, more: &[(&str, &str)]) -> Options {
        let entries = self.entries();
        let mut all: Vec<(&str, &str)> = vec![("path", path)];
        all.extend(entries.iter().map(|(name, value)| (*name, value.as_str())));
        all.extend(more);
        Options::of_arguments(&all)
    }

    pub(super) fn context() -> Context {
        Context { base: std::env::temp_dir(), jobs: 2, memory: unlimited(), state: None }
    }

    pub(super) fn sink(&self, key: &str, more: &[(&str, &str)]) -> Result<Arc<dyn Sink>> {
        let options = self.options(&self.address(key), more);
        named("parquet").unwrap().sink.unwrap()(&options, &Self::context())
    }

    pub(super) fn source(
        &self,
        connector: &str,
        key: &str,
        more: &[(&str, &str)],
    ) -> Result<Arc<dyn Source>> {
        let options = self.options(&self.address(key), more);
        named(connector).unwrap().source.unwrap()(&options, &Self::context())
    }

    /// The rows that a source reads, sorted.
    pub(super) async fn read(&self, connector: &str, key: &str) -> Result<Rows> {
        let snapshot = self.source(connector, key, &[])?.open(&Window::default()).await?;
        rows_of(&*snapshot).await
    }

    /// One load into `t`, from `prepare` to `sweep`.
    pub(super) async fn load(&self, id: &str, mode: Mode, parts: &[&[Row]]) -> Result<Mark> {
        self.load_into("out/t", id, mode, parts).await
    }

    pub(super) async fn load_into(
        &self,
        key: &str,
        id: &str,
        mode: Mode,
        parts: &[&[Row]],
    ) -> Result<Mark> {
        let load = load(id, mode);
        let sink = self.sink(key, &[])?;
        sink.inspect(&load).await?;
        sink.prepare(&load).await?;
        let staged = stage(&sink, &load, parts).await?;
        let mark = sink.commit(&load, &staged, &high(id)).await?;
        sink.sweep(&load).await?;
        Ok(mark)
    }

    pub(super) async fn objects(&self) -> Arc<dyn ObjectStore> {
        let options = self.options(&self.address("x"), &[]);
        let reader = options.reader();
        let address = Address::parse(&self.address("x")).unwrap();
        let access = Access::read(&reader, &[self.address("x")]);
        Arc::clone(access.open(&address).await.unwrap().objects())
    }

    pub(super) async fn put(&self, key: &str, bytes: impl Into<bytes::Bytes>) {
        let objects = self.objects().await;
        objects.put(&Key::parse(key).unwrap(), bytes.into().into()).await.unwrap();
    }

    /// Every key of the bucket.
    pub(super) async fn keys(&self) -> Vec<String> {
        let objects = self.objects().await;
        let found: Vec<_> = objects.list(None).try_collect().await.unwrap();
        let mut keys: Vec<String> = found.iter().map(|meta| meta.location.to_string()).collect();
        keys.sort();
        keys
    }

    /// What another reader finds that lists the table: pyarrow.
    pub(super) fn listed(&self, key: &str) -> Rows {
        let store = match self.at {
            At::Azurite => "az",
            _ => "s3",
        };
        let port = match self.at {
            At::S3s => s3s(),
            At::Azurite => azurite(),
            _ => moto(),
        };
        let path = format!("{}/{key}", self.bucket);
        let told = python(READ, &[store, &path, &port.to_string()]);
        told.lines()
            .map(|line| {
                let (id, word) = line.split_once(' ').unwrap();
                (id.parse().unwrap(), word.to_owned())
            })
            .collect()
    }
}

/// Makes a bucket.
const MAKE: &str = "
import sys
from pyarrow.fs import AzureFileSystem
bucket, port = sys.argv[1:]
KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
AzureFileSystem('devstoreaccount1', account_key=KEY, blob_storage_authority=f'127.0.0.1:{port}', blob_storage_scheme='http', dfs_storage_authority=f'127.0.0.1:{port}', dfs_storage_scheme='http').create_dir(bucket)
";

/// The rows of a table as pyarrow reads it: by listing.
const READ: &str = "
import sys
import pyarrow.dataset as ds
store, path, port = sys.argv[1:]
if store == 'az':
    from pyarrow.fs import AzureFileSystem
    KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
    fs = AzureFileSystem('devstoreaccount1', account_key=KEY, blob_storage_authority=f'127.0.0.1:{port}', blob_storage_scheme='http', dfs_storage_authority=f'127.0.0.1:{port}', dfs_storage_scheme='http')
else:
    from pyarrow.fs import S3FileSystem
    fs = S3FileSystem(access_key='dhow-tests', secret_key='secret-of-dhow-tests', endpoint_override=f'http://127.0.0.1:{port}', region='us-east-1')
from pyarrow.fs import FileSelector
found = fs.get_file_info(FileSelector(path, recursive=True))
files = [f.path for f in found if f.is_file and f.base_name[0] not in '_.']
hive = ds.partitioning(flavor='hive')
table = ds.dataset(files, filesystem=fs, format='parquet', partitioning=hive, partition_base_dir=path).to_table()
rows = zip(table['id'].to_pylist(), table['word'].to_pylist())
for id, word in sorted(rows):
    print(id, word)
";

pub(super) async fn rows_of(snapshot: &dyn Snapshot) -> Result<Rows> {
    let mut rows = Vec::new();
    for split in snapshot.splits() {
        let batches: Vec<RecordBatch> =
            snapshot.read(split, &Want::default()).await?.try_collect().await?;
        for batch in batches {
            let ids = cast(batch.column_by_name("id").unwrap(), &DataType::Int64).unwrap();
            let words = cast(batch.column_by_name("word").unwrap(), &DataType::Utf8).unwrap();
            let ids = ids.as_primitive::<Int64Type>().values().to_vec();
            let words = words.as_string::<i32>().iter().map(|word| word.unwrap().to_owned());
            rows.extend(ids.into_iter().zip(words));
        }
    }
    rows.sort();
    Ok(rows)
}

pub(super) fn batch(rows: &[Row]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id));
    let words = StringArray::from_iter_values(rows.iter().map(|(_, word)| *word));
    let columns: [(&str, ArrayRef); 2] = [("id", Arc::new(ids)), ("word", Arc::new(words))];
    RecordBatch::try_from_iter(columns).unwrap()
}

pub(super) fn load(id: &str, mode: Mode) -> Load {
    Load { schema: batch(&[]).schema(), ..Load::question(id.parse().unwrap(), &mode) }
}

pub(super) fn part(id: &str, batches: Vec<RecordBatch>) -> Part {
    let batches = stream::iter(batches.into_iter().map(Ok)).boxed();
    Part::new(id, batches, Arc::new(Stop))
}

pub(super) fn high(id: &str) -> Watermarks {
    Watermarks::from([("source".to_owned(), Watermark(id.to_owned()))])
}

pub(super) async fn stage(
    sink: &Arc<dyn Sink>,
    load: &Load,
    parts: &[&[Row]],
) -> Result<Vec<Receipt>> {
    let mut staged = Vec::new();
    for (index, rows) in parts.iter().enumerate() {
        let part = part(&format!("eu/{index:04}"), vec![batch(rows)]);
        staged.push(sink.write(load, part).await?);
    }
    Ok(staged)
}

pub(super) fn owned(rows: &[Row]) -> Rows {
    rows.iter().map(|(id, word)| (*id, (*word).to_owned())).collect()
}

pub(super) fn id_key() -> Vec<String> {
    vec!["id".to_owned()]
}
