//! An object as it was planned; every read of it is pinned to that version.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::blocks::Blocks;
use super::bucket::Bucket;
use crate::error::{Error, Result};

/// Ranges that are no farther apart than this are read as one.
const GAP: u64 = 512 << 10;
/// A request is for no more than this.
const REQUEST: u64 = 8 << 20;
/// Requests of one read on their way at once.
const AT_ONCE: usize = 4;

/// An object as it was planned.
#[derive(Debug, Clone)]
pub struct Object {
    bucket: Arc<Bucket>,
    key: Key,
    bytes: u64,
    /// The ETag, without quotes.
    tag: Option<String>,
    modified: jiff::Timestamp,
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.shown() == other.shown() && self.version() == other.version()
    }
}

impl Eq for Object {}

impl Object {
    pub(super) fn new(bucket: Arc<Bucket>, meta: ObjectMeta) -> Self {
        let modified = moment(&meta);
        let tag = meta.e_tag.as_deref().map(bare);
        Object { bucket, key: meta.location, bytes: meta.size, tag, modified }
    }

    /// Its address.
    pub fn shown(&self) -> String {
        self.bucket.shown(self.key.as_ref())
    }

    /// The name within its bucket.
    pub fn key(&self) -> &str {
        self.key.as_ref()
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What tells this version of the object from others: size, ETag and when it was put.
    pub fn version(&self) -> String {
        let tag = self.tag.as_deref().unwrap_or_default();
        format!("{}|{tag}|{}", self.bytes, self.modified)
    }

    /// The bytes in `range`, block by block.
    pub fn reader(&self, range: Range<u64>) -> Blocks {
        Blocks::new(self.clone(), range)
    }

    /// The bytes in each of `ranges`, which are in the order of the object.
    ///
    /// # Errors
    /// Those of [`Object::get`].
    pub async fn ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let wide = gathered(ranges);
        let pieces = wide.iter().flat_map(|range| {
            let steps = (range.start..range.end).step_by(usize::try_from(REQUEST).unwrap_or(1));
            steps.map(move |start| start..range.end.min(start + REQUEST))
        });
        let pieces: Vec<Range<u64>> = pieces.collect();
        let gets = stream::iter(pieces.clone()).map(|piece| self.get(piece));
        let read: Vec<Bytes> = gets.buffered(AT_ONCE).try_collect().await?;
        let read: Vec<_> = pieces.into_iter().zip(read).collect();
        ranges.iter().map(|range| cut(range, &read)).collect()
    }

    /// The bytes in `range` of this version.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the object is another one now, or gone, and
    /// [`crate::error::Kind::Unavailable`] when the store does not send all of it.
    pub async fn get(&self, range: Range<u64>) -> Result<Bytes> {
        let wanted = range.end.saturating_sub(range.start);
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        // A weak tag equals nothing; then what the answer says of itself is compared below.
        let tag = self.tag.as_deref().filter(|tag| !tag.starts_with("W/"));
        let options = GetOptions {
            if_match: tag.map(|tag| format!("\"{tag}\"")),
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let answer = self.bucket.objects().get_opts(&self.key, options).await;
        let answer = answer.map_err(|error| self.failed(&error))?;
        let now = &answer.meta;
        let tag = now.e_tag.as_deref().map(bare);
        let same_tag = tag.is_none() || self.tag.is_none() || tag == self.tag;
        let same_time = self.tag.is_some() || moment(now) == self.modified;
        if now.size != self.bytes || !same_tag || !same_time {
            return Err(self.changed().at("now", format!("{} bytes", now.size)));
        }
        let body = answer.bytes().await.map_err(|error| self.failed(&error))?;
        if u64::try_from(body.len()) != Ok(wanted) {
            let error = Error::unavailable(format!("`{}` was not sent whole", self.shown()));
            return Err(error.at("bytes asked for", wanted).at("bytes sent", body.len()));
        }
        Ok(body)
    }

    fn failed(&self, error: &object_store::Error) -> Error {
        use object_store::Error::{NotFound, NotModified, Precondition};
        match error {
            Precondition { .. } | NotModified { .. } => self.changed(),
            NotFound { .. } => {
                Error::conflict(format!("`{}` was removed since it was planned", self.shown()))
                    .hint("run again: nothing of it was published")
            }
            error => self.bucket.failed(error, "read", self.key.as_ref()),
        }
    }

    fn changed(&self) -> Error {
        Error::conflict(format!("`{}` changed while it was being read", self.shown()))
            .at("planned", format!("{} bytes", self.bytes))
            .hint("run again once nothing writes to it; nothing of it was published")
    }
}

/// Lists of Azure give tags without the quotes that are part of them elsewhere.
fn bare(tag: &str) -> String {
    tag.trim_matches('"').to_owned()
}

fn moment(meta: &ObjectMeta) -> jiff::Timestamp {
    jiff::Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or_default()
}

/// `ranges` with those joined that touch or nearly do.
fn gathered(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_by_key(|range| range.start);
    let mut wide: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match wide.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => wide.push(range),
        }
    }
    wide
}

/// `range` out of `pieces`, which follow each other; copied only where it lies in several.
fn cut(range: &Range<u64>, pieces: &[(Range<u64>, Bytes)]) -> Result<Bytes> {
    let mut whole = Vec::new();
    for (piece, bytes) in pieces {
        let (start, end) = (range.start.max(piece.start), range.end.min(piece.end));
        if start >= end {
            continue;
        }
        let offset = |at: u64| usize::try_from(at - piece.start).unwrap_or(usize::MAX);
        let part = bytes.slice(offset(start)..offset(end));
        if start == range.start && end == range.end {
            return Ok(part);
        }
        whole.extend_from_slice(&part);
    }
    match u64::try_from(whole.len()) == Ok(range.end.saturating_sub(range.start)) {
        true => Ok(whole.into()),
        false => Err(Error::bug("a range of an object was not read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_nearly_touch_are_read_as_one_and_cut_out_again() {
        let ranges = [0..10, 20..30, GAP + 31..GAP + 40];
        let wide = gathered(&ranges);
        assert_eq!(wide, [0..30, GAP + 31..GAP + 40]);
        let bytes = |range: &Range<u64>| -> Bytes {
            range.clone().map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<_>>().into()
        };
        // Pieces that end in the middle of a range.
        let pieces = [0..5, 5..25, 25..30, GAP + 31..GAP + 40].map(|r| (r.clone(), bytes(&r)));
        for range in &ranges {
            assert_eq!(cut(range, &pieces).unwrap(), bytes(range));
        }
        assert!(cut(&(28..32), &pieces).is_err());
    }
}
