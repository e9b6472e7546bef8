//! The bytes of a file as the decoder asks for them: a file of this machine, or what was fetched of
//! an object.

use std::fs::File;
use std::io::{Cursor, Read};
use std::ops::Range;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::error::{Error, Result};
use crate::files::{Opened, Stamp};
use crate::stores::{self, Object};

/// The end of an object that is fetched for its footer: few footers are longer.
const TAIL: u64 = 64 << 10;

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum FileBytes {
    /// A file of this machine.
    Local(File),
    /// Parts of an object that were fetched; others are asked for when they are needed.
    Fetched(Object, Vec<(u64, Bytes)>),
}

impl FileBytes {
    /// Bytes for whoever reads the footer.
    pub(super) fn ends(opened: &Opened, stamp: &Stamp) -> Result<Self> {
        match opened {
            Opened::Local(file) => Self::local(file, stamp),
            Opened::Object(object) => {
                let end = object.bytes();
                let ranges = vec![0..end.min(4), end.saturating_sub(TAIL)..end];
                let (asked, wanted) = (object.clone(), ranges.clone());
                let read = stores::wait(async move { asked.ranges(&wanted).await })?;
                Ok(Self::fetched(object, &ranges, read))
            }
        }
    }

    /// Bytes for whoever reads `ranges`, which are fetched now and held in memory.
    pub(super) async fn of(opened: &Opened, stamp: &Stamp, ranges: &[Range<u64>]) -> Result<Self> {
        match opened {
            Opened::Local(file) => Self::local(file, stamp),
            Opened::Object(object) => {
                Ok(Self::fetched(object, ranges, object.ranges(ranges).await?))
            }
        }
    }

    fn local(file: &File, stamp: &Stamp) -> Result<Self> {
        Ok(FileBytes::Local(file.try_clone().map_err(|e| stamp.failed(&e))?))
    }

    fn fetched(object: &Object, ranges: &[Range<u64>], read: Vec<Bytes>) -> Self {
        let parts = ranges.iter().map(|range| range.start).zip(read).collect();
        FileBytes::Fetched(object.clone(), parts)
    }
}

/// The bytes from `start` on that lie in one of `parts`.
fn part(parts: &[(u64, Bytes)], start: u64) -> Option<Bytes> {
    parts.iter().find_map(|(at, bytes)| {
        let offset = usize::try_from(start.checked_sub(*at)?).ok()?;
        (offset < bytes.len()).then(|| bytes.slice(offset..))
    })
}

impl Length for FileBytes {
    fn len(&self) -> u64 {
        match self {
            FileBytes::Local(file) => Length::len(file),
            FileBytes::Fetched(object, _) => object.bytes(),
        }
    }
}

impl ChunkReader for FileBytes {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        match self {
            FileBytes::Local(file) => Ok(Box::new(file.get_read(start)?)),
            FileBytes::Fetched(object, parts) => Ok(match part(parts, start) {
                Some(bytes) => Box::new(Cursor::new(bytes)),
                None => Box::new(object.reader(start..object.bytes())),
            }),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let (object, parts) = match self {
            FileBytes::Local(file) => return file.get_bytes(start, length),
            FileBytes::Fetched(object, parts) => (object, parts),
        };
        if let Some(bytes) = part(parts, start).filter(|bytes| bytes.len() >= length) {
            return Ok(bytes.slice(..length));
        }
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        let Some(end) = end.filter(|end| *end <= object.bytes()) else {
            return Err(ParquetError::EOF("a range lies outside the file".to_owned()));
        };
        let object = object.clone();
        let external = |error: Error| ParquetError::External(Box::new(error));
        stores::wait(async move { object.get(start..end).await }).map_err(external)
    }
}
