//! Looks at the files of a source: how they are written, and what columns they have.

use std::io::Read;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::cursor::Cursor;
use super::infer::Seen;
use super::layout::Layout;
use super::options::Asked;
use super::part::{JsonFile, OpenPart};
use super::rows::{Found, ROW_BYTES_MAX};
use super::shape::{Shape, fields};
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::files::{Compression, Places, Stamp};
use crate::source::Refused;

/// How much of a file is looked at.
#[derive(Debug, Clone, Copy)]
struct Sample {
    rows: u64,
    bytes: u64,
}

const FIRST: Sample = Sample { rows: 20_480, bytes: 8 << 20 };
const OTHERS: Sample = Sample { rows: 1024, bytes: 512 << 10 };
const ALL: Sample = Sample { rows: u64::MAX, bytes: u64::MAX };

/// Objects in the list of a single object from which on they are taken for the rows: one row with a
/// handful of nested objects is a row.
const WRAPPED_ROWS_MIN: usize = 100;

/// What was found out about the files of a source.
#[derive(Debug)]
pub(super) struct Survey {
    /// The files, in their order.
    pub(super) files: Vec<JsonFile>,
    /// The columns.
    pub(super) columns: Vec<(String, Shape)>,
    /// The same for Arrow.
    pub(super) schema: SchemaRef,
}

impl Survey {
    /// Looks at `stamps`.
    pub(super) fn of(stamps: &[Stamp], asked: &Asked, context: &Context) -> Result<Self> {
        let mut seen = Seen::new(&asked.columns);
        let mut files = Vec::new();
        let mut broken = None;
        for (index, stamp) in stamps.iter().enumerate() {
            let sample = match index {
                _ if asked.infer_all => ALL,
                0 => FIRST,
                _ => OTHERS,
            };
            let mut file = recognise(stamp)?;
            let first_broken = look(&mut file, sample, &mut seen, asked, context)?;
            broken = broken.or(first_broken);
            files.push(file);
        }
        let columns = seen.columns()?;
        if columns.is_empty() {
            return Err(without_columns(&files, broken));
        }
        let schema = Arc::new(Schema::new(fields(&columns)));
        Ok(Survey { files, columns, schema })
    }
}

/// The files that `paths` name, each once, in the order of the paths.
pub(super) fn stamps(paths: &[String], places: &Places) -> Result<Vec<Stamp>> {
    let mut stamps: Vec<Stamp> = Vec::new();
    for path in paths {
        for stamp in places.find(path)? {
            if !stamps.iter().any(|known| known.path == stamp.path) {
                stamps.push(stamp);
            }
        }
    }
    Ok(stamps)
}

/// How a file is written, from its first line.
fn recognise(stamp: &Stamp) -> Result<JsonFile> {
    let failed = |e| stamp.failed(&e);
    let input = stamp.open()?.reader(0..stamp.bytes).map_err(failed)?;
    let (compression, input) = Compression::of(input).map_err(failed)?;
    let input = compression.reader(input).map_err(failed)?;
    let head = head(input).map_err(|e| match compression.name() {
        Some(name) if e.get_ref().is_none_or(|e| !e.is::<Error>()) => {
            Error::data(format!("`{}` cannot be decompressed", stamp.shown))
                .at("system", e)
                .hint(format!("the {name} file is damaged or was cut off; write it again"))
        }
        _ => failed(e),
    })?;
    let layout = Layout::of(&head, &stamp.shown)?;
    Ok(JsonFile { stamp: stamp.clone(), compression, layout, looked_at: (0, 0) })
}

/// The bytes up to the end of the first line that is not blank, or up to the longest row.
fn head(mut input: Box<dyn Read + Send>) -> std::io::Result<Vec<u8>> {
    const STEP: u64 = 64 << 10;
    let mut head = Vec::new();
    loop {
        let read = input.by_ref().take(STEP).read_to_end(&mut head)?;
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
        let is_known = text.first().is_some_and(|byte| *byte != b'{');
        if read == 0 || is_known || text.contains(&b'\n') || text.len() > ROW_BYTES_MAX {
            return Ok(head);
        }
        if text.is_empty() {
            // Only blanks so far, perhaps gigabytes of them.
            head.clear();
            head.push(b' ');
        }
    }
}

