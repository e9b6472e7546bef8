//! What only local folders need: locks, listings, and uploads that a killed process left behind.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

/// Holds off everybody else who locks `folder` until the answer is dropped.
pub(super) fn lock(folder: &Path) -> Result<File> {
    let io = |e| Error::io(&e, "lock", folder);
    let opened = File::open(folder).map_err(io)?;
    opened.lock().map_err(io)?;
    Ok(opened)
}

/// Runs file-system work where it may block.
pub(super) async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(Error::bug("file-system work was broken off").at("task", e)),
    }
}

/// Every file below `root`, as paths relative to it.
pub(super) fn files(root: &Path, below: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in entries(&root.join(below))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{below}{name}");
        let is_dir = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        match is_dir {
            true => found.extend(files(root, &format!("{name}/"))?),
            false => found.push(name),
        }
    }
    Ok(found)
}

/// Everything in `folder`, sorted; nothing when there is no such folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |e| Error::io(&e, "list", folder);
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io(e)),
    };
    let mut paths: Vec<PathBuf> =
        read.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>().map_err(io)?;
    paths.sort();
    Ok(paths)
}

/// Whether nothing about the file or folder changed for `age`.
pub(super) fn is_older(path: &Path, age: Duration) -> bool {
    let Ok(meta) = fs::symlink_metadata(path) else { return false };
    // The change time: a folder that is moved keeps its time of modification.
    let changed = jiff::Timestamp::from_second(meta.ctime()).unwrap_or(jiff::Timestamp::MAX);
    let passed = jiff::Timestamp::now().duration_since(changed);
    Duration::try_from(passed).unwrap_or_default() >= age
}

/// Uploads below `folder` that were never finished: the local store writes to `name#1` first.
pub(super) fn unfinished(folder: &Path) -> Result<Vec<PathBuf>> {
    let numbered = |name: &str| {
        name.rsplit_once('#').is_some_and(|(_, end)| end.bytes().all(|b| b.is_ascii_digit()))
    };
    let found = files(folder, "")?;
    Ok(found.iter().filter(|name| numbered(name)).map(|name| folder.join(name)).collect())
}

/// Removes `file`, and the folders that are empty without it up to the house of all tables.
pub(super) fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io(&e, "remove", file)),
        _ => remove_empty(file.parent()),
    }
    Ok(())
}

/// Removes `folder` and those above it that are empty, up to the house of all tables.
pub(super) fn remove_empty(folder: Option<&Path>) {
    for folder in folder.into_iter().flat_map(Path::ancestors) {
        let is_house = folder.file_name() == Some(OsStr::new(super::options::HOUSE));
        match fs::remove_dir(folder) {
            Err(e) if e.kind() != ErrorKind::NotFound => return,
            _ if is_house => return,
            _ => {}
        }
    }
}

/// Makes what was done to `path` survive a power failure.
pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| Error::io(&e, "write", path))
}
