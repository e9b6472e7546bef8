//! Writes one Parquet file into the store: row groups by encoded size, sent as they are finished.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::connectors::parquet::failure;
use crate::connectors::parquet::groups::RowGroups;
use crate::connectors::parquet::manifest::DataFile;
use crate::connectors::parquet::store::Store;
use crate::connectors::parquet::upload::Upload;
use crate::connectors::parquet::{decode, dictionary, options::Target};
use crate::error::{Error, Result};
use crate::faults;

/// A row group is never made smaller than this for want of memory.
const ROW_GROUP_FLOOR: usize = 1024 * 1024;

/// Bytes of the dictionaries of all columns, which wide rows share. To find values in them takes as much
/// memory again.
const DICTIONARIES: usize = 8 * 1024 * 1024;
/// Bytes of the pages in progress of all columns. Those that the Parquet library encodes have a
/// compressor each, which takes four times the bytes of a page, up to 1 MiB.
const PAGES: usize = 5 * 1024 * 1024;
/// What a column has of them at least, however many there are.
const SHARE_LEAST: usize = 8 * 1024;
/// What a column has of them at most: what readers are used to.
const SHARE_MOST: usize = 1024 * 1024;

/// How files are encoded.
#[derive(Debug, Clone)]
pub(super) struct Encoding {
    compression: Compression,
    /// Encoded bytes after which a row group ends.
    pub(super) row_group_bytes: usize,
    /// Encoded bytes after which a part goes on in another file.
    pub(super) file_bytes: u64,
}

impl Encoding {
    /// The encoding that `target` asks for, with row groups so small that `jobs` parts at once
    /// leave half of `memory` bytes to others.
    pub(super) fn of(target: &Target, jobs: usize, memory: Option<u64>) -> Self {
        // Beside its pages a row group has dictionaries, and values that are no page yet.
        let share = memory.map(|all| all / (4 * u64::try_from(jobs.max(1)).unwrap_or(1)));
        let share = share.and_then(|share| usize::try_from(share).ok()).unwrap_or(usize::MAX);
        Encoding {
            compression: target.compression,
            row_group_bytes: target.row_group_bytes.min(share.max(ROW_GROUP_FLOOR)),
            file_bytes: target.file_bytes,
        }
    }

    /// How the Parquet writer is set up for a file of so many `columns`, which begins with the rows
    /// of `sample`.
    pub(super) fn properties(
        &self,
        columns: usize,
        sample: Option<&RecordBatch>,
    ) -> WriterProperties {
        let share = |of: usize| (of / columns.max(1)).clamp(SHARE_LEAST, SHARE_MOST);
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .set_dictionary_page_size_limit(share(DICTIONARIES))
            .set_data_page_size_limit(share(PAGES))
            .set_max_row_group_bytes(Some(self.row_group_bytes))
            .set_statistics_enabled(EnabledStatistics::Page);
        let plain = sample.into_iter().flat_map(dictionary::useless);
        let plain = plain.map(|name| ColumnPath::new(vec![name.to_owned()]));
        plain.fold(properties, |all, path| all.set_column_dictionary_enabled(path, false)).build()
    }
}

/// A file that is being written; nobody sees it before [`OpenFile::finish`].
pub(super) struct OpenFile {
    path: String,
    partition: Vec<Option<String>>,
    groups: RowGroups,
    upload: Upload,
    rows: u64,
}

impl OpenFile {
    /// Begins the file at `path`, which must be new, for rows like those of `sample`.
    pub(super) fn begin(
        store: &Store,
        path: String,
        (schema, sample): (SchemaRef, Option<&RecordBatch>),
        partition: Vec<Option<String>>,
        encoding: &Encoding,
    ) -> Result<Self> {
        let shown = store.shown(&path);
        let upload = Upload::begin(store, &path)?;
        let properties = encoding.properties(schema.fields().len(), sample);
        let groups = RowGroups::new(schema, properties);
        let groups = groups.map_err(|e| failure::of_writing(&e, &shown))?;
        Ok(OpenFile { path, partition, groups, upload, rows: 0 })
    }

    /// Adds rows.
    pub(super) async fn write(&mut self, store: &Store, batch: &RecordBatch) -> Result<()> {
        self.groups.write(batch).map_err(|e| failure::of_writing(&e, &store.shown(&self.path)))?;
        self.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.upload.send(self.groups.written()).await
    }

    /// Ends the row group in progress, so that its memory can be used again.
    pub(super) async fn flush(&mut self, store: &Store) -> Result<()> {
        self.groups.flush().map_err(|e| failure::of_writing(&e, &store.shown(&self.path)))?;
        self.upload.send(self.groups.written()).await
    }

    /// Bytes of memory in use: pages in progress, and bytes that are not sent yet.
    pub(super) fn memory(&self) -> usize {
        self.groups.memory() + self.upload.memory()
    }

    /// Encoded bytes so far, as far as can be told.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.groups.bytes()).unwrap_or(u64::MAX)
    }

    /// Ends the file, makes sure that the store holds all of it, and says what it is.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unavailable`] when the store holds something else than what was sent.
    pub(super) async fn finish(mut self, store: &Store) -> Result<DataFile> {
        let shown = store.shown(&self.path);
        self.groups.finish().map_err(|e| failure::of_writing(&e, &shown))?;
        self.upload.send(self.groups.written()).await?;
        let bytes = self.upload.finish().await?;
        let file = DataFile { path: self.path, rows: self.rows, bytes, partition: self.partition };
        check_stored(store, &file).await?;
        faults::point("sink.staged_file").await;
        Ok(file)
    }

    /// Forgets the file; what the store has of it already is removed by the store.
    pub(super) async fn abandon(self) {
        self.upload.abandon().await;
    }
}

/// Asks the store for what was written: its size, and the rows that its footer counts.
async fn check_stored(store: &Store, file: &DataFile) -> Result<()> {
    let shown = store.shown(&file.path);
    let broken = |what: &str, sent: u64, found: String| {
        Error::unavailable(format!("`{shown}` was not stored as it was written"))
            .at(format!("{what} written"), sent)
            .at(format!("{what} found"), found)
    };
    let size = store.size(&file.path).await?;
    if size != Some(file.bytes) {
        let found = size.map_or("none".to_owned(), |size| size.to_string());
        return Err(broken("bytes", file.bytes, found));
    }
    let footer = decode::footer(store, &file.path, file.bytes).await?;
    let rows = footer.file_metadata().num_rows();
    if u64::try_from(rows) != Ok(file.rows) {
        return Err(broken("rows", file.rows, rows.to_string()));
    }
    Ok(())
}
