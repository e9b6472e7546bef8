//! The bytes of a planned file, decompressed, and refused when the file is damaged or changed.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::{Compression, Opened, Stamp};

/// The bytes of a file as they were before compression.
///
/// The file is compared with its stamp when it is opened and again after its last byte, so that
/// whoever reads to the end has read what was planned.
pub struct Content {
    stamp: Stamp,
    opened: Opened,
    compression: Compression,
    reader: Box<dyn Read + Send>,
}

impl Content {
    /// The whole content of the file.
    pub fn open(stamp: &Stamp) -> Result<Self> {
        let failed = |e| stamp.failed(&e);
        let opened = stamp.open()?;
        let input = opened.reader(0..stamp.bytes).map_err(failed)?;
        let (compression, input) = Compression::of(input).map_err(failed)?;
        let reader = compression.reader(input).map_err(failed)?;
        Ok(Content { stamp: stamp.clone(), opened, compression, reader })
    }

    /// The bytes from `start` to `end` of a file that is not compressed.
    pub fn range(stamp: &Stamp, start: u64, end: u64) -> Result<Self> {
        let opened = stamp.open()?;
        let reader = opened.reader(start..end).map_err(|e| stamp.failed(&e))?;
        Ok(Content { stamp: stamp.clone(), opened, compression: Compression::None, reader })
    }

    /// How the file is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Puts the next bytes into `buffer` and returns how many; 0 at the end.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] for a compressed file that is cut off or damaged, and
    /// [`crate::error::Kind::Conflict`] for a file that changed meanwhile.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Ok(0) if !buffer.is_empty() => {
                    self.stamp.check(&self.opened)?;
                    return Ok(0);
                }
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// A file that changed while it was read explains what looks like damage, so that goes first.
    fn failed(&self, error: &io::Error) -> Error {
        match self.stamp.check(&self.opened) {
            Ok(()) => self.compression.failed(error, &self.stamp),
            Err(changed) => changed,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("stamp", &self.stamp)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

impl Stamp {
    /// The error for an operating-system failure while reading this file, or what a store said.
    pub fn failed(&self, error: &io::Error) -> Error {
        match ours(error) {
            Some(ours) => ours,
            None => Error::io(error, "read", Path::new(&self.shown)),
        }
    }
}

impl Compression {
    /// The error for a failure of [`Compression::reader`] while reading the file of `stamp`.
    pub fn failed(self, error: &io::Error, stamp: &Stamp) -> Error {
        let is_damage = error.raw_os_error().is_none() && ours(error).is_none();
        let Some(name) = self.name().filter(|_| is_damage) else {
            return stamp.failed(error);
        };
        let shown = &stamp.shown;
        let message = match error.kind() {
            ErrorKind::UnexpectedEof => format!("`{shown}` is cut off: its {name} data has no end"),
            _ => format!("`{shown}` is damaged: its {name} data cannot be decompressed"),
        };
        Error::data(message).at(name, error).hint("fetch the file again, or make it again")
    }
}

/// Our own error, on its way through a reader.
fn ours(error: &io::Error) -> Option<Error> {
    error.get_ref()?.downcast_ref::<Error>().cloned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::error::Kind;

    fn read_all(path: &Path) -> Result<Vec<u8>> {
        let mut content = Content::open(&Stamp::of(path, "a.csv")?)?;
        let (mut all, mut buffer) = (Vec::new(), [0; 1000]);
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(all),
                read => all.extend_from_slice(&buffer[..read]),
            }
        }
    }

    fn compressed(plain: &[u8]) -> [(&'static str, Vec<u8>); 3] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(plain).unwrap();
        // As the zstd command does it; without a checksum a wrong byte cannot always be seen.
        let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
        zstd.include_checksum(true).unwrap();
        zstd.write_all(plain).unwrap();
        [
            ("gzip", gzip.finish().unwrap()),
            ("zstd", zstd.finish().unwrap()),
            ("bzip2", bzip2.finish().unwrap()),
        ]
    }

    fn written(dir: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
        let path = dir.path().join("a.csv");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn plain() -> Vec<u8> {
        (0..20_000_u32)
            .flat_map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[test]
    fn compressed_files_are_recognised_by_content_and_members_follow_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let plain = plain();
        assert_eq!(read_all(&written(&dir, &plain)).unwrap(), plain);
        for (name, bytes) in compressed(&plain) {
            assert_eq!(read_all(&written(&dir, &bytes)).unwrap(), plain, "{name}");
            let twice = [bytes.as_slice(), &bytes].concat();
            assert_eq!(read_all(&written(&dir, &twice)).unwrap().len(), plain.len() * 2, "{name}");
        }
    }

    #[test]
    fn a_compressed_file_that_is_cut_off_is_one_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in compressed(&plain()) {
            for keep in [bytes.len() / 2, bytes.len() - 1] {
                let error = read_all(&written(&dir, &bytes[..keep])).unwrap_err();
                assert_eq!(error.kind(), Kind::Data);
                assert_eq!(
                    error.message(),
                    format!("`a.csv` is cut off: its {name} data has no end")
                );
            }
        }
    }

    #[test]
    fn a_compressed_file_with_a_wrong_byte_is_one_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mut bytes) in compressed(&plain()) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
            bytes[middle + 1] ^= 0xaa;
            let error = read_all(&written(&dir, &bytes)).unwrap_err();
            assert_eq!(error.kind(), Kind::Data, "{name}");
            assert!(error.message().starts_with("`a.csv` is "), "{}", error.message());
        }
    }

    #[test]
    fn a_file_that_grew_while_it_was_read_is_refused_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(&dir, b"1\n2\n");
        let mut content = Content::open(&Stamp::of(&path, "a.csv").unwrap()).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(content.read(&mut buffer).unwrap(), 4);
        std::fs::write(&path, b"1\n2\n3\n").unwrap();
        let mut rest = [0; 4];
        while content.read(&mut rest).is_ok_and(|read| read > 0) {}
        assert_eq!(content.read(&mut rest).unwrap_err().kind(), Kind::Conflict);
    }

    #[test]
    fn a_range_ends_where_it_must() {
        let dir = tempfile::tempdir().unwrap();
        let stamp = Stamp::of(&written(&dir, b"0123456789"), "a.csv").unwrap();
        let mut content = Content::range(&stamp, 3, 7).unwrap();
        let mut buffer = [0; 10];
        assert_eq!(content.read(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"3456");
        assert_eq!(content.read(&mut buffer).unwrap(), 0);
    }
}
