//! A window on the bytes of a file that grows at its end and is given back at its beginning.

use memchr::memchr_iter;

use crate::connectors::csv::fields::{Dialect, Fields, Scanned};
use crate::error::{Error, Result};
use crate::files::{Compression, Content, Stamp};

/// The longest record that is read, in bytes: a quote that is never closed must not fill the memory.
pub(super) const ROW_BYTES: usize = 16 << 20;

/// Bytes that are asked for at once.
const READ_BYTES: usize = 512 << 10;

/// Bytes of a file that are read and not yet given back.
#[derive(Debug)]
pub(super) struct Buffer {
    content: Content,
    stamp: Stamp,
    bytes: Vec<u8>,
    from: usize,
    filled: usize,
    is_last: bool,
    /// Offset of `from` in the decompressed file.
    offset: u64,
    /// The line that begins at `from` or goes on there, from 1, once somebody asked.
    line: Option<u64>,
}

impl Buffer {
    /// A window on `content`, whose first byte stands at `offset` of the file of `stamp`.
    pub(super) fn new(content: Content, stamp: &Stamp, offset: u64) -> Self {
        // Lines of a compressed file cannot be counted afterwards.
        let line = (content.compression() != Compression::None).then_some(1);
        Buffer {
            content,
            stamp: stamp.clone(),
            bytes: Vec::new(),
            from: 0,
            filled: 0,
            is_last: false,
            offset,
            line,
        }
    }

    /// The bytes that are there.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.from..self.filled]
    }

    /// Whether nothing follows the bytes that are there.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Bytes that are held in memory.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Gives back the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        if let Some(line) = &mut self.line {
            let given = &self.bytes[self.from..self.from + count];
            *line += memchr_iter(b'\n', given).count() as u64;
        }
        self.from += count;
        self.offset += count as u64;
    }

    /// Reads more, or finds the end.
    pub(super) fn fill(&mut self) -> Result<()> {
        self.bytes.copy_within(self.from..self.filled, 0);
        self.filled -= self.from;
        self.from = 0;
        // A record that does not fit doubles the window, so that each byte is moved few times.
        let wanted = self.filled + READ_BYTES.max(self.filled / 2);
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        while self.filled < wanted {
            match self.content.read(&mut self.bytes[self.filled..wanted])? {
                0 => {
                    self.is_last = true;
                    break;
                }
                read => self.filled += read,
            }
        }
        Ok(())
    }

    /// The file and line of the byte at `at` of [`Buffer::rest`], as `file:line`.
    pub(super) fn place(&mut self, at: usize) -> Result<String> {
        let line = match self.line {
            Some(line) => line,
            None => *self.line.insert(1 + lines_before(&self.stamp, self.offset)?),
        };
        let before = memchr_iter(b'\n', &self.rest()[..at]).count() as u64;
        Ok(format!("{}:{}", self.stamp.shown, line + before))
    }

    /// The error for a quote at `at` that is open when the file ends.
    pub(super) fn open_quote(&mut self, at: usize) -> Error {
        match self.place(at) {
            Ok(place) => Error::data("a quote is opened here and never closed")
                .at("place", place)
                .hint("close it, or set `quote` to another character or to nothing"),
            Err(error) => error,
        }
    }

    /// The error for the record at `at`, which is longer than [`ROW_BYTES`].
    pub(super) fn too_long(&mut self, dialect: Dialect, at: usize) -> Error {
        let mut fields = Fields::new(dialect, None);
        let open = match fields.scan(&self.rest()[at..], true, 1) {
            Scanned::OpenQuote(open) => Some(at + open),
            _ => None,
        };
        let place = match self.place(open.unwrap_or(at)) {
            Ok(place) => place,
            Err(error) => return error,
        };
        let what = if open.is_some() { "a quote that is opened here" } else { "a row" };
        Error::data(format!("{what} does not end within {} MiB", ROW_BYTES >> 20))
            .at("place", place)
            .hint("look for a quote that is never closed, or for line ends of another kind")
    }
}

/// Line ends in the first `count` bytes of a file that is not compressed.
fn lines_before(stamp: &Stamp, count: u64) -> Result<u64> {
    let mut content = Content::range(stamp, 0, count)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut lines = 0;
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += memchr_iter(b'\n', &buffer[..read]).count() as u64,
        }
    }
}
