//! Cuts a stream of bytes into rows, holding no more of it than one chunk or one long row.

use std::io::{ErrorKind, Read};

use super::borders::{Border, Borders};
use crate::error::Result;
use crate::memory::Reservation;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// The longest row that is taken.
pub(super) const ROW_BYTES_MAX: usize = 64 << 20;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How rows are told apart.
#[derive(Debug)]
pub(super) enum Framing {
    /// By line ends.
    Lines,
    /// By brackets and commas.
    Borders(Borders),
}

/// The rows of a stream of bytes.
pub(super) struct Rows {
    input: Box<dyn Read + Send>,
    framing: Framing,
    held: Box<dyn Reservation>,
    /// Whether the input begins where its file does, perhaps with a byte order mark.
    is_beginning: bool,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are read.
    filled: usize,
    /// Bytes of the buffer that have been looked at.
    at: usize,
    /// Where the row that is being looked for begins, or else `at`.
    begun: usize,
    /// Set while the row is too long to be kept: where it began, and in which line.
    long: Option<(u64, u64)>,
    in_row: bool,
    is_ended: bool,
    /// Bytes and line ends that are no longer in the buffer.
    bytes_before: u64,
    lines_before: u64,
    count: u64,
}

/// A row that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Where it is in the buffer; empty when it is too long.
    range: std::ops::Range<usize>,
    /// First byte and the byte after the last, counted from the beginning of the stream.
    pub(super) bytes: std::ops::Range<u64>,
    /// The row's number in the stream, from 1.
    pub(super) number: u64,
    /// The line it begins in, if it was too long to be kept.
    long_line: Option<u64>,
}

impl Found {
    /// Whether the row was too long to be kept.
    pub(super) fn is_too_long(&self) -> bool {
        self.long_line.is_some()
    }
}

/// What stops a stream of rows.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The bytes could not be read.
    Io(std::io::Error),
    /// The rows do not stand as they should: the reason, and the line.
    Broken(&'static str, u64),
    /// There is no memory for a long row.
    Memory(crate::error::Error),
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("framing", &self.framing).finish_non_exhaustive()
    }
}

impl Rows {
    /// The rows of `input`, whose buffer is drawn from `held`; `is_beginning` when nothing of the
    /// file stands before it.
    pub(super) fn new(
        input: Box<dyn Read + Send>,
        framing: Framing,
        is_beginning: bool,
        held: Box<dyn Reservation>,
    ) -> Self {
        Rows {
            input,
            framing,
            held,
            is_beginning,
            buffer: Vec::new(),
            filled: 0,
            at: 0,
            begun: 0,
            long: None,
            in_row: false,
            is_ended: false,
            bytes_before: 0,
            lines_before: 0,
            count: 0,
        }
    }

    /// The next row that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Found>, Stopped> {
        loop {
            let end = match self.framing {
                Framing::Lines => self.line_end(),
                Framing::Borders(_) => self.border()?,
            };
            if let Some(end) = end {
                let found = self.found(end);
                let is_blank = || self.bytes(&found).iter().all(u8::is_ascii_whitespace);
                if found.is_too_long() || !is_blank() {
                    self.count += 1;
                    return Ok(Some(found));
                }
            } else if self.is_ended {
                return Ok(None);
            } else {
                self.fill()?;
            }
        }
    }

    /// The text of a row; valid until the next one is asked for.
    pub(super) fn bytes(&self, found: &Found) -> &[u8] {
        self.buffer.get(found.range.clone()).unwrap_or_default()
    }

    /// The line that a row begins in, from 1.
    pub(super) fn line(&self, found: &Found) -> u64 {
        found.long_line.unwrap_or_else(|| self.line_at(found.range.start))
    }

    fn line_at(&self, at: usize) -> u64 {
        self.lines_before + lines(&self.buffer[..at]) + 1
    }

    /// Where the line that is being looked for ends, if that is in the buffer.
    #[inline]
    fn line_end(&mut self) -> Option<usize> {
        match memchr::memchr(b'\n', &self.buffer[self.at..self.filled]) {
            Some(offset) => {
                self.at += offset + 1;
                Some(self.at - 1)
            }
            None => {
                self.at = self.filled;
                let is_last = self.is_ended && (self.begun < self.filled || self.long.is_some());
                is_last.then_some(self.filled)
            }
        }
    }

    /// Where the row that is being looked for ends, if that is in the buffer.
    fn border(&mut self) -> Result<Option<usize>, Stopped> {
        let Framing::Borders(borders) = &mut self.framing else { return Ok(None) };
        loop {
            match borders.next(&self.buffer[..self.filled], &mut self.at) {
                Ok(Border::Begin(at)) => {
                    self.begun = at;
                    self.in_row = true;
                }
                Ok(Border::End(at)) => return Ok(Some(at)),
                Ok(Border::More) => break,
                Err(reason) => return Err(Stopped::Broken(reason, self.line_at(self.at))),
            }
        }
        if !self.in_row {
            self.begun = self.at;
        }
        if !self.is_ended {
            return Ok(None);
        }
        match borders.end() {
            Ok(is_bare) => Ok(is_bare.then_some(self.filled)),
            Err(reason) => Err(Stopped::Broken(reason, self.line_at(self.filled))),
        }
    }

    /// The row from where it began to `end`; the next one begins at `self.at`.
    fn found(&mut self, end: usize) -> Found {
        let long = self.long.take();
        let start = long.map_or(self.bytes_before + self.begun as u64, |(start, _)| start);
        let range = if long.is_some() { end..end } else { self.begun..end };
        self.begun = self.at;
        self.in_row = false;
        Found {
            range,
            bytes: start..self.bytes_before + end as u64,
            number: self.count + 1,
            long_line: long.map(|(_, line)| line),
        }
    }

    /// Reads more, after making room by dropping what has been given out.
    fn fill(&mut self) -> Result<(), Stopped> {
        if self.filled - self.begun > ROW_BYTES_MAX || self.long.is_some() {
            let start = (self.bytes_before + self.begun as u64, self.line_at(self.begun));
            self.long.get_or_insert(start);
            self.begun = self.filled;
        }
        self.drop_rows();
        let size = self.filled + CHUNK_BYTES;
        if self.buffer.len() < size {
            self.held.resize(size).map_err(Stopped::Memory)?;
            self.buffer.resize(size, 0);
        }
        let read = self.read().map_err(Stopped::Io)?;
        self.filled += read;
        self.is_ended = read == 0;
        if std::mem::take(&mut self.is_beginning) && self.buffer[..self.filled].starts_with(BOM) {
            (self.at, self.begun) = (BOM.len(), BOM.len());
        }
        Ok(())
    }

    fn drop_rows(&mut self) {
        self.lines_before += lines(&self.buffer[..self.begun]);
        self.bytes_before += self.begun as u64;
        self.buffer.copy_within(self.begun..self.filled, 0);
        self.at -= self.begun;
        self.filled -= self.begun;
        self.begun = 0;
    }

    /// Fills the rest of the buffer as far as the input goes.
    fn read(&mut self) -> std::io::Result<usize> {
        let mut read = 0;
        while self.filled + read < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.filled + read..]) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(read)
    }
}

/// How many line ends there are in `bytes`.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
