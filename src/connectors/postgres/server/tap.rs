//! Takes the rows of a `COPY … TO STDOUT` off the wire before the driver sees them.
//!
//! The server sends each row as a message of its own. Passing every one of them through the driver
//! costs a buffer handle, a channel and a wake-up per row; here, a run of such messages is handed
//! over as one block, still in its frames, and everything else goes on to the driver, which sees a
//! COPY without rows. The block is the memory that was read into: no byte is copied twice.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Bytes read from the socket at once, at most.
const READ_BYTES: usize = 256 * 1024;
/// Bytes that wait for the decoder; then the socket is not read until it has taken some.
const QUEUE_BYTES: usize = 1024 * 1024;
/// A tag and a length, which counts itself and what follows.
const HEADER: usize = 5;
/// A row of more bytes is not taken; no server makes one.
pub(in crate::connectors::postgres) const ROW_BYTES: usize = 1 << 30;

/// A stream of the server's messages that hands rows over to [`Blocks`], if anybody has asked for
/// some.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Tap<S> {
    stream: S,
    /// What has been read, from the beginning of a message on, once `passing` bytes are gone.
    buffer: BytesMut,
    /// Bytes of the message at hand that are still to be passed on to the driver.
    passing: usize,
    /// A block that had no room in the queue.
    waiting: Option<Bytes>,
    queue: Option<Arc<Mutex<Queue>>>,
}

/// The rows of one COPY after the other, in blocks.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Blocks {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    blocks: VecDeque<Bytes>,
    bytes: usize,
    /// The COPY at hand has ended, and the reader of blocks has not been told.
    ended: bool,
    /// Nobody wants blocks any more, or none will come.
    closed: bool,
    /// The longest row that is taken, in bytes with its frame; `None` for [`ROW_BYTES`].
    most: Option<usize>,
    /// A row was announced that is longer.
    has_refused: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl<S> Tap<S> {
    /// Taps `stream` for `blocks`; without them, everything goes to the driver.
    pub(in crate::connectors::postgres) fn new(stream: S, blocks: Option<&Blocks>) -> Self {
        let queue = blocks.map(|blocks| Arc::clone(&blocks.queue));
        Tap { stream, buffer: BytesMut::new(), passing: 0, waiting: None, queue }
    }

    /// Cuts the run of whole row messages off the front of the buffer.
    fn take_rows(&mut self) -> Option<Bytes> {
        let mut end = 0;
        while let Some((b'd', length)) = message(&self.buffer[end..])
            && self.buffer.len() - end >= length
        {
            end += length;
        }
        (end > 0).then(|| self.buffer.split_to(end).freeze())
    }

    /// Puts the block that waits into the queue, as soon as there is room.
    fn poll_hand_over(&mut self, queue: &Mutex<Queue>, context: &mut Context<'_>) -> Poll<()> {
        let Some(block) = self.waiting.take() else { return Poll::Ready(()) };
        let mut queue = lock(queue);
        if queue.closed {
            return Poll::Ready(());
        }
        if queue.bytes >= QUEUE_BYTES {
            queue.writer = Some(context.waker().clone());
            drop(queue);
            self.waiting = Some(block);
            return Poll::Pending;
        }
        queue.bytes += block.len();
        queue.blocks.push_back(block);
        wake(queue.reader.take());
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> Tap<S> {
    /// Reads more of the messages; `Ready(false)` at the end of the stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let wanted = match message(&self.buffer) {
            Some((_, length)) => length.saturating_sub(self.buffer.len()).max(READ_BYTES),
            None => READ_BYTES,
        };
        self.buffer.reserve(wanted.min(READ_BYTES));
        let read = poll_read_into(&mut self.stream, context, &mut self.buffer);
        Poll::Ready(Ok(ready!(read)? > 0))
    }
}

