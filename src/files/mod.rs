//! What every file format shares: finding files, knowing whether they changed, decompression.
//!
//! A path or glob becomes a sorted list of [`Stamp`]s. A stamp is what a file looked like when it
//! was planned; [`Stamp::open`] refuses a file that looks different now, so that one load never
//! reads two versions of a file. A file is on this machine or an object of a store: see [`Places`].

mod compression;
mod content;
mod opened;
mod places;
mod side_by_side;
pub mod types;

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

pub use compression::Compression;
pub use content::Content;
pub use opened::Opened;
pub use places::{Places, is_hidden};
pub use side_by_side::side_by_side;

use crate::error::{Error, Result};
use crate::source::SnapshotId;
use crate::stores::Object;

/// What to do about a path that leads nowhere.
const RELATIVE: &str = "paths are relative to the folder of the pipeline file";

/// A file as it looked when it was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Where it is: a path, or the address of an object.
    pub path: PathBuf,
    /// The path as the user would write it: relative to the project where possible.
    pub shown: String,
    /// Size in bytes, as stored.
    pub bytes: u64,
    version: Version,
}

/// What tells a file from the one that may stand in its place later.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Version {
    /// A file of this machine.
    Local {
        /// Modification time, in nanoseconds since 1970.
        modified: i128,
        /// Device and inode: a file replaced by another of the same size and time is another file.
        identity: (u64, u64),
    },
    /// An object of a store, with its ETag.
    Object(Object),
}

impl Stamp {
    /// The stamp of the regular file at `path`, shown as `shown`.
    ///
    /// # Errors
    /// When there is no such file, it is not readable, or it is a folder, pipe, socket or device.
    pub fn of(path: &Path, shown: &str) -> Result<Self> {
        let named = Path::new(shown);
        let meta = std::fs::metadata(path).map_err(|e| {
            let error = Error::io(&e, "read", named);
            let is_lost = e.kind() == std::io::ErrorKind::NotFound && !named.is_absolute();
            if is_lost { error.hint(RELATIVE) } else { error }
        })?;
        if !meta.is_file() {
            return Err(not_a_file(&meta, shown));
        }
        Ok(Stamp {
            path: path.to_owned(),
            shown: shown.to_owned(),
            bytes: meta.len(),
            version: Version::Local {
                modified: modified(&meta),
                identity: (meta.dev(), meta.ino()),
            },
        })
    }

    /// The stamp of an object of a store.
    pub fn of_object(object: Object) -> Self {
        let shown = object.shown();
        let (path, bytes) = (PathBuf::from(&shown), object.bytes());
        Stamp { path, shown, bytes, version: Version::Object(object) }
    }

    /// Opens the file, unless it changed since it was planned.
    pub fn open(&self) -> Result<Opened> {
        let opened = match &self.version {
            Version::Object(object) => Opened::Object(object.clone()),
            Version::Local { .. } => {
                let opened = std::fs::File::open(&self.path);
                Opened::Local(opened.map_err(|e| self.failed(&e))?)
            }
        };
        self.check(&opened)?;
        Ok(opened)
    }

    /// Refuses a file that changed since it was planned; called again after the last byte is read.
    /// An object needs no second look: every read of it names its version.
    pub fn check(&self, opened: &Opened) -> Result<()> {
        let (Opened::Local(file), Version::Local { modified: time, identity }) =
            (opened, &self.version)
        else {
            return Ok(());
        };
        let meta = file.metadata().map_err(|e| self.failed(&e))?;
        let same = meta.len() == self.bytes
            && modified(&meta) == *time
            && (meta.dev(), meta.ino()) == *identity;
        if same {
            return Ok(());
        }
        Err(Error::conflict(format!("`{}` changed while it was being read", self.shown))
            .at("planned", format!("{} bytes", self.bytes))
            .at("now", format!("{} bytes", meta.len()))
            .hint("run again once nothing writes to the file; nothing of it was published"))
    }
}

