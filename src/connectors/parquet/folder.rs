//! Finds the files of a table that is a folder, with the values that its folders stand for.
//!
//! A folder named `key=value` gives every row below it the text `value` in the column `key`, as
//! Hive, Spark and dhow's own sink write it.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::Stamp;

/// What Hive calls the folder of rows whose key is NULL.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file and the keys that the folders on its path give it, from the outside in.
#[derive(Debug)]
pub(super) struct Found {
    /// The file.
    pub stamp: Stamp,
    /// Column and value; `None` is NULL.
    pub keys: Vec<(String, Option<String>)>,
}

impl Found {
    /// A file without keys.
    pub(super) fn alone(stamp: Stamp) -> Self {
        Found { stamp, keys: Vec::new() }
    }
}

/// Every `*.parquet` below the folder `path`, sorted by path. Names that begin with `.` or `_` are
/// left out, folders of unfinished loads among them.
pub(super) fn find(base: &Path, path: &str) -> Result<Vec<Found>> {
    let root = base.join(path);
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Error::missing(format!("`{path}` holds no Parquet file"))
            .at("folder", root.display())
            .hint("files that end in `.parquet` are read, also those in folders below"));
    }
    files.iter().map(|file| found(base, &root, file)).collect()
}

fn found(base: &Path, root: &Path, file: &Path) -> Result<Found> {
    let shown = file.strip_prefix(base).unwrap_or(file).display().to_string();
    let below = file.strip_prefix(root).unwrap_or(file).parent().unwrap_or(Path::new(""));
    let keys = keys(&below.to_string_lossy());
    Ok(Found { stamp: Stamp::of(file, &shown)?, keys })
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let list = |e: std::io::Error| Error::io(&e, "list", folder);
    for entry in std::fs::read_dir(folder).map_err(list)? {
        let entry = entry.map_err(list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A key may begin with `_`; what else does is not part of the table.
        if name.starts_with('.') || (name.starts_with('_') && !name.contains('=')) {
            continue;
        }
        // Links to folders are not followed: they could lead round in a circle.
        if entry.file_type().map_err(list)?.is_dir() {
            walk(&entry.path(), files)?;
        } else if name.to_ascii_lowercase().ends_with(".parquet") {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The keys of `folders`, which are separated by `/`.
pub(super) fn keys(folders: &str) -> Vec<(String, Option<String>)> {
    folders.split('/').filter_map(key).collect()
}

/// `key=value` with its `%XX` escapes undone.
fn key(folder: &str) -> Option<(String, Option<String>)> {
    let (key, value) = folder.split_once('=')?;
    let value = (value != NULL_FOLDER).then(|| unescaped(value));
    Some((unescaped(key), value))
}

/// `text` with `%XX` replaced by the byte it stands for; left alone where that is no text.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = if first == b'%' { after.get(..2) } else { None };
        let byte = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_name_is_a_key_with_its_escapes_undone() {
        let some = |k: &str, v: &str| Some((k.to_owned(), Some(v.to_owned())));
        assert_eq!(key("day=2026-01-01"), some("day", "2026-01-01"));
        assert_eq!(key("a%20b=x%2Fy%"), some("a b", "x/y%"));
        assert_eq!(key("a=%C3%BC=%zz"), some("a", "ü=%zz"));
        assert_eq!(key("a=%FF"), some("a", "%FF"));
        assert_eq!(key("a=__HIVE_DEFAULT_PARTITION__"), Some(("a".to_owned(), None)));
        assert_eq!(key("plain"), None);
    }
}
