//! Reads footers, and makes one schema of those of many files.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use super::bytes::FileBytes;
use super::folder::Found;
use crate::error::{Error, Result};
use crate::files::{Opened, Stamp, side_by_side};

/// One file of the table.
#[derive(Debug)]
pub(super) struct Part {
    /// The file.
    pub stamp: Stamp,
    /// Its footer, with text and bytes read as views.
    pub footer: ArrowReaderMetadata,
    /// For each column of the table, where this file has it.
    pub columns: Vec<Column>,
}

/// Where a file has a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    /// It is the root column with this index.
    Stored(usize),
    /// It is the same in every row: the key of a folder, or NULL.
    Key(Option<String>),
}

/// The footers of `found`, and the schema that fits them all.
///
/// # Errors
/// When a file is not readable as Parquet, or two files differ in a column.
pub(super) fn load(found: Vec<Found>, jobs: usize) -> Result<(SchemaRef, Vec<Part>)> {
    let is_far = |found: &Found| matches!(found.stamp.open(), Ok(Opened::Object(_)));
    // Whoever asks a store waits most of the time.
    let threads = if found.iter().any(is_far) { FAR_AT_ONCE.max(jobs) } else { 1 };
    let footers = side_by_side(threads, &found, |found| read(&found.stamp))?;
    let files = found.into_iter().zip(footers);
    let files: Vec<OneFile> =
        files.map(|(Found { stamp, keys }, footer)| OneFile { stamp, footer, keys }).collect();
    let Some(first) = files.first() else {
        return Err(Error::bug("a Parquet source was opened without a file"));
    };
    let mut fields = first.fields();
    for file in &files[1..] {
        unite(&mut fields, first, file)?;
    }
    let parts = files.into_iter().map(|file| file.part(&fields)).collect();
    Ok((Arc::new(Schema::new(fields)), parts))
}

/// Footers that are asked for at once from a store.
const FAR_AT_ONCE: usize = 16;

#[derive(Debug)]
struct OneFile {
    stamp: Stamp,
    footer: ArrowReaderMetadata,
    keys: Vec<(String, Option<String>)>,
}

impl OneFile {
    /// The columns stored, then the keys that are not among them.
    fn fields(&self) -> Vec<Field> {
        let stored = self.footer.schema();
        let mut fields: Vec<Field> = stored.fields().iter().map(|f| bare(f)).collect();
        for (key, _) in &self.keys {
            if !fields.iter().any(|field| field.name() == key) {
                fields.push(Field::new(key, DataType::Utf8View, true));
            }
        }
        fields
    }

    fn part(self, fields: &[Field]) -> Part {
        let stored = Arc::clone(self.footer.schema());
        let column = |field: &Field| match stored.index_of(field.name()) {
            Ok(index) => Column::Stored(index),
            Err(_) => {
                let key = self.keys.iter().find(|(key, _)| key == field.name());
                Column::Key(key.and_then(|(_, value)| value.clone()))
            }
        };
        let columns = fields.iter().map(column).collect();
        Part { stamp: self.stamp, footer: self.footer, columns }
    }
}

/// What dhow notes of a column at its source: its type there, and its comment.
const NOTES: &str = "dhow.";

/// The field without notes of other writers, which differ between files of one table.
fn bare(field: &Field) -> Field {
    let mut notes = field.metadata().clone();
    notes.retain(|key, _| key.starts_with(NOTES));
    Field::new(field.name(), field.data_type().clone(), field.is_nullable()).with_metadata(notes)
}

/// Makes `fields`, which came from `first`, fit `other` as well: columns are matched by name, and
/// one that is nullable in any file is nullable.
fn unite(fields: &mut [Field], first: &OneFile, other: &OneFile) -> Result<()> {
    let theirs = other.fields();
    if let Some(extra) = theirs.iter().find(|f| !fields.iter().any(|g| g.name() == f.name())) {
        return Err(differ(first, "no such column", other, extra.data_type(), extra.name()));
    }
    for field in fields {
        let Some(their) = theirs.iter().find(|f| f.name() == field.name()) else {
            let ours = field.data_type();
            return Err(differ(first, ours, other, "no such column", field.name()));
        };
        if their.data_type() != field.data_type() {
            let (ours, theirs) = (field.data_type(), their.data_type());
            return Err(differ(first, ours, other, theirs, field.name()));
        }
        if their.is_nullable() {
            field.set_nullable(true);
        }
        // A note that is not of all files says nothing of all rows.
        let mut notes = field.metadata().clone();
        notes.retain(|key, note| their.metadata().get(key) == Some(note));
        field.set_metadata(notes);
    }
    Ok(())
}

fn differ(
    first: &OneFile,
    ours: impl std::fmt::Display,
    other: &OneFile,
    theirs: impl std::fmt::Display,
    column: &str,
) -> Error {
    Error::data(format!("files of one source differ in column `{column}`"))
        .at(&first.stamp.shown, ours)
        .at(&other.stamp.shown, theirs)
        .hint("read them as two sources and bring them together in a model")
}

