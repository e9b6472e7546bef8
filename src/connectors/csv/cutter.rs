//! Takes a file record by record, some thousand at once.

use crate::connectors::csv::buffer::{Buffer, ROW_BYTES};
use crate::connectors::csv::fields::{Dialect, Fields, Scanned};
use crate::error::Result;
use crate::files::{Content, Stamp};

/// Bytes after which no further record is waited for.
const CUT_BYTES: usize = 4 << 20;

/// A part of a file that can be read alone: whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Index of the file.
    pub(super) file: usize,
    /// Offset of the first record in the decompressed file.
    pub(super) start: u64,
    /// Offset behind the last record; `None` for a compressed file, which is one piece.
    pub(super) end: Option<u64>,
}

impl Piece {
    /// The bytes of this piece of the file of `stamp`.
    fn open(self, stamp: &Stamp) -> Result<Buffer> {
        if let Some(end) = self.end {
            let content = Content::range(stamp, self.start, end)?;
            return Ok(Buffer::new(content, stamp, self.start));
        }
        let mut buffer = Buffer::new(Content::open(stamp)?, stamp, 0);
        let head = usize::try_from(self.start).unwrap_or(usize::MAX);
        while buffer.rest().len() < head && !buffer.is_last() {
            buffer.fill()?;
        }
        buffer.consume(head.min(buffer.rest().len()));
        Ok(buffer)
    }
}

/// The records of a piece.
#[derive(Debug)]
pub(super) struct Cutter {
    /// The bytes; those of the current records stand at its beginning.
    pub(super) buffer: Buffer,
    /// The current records.
    pub(super) fields: Fields,
    dialect: Dialect,
}

impl Cutter {
    /// Opens `piece` of a file with `columns` columns.
    pub(super) fn open(
        piece: Piece,
        stamp: &Stamp,
        dialect: Dialect,
        columns: usize,
    ) -> Result<Self> {
        let fields = Fields::new(dialect, Some(columns));
        Ok(Cutter { buffer: piece.open(stamp)?, fields, dialect })
    }

    /// Goes on to the next records, at most `most`; `false` when there are no more.
    pub(super) fn next(&mut self, most: usize) -> Result<bool> {
        let some = self.cut(most)?;
        // Whether a record is too long must not depend on where the window happened to end.
        let long = |row: &usize| self.fields.record(self.data(), *row).len() > ROW_BYTES;
        if self.fields.end() > ROW_BYTES
            && let Some(row) = (0..self.fields.rows()).find(long)
        {
            return Err(self.buffer.too_long(self.dialect, self.fields.start_of(row)));
        }
        Ok(some)
    }

    fn cut(&mut self, most: usize) -> Result<bool> {
        self.buffer.consume(self.fields.end());
        self.fields.clear();
        loop {
            let is_last = self.buffer.is_last();
            let scanned = self.fields.scan(self.buffer.rest(), is_last, most);
            let (rows, end) = (self.fields.rows(), self.fields.end());
            match scanned {
                Scanned::Enough => return Ok(true),
                // Records before the open quote are good: they go first.
                Scanned::OpenQuote(_) if rows > 0 => return Ok(true),
                Scanned::OpenQuote(at) => return Err(self.buffer.open_quote(at)),
                Scanned::NeedsMore if is_last || end > CUT_BYTES && rows > 0 => return Ok(rows > 0),
                Scanned::NeedsMore => {}
            }
            if self.buffer.rest().len() - end > ROW_BYTES {
                if rows > 0 {
                    return Ok(true);
                }
                return Err(self.buffer.too_long(self.dialect, end));
            }
            self.buffer.fill()?;
        }
    }

    /// The bytes of the current records.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer.rest()[..self.fields.end()]
    }
}