/// Looks at the rows of a file and gives the first one that is broken.
fn look(
    file: &mut JsonFile,
    sample: Sample,
    seen: &mut Seen,
    asked: &Asked,
    context: &Context,
) -> Result<Option<Refused>> {
    let mut open = file.open(&*context.memory)?;
    let (mut wrapper, mut broken) = (None, None);
    let (mut rows, mut bytes) = (0, 0);
    while let Some(found) = open.next()? {
        if !found.is_too_long() {
            let row = look_at(&mut open, &found, seen)?;
            broken = broken.or(row);
        }
        if rows == 0 {
            wrapper = wrapped(open.bytes(&found), &asked.columns);
        }
        rows += 1;
        bytes = found.bytes.end;
        if rows >= sample.rows || bytes >= sample.bytes {
            break;
        }
    }
    match wrapper {
        Some(key) if rows == 1 && file.layout != Layout::List && open.next()?.is_none() => {
            return Err(one_object(&file.stamp.shown, &key));
        }
        _ => {}
    }
    file.looked_at = (rows, bytes);
    Ok(broken)
}

/// Looks at one row, and gives it back if it is broken.
fn look_at(open: &mut OpenPart, found: &Found, seen: &mut Seen) -> Result<Option<Refused>> {
    let bytes = open.bytes(found).to_vec();
    // The line is counted for the few rows that show something new.
    let place = || open.place_in_whole(found);
    match seen.look(&bytes, &place) {
        Ok(()) => Ok(None),
        Err(trouble) => Ok(Some(trouble.refused(open.place(found)?))),
    }
}

/// The key of a list of objects that is most of `row`: then the rows are in there.
fn wrapped(row: &[u8], declared: &[(String, Shape)]) -> Option<String> {
    let text = std::str::from_utf8(row).ok()?;
    let mut cursor = Cursor::new(text);
    cursor.token().filter(|byte| *byte == b'{')?;
    cursor.step();
    let mut first = true;
    while cursor.more(b'}', first).ok()? {
        first = false;
        let key = cursor.key().ok()?.to_text();
        cursor.token();
        let value = cursor.skip(1).ok()?;
        let is_rows = value.strip_prefix('[').is_some_and(|v| v.trim_start().starts_with('{'));
        let is_declared = declared.iter().any(|(name, _)| *name == key);
        if is_rows && !is_declared && value.len() > text.len() / 2 && is_many(value) {
            return Some(key);
        }
    }
    None
}

/// Whether a list has so many items that it is no part of one row.
fn is_many(list: &str) -> bool {
    let mut cursor = Cursor::new(list);
    cursor.token();
    cursor.step();
    (0..WRAPPED_ROWS_MIN)
        .all(|index| matches!(cursor.more(b']', index == 0), Ok(true)) && cursor.skip(0).is_ok())
}

fn one_object(shown: &str, key: &str) -> Error {
    Error::data(format!("`{shown}` holds one object, and its rows seem to be in `{key}`")).hint(
        format!(
            "take them out first: `jq -c '.\"{key}\"[]' {shown} > rows.ndjson`; if the object is \
             one row, declare `columns: {{\"{key}\": json}}`"
        ),
    )
}

fn without_columns(files: &[JsonFile], broken: Option<Refused>) -> Error {
    if let Some(row) = broken {
        return row.into_error();
    }
    let shown = files.first().map_or("", |file| file.stamp.shown.as_str());
    Error::data(format!("`{shown}` has no members in its rows, so its columns are not known"))
        .hint("declare them: `columns: {id: bigint, name: text}`")
}
