//! The packets of a socket: cut out of large blocks, put together where one is sent in several.

use std::fmt;
use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Result;
use super::failure::{self, Failure};
use crate::error::Error;
use crate::memory::Reservation;

/// Bytes read from the socket at once, at most; packets up to this size are never copied.
const BLOCK_BYTES: usize = 512 * 1024;
/// A packet of this many bytes is followed by another one that goes on where it ends.
const FRAGMENT_BYTES: usize = 0xff_ffff;
/// Three bytes of length and one that counts.
const HEADER: usize = 4;
/// A row of more bytes is not taken; no server sends one (`max_allowed_packet` ends there).
const ROW_BYTES: usize = 1 << 30;
/// Memory for a large packet that is kept for the next one.
const KEPT_BYTES: usize = 4 << 20;
/// Memory for a large packet that is asked for at once: its length may be a lie.
const STEP_BYTES: usize = 1 << 20;

/// Bytes to and from a server.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for T {}

/// The packets of a socket.
pub(super) struct Stream {
    socket: Box<dyn Socket>,
    block: Box<[u8]>,
    /// What has been read into the block and is not used up.
    unread: Range<usize>,
    /// A packet that is larger than the block, as far as it has been read.
    large: Vec<u8>,
    /// What is missing of it. Kept here so that a read can be given up and begun again.
    underway: Option<Underway>,
    /// What the memory for large packets is drawn from; `None` for none.
    room: Option<Box<dyn Reservation>>,
    /// The number of the next packet in either direction.
    sequence: u8,
    patience: Patience,
}

/// How long the server of this name may be silent; zero for no limit.
#[derive(Clone)]
struct Patience(Duration, String);

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("unread", &self.unread).finish_non_exhaustive()
    }
}

/// What is missing of a large packet.
#[derive(Clone, Copy)]
struct Underway {
    /// Bytes of the fragment at hand.
    bytes: usize,
    /// Whether that is the last one.
    is_last: bool,
}

/// Where the next packet is.
enum Next {
    /// In the block, whole: these bytes of it.
    Here(Range<usize>),
    /// Not all of it, or of its header, has been read.
    Awaited,
    /// It does not fit into the block; so many bytes of it follow the header.
    Large(usize),
}

impl Stream {
    /// The packets of `socket`.
    pub(super) fn new(socket: Box<dyn Socket>, shown: &str, patience: Duration) -> Self {
        let patience = Patience(patience, shown.to_owned());
        let block = vec![0; BLOCK_BYTES].into_boxed_slice();
        Stream {
            socket,
            block,
            unread: 0..0,
            large: Vec::new(),
            underway: None,
            room: None,
            sequence: 0,
            patience,
        }
    }

    /// Gives the socket back to encrypt it, unless something was sent that nobody has asked for:
    /// it would count as sent by whoever proves later who they are.
    pub(super) fn into_socket(self) -> Result<Box<dyn Socket>> {
        match self.unread.is_empty() {
            true => Ok(self.socket),
            false => Err(malformed("nothing before encryption begins")),
        }
    }

    /// Draws the memory for large packets from `room` from now on.
    pub(super) fn draw_from(&mut self, room: Box<dyn Reservation>) {
        self.room = Some(room);
    }

    /// Lets go of the memory of the last large packet, which nobody looks at any more.
    pub(super) fn let_go(&mut self) {
        if self.underway.is_none() && !self.large.is_empty() {
            self.large.clear();
            self.large.shrink_to(KEPT_BYTES);
            if let Some(room) = &mut self.room {
                // Less than before is always there.
                let _ = room.resize(0);
            }
        }
    }

    /// Goes on counting packets where another stream of the session has ended.
    pub(super) fn go_on(&mut self, sequence: u8) {
        self.sequence = sequence;
    }

    /// The number of the next packet.
    pub(super) fn sequence(&self) -> u8 {
        self.sequence
    }

    /// The next packet. Nothing is lost when this is dropped before it has ended.
    pub(super) async fn packet(&mut self) -> Result<&[u8]> {
        loop {
            if let Some(underway) = self.underway {
                self.read_large(underway).await?;
                return Ok(&self.large);
            }
            match self.next()? {
                Next::Here(place) => return Ok(&self.block[place]),
                Next::Awaited => self.fill().await?,
                Next::Large(length) => self.begin_large(length)?,
            }
        }
    }

