//! Compresses pages, with as much effort as makes them shorter.

use bytes::Bytes;
use parquet::basic::{Compression, Type};
use parquet::errors::Result;
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::KEPT;

/// One page of so many is compressed at both levels, and says which one the others are worth.
const TRIAL: usize = 32;

/// The level of zstd that looks for matches at fewer places and leaves what has none as it is. Plain
/// numbers of many digits get 7 % shorter by it than at level 1, in 0.57 of the time (TPC-H `lineitem`,
/// benches/README.md); texts get longer.
const LITTLE: i32 = -2;

/// Compresses pages; all columns of a file take turns, so that there is one compressor only.
pub(in crate::connectors::parquet) struct Press {
    /// What becomes of pages.
    pub(super) compression: Compression,
    zstd: Option<Zstd>,
    /// The page that is being put together.
    pub(super) page: Vec<u8>,
    /// Levels of the page, one for each row.
    pub(super) levels: Vec<u32>,
}

/// Which level pages that are like each other are worth.
#[derive(Debug)]
pub(super) struct Effort {
    is_little: bool,
    /// Pages until both levels are tried again.
    pages: usize,
}

impl Effort {
    /// The level of the file, which nothing changes.
    pub(super) fn full() -> Self {
        Effort { is_little: false, pages: usize::MAX }
    }

    /// What pages of values of `kind` begin with: the first one says what they are worth, but texts are
    /// worth the level of the file.
    pub(super) fn of(kind: Type) -> Self {
        match kind {
            Type::BYTE_ARRAY => Effort::full(),
            _ => Effort { is_little: false, pages: 0 },
        }
    }

    /// Whether the next page is worth little effort; `None` if that is to be tried.
    fn next(&mut self) -> Option<bool> {
        self.pages = self.pages.checked_sub(1)?;
        Some(self.is_little)
    }
}

struct Zstd {
    compressor: Compressor<'static>,
    level: i32,
    /// A page that was compressed, and one that was compressed with little effort.
    full: Vec<u8>,
    little: Vec<u8>,
}

impl Press {
    /// A press for `compression`.
    pub(in crate::connectors::parquet) fn new(compression: Compression) -> Result<Self> {
        let zstd = match compression {
            Compression::ZSTD(level) => Some(Zstd::new(level.compression_level())?),
            _ => None,
        };
        Ok(Press { compression, zstd, page: Vec::new(), levels: Vec::new() })
    }

    /// Whether it can do what it is for; else pages are the library's alone.
    pub(in crate::connectors::parquet) fn is_able(&self) -> bool {
        self.zstd.is_some() || self.compression == Compression::UNCOMPRESSED
    }

    /// Bytes of memory between two pages.
    pub(in crate::connectors::parquet) fn memory(&self) -> usize {
        let pressed = |zstd: &Zstd| zstd.full.capacity() + zstd.little.capacity();
        self.page.capacity() + self.zstd.as_ref().map_or(0, pressed) + 4 * self.levels.capacity()
    }

    /// The page that was put together, compressed; the next one begins. Answers its length before
    /// as well.
    pub(super) fn press(&mut self, effort: &mut Effort) -> Result<(Bytes, usize)> {
        let length = self.page.len();
        let bytes = match &mut self.zstd {
            None => Bytes::copy_from_slice(&self.page),
            Some(zstd) => zstd.press(&self.page, effort)?,
        };
        self.page.clear();
        self.page.shrink_to(KEPT);
        Ok((bytes, length))
    }
}

impl Zstd {
    fn new(level: i32) -> Result<Self> {
        let compressor = Compressor::new(level)?;
        Ok(Zstd { compressor, level, full: Vec::new(), little: Vec::new() })
    }

    fn press(&mut self, page: &[u8], effort: &mut Effort) -> Result<Bytes> {
        let Zstd { compressor, level, full, little } = self;
        let worth = effort.next();
        if worth != Some(true) {
            compress(compressor, *level, page, full)?;
        }
        if worth != Some(false) {
            compress(compressor, LITTLE, page, little)?;
        }
        let is_little = worth.unwrap_or(little.len() <= full.len());
        if worth.is_none() {
            *effort = Effort { is_little, pages: TRIAL - 1 };
        }
        let bytes = Bytes::copy_from_slice(if is_little { little } else { full });
        for buffer in [full, little] {
            buffer.clear();
            buffer.shrink_to(KEPT);
        }
        Ok(bytes)
    }
}

/// Compresses `page` into `out`, which is empty.
fn compress(
    compressor: &mut Compressor<'_>,
    level: i32,
    page: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    compressor.set_compression_level(level)?;
    out.reserve(compress_bound(page.len()));
    compressor.compress_to_buffer(page, out)?;
    Ok(())
}

impl std::fmt::Debug for Press {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Press").field("compression", &self.compression).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use parquet::basic::ZstdLevel;

    use super::*;

    fn pressed(press: &mut Press, page: &[u8], effort: &mut Effort) -> usize {
        press.page.extend_from_slice(page);
        let (bytes, length) = press.press(effort).unwrap();
        assert_eq!(length, page.len());
        assert_eq!(zstd::bulk::decompress(&bytes, length).unwrap(), page);
        bytes.len()
    }

    #[test]
    fn pages_are_pressed_with_little_effort_while_that_makes_none_longer() {
        let next = |n: &u64| Some(n.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
        let scattered = || std::iter::successors(Some(1), next).map(|n| n >> 33);
        let numbers = scattered().take(20_000).flat_map(|n| (n % 200_000).to_le_bytes());
        let letters =
            scattered().take(90_000).map(|n| b"aaaaeeiondrst"[usize::try_from(n).unwrap() % 13]);
        let (numbers, texts): (Vec<u8>, Vec<u8>) = (numbers.collect(), letters.collect());
        let at = |level, page: &[u8]| zstd::bulk::compress(page, level).unwrap().len();
        let full = ZstdLevel::default();
        let level = full.compression_level();
        assert!(at(LITTLE, &numbers) < at(level, &numbers));
        assert!(at(level, &texts) < at(LITTLE, &texts));

        let mut press = Press::new(Compression::ZSTD(full)).unwrap();
        let mut effort = Effort::of(Type::INT64);
        assert_eq!(pressed(&mut press, &numbers, &mut effort), at(LITTLE, &numbers));
        for _ in 1..TRIAL {
            assert_eq!(pressed(&mut press, &texts, &mut effort), at(LITTLE, &texts));
        }
        // They are no numbers any more, and the next trial says so.
        assert_eq!(pressed(&mut press, &texts, &mut effort), at(level, &texts));
        assert_eq!(pressed(&mut press, &numbers, &mut effort), at(level, &numbers));
        assert_eq!(pressed(&mut press, &numbers, &mut Effort::full()), at(level, &numbers));
    }
}
