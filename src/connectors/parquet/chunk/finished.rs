//! The finished pages of a column chunk, compressed, with what its footer says of them.

use std::collections::VecDeque;
use std::io::{Cursor, Read};
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes};
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::press::{Effort, Press};

/// What is known of a data page beside its bytes.
pub(super) struct About {
    pub(super) encoding: Encoding,
    pub(super) rows: usize,
    pub(super) nulls: usize,
    /// The smallest and the largest value as bytes, or bounds of them; `None` without values.
    pub(super) range: Option<(Vec<u8>, Vec<u8>)>,
}

/// The pages of a column chunk so far.
pub(super) struct Finished {
    column: ColumnDescPtr,
    pages: VecDeque<Bytes>,
    /// Bytes of the dictionary, which is the first of the pages, if there is one.
    dictionary: Option<usize>,
    /// Bytes of all pages, and what they were before they were compressed, headers included.
    pub(super) bytes: usize,
    uncompressed: usize,
    rows: usize,
    pub(super) nulls: usize,
    /// How many data pages have which encoding, in their order.
    encodings: Vec<(Encoding, i32)>,
    /// What effort pages of the last encoding are worth.
    effort: Effort,
    values: ColumnIndexBuilder,
    /// Rows and bytes of each data page.
    places: Vec<(usize, usize)>,
}

impl Finished {
    pub(super) fn new(column: ColumnDescPtr) -> Self {
        Finished {
            values: ColumnIndexBuilder::new(column.physical_type()),
            effort: Effort::of(column.physical_type()),
            column,
            pages: VecDeque::new(),
            dictionary: None,
            bytes: 0,
            uncompressed: 0,
            rows: 0,
            nulls: 0,
            encodings: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Takes the data page that `press` holds.
    pub(super) fn data_page(&mut self, press: &mut Press, about: About) -> Result<()> {
        self.count(about.encoding);
        let (buf, length) = press.press(&mut self.effort)?;
        let page = Page::DataPage {
            buf,
            num_values: u32::try_from(about.rows)?,
            encoding: about.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let bytes = self.write(page, length)?;
        self.places.push((about.rows, bytes.len()));
        self.pages.push_back(bytes);
        self.rows += about.rows;
        self.nulls += about.nulls;
        self.index(about.range, about.nulls == about.rows, i64::try_from(about.nulls)?);
        Ok(())
    }

    /// Takes note of the encoding of a page.
    fn count(&mut self, encoding: Encoding) {
        match self.encodings.last_mut() {
            Some((last, pages)) if *last == encoding => *pages += 1,
            _ => {
                self.encodings.push((encoding, 1));
                self.effort = Effort::of(self.column.physical_type());
            }
        }
    }

    /// Takes note of the bounds of a page. Where values have none, the chunk gets no index, which knows
    /// no such page.
    fn index(&mut self, range: Option<(Vec<u8>, Vec<u8>)>, is_null: bool, nulls: i64) {
        match range {
            _ if !self.values.valid() => {}
            None if !is_null => self.values.to_invalid(),
            range => {
                let (least, most) = range.unwrap_or_default();
                self.values.append(is_null, least, most, nulls);
            }
        }
    }

    /// Takes the dictionary of `values` values that `press` holds, which stands before all pages.
    pub(super) fn dictionary_page(&mut self, press: &mut Press, values: usize) -> Result<()> {
        let (buf, length) = press.press(&mut Effort::full())?;
        let page = Page::DictionaryPage {
            buf,
            num_values: u32::try_from(values)?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let bytes = self.write(page, length)?;
        self.dictionary = Some(bytes.len());
        self.pages.push_front(bytes);
        Ok(())
    }

    /// The page with its header.
    fn write(&mut self, page: Page, uncompressed: usize) -> Result<Bytes> {
        let room = Vec::with_capacity(page.buffer().len() + 64);
        let mut sink = TrackedWrite::new(room);
        let page = CompressedPage::new(page, uncompressed);
        let written = SerializedPageWriter::new(&mut sink).write_page(page)?;
        let bytes = Bytes::from(sink.into_inner()?);
        self.bytes += bytes.len();
        self.uncompressed += written.uncompressed_size;
        Ok(bytes)
    }

    /// Ends the chunk.
    pub(super) fn close(
        mut self,
        press: &Press,
        (statistics, order): (Statistics, BoundaryOrder),
    ) -> Result<(Pages, ColumnCloseResult)> {
        let mut offsets = OffsetIndexBuilder::new();
        let mut offset = self.dictionary.unwrap_or(0);
        for (rows, bytes) in &self.places {
            offsets.append_row_count(i64::try_from(*rows)?);
            offsets.append_offset_and_size(i64::try_from(offset)?, i32::try_from(*bytes)?);
            offset += bytes;
        }
        self.values.set_boundary_order(order);
        let metadata = self.metadata(press.compression, statistics)?;
        let closed = ColumnCloseResult {
            bytes_written: self.bytes as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index: self.values.valid().then(|| self.values.build()).transpose()?,
            offset_index: Some(offsets.build()),
        };
        Ok((Pages { bytes: self.bytes as u64, pages: Mutex::new(self.pages) }, closed))
    }

    fn metadata(
        &self,
        compression: Compression,
        statistics: Statistics,
    ) -> Result<ColumnChunkMetaData> {
        let data = self.encodings.iter().map(|(encoding, count)| PageEncodingStats {
            page_type: PageType::DATA_PAGE,
            encoding: *encoding,
            count: *count,
        });
        let dictionary = self.dictionary.map(|_| PageEncodingStats {
            page_type: PageType::DICTIONARY_PAGE,
            encoding: Encoding::PLAIN,
            count: 1,
        });
        let pages: Vec<_> = dictionary.into_iter().chain(data).collect();
        let encodings = pages.iter().map(|pages| pages.encoding).chain([Encoding::RLE]);
        let mut encodings: Vec<_> = encodings.collect();
        encodings.dedup();
        ColumnChunkMetaData::builder(self.column.clone())
            .set_compression(compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(pages)
            .set_total_compressed_size(i64::try_from(self.bytes)?)
            .set_total_uncompressed_size(i64::try_from(self.uncompressed)?)
            .set_num_values(i64::try_from(self.rows)?)
            .set_data_page_offset(i64::try_from(self.dictionary.unwrap_or(0))?)
            .set_dictionary_page_offset(self.dictionary.map(|_| 0))
            .set_statistics(statistics)
            .build()
    }
}

/// The bytes of a column chunk, to be read once: each page is given up when it has been read.
pub(in crate::connectors::parquet) struct Pages {
    bytes: u64,
    pages: Mutex<VecDeque<Bytes>>,
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Pages {
    type T = Reading;

    fn get_read(&self, start: u64) -> Result<Reading> {
        let pages = std::mem::take(&mut *self.pages.lock().unwrap_or_else(PoisonError::into_inner));
        match start {
            0 => Ok(Reading { now: Cursor::default(), pages }),
            _ => Err(ParquetError::EOF("a column chunk is read from its beginning".to_owned())),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A column chunk that is being read.
#[derive(Debug)]
pub(in crate::connectors::parquet) struct Reading {
    now: Cursor<Bytes>,
    pages: VecDeque<Bytes>,
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while !self.now.has_remaining() {
            match self.pages.pop_front() {
                Some(page) => self.now = Cursor::new(page),
                None => return Ok(0),
            }
        }
        self.now.read(out)
    }
}
