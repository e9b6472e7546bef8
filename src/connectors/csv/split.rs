//! Finds where a file can be cut: at the ends of records, also where quoted fields hold line ends.
//!
//! Whether a line end is quoted depends on every quote before it. So each range of a file is
//! looked at twice at once, as if it began outside quotes and as if it began inside; the wrong one
//! of the two soon meets a quote where none may stand. Then the ranges are put together from the
//! first to the last. A file in which a quote stands where no regular one may stand is never cut.

use std::io::Read;

use memchr::memchr;

use crate::connectors::csv::fields::Dialect;
use crate::error::Result;
use crate::files::{Opened, Stamp};

const READ_BYTES: usize = 256 << 10;

/// A range of the bytes of a file, cut without regard to records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// Index of the file.
    pub(super) file: usize,
    /// Offset of the first byte.
    pub(super) start: u64,
    /// Offset behind the last byte.
    pub(super) end: u64,
    /// Whether the rows of the file begin here.
    is_first: bool,
}

/// Where a byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Outside,
    Inside,
    /// Behind a quote that closes a field, unless another quote follows.
    Quote,
    /// Behind the CR that follows a closing quote: LF must come.
    Return,
}

/// What was found in a range that began in one of two ways.
#[derive(Debug, Clone)]
pub(super) struct Found {
    outside: Option<Look>,
    inside: Option<Look>,
}

/// The bytes from `start` to `end` in ranges of about `size`.
pub(super) fn ranges(file: usize, start: u64, end: u64, size: u64) -> Vec<Range> {
    let count = (end - start).div_ceil(size).max(1);
    let range = |number: u64| Range {
        file,
        start: start + number * size,
        end: end.min(start + (number + 1) * size),
        is_first: number == 0,
    };
    (0..count).map(range).collect()
}

/// Looks at a range in both ways.
pub(super) fn look(range: Range, stamp: &Stamp, dialect: Dialect) -> Result<Found> {
    let opened = stamp.open()?;
    let mut looks = [Some(Look::new(At::Outside)), Some(Look::new(At::Inside))];
    if range.is_first || dialect.quote.is_none() {
        looks[1] = None;
    }
    feed(range, stamp, &opened, dialect, &mut looks)?;
    let [outside, inside] = looks;
    Ok(Found { outside, inside })
}

/// The borders between the records of one file, without its two ends; none at all when a quote
/// stands where it may not.
pub(super) fn borders(
    ranges: &[Range],
    found: &[Found],
    stamp: &Stamp,
    dialect: Dialect,
) -> Result<Vec<u64>> {
    let (mut at, mut borders) = (At::Outside, Vec::new());
    for (range, found) in ranges.iter().zip(found) {
        let look = match at {
            At::Outside => found.outside.clone(),
            At::Inside => found.inside.clone(),
            At::Quote | At::Return => {
                let mut looks = [Some(Look::new(at)), None];
                feed(*range, stamp, &stamp.open()?, dialect, &mut looks)?;
                looks[0].take()
            }
        };
        let Some(look) = look else { return Ok(Vec::new()) };
        borders.extend(look.border.filter(|_| !range.is_first));
        at = look.at;
    }
    let end = ranges.last().map_or(0, |range| range.end);
    borders.retain(|border| *border < end);
    Ok(borders)
}

fn feed(
    range: Range,
    stamp: &Stamp,
    opened: &Opened,
    dialect: Dialect,
    looks: &mut [Option<Look>; 2],
) -> Result<()> {
    let failed = |e| stamp.failed(&e);
    let mut previous = [b'\n'];
    let before = if range.is_first { 0 } else { 1 };
    let mut input = opened.reader(range.start - before..range.end).map_err(failed)?;
    if !range.is_first {
        input.read_exact(&mut previous).map_err(failed)?;
    }
    let (mut at, mut bytes) = (range.start, vec![0; READ_BYTES]);
    let wanted = |look: &Option<Look>| look.as_ref().is_some_and(|l| !l.is_done(dialect));
    while at < range.end && looks.iter().any(wanted) {
        let length = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(READ_BYTES);
        let bytes = &mut bytes[..length];
        input.read_exact(bytes).map_err(failed)?;
        for look in looks.iter_mut() {
            *look = look.take().and_then(|look| look.feed(dialect, previous[0], bytes, at));
        }
        previous = [bytes[length - 1]];
        at += length as u64;
    }
    stamp.check(opened)
}

/// One way of looking at a range.
#[derive(Debug, Clone)]
struct Look {
    at: At,
    border: Option<u64>,
}