/// The footer of one file.
fn read(stamp: &Stamp) -> Result<ArrowReaderMetadata> {
    let opened = stamp.open()?;
    let file = FileBytes::ends(&opened, stamp)?;
    check_magic(stamp, &file)?;
    let load = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
    let footer = guarded(load).map_err(|e| broken(stamp, &e))?;
    stamp.check(&opened)?;
    check_extents(stamp, &footer)?;
    let mut names = HashSet::new();
    if let Some(twice) = footer.schema().fields().iter().find(|f| !names.insert(f.name())) {
        return Err(Error::data(format!("column `{}` is there twice", twice.name()))
            .at("file", &stamp.shown)
            .hint("write the file again with a name of its own for each column"));
    }
    let options = ArrowReaderOptions::new().with_schema(with_views(footer.schema()));
    let view = || ArrowReaderMetadata::try_new(Arc::clone(footer.metadata()), options);
    guarded(view).map_err(|e| broken(stamp, &e))
}

/// Refuses columns that begin or end outside the file; the decoder trusts these numbers.
fn check_extents(stamp: &Stamp, footer: &ArrowReaderMetadata) -> Result<()> {
    for (index, group) in footer.metadata().row_groups().iter().enumerate() {
        for chunk in group.columns() {
            let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
            let bytes = u64::try_from(chunk.compressed_size()).ok();
            let inside = |start: i64| {
                let end = u64::try_from(start).ok().zip(bytes).and_then(|(s, n)| s.checked_add(n));
                end.is_some_and(|end| end <= stamp.bytes)
            };
            // Sizes count from the dictionary, if there is one: then the pages lie within.
            let first = starts.into_iter().flatten().min();
            if !first.is_some_and(inside) {
                let error = Error::data(format!("`{}` is damaged", stamp.shown))
                    .at("row group", index)
                    .at("column", chunk.column_path());
                return Err(error
                    .at("decoder", "the column lies outside the file")
                    .hint("copy or write the file again"));
            }
        }
    }
    Ok(())
}

/// Text and bytes are read as views, which SQL works on without copying them.
fn with_views(schema: &Schema) -> SchemaRef {
    let field = |field: &Field| {
        let view = view_of(field.data_type());
        field.clone().with_data_type(view.unwrap_or_else(|| field.data_type().clone()))
    };
    let fields: Vec<Field> = schema.fields().iter().map(|f| field(f)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn view_of(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => Some(DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => Some(DataType::BinaryView),
        // A dictionary is a way to store text; whether a file has one says nothing of its values.
        DataType::Dictionary(_, value) => view_of(value),
        _ => None,
    }
}

/// Says what is wrong with the ends of a file better than the decoder could.
fn check_magic(stamp: &Stamp, file: &FileBytes) -> Result<()> {
    if stamp.bytes == 0 {
        return Err(Error::data(format!("`{}` is empty", stamp.shown))
            .hint("a Parquet file has a footer even without rows; write it again"));
    }
    let (mut head, mut tail) = ([0_u8; 4], [0_u8; 4]);
    if stamp.bytes >= 12 {
        let four = |at| file.get_bytes(at, 4).map_err(|e| broken(stamp, &e));
        head.copy_from_slice(&four(0)?);
        tail.copy_from_slice(&four(stamp.bytes - 4)?);
    }
    match (&head, &tail) {
        (b"PAR1", b"PAR1") => Ok(()),
        (b"PARE", _) | (_, b"PARE") => Err(encrypted(stamp)),
        (b"PAR1", _) => Err(Error::data(format!("`{}` has no Parquet footer", stamp.shown))
            .at("bytes", stamp.bytes)
            .hint("it is cut off, or still being written; copy or write it again")),
        _ => Err(Error::data(format!("`{}` is not a Parquet file", stamp.shown))
            .hint("a Parquet file begins and ends with the letters PAR1")),
    }
}

fn encrypted(stamp: &Stamp) -> Error {
    Error::unsupported(format!("`{}` is encrypted", stamp.shown))
        .hint("dhow reads Parquet without encryption; write it decrypted first")
}

/// What the decoder answers. Some damage makes it panic (found by changing bytes at random, parquet
/// 59.3): a damaged file is an error like any other, and the decoder is not used again.
pub(super) fn guarded<T>(
    decode: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode));
    caught.unwrap_or_else(|_| Err(ParquetError::General("the decoder gave up".to_owned())))
}

/// The decoder's error as one of ours.
pub(super) fn broken(stamp: &Stamp, error: &ParquetError) -> Error {
    if let ParquetError::External(inner) = error
        && let Some(ours) = inner.downcast_ref::<Error>()
    {
        return ours.clone();
    }
    let text = error.to_string();
    if text.to_ascii_lowercase().contains("encrypt") {
        return encrypted(stamp);
    }
    let error = match error {
        ParquetError::NYI(_) => {
            Error::unsupported(format!("`{}` uses Parquet that dhow cannot read", stamp.shown))
        }
        _ => Error::data(format!("`{}` is damaged", stamp.shown))
            .hint("copy or write the file again"),
    };
    error.at("decoder", text)
}
