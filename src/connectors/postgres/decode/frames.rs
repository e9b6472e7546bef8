//! What stands around the fields of a `COPY` in binary: the header, each row's number of fields, and
//! the trailer.

use crate::error::{Error, Result};

/// What every `COPY` in binary begins with.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Bytes of the number of fields, with which each row begins.
pub(super) const COUNT: usize = size_of::<i16>();

/// How far a `COPY` has come.
#[derive(Debug)]
pub(super) struct Frames {
    place: String,
    columns: usize,
    progress: Progress,
    /// Rows taken so far, the refused ones among them.
    pub seen: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Header,
    Rows,
    Ended,
}

impl Frames {
    /// The beginning of a `COPY` of so many columns; `place` names the split.
    pub(super) fn new(columns: usize, place: &str) -> Self {
        Frames { place: place.to_owned(), columns, progress: Progress::Header, seen: 0 }
    }

    /// Whether payloads may be rows: the header has been seen, and the trailer has not.
    pub(super) fn is_in_rows(&self) -> bool {
        self.progress == Progress::Rows
    }

    /// The row in the payload of a `CopyData` message, which may be the header, the header with the
    /// first row, one row, or the trailer.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] for bytes that are none of these.
    #[inline]
    pub(super) fn row<'a>(&mut self, payload: &'a [u8]) -> Result<Option<&'a [u8]>> {
        match (self.progress, payload.first_chunk::<COUNT>()) {
            (Progress::Rows, Some(count)) if self.is_count(*count) => Ok(Some(payload)),
            _ => self.odd(payload),
        }
    }

    fn is_count(&self, count: [u8; COUNT]) -> bool {
        usize::try_from(i16::from_be_bytes(count)) == Ok(self.columns)
    }

    /// The same for a payload that is not simply a row.
    #[cold]
    fn odd<'a>(&mut self, payload: &'a [u8]) -> Result<Option<&'a [u8]>> {
        let row = match self.progress {
            Progress::Rows => payload,
            Progress::Header => {
                let row = header(payload).ok_or_else(|| self.malformed("a header"))?;
                self.progress = Progress::Rows;
                row
            }
            Progress::Ended => return Err(self.malformed("the end")),
        };
        let Some((count, fields)) = row.split_first_chunk::<COUNT>() else {
            return match row {
                [] if payload.len() > row.len() => Ok(None),
                _ => Err(self.malformed("a row")),
            };
        };
        if self.is_count(*count) {
            return Ok(Some(row));
        }
        match (i16::from_be_bytes(*count), fields) {
            (-1, []) => {
                self.progress = Progress::Ended;
                Ok(None)
            }
            _ => Err(self.malformed(&format!("a row of {} fields", self.columns))),
        }
    }

    /// The proof that the trailer has been seen.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] when it has not.
    pub(super) fn finish(&self) -> Result<()> {
        match self.progress {
            Progress::Ended => Ok(()),
            Progress::Header | Progress::Rows => Err(self.malformed("the mark of the end")),
        }
    }

    /// Where the split's row with this number is, for people.
    pub(super) fn place_of(&self, row: u64) -> String {
        format!("{} row {row}", self.place)
    }

    /// The error for bytes that are not what is expected here.
    #[cold]
    pub(super) fn malformed(&self, expected: &str) -> Error {
        Error::data("the server sent bytes that are no rows of `COPY` in binary")
            .at("place", self.place_of(self.seen))
            .at("expected", expected)
            .hint("is there a PostgreSQL server, or something between it and dhow?")
    }
}

/// What follows the header in `payload`.
fn header(payload: &[u8]) -> Option<&[u8]> {
    let (flags, rest) = payload.strip_prefix(SIGNATURE)?.split_first_chunk::<4>()?;
    // The upper half of the flags is for what a reader must understand, and there is nothing.
    if u32::from_be_bytes(*flags) >> 16 != 0 {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<4>()?;
    rest.get(usize::try_from(u32::from_be_bytes(*length)).ok()?..)
}
