//! Makes one file of several by copying their row groups as they are, without decoding a value.

use std::io::{Cursor, Read};

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;

use crate::connectors::parquet::encode::Encoding;
use crate::connectors::parquet::manifest::DataFile;
use crate::connectors::parquet::pieces::Pieces;
use crate::connectors::parquet::store::Store;
use crate::connectors::parquet::upload::Upload;
use crate::connectors::parquet::{decode, failure};
use crate::error::{Error, Result};

/// The key under which a footer holds the Arrow columns.
const ARROW: &str = "ARROW:schema";

/// Writes the row groups of `parts`, in order, to the new file `path`, with `note` in its footer.
///
/// There is at least one part; all have the same columns.
pub(super) async fn splice(
    store: &Store,
    parts: &[DataFile],
    path: &str,
    encoding: &Encoding,
    note: Option<KeyValue>,
) -> Result<()> {
    let Some(first) = parts.first() else {
        return Err(Error::bug("a file cannot be made of no parts"));
    };
    let bad = |e: ParquetError| failure::of_writing(&e, &store.shown(path));
    let footer = decode::footer(store, &first.path, first.bytes).await?;
    let columns = footer.file_metadata().schema_descr().root_schema_ptr();
    let properties = encoding.properties(columns.get_fields().len(), None).into();
    let mut writer =
        SerializedFileWriter::new(Pieces::default(), columns, properties).map_err(bad)?;
    let known = footer.file_metadata().key_value_metadata();
    for entry in known.into_iter().flatten().filter(|entry| entry.key == ARROW) {
        writer.append_key_value_metadata(entry.clone());
    }
    if let Some(note) = note {
        writer.append_key_value_metadata(note);
    }
    let mut upload = Upload::begin(store, path)?;
    let sent = async {
        for part in parts {
            send(store, part, &mut writer, &mut upload).await?;
        }
        writer.finish().map_err(bad)?;
        upload.send(writer.inner_mut()).await
    };
    match sent.await {
        Ok(()) => upload.finish().await.map(|_| ()),
        Err(error) => {
            upload.abandon().await;
            Err(error)
        }
    }
}

async fn send(
    store: &Store,
    part: &DataFile,
    writer: &mut SerializedFileWriter<Pieces>,
    upload: &mut Upload,
) -> Result<()> {
    let footer = decode::footer(store, &part.path, part.bytes).await?;
    for group in 0..footer.num_row_groups() {
        copy(store, part, &footer, group, writer).await?;
        upload.send(writer.inner_mut()).await?;
    }
    Ok(())
}

async fn copy(
    store: &Store,
    part: &DataFile,
    footer: &ParquetMetaData,
    group: usize,
    writer: &mut SerializedFileWriter<Pieces>,
) -> Result<()> {
    let bad = |e: ParquetError| failure::of_reading(&e, &store.shown(&part.path));
    let meta = footer.row_group(group);
    let mut out = writer.next_row_group().map_err(bad)?;
    for (index, column) in meta.columns().iter().enumerate() {
        let (start, length) = column.byte_range();
        let range = start..start + length;
        let bytes = store.ranges(&part.path, std::slice::from_ref(&range)).await?;
        let chunk = Chunk { start, bytes: bytes.into_iter().next().unwrap_or_default() };
        let close = ColumnCloseResult {
            bytes_written: length,
            rows_written: u64::try_from(meta.num_rows()).unwrap_or(0),
            metadata: column.clone(),
            bloom_filter: None,
            column_index: footer.column_index().and_then(|all| all.get(group)?.get(index)).cloned(),
            offset_index: footer.offset_index().and_then(|all| all.get(group)?.get(index)).cloned(),
        };
        out.append_column(&chunk, close).map_err(bad)?;
    }
    out.close().map_err(bad).map(|_| ())
}

/// The bytes of one column chunk, addressed as they are in their file.
struct Chunk {
    start: u64,
    bytes: Bytes,
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        self.start + u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

impl ChunkReader for Chunk {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let rest = usize::try_from(self.len().saturating_sub(start)).unwrap_or(usize::MAX);
        let bytes = self.get_bytes(start, rest)?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let offset = start.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        let range = offset.and_then(|offset| Some(offset..offset.checked_add(length)?));
        match range.filter(|range| range.end <= self.bytes.len()) {
            Some(range) => Ok(self.bytes.slice(range)),
            None => Err(ParquetError::EOF("a column chunk ends too early".to_owned())),
        }
    }
}
