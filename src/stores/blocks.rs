//! A range of an object as a reader: block after block, the next one on its way meanwhile.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::object::Object;
use super::wait::{received, runtime};
use crate::error::Result;

/// The first block is small, because often a beginning is all that is needed.
const FIRST: u64 = 128 << 10;
/// No block is larger; two of them are in memory at once.
const LARGEST: u64 = 4 << 20;

/// A range of an object, read from its beginning to its end.
#[derive(Debug)]
pub struct Blocks {
    object: Object,
    rest: Range<u64>,
    size: u64,
    block: Bytes,
    ahead: Option<Ahead>,
}

/// A block that is on its way.
#[derive(Debug)]
struct Ahead {
    block: Receiver<Result<Bytes>>,
    request: JoinHandle<()>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.request.abort();
    }
}

impl Blocks {
    /// The bytes of `object` in `range`, as far as it reaches.
    pub(super) fn new(object: Object, range: Range<u64>) -> Self {
        let end = range.end.min(object.bytes());
        let rest = range.start.min(end)..end;
        Blocks { object, rest, size: FIRST, block: Bytes::new(), ahead: None }
    }

    fn next(&mut self) -> Result<Bytes> {
        let ahead = match self.ahead.take() {
            Some(ahead) => ahead,
            None => self.request()?,
        };
        let block = received(&ahead.block)?;
        // Who reads one block to its end is likely to want the next one.
        if !self.rest.is_empty() {
            self.ahead = Some(self.request()?);
        }
        Ok(block)
    }

    fn request(&mut self) -> Result<Ahead> {
        let end = self.rest.end.min(self.rest.start + self.size);
        let range = std::mem::replace(&mut self.rest.start, end)..end;
        self.size = (self.size * 2).min(LARGEST);
        let (send, block) = sync_channel(1);
        let object = self.object.clone();
        let get = async move { drop(send.send(object.get(range).await)) };
        Ok(Ahead { block, request: runtime()?.spawn(get) })
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() && (!self.rest.is_empty() || self.ahead.is_some()) {
            self.block = self.next().map_err(io::Error::other)?;
        }
        let length = buffer.len().min(self.block.len());
        let bytes = self.block.split_to(length);
        if let Some(buffer) = buffer.get_mut(..length) {
            buffer.copy_from_slice(&bytes);
        }
        Ok(length)
    }
}