/// Reads what there is into the room behind `buffer`.
fn poll_read_into<S: AsyncRead + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    use tokio::io::AsyncReadExt;
    let read = std::pin::pin!(stream.read_buf(buffer));
    read.poll(context)
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(queue) = this.queue.clone() else {
            return Pin::new(&mut this.stream).poll_read(context, out);
        };
        loop {
            ready!(this.poll_hand_over(&queue, context));
            if this.passing > 0 && !this.buffer.is_empty() {
                let count = this.passing.min(this.buffer.len()).min(out.remaining());
                out.put_slice(&this.buffer[..count]);
                this.buffer.advance(count);
                this.passing -= count;
                return Poll::Ready(Ok(()));
            }
            if this.passing == 0 {
                this.waiting = this.take_rows();
                if this.waiting.is_some() {
                    continue;
                }
                if let Some((b'd', length)) = message(&this.buffer) {
                    // The row is not here: is there room for it?
                    lock(&queue).admit(length)?;
                } else if let Some((tag, length)) = message(&this.buffer) {
                    match tag {
                        // An error of an earlier statement is not the end of this COPY.
                        b'H' => lock(&queue).ended = false,
                        // CopyDone, or an error in its place.
                        b'c' | b'E' => lock(&queue).end(false),
                        _ => {}
                    }
                    this.passing = length;
                    continue;
                }
            }
            if !ready!(this.poll_fill(context))? {
                lock(&queue).end(true);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Tap<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// Encrypts by `T` and taps what comes out.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct TapTls<T> {
    tls: T,
    queue: Option<Arc<Mutex<Queue>>>,
}

impl<T> TapTls<T> {
    /// Encrypts by `tls` and taps for `blocks`, if anybody has asked for some.
    pub(in crate::connectors::postgres) fn new(tls: T, blocks: Option<&Blocks>) -> Self {
        TapTls { tls, queue: blocks.map(|blocks| Arc::clone(&blocks.queue)) }
    }
}

impl<S, T> TlsConnect<S> for TapTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = Tap<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let queue = self.queue;
        let begun = self.tls.connect(stream);
        Box::pin(async move {
            let mut tap = Tap::new(begun.await?, None);
            tap.queue = queue;
            Ok(tap)
        })
    }
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            lock(queue).end(true);
        }
    }
}

impl Queue {
    fn end(&mut self, closed: bool) {
        self.ended = true;
        self.closed |= closed;
        wake(self.reader.take());
    }

    /// Makes sure that a row of `length` bytes is not longer than what is taken.
    fn admit(&mut self, length: usize) -> io::Result<()> {
        if length <= self.most.unwrap_or(ROW_BYTES) {
            return Ok(());
        }
        self.has_refused = true;
        self.end(true);
        Err(io::Error::other("a row is longer than what is taken"))
    }
}

impl Default for Blocks {
    fn default() -> Self {
        Blocks { queue: Arc::new(Mutex::new(Queue::default())) }
    }
}

impl Blocks {
    /// Takes no row of more than `bytes` with its frame from now on; the session ends at one.
    pub(in crate::connectors::postgres) fn take_up_to(&self, bytes: usize) {
        lock(&self.queue).most = Some(bytes);
    }

    /// Whether a row was announced that is longer.
    pub(in crate::connectors::postgres) fn has_refused(&self) -> bool {
        lock(&self.queue).has_refused
    }

    /// The next block of the COPY at hand: whole row messages, each in its frame. `None` when the
    /// COPY has ended, well or not: the driver knows which.
    pub(in crate::connectors::postgres) async fn next(&mut self) -> Option<Bytes> {
        std::future::poll_fn(|context| {
            let mut queue = lock(&self.queue);
            if let Some(block) = queue.blocks.pop_front() {
                queue.bytes -= block.len();
                wake(queue.writer.take());
                return Poll::Ready(Some(block));
            }
            if std::mem::take(&mut queue.ended) || queue.closed {
                return Poll::Ready(None);
            }
            queue.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.blocks.clear();
        wake(queue.writer.take());
    }
}

/// The payloads of the row messages in a block.
pub(in crate::connectors::postgres) fn payloads(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = block;
    std::iter::from_fn(move || {
        let (_, length) = message(rest)?;
        let (one, after) = rest.split_at_checked(length)?;
        rest = after;
        one.get(HEADER..)
    })
}

/// The tag of the message that `bytes` begin with, and its length with the tag.
fn message(bytes: &[u8]) -> Option<(u8, usize)> {
    let (tag, rest) = bytes.split_first()?;
    let length = u32::from_be_bytes(*rest.first_chunk()?);
    // A length below that of the length itself is nonsense: the driver will say so.
    Some((*tag, usize::try_from(length).ok()?.max(4) + 1))
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn frame(tag: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 4).unwrap().to_be_bytes();
        [&[tag], &length[..], payload].concat()
    }

    /// What the driver and the reader of blocks see of `sent`, which arrives `step` bytes a time.
    async fn seen(sent: Vec<u8>, step: usize) -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
        let (ours, mut theirs) = tokio::io::duplex(step);
        let mut blocks = Blocks::default();
        let mut tap = Tap::new(ours, Some(&blocks));
        let server = tokio::spawn(async move { theirs.write_all(&sent).await.unwrap() });
        let driver = tokio::spawn(async move {
            let mut seen = Vec::new();
            tap.read_to_end(&mut seen).await.unwrap();
            seen
        });
        let mut copies = Vec::new();
        loop {
            let mut rows = Vec::new();
            while let Some(block) = blocks.next().await {
                rows.extend(payloads(&block).map(<[u8]>::to_vec));
            }
            copies.push(rows);
            if lock(&blocks.queue).closed {
                break;
            }
        }
        server.await.unwrap();
        (driver.await.unwrap(), copies)
    }

