//! A file of the source, and a part of it that is read alone.

use std::io::BufReader;
use std::ops::Range;

use super::layout::Layout;
use super::rows::{Found, ROW_BYTES_MAX, Rows, Stopped, lines};
use crate::error::{Error, Result};
use crate::files::{Compression, Opened, Stamp};
use crate::memory::Memory;
use crate::source::Refused;

/// A file of the source.
#[derive(Debug, Clone)]
pub(super) struct JsonFile {
    /// The file as it was planned.
    pub(super) stamp: Stamp,
    /// How it is compressed.
    pub(super) compression: Compression,
    /// How its rows stand in it.
    pub(super) layout: Layout,
    /// Rows that were looked at, and their bytes.
    pub(super) looked_at: (u64, u64),
}

/// A part of a file that is read alone.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The file.
    pub(super) file: JsonFile,
    /// Its bytes, as stored; `None` for the whole file.
    pub(super) bytes: Option<Range<u64>>,
    /// Rows of the file before it, where rows are counted.
    pub(super) rows_before: u64,
}

/// A part that is open.
#[derive(Debug)]
pub(super) struct OpenPart {
    part: Part,
    opened: Opened,
    rows: Rows,
    /// Line ends before the part, once somebody asked.
    lines_before: Option<u64>,
}

impl JsonFile {
    /// Opens the whole file.
    pub(super) fn open(&self, memory: &dyn Memory) -> Result<OpenPart> {
        Part { file: self.clone(), bytes: None, rows_before: 0 }.open(memory)
    }
}

impl Part {
    /// Opens the part, unless the file changed since it was planned.
    pub(super) fn open(self, memory: &dyn Memory) -> Result<OpenPart> {
        let JsonFile { stamp, compression, layout, .. } = &self.file;
        let opened = stamp.open()?;
        let bytes = self.bytes.clone().unwrap_or(0..stamp.bytes);
        let start = bytes.start;
        let input = opened.reader(bytes).map_err(|e| stamp.failed(&e))?;
        let (input, framing) = match &self.bytes {
            Some(_) => (input, layout.framing_of_piece()),
            None => {
                let input = compression.reader(input);
                (input.map_err(|e| stamp.failed(&e))?, layout.framing())
            }
        };
        let rows = Rows::new(input, framing, start == 0, memory.reserve("json reader"));
        Ok(OpenPart { part: self, opened, rows, lines_before: None })
    }
}

impl OpenPart {
    /// The next row; `None` after the last one of a file that is still as it was planned.
    pub(super) fn next(&mut self) -> Result<Option<Found>> {
        match self.rows.next() {
            Ok(Some(found)) => Ok(Some(found)),
            Ok(None) => self.check().map(|()| None),
            Err(stopped) => {
                // A file that changed looks broken; say what really happened.
                self.check()?;
                Err(self.stopped(stopped))
            }
        }
    }

    /// The text of the row that was found last.
    pub(super) fn bytes(&self, found: &Found) -> &[u8] {
        self.rows.bytes(found)
    }

    /// Refuses a file that changed since it was planned.
    pub(super) fn check(&self) -> Result<()> {
        self.part.file.stamp.check(&self.opened)
    }

    /// Where the row that was found last stands, for people.
    pub(super) fn place(&mut self, found: &Found) -> Result<String> {
        let lines_before = self.lines_before()?;
        Ok(self.place_after(lines_before, found))
    }

    /// The same in a part that is a whole file.
    pub(super) fn place_in_whole(&self, found: &Found) -> String {
        self.place_after(0, found)
    }

    fn place_after(&self, lines_before: u64, found: &Found) -> String {
        let line = lines_before + self.rows.line(found);
        let JsonFile { stamp, layout, .. } = &self.part.file;
        let shown = &stamp.shown;
        match layout {
            Layout::Lines => format!("{shown}:{line}"),
            // Many rows may stand in one line.
            Layout::List | Layout::Sequence => {
                let number = self.part.rows_before + found.number;
                format!("{shown}:{line}: {} {number}", layout.row_name())
            }
        }
    }

    /// The refused row for one that is too long.
    pub(super) fn too_long(&mut self, found: &Found) -> Result<Refused> {
        Ok(Refused {
            place: self.place(found)?,
            column: None,
            value: None,
            reason: format!("the row is longer than {} MiB", ROW_BYTES_MAX >> 20),
            hint: Some("a row is one object; write a list of objects as rows".to_owned()),
        })
    }

    fn lines_before(&mut self) -> Result<u64> {
        if let Some(lines) = self.lines_before {
            return Ok(lines);
        }
        let end = self.part.bytes.as_ref().map_or(0, |bytes| bytes.start);
        let lines = match end {
            0 => 0,
            _ => count_lines(&self.part.file.stamp, end)?,
        };
        self.lines_before = Some(lines);
        Ok(lines)
    }

    fn stopped(&self, stopped: Stopped) -> Error {
        let JsonFile { stamp, compression, .. } = &self.part.file;
        let shown = &stamp.shown;
        match (stopped, compression.name()) {
            (Stopped::Memory(error), _) => error.at("file", shown),
            (Stopped::Io(error), None) => stamp.failed(&error),
            (Stopped::Io(error), Some(_)) if error.get_ref().is_some_and(|e| e.is::<Error>()) => {
                stamp.failed(&error)
            }
            (Stopped::Io(error), Some(name)) => {
                Error::data(format!("`{shown}` cannot be decompressed to its end"))
                    .at("system", error)
                    .hint(format!("the {name} file is damaged or was cut off; write it again"))
            }
            (Stopped::Broken(reason, line), _) => {
                let line = self.lines_before.unwrap_or(0) + line;
                Error::data(format!("`{shown}` is no list of objects: {reason}"))
                    .at("place", format!("{shown}:{line}"))
                    .hint("the file may have been cut off or edited; write it again")
            }
        }
    }
}

/// Line ends in the first `end` bytes of a file.
fn count_lines(stamp: &Stamp, end: u64) -> Result<u64> {
    let failed = |e: &std::io::Error| stamp.failed(e);
    let opened = stamp.open()?.reader(0..end).map_err(|e| failed(&e))?;
    let mut input = BufReader::with_capacity(1 << 20, opened);
    let mut count = 0;
    loop {
        let bytes = std::io::BufRead::fill_buf(&mut input).map_err(|e| failed(&e))?;
        if bytes.is_empty() {
            return Ok(count);
        }
        count += lines(bytes);
        let length = bytes.len();
        std::io::BufRead::consume(&mut input, length);
    }
}