impl Look {
    fn new(at: At) -> Self {
        Look { at, border: None }
    }

    /// Whether nothing else can be learned: without quotes the first line end is all.
    fn is_done(&self, dialect: Dialect) -> bool {
        dialect.quote.is_none() && self.border.is_some()
    }

    /// Goes through `bytes`, which begin at `offset` and follow the byte `previous`; `None` when a
    /// quote stands where it may not.
    fn feed(mut self, dialect: Dialect, previous: u8, bytes: &[u8], offset: u64) -> Option<Self> {
        let mut from = 0;
        while from < bytes.len() {
            let rest = &bytes[from..];
            let quote = dialect.quote.and_then(|quote| memchr(quote, rest));
            (self.at, from) = match (self.at, quote) {
                (At::Outside, _) => {
                    let run = &rest[..quote.unwrap_or(rest.len())];
                    let line = || memchr(b'\n', run).map(|line| offset + (from + line + 1) as u64);
                    self.border = self.border.or_else(line);
                    let Some(quote) = quote else { return Some(self) };
                    let before = (from + quote).checked_sub(1).map_or(previous, |at| bytes[at]);
                    // A quote on a line that is a comment would mean nothing.
                    if dialect.comment.is_some() || before != b'\n' && before != dialect.delimiter {
                        return None;
                    }
                    (At::Inside, from + quote + 1)
                }
                (At::Inside, None) => return Some(self),
                (At::Inside, Some(quote)) => (At::Quote, from + quote + 1),
                (At::Quote, Some(0)) => (At::Inside, from + 1),
                (At::Quote, _) if rest[0] == b'\r' => (At::Return, from + 1),
                (At::Quote, _) if rest[0] == b'\n' || rest[0] == dialect.delimiter => {
                    (At::Outside, from)
                }
                (At::Return, _) if rest[0] == b'\n' => (At::Outside, from),
                (At::Quote | At::Return, _) => return None,
            };
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), comment: None };

    fn cut(dialect: Dialect, text: &str, size: u64) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        let stamp = Stamp::of(&path, "a.csv").unwrap();
        let ranges = ranges(0, 0, text.len() as u64, size);
        let found: Vec<_> = ranges.iter().map(|r| look(*r, &stamp, dialect).unwrap()).collect();
        let mut borders = borders(&ranges, &found, &stamp, dialect).unwrap();
        borders.insert(0, 0);
        borders.push(text.len() as u64);
        let part = |ends: &[u64]| {
            let [start, end] = [ends[0], ends[1]].map(|end| usize::try_from(end).unwrap());
            text[start..end].to_owned()
        };
        borders.windows(2).map(part).collect()
    }

    #[test]
    fn a_file_is_cut_at_the_ends_of_records_wherever_a_range_begins() {
        let records = [
            "1,\"a\nb\"\r\n",
            "\"\"\"\n\",\",\n\"\n",
            "\n",
            "\"\",x\n",
            "\"x\n\"\"\",\"\"\r\n",
            "5,6",
        ];
        let text = records.concat();
        for size in 1..=text.len() as u64 {
            let parts = cut(PLAIN, &text, size);
            let mut rest = records.iter();
            for part in &parts {
                let mut whole = String::new();
                while whole.len() < part.len() {
                    whole.push_str(rest.next().unwrap());
                }
                assert_eq!(&whole, part, "{size}: {parts:?}");
            }
            assert!(size > 1 || parts.len() == records.len(), "{parts:?}");
        }
    }

    #[test]
    fn a_file_with_an_irregular_quote_is_never_cut() {
        for text in
            ["a,b\n5\" pipe,1\nx,y\n", "a,b\n\"x\"y,1\nx,y\n", "\"a\"\rb\nc\n", "a,\"b\n1,2\n\"3\n"]
        {
            for size in 1..8 {
                assert_eq!(cut(PLAIN, text, size).concat(), text);
                assert_eq!(cut(PLAIN, text, size).len(), 1, "{text:?}");
            }
        }
        let commented = Dialect { comment: Some(b'#'), ..PLAIN };
        assert_eq!(cut(commented, "a\n# \"\nb\n\"c\"\n", 2).len(), 1);
        assert_eq!(cut(commented, "a\n# c\nb\n", 1).len(), 3);
    }

    #[test]
    fn without_a_quote_character_every_line_end_counts() {
        let dialect = Dialect { quote: None, ..PLAIN };
        assert_eq!(cut(dialect, "\"a\n\"b\nc", 1), ["\"a\n", "\"b\n", "c"]);
    }
}
