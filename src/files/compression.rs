//! gzip, zstd and bzip2, recognised by the first bytes of a file, not by its name.

use std::io::{self, BufReader, Cursor, Read};

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
    /// What the first bytes of `input` say, and all of its bytes, the first ones among them.
    pub fn of(mut input: Box<dyn Read + Send>) -> io::Result<(Self, Box<dyn Read + Send>)> {
        let mut magic = Vec::with_capacity(4);
        input.by_ref().take(4).read_to_end(&mut magic)?;
        let compression = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9'] => Compression::Bzip2,
            _ => Compression::None,
        };
        Ok((compression, Box::new(Cursor::new(magic).chain(input))))
    }

    /// The bytes of `input` as they were before compression; members and frames that follow each
    /// other are read as one.
    pub fn reader(self, input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let buffered = |input| BufReader::with_capacity(256 << 10, input);
        Ok(match self {
            // A file without compression is read in large blocks: a buffer would only copy them.
            Compression::None => input,
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(input))),
            Compression::Zstd => {
                Box::new(zstd::stream::read::Decoder::with_buffer(buffered(input))?)
            }
            Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered(input))),
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
