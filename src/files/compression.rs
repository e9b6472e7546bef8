//! gzip, zstd and bzip2, recognised by the first bytes of a file, not by its name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
}

impl Compression {
    /// What the first bytes of `file` say; leaves the file at its beginning.
    pub fn of(file: &mut File) -> io::Result<Self> {
        let mut magic = [0_u8; 4];
        let mut filled = 0;
        while filled < magic.len() {
            match file.read(&mut magic[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        file.seek(SeekFrom::Start(0))?;
        Ok(match magic {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9'] => Compression::Bzip2,
            _ => Compression::None,
        })
    }

    /// The bytes of `file` as they were before compression; members and frames that follow each
    /// other are read as one.
    pub fn reader(self, file: File) -> io::Result<Box<dyn Read + Send>> {
        let file = BufReader::with_capacity(256 << 10, file);
        Ok(match self {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
            Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        })
    }

    /// The name shown to people; `None` for files that are not compressed.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
            Compression::Bzip2 => Some("bzip2"),
        }
    }
}
