//! Cuts the files of a source into parts that are read alone.

use std::ops::Range;

use super::layout::Layout;
use super::part::{JsonFile, Part};
use crate::error::Result;
use crate::files::{Compression, Opened};
use crate::memory::Memory;
use crate::source::Split;

/// Bytes that are read at once when a line end is looked for.
const LOOK_BYTES: usize = 64 << 10;
/// The most splits of a file, so that their ids, with five digits, sort in their order.
const SPLITS_MAX: u64 = 50_000;

/// The splits of `files`, in their order, each with the part that it stands for.
pub(super) fn cut(
    files: &[JsonFile],
    split_bytes: u64,
    memory: &dyn Memory,
) -> Result<Vec<(Split, Part)>> {
    let mut splits = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let split_bytes = split_bytes.max(file.stamp.bytes / SPLITS_MAX);
        let parts = match (file.compression, file.layout) {
            (Compression::None, Layout::Lines) => lines(file, split_bytes)?,
            (Compression::None, Layout::List | Layout::Sequence) => {
                elements(file, split_bytes, memory)?
            }
            _ => vec![whole(file)],
        };
        let named = parts.into_iter().enumerate().map(|(number, (part, rows))| {
            let bytes = part.bytes.as_ref().map_or(file.stamp.bytes, |b| b.end - b.start);
            (Split { id: format!("{index:06}-{number:05}"), rows, bytes: Some(bytes) }, part)
        });
        splits.extend(named);
    }
    Ok(splits)
}

/// A file that has to be read from its beginning.
fn whole(file: &JsonFile) -> (Part, Option<u64>) {
    (Part { file: file.clone(), bytes: None, rows_before: 0 }, None)
}

/// Ranges that end with a line; only the bytes around each border are read.
fn lines(file: &JsonFile, split_bytes: u64) -> Result<Vec<(Part, Option<u64>)>> {
    let opened = file.stamp.open()?;
    let end = file.stamp.bytes;
    let mut parts = Vec::new();
    let mut start = 0;
    while start < end {
        let aim = start.saturating_add(split_bytes);
        let border = line_end(&opened, aim - 1, end).map_err(|e| file.stamp.failed(&e))?;
        let rows = rows_in(border - start, file.looked_at);
        let bytes = Some(start..border);
        parts.push((Part { file: file.clone(), bytes, rows_before: 0 }, rows));
        start = border;
    }
    file.stamp.check(&opened)?;
    Ok(parts)
}

/// How many rows `bytes` have if they are like those that were looked at.
fn rows_in(bytes: u64, (rows, bytes_of_rows): (u64, u64)) -> Option<u64> {
    let product = u128::from(bytes) * u128::from(rows);
    let rows = product.checked_div(u128::from(bytes_of_rows))?;
    u64::try_from(rows).ok().map(|rows| rows.max(1))
}

/// The byte after the first line end at or after `from`, at most `end`.
fn line_end(opened: &Opened, mut from: u64, end: u64) -> std::io::Result<u64> {
    if from >= end {
        return Ok(end);
    }
    let (mut input, mut bytes) = (opened.reader(from..end)?, vec![0; LOOK_BYTES]);
    loop {
        let read = input.read(&mut bytes)?;
        if read == 0 {
            return Ok(end);
        }
        if let Some(at) = memchr::memchr(b'\n', &bytes[..read]) {
            return Ok((from + at as u64 + 1).min(end));
        }
        from += read as u64;
    }
}

/// Ranges of whole elements, found by reading the file once; this also proves that the list is
/// whole, so that no row of a broken one is loaded.
fn elements(
    file: &JsonFile,
    split_bytes: u64,
    memory: &dyn Memory,
) -> Result<Vec<(Part, Option<u64>)>> {
    let mut open = file.open(memory)?;
    let mut parts = Vec::new();
    let mut bytes: Option<Range<u64>> = None;
    let mut rows_before = 0;
    let mut rows = 0;
    while let Some(found) = open.next()? {
        let is_full = bytes.as_ref().is_some_and(|b| found.bytes.end - b.start > split_bytes);
        if let Some(full) = bytes.take_if(|_| is_full) {
            parts.push((Part { file: file.clone(), bytes: Some(full), rows_before }, Some(rows)));
            rows_before += rows;
            rows = 0;
        }
        bytes.get_or_insert(found.bytes.clone()).end = found.bytes.end;
        rows += 1;
    }
    if bytes.is_some() {
        parts.push((Part { file: file.clone(), bytes, rows_before }, Some(rows)));
    }
    Ok(parts)
}
