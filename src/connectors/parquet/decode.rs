//! Reads back files that a sink wrote: their footer, and their rows for a merge.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use crate::connectors::parquet::failure;
use crate::connectors::parquet::store::Store;
use crate::error::{Error, Result};
use crate::source::BATCH_ROWS;

/// The footer of the file at `path`, which is `size` bytes long, with its page index.
pub(super) async fn footer(store: &Store, path: &str, size: u64) -> Result<Arc<ParquetMetaData>> {
    let shown = store.shown(path);
    let bad = |e| failure::of_reading(&e, &shown);
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size)
        .map_err(bad)?
        .with_page_index_policy(PageIndexPolicy::Optional);
    loop {
        match decoder.try_decode().map_err(bad)? {
            DecodeResult::NeedsData(ranges) => {
                let bytes = store.ranges(path, &ranges).await?;
                decoder.push_ranges(ranges, bytes).map_err(bad)?;
            }
            DecodeResult::Data(footer) => return Ok(Arc::new(footer)),
            DecodeResult::Finished => {
                return Err(Error::bug("a footer decoder ended without a footer"));
            }
        }
    }
}

/// The Arrow columns that a footer describes.
pub(super) fn arrow(footer: &Arc<ParquetMetaData>, shown: &str) -> Result<ArrowReaderMetadata> {
    ArrowReaderMetadata::try_new(footer.clone(), ArrowReaderOptions::new())
        .map_err(|e| failure::of_reading(&e, shown))
}

/// The rows of one file, batch by batch.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    store: &'a Store,
    path: &'a str,
    decoder: ParquetPushDecoder,
}

impl<'a> Rows<'a> {
    /// The rows of the file at `path`: the columns called `names` that it has, or all of them.
    pub(super) fn open(
        store: &'a Store,
        path: &'a str,
        described: ArrowReaderMetadata,
        names: Option<&[String]>,
    ) -> Result<Self> {
        let mask = match names {
            None => ProjectionMask::all(),
            Some(names) => mask(&described, names),
        };
        let decoder = ParquetPushDecoderBuilder::new_with_metadata(described)
            .with_batch_size(BATCH_ROWS)
            .with_projection(mask)
            .build()
            .map_err(|e| failure::of_reading(&e, &store.shown(path)))?;
        Ok(Rows { store, path, decoder })
    }

    /// The next rows; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let decoded = self.decoder.try_decode().map_err(|e| self.bad(&e))?;
            match decoded {
                DecodeResult::Data(batch) => return Ok(Some(batch)),
                DecodeResult::Finished => return Ok(None),
                DecodeResult::NeedsData(ranges) => {
                    let bytes = self.store.ranges(self.path, &ranges).await?;
                    self.decoder.push_ranges(ranges, bytes).map_err(|e| self.bad(&e))?;
                }
            }
        }
    }

    fn bad(&self, error: &parquet::errors::ParquetError) -> Error {
        failure::of_reading(error, &self.store.shown(self.path))
    }
}

fn mask(described: &ArrowReaderMetadata, names: &[String]) -> ProjectionMask {
    let schema: &SchemaRef = described.schema();
    let roots = names.iter().filter_map(|name| schema.index_of(name).ok());
    ProjectionMask::roots(described.parquet_schema(), roots)
}