    /// The next packet, if all of it has been read already.
    #[inline]
    pub(super) fn packet_here(&mut self) -> Result<Option<&[u8]>> {
        match self.next()? {
            Next::Here(place) => return Ok(Some(&self.block[place])),
            Next::Large(length) => self.begin_large(length)?,
            Next::Awaited => {}
        }
        Ok(None)
    }

    /// The length and the number in the header that comes next, if it has been read.
    #[inline]
    fn header(&self) -> Option<(usize, u8)> {
        let unread = &self.block[self.unread.clone()];
        let (&[a, b, c, number], _) = unread.split_first_chunk::<HEADER>()?;
        Some((usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16, number))
    }

    /// Moves behind the header that comes next, whose number this is.
    #[inline]
    fn take_header(&mut self, number: u8) -> Result<()> {
        if number != self.sequence {
            return Err(malformed("packets in their order"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.unread.start += HEADER;
        Ok(())
    }

    /// Takes the header of the next packet, and the packet where it is in the block.
    #[inline]
    fn next(&mut self) -> Result<Next> {
        let Some((length, number)) = self.header() else { return Ok(Next::Awaited) };
        if length > BLOCK_BYTES - HEADER {
            return self.take_header(number).map(|()| Next::Large(length));
        }
        if self.unread.len() - HEADER < length {
            return Ok(Next::Awaited);
        }
        self.take_header(number)?;
        let begin = self.unread.start;
        self.unread.start += length;
        Ok(Next::Here(begin..begin + length))
    }

    /// Makes room for a large packet, whose first `length` bytes come next.
    fn begin_large(&mut self, length: usize) -> Result<()> {
        self.let_go();
        self.begin_fragment(length)
    }

    /// Makes room for the next `length` bytes of a large packet, before they are read.
    fn begin_fragment(&mut self, length: usize) -> Result<()> {
        let whole = self.large.len() + length;
        if whole > ROW_BYTES {
            let error = Error::data("a row has more than 1 GiB");
            let hint = "leave the long value out, or read it in parts, with a `query`";
            return Err(error.hint(hint).into());
        }
        if let Some(room) = &mut self.room {
            // The packet, and the values that are made of it.
            room.resize(2 * whole)?;
        }
        self.underway = Some(Underway { bytes: length, is_last: length < FRAGMENT_BYTES });
        Ok(())
    }

    /// Reads what is missing of a large packet.
    async fn read_large(&mut self, mut underway: Underway) -> Result<()> {
        loop {
            while underway.bytes > 0 {
                underway.bytes -= self.append_to_large(underway.bytes).await?;
                self.underway = Some(underway);
            }
            if underway.is_last {
                self.underway = None;
                return Ok(());
            }
            let length = self.next_fragment().await?;
            self.begin_fragment(length)?;
            underway = Underway { bytes: length, is_last: length < FRAGMENT_BYTES };
        }
    }

    /// Moves some of the next `missing` bytes, from the block or from the socket; says how many.
    async fn append_to_large(&mut self, missing: usize) -> Result<usize> {
        let here = missing.min(self.unread.len());
        if here > 0 {
            let begin = self.unread.start;
            self.large.extend_from_slice(&self.block[begin..begin + here]);
            self.unread.start += here;
            return Ok(here);
        }
        let step = missing.min(STEP_BYTES);
        self.large.reserve(step);
        let mut room = (&mut self.large).limit(step);
        ended(self.patience.wait(self.socket.read_buf(&mut room)).await?)
    }

    /// The length of the packet that goes on where the last one has ended.
    async fn next_fragment(&mut self) -> Result<usize> {
        loop {
            match self.header() {
                Some((length, number)) => return self.take_header(number).map(|()| length),
                None => self.fill().await?,
            }
        }
    }

    /// Reads more into the block, which has room: a packet that would fill it is a large one.
    async fn fill(&mut self) -> Result<()> {
        self.block.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let room = &mut self.block[self.unread.end..];
        let read = self.patience.wait(self.socket.read(room)).await?;
        self.unread.end += ended(read)?;
        Ok(())
    }

    /// Sends a command, which begins an exchange of packets.
    pub(super) async fn command(&mut self, payload: &[u8]) -> Result<()> {
        self.sequence = 0;
        self.send(payload).await
    }

    /// Sends the next packet of an exchange.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<()> {
        let mut rest = payload;
        loop {
            let (fragment, after) = rest.split_at(rest.len().min(FRAGMENT_BYTES));
            let length = u32::try_from(fragment.len()).unwrap_or_default().to_le_bytes();
            let header = [length[0], length[1], length[2], self.sequence];
            self.sequence = self.sequence.wrapping_add(1);
            self.patience.wait(self.socket.write_all(&header)).await?;
            self.patience.wait(self.socket.write_all(fragment)).await?;
            rest = after;
            if fragment.len() < FRAGMENT_BYTES {
                break;
            }
        }
        self.patience.wait(self.socket.flush()).await
    }
}

impl Patience {
    /// What `work` gives, unless the server is silent for too long.
    async fn wait<T>(&self, work: impl Future<Output = io::Result<T>>) -> Result<T> {
        let Patience(patience, shown) = self;
        let done = match patience.is_zero() {
            true => work.await,
            false => timeout(*patience, work).await.map_err(|_| {
                let limit = "which is `read_timeout`";
                Failure::Lost(format!("the server was silent for {patience:?}, {limit}"))
            })?,
        };
        done.map_err(|error| failure::lost(&error, shown))
    }
}

fn ended(read: usize) -> Result<usize> {
    match read {
        0 => Err(Failure::Lost("the server closed the connection".to_owned())),
        read => Ok(read),
    }
}

/// The error for bytes that are not what the protocol says.
#[cold]
pub(super) fn malformed(expected: &str) -> Failure {
    let error = Error::data("the server sent bytes that are not the protocol of MySQL");
    let hint = "is there a MySQL or MariaDB server, or something between it and dhow?";
    error.at("expected", expected).hint(hint).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::conformance::is_long;
    use crate::memory::{Memory, small::Small};

    /// `payload` as packets from the number `sequence` on.
    fn framed(payload: &[u8], mut sequence: u8) -> Vec<u8> {
        let mut framed = Vec::new();
        let mut fragments: Vec<&[u8]> = payload.chunks(FRAGMENT_BYTES).collect();
        if payload.len().is_multiple_of(FRAGMENT_BYTES) {
            fragments.push(&[]);
        }
        for fragment in fragments {
            let length = u32::try_from(fragment.len()).unwrap().to_le_bytes();
            framed.extend([length[0], length[1], length[2], sequence]);
            framed.extend_from_slice(fragment);
            sequence = sequence.wrapping_add(1);
        }
        framed
    }

    /// What a stream reads of `sent`, which arrives `step` bytes a time.
    async fn read(sent: Vec<u8>, step: usize) -> (Vec<Vec<u8>>, Failure) {
        let (ours, mut theirs) = tokio::io::duplex(step);
        let mut stream = Stream::new(Box::new(ours), "db", Duration::ZERO);
        let sender = tokio::spawn(async move {
            let _ = theirs.write_all(&sent).await;
        });
        let mut packets = Vec::new();
        let end = loop {
            match stream.packet().await {
                Ok(packet) => packets.push(packet.to_vec()),
                Err(failure) => break failure,
            }
        };
        drop(stream);
        sender.await.unwrap();
        (packets, end)
    }

    #[tokio::test]
    async fn packets_of_every_size_arrive_whole_whatever_the_pieces() {
        let sizes = [0, 1, 5, 250, 70_000, BLOCK_BYTES - 5, BLOCK_BYTES, BLOCK_BYTES + 1, 3];
        let payloads = || sizes.iter().map(|size| vec![7_u8; *size]).collect::<Vec<_>>();
        let sent: Vec<u8> = (0_u8..).zip(payloads()).flat_map(|(n, p)| framed(&p, n)).collect();
        for step in [13, 4096, 1 << 20] {
            let (packets, end) = read(sent.clone(), step).await;
            assert!(packets == payloads(), "{step} bytes at a time");
            assert!(matches!(end, Failure::Lost(_)));
        }
    }

    #[tokio::test]
    async fn a_packet_in_fragments_is_put_together_also_where_the_last_one_is_empty() {
        for length in [FRAGMENT_BYTES - 1, FRAGMENT_BYTES, FRAGMENT_BYTES + 7, 2 * FRAGMENT_BYTES] {
            let payload: Vec<u8> = (0..=250_u8).cycle().take(length).collect();
            let fragments = u8::try_from(length / FRAGMENT_BYTES + 1).unwrap();
            let sent = [framed(&payload, 0), framed(b"after", fragments)].concat();
            let (packets, _) = read(sent, 1 << 16).await;
            assert!(packets == [payload, b"after".to_vec()], "{length} bytes");
        }
    }

    #[tokio::test]
    async fn packets_out_of_order_and_a_cut_stream_are_told_apart() {
        let (packets, end) = read([framed(b"a", 0), framed(b"b", 2)].concat(), 64).await;
        assert_eq!(packets, [b"a"]);
        assert!(matches!(end, Failure::Told(error) if error.kind() == crate::error::Kind::Data));
        let whole = framed(&[1; 100], 0);
        for cut in [0, 1, 3, 4, 50, 103] {
            let (packets, end) = read(whole[..cut].to_vec(), 64).await;
            assert!(packets.is_empty() && matches!(end, Failure::Lost(_)), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_silent_for_too_long_is_lost() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut stream = Stream::new(Box::new(ours), "db", Duration::from_millis(1));
        let Err(Failure::Lost(text)) = stream.packet().await else { panic!("an answer") };
        assert_eq!(text, "the server was silent for 1ms, which is `read_timeout`");
    }

    /// What a stream with so much memory says to a row whose fragments arrive up to the header of
    /// the last one, which is announced and never sent.
    async fn announced(fragments: usize, memory: &Small) -> Error {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut stream = Stream::new(Box::new(ours), "db", Duration::ZERO);
        stream.draw_from(memory.reserve("row"));
        let sender = tokio::spawn(async move {
            let fragment = vec![b'x'; FRAGMENT_BYTES];
            for number in 0..fragments {
                let header = [0xff, 0xff, 0xff, u8::try_from(number % 256).unwrap()];
                let last = number + 1 == fragments;
                theirs.write_all(&header).await.unwrap();
                theirs.write_all(if last { &[] } else { &fragment }).await.unwrap();
            }
        });
        let Err(Failure::Told(error)) = stream.packet().await else { panic!("a row") };
        drop(stream);
        sender.await.unwrap();
        error
    }

    #[tokio::test]
    async fn a_row_is_refused_before_the_bytes_are_read_that_there_is_no_memory_for() {
        // The row and what is made of it: four fragments in all.
        let room = 4 * FRAGMENT_BYTES;
        let memory = Small::new(room);
        assert_eq!(announced(3, &memory).await.kind(), crate::error::Kind::Limit);
        assert_eq!((memory.peak(), memory.drawn()), (room, 0));

        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut stream = Stream::new(Box::new(ours), "db", Duration::ZERO);
        stream.draw_from(memory.reserve("row"));
        let row = vec![b'x'; 2 * FRAGMENT_BYTES];
        let sent = [framed(&row, 0), framed(b"y", 3)].concat();
        let sender = tokio::spawn(async move { theirs.write_all(&sent).await.unwrap() });
        assert!(stream.packet().await.unwrap() == row);
        assert_eq!(memory.drawn(), room);
        stream.let_go();
        assert_eq!(memory.drawn(), 0);
        assert_eq!(stream.packet().await.unwrap(), b"y");
        sender.await.unwrap();
    }

    #[tokio::test]
    async fn a_row_of_more_than_1_gib_is_refused_whatever_memory_there_is() {
        if !is_long() {
            return;
        }
        let fragments = ROW_BYTES / FRAGMENT_BYTES + 1;
        let error = announced(fragments, &Small::new(usize::MAX)).await;
        assert_eq!(error.message(), "a row has more than 1 GiB");
    }
}