    #[tokio::test]
    async fn rows_are_handed_over_and_all_else_goes_to_the_driver() {
        let rows: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; usize::from(n) * 7]).collect();
        let framed: Vec<u8> = rows.iter().flat_map(|row| frame(b'd', row)).collect();
        let (before, after) = (frame(b'H', b"out"), frame(b'c', b""));
        let sent = [before.clone(), framed, after.clone(), frame(b'Z', b"T")].concat();
        for step in [1, 7, 64, 1 << 20] {
            let (driver, copies) = seen(sent.clone(), step).await;
            assert_eq!(driver, [before.clone(), after.clone(), frame(b'Z', b"T")].concat());
            assert_eq!(copies[0], rows, "{step} bytes at a time");
            assert!(copies[1..].iter().all(Vec::is_empty));
        }
    }

    #[tokio::test]
    async fn an_error_before_a_copy_does_not_end_it() {
        let sent = [frame(b'E', b"no"), frame(b'H', b""), frame(b'd', b"x"), frame(b'c', b"")];
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut blocks = Blocks::default();
        let mut tap = Tap::new(ours, Some(&blocks));
        theirs.write_all(&sent.concat()).await.unwrap();
        drop(theirs);
        tap.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(payloads(&blocks.next().await.unwrap()).collect::<Vec<_>>(), [b"x"]);
        assert_eq!(blocks.next().await, None);
    }

    #[tokio::test]
    async fn a_row_that_is_larger_than_the_queue_arrives_whole() {
        let row = vec![7; 3 * QUEUE_BYTES];
        let sent = [frame(b'd', &row), frame(b'd', b"x"), frame(b'E', b"no")].concat();
        let (driver, copies) = seen(sent, 1 << 16).await;
        assert_eq!(driver, frame(b'E', b"no"));
        assert_eq!(copies[0], [row, b"x".to_vec()]);
    }

    #[tokio::test]
    async fn a_row_that_is_longer_than_what_is_taken_is_refused_before_it_is_sent() {
        for (most, announced) in [(1000, 1001_u32), (ROW_BYTES, 1 << 30), (ROW_BYTES, u32::MAX)] {
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            let mut blocks = Blocks::default();
            blocks.take_up_to(most);
            let mut tap = Tap::new(ours, Some(&blocks));
            let fits = vec![7; 1000 - HEADER];
            let sent = [&frame(b'd', &fits)[..], b"d", &announced.to_be_bytes()].concat();
            theirs.write_all(&sent).await.unwrap();
            drop(theirs);
            let driver = tokio::spawn(async move { tap.read_u8().await.map_err(|e| e.kind()) });
            let block = blocks.next().await.unwrap();
            assert_eq!(payloads(&block).collect::<Vec<_>>(), [fits]);
            // Not that the row was cut is the reason, but that there is no room for it.
            assert_eq!(blocks.next().await, None);
            assert!(blocks.has_refused(), "{announced} of {most}");
            assert_eq!(driver.await.unwrap(), Err(io::ErrorKind::Other));
        }
    }

    #[tokio::test]
    async fn rows_that_nobody_wants_do_not_hold_the_driver_up() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let blocks = Blocks::default();
        let mut tap = Tap::new(ours, Some(&blocks));
        drop(blocks);
        let row = frame(b'd', &vec![7; QUEUE_BYTES]);
        let server = tokio::spawn(async move {
            for _ in 0..4 {
                theirs.write_all(&row).await.unwrap();
            }
            theirs.write_all(&frame(b'c', b"")).await.unwrap();
        });
        let mut seen = Vec::new();
        tap.read_to_end(&mut seen).await.unwrap();
        server.await.unwrap();
        assert_eq!(seen, frame(b'c', b""));
    }

    /// A server of the cluster, as options name it.
    fn server() -> crate::connectors::postgres::server::Server {
        let (url, _) = crate::connectors::postgres::cluster::SHARED.url("tap");
        let options = crate::config::Options::of_arguments(&[("url", &url)]);
        crate::connectors::postgres::server::Server::read(&options.reader())
    }

    #[tokio::test]
    async fn copies_one_after_the_other_and_one_that_fails_come_off_a_real_wire() {
        let mut session = server().connect_to_copy("test").await.unwrap();
        for (count, fails_at) in [(100_000, 0), (5_000, 4_000), (3, 0)] {
            let sql = format!(
                "copy (select 1 / (n - {fails_at}), repeat('x', n % 90) \
                 from generate_series(1, {count}) n) to stdout (format binary)"
            );
            let mut driver = Box::pin(session.client.copy_out(&sql).await.unwrap());
            let mut rows = 0;
            while let Some(block) = session.blocks.next().await {
                rows += payloads(&block).filter(|payload| payload.len() > 2).count();
            }
            let end = futures::StreamExt::next(&mut driver).await;
            assert_eq!(end.is_some(), fails_at > 0, "{end:?}");
            assert_eq!(rows, if fails_at > 0 { fails_at - 1 } else { count });
        }
    }
}