/// The files that `pattern` names, sorted by path. `pattern` is a path or a glob, relative to
/// `base`; hidden files and those whose name begins with `_` are left out of globs, and so are
/// folders.
///
/// # Errors
/// [`crate::error::Kind::Missing`] when nothing is found, [`crate::error::Kind::Config`] for a
/// pattern that is no glob, and whatever [`Stamp::of`] says of a file.
pub fn find(base: &Path, pattern: &str) -> Result<Vec<Stamp>> {
    // A path that exists is meant as it stands, even if its name holds glob characters.
    if !pattern.contains(['*', '?', '[']) || base.join(pattern).exists() {
        return Ok(vec![Stamp::of(&base.join(pattern), pattern)?]);
    }
    // Only the pattern is a pattern: the folder of the project may hold glob characters.
    let escaped = glob::Pattern::escape(&base.to_string_lossy());
    let full = if Path::new(pattern).is_absolute() || base.as_os_str().is_empty() {
        pattern.to_owned()
    } else {
        format!("{escaped}/{pattern}")
    };
    let paths = glob::glob(&full).map_err(|e| {
        Error::config(format!("`{pattern}` is not a glob: {}", e.msg)).at("character", e.pos + 1)
    })?;
    let mut stamps = Vec::new();
    for path in paths {
        let path = path.map_err(|e| Error::io(e.error(), "list", e.path()))?;
        if path.is_dir() || is_left_out(&path) {
            continue;
        }
        let shown = path.strip_prefix(base).unwrap_or(&path).display().to_string();
        stamps.push(Stamp::of(&path, &shown)?);
    }
    if stamps.is_empty() {
        return Err(Error::missing(format!("`{pattern}` matches no file"))
            .at("folder", base.display())
            .hint(RELATIVE));
    }
    stamps.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(stamps)
}

/// The id of the snapshot that these files are, read as `how` says (format and options).
pub fn snapshot_id(how: &str, stamps: &[Stamp]) -> SnapshotId {
    let parts = stamps.iter().map(|stamp| match &stamp.version {
        Version::Object(object) => format!("{}|{}", stamp.shown, object.version()),
        Version::Local { modified, identity: (device, inode) } => {
            format!("{}|{}|{modified}|{device}|{inode}", stamp.shown, stamp.bytes)
        }
    });
    SnapshotId::of(std::iter::once(how.to_owned()).chain(parts))
}

/// About how many bytes of these files one split covers: what was `asked` for, or, for 0, a share
/// of the whole between 32 and 256 MiB. Only the files decide it, so that a load can be resumed
/// with other `--jobs`.
pub fn split_bytes(asked: u64, stamps: &[Stamp]) -> u64 {
    let total: u64 = stamps.iter().map(|stamp| stamp.bytes).sum();
    match asked {
        0 => (total / 64).clamp(32 << 20, 256 << 20),
        asked => asked,
    }
}

fn modified(meta: &Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(['.', '_'])
}

fn not_a_file(meta: &Metadata, shown: &str) -> Error {
    let kind = meta.file_type();
    let (what, hint) = if kind.is_dir() {
        ("a folder", format!("to read all files in it, write a glob such as `{shown}/*`"))
    } else if kind.is_fifo() {
        ("a pipe", "write it to a file first: splits are read more than once".to_owned())
    } else {
        ("a device or socket", "name a regular file".to_owned())
    };
    Error::config(format!("`{shown}` is {what}, not a file")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_glob_finds_files_in_order_and_leaves_out_hidden_ones() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "_tmp.csv", ".c.csv", "d.txt"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let found = find(dir.path(), "*.csv").unwrap();
        let names: Vec<_> = found.iter().map(|s| s.shown.as_str()).collect();
        assert_eq!(names, ["a.csv", "b.csv"]);
        assert_eq!(find(dir.path(), "*.json").unwrap_err().kind(), Kind::Missing);
        assert_eq!(find(dir.path(), "x.json").unwrap_err().kind(), Kind::Missing);
        assert_eq!(find(dir.path(), "***").unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn a_file_that_grew_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "1").unwrap();
        let stamp = Stamp::of(&path, "a.csv").unwrap();
        assert!(stamp.open().is_ok());
        std::fs::write(&path, "12").unwrap();
        assert_eq!(stamp.open().unwrap_err().kind(), Kind::Conflict);
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = Stamp::of(dir.path(), "data").unwrap_err();
        assert_eq!(error.message(), "`data` is a folder, not a file");
    }
}
