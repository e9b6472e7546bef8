//! One connection: packets in, packets out, with TLS below them or inside them.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::malformed;

/// What a packet holds, by its first byte.
pub(crate) const BATCH: u8 = 1;
pub(crate) const RPC: u8 = 3;
pub(crate) const RESPONSE: u8 = 4;
pub(crate) const ATTENTION: u8 = 6;
pub(crate) const TRANSACTION: u8 = 14;
pub(crate) const LOGIN: u8 = 16;
pub(crate) const PRELOGIN: u8 = 18;

/// A request: all its packets in one.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// The client asks for a session as new.
    pub(crate) reset: bool,
    pub(crate) body: Vec<u8>,
}

/// A connection of a client.
pub(crate) struct Channel {
    socket: TcpStream,
    tls: Option<ServerConnection>,
    /// Bytes that came, without TLS, and are no whole packet yet.
    incoming: Vec<u8>,
    /// Packets of a request whose last has not come.
    partial: Option<Message>,
    ready: VecDeque<Message>,
    /// Bytes of a packet, with its header.
    pub(crate) packet_size: usize,
    pub(crate) spid: u16,
    /// Bytes of answers that may still be sent before the connection is cut.
    pub(crate) bytes_left: Option<usize>,
    packet: u8,
}

impl Channel {
    pub(crate) fn new(socket: TcpStream, spid: u16) -> Self {
        let _ = socket.set_nodelay(true);
        Channel {
            socket,
            tls: None,
            incoming: Vec::new(),
            partial: None,
            ready: VecDeque::new(),
            packet_size: 4096,
            spid,
            bytes_left: None,
            packet: 0,
        }
    }

    /// Whether the client begins with TLS, as TDS 8 does.
    pub(crate) async fn begins_with_tls(&mut self) -> io::Result<bool> {
        let mut first = [0];
        self.socket.peek(&mut first).await?;
        Ok(first[0] == 0x16)
    }

    /// TLS from the first byte, as TDS 8 has it.
    pub(crate) async fn strict(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            self.socket.readable().await?;
            let mut buffer = [0; 8192];
            let count = match self.socket.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                Err(e) => return Err(e),
            };
            let failed = feed(&mut tls, &buffer[..count], &mut self.incoming).err();
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            self.socket.write_all(&out).await?;
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
        self.tls = Some(tls);
        Ok(())
    }

    /// TLS whose handshake goes in packets, as SQL Server has it before TDS 8.
    pub(crate) async fn handshake(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let message = self.read().await?;
            if message.kind != PRELOGIN {
                return Err(malformed("no handshake, though encryption was agreed on"));
            }
            let mut plain = Vec::new();
            let failed = feed(&mut tls, &message.body, &mut plain).err();
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            if !out.is_empty() {
                self.send_plain(PRELOGIN, &out).await?;
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
        // What follows the handshake is TLS without packets around it.
        let rest = std::mem::take(&mut self.incoming);
        feed(&mut tls, &rest, &mut self.incoming)?;
        self.tls = Some(tls);
        Ok(())
    }

    /// From here on nothing is encrypted: the client asked for it at the log-in only.
    pub(crate) fn drop_tls(&mut self) {
        self.tls = None;
    }

    /// The next request, when all of it is there.
    pub(crate) async fn read(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.arrived()? {
                return Ok(message);
            }
            self.socket.readable().await?;
        }
    }

    /// The next request if it has come already; does not wait.
    pub(crate) fn arrived(&mut self) -> io::Result<Option<Message>> {
        self.split_packets()?;
        if let Some(message) = self.ready.pop_front() {
            return Ok(Some(message));
        }
        let mut buffer = [0; 65536];
        loop {
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => match &mut self.tls {
                    Some(tls) => feed(tls, &buffer[..count], &mut self.incoming)?,
                    None => self.incoming.extend_from_slice(&buffer[..count]),
                },
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
            self.split_packets()?;
            if !self.ready.is_empty() {
                break;
            }
        }
        Ok(self.ready.pop_front())
    }

    fn split_packets(&mut self) -> io::Result<()> {
        let mut at = 0;
        while let Some(header) = self.incoming.get(at..at + 8) {
            let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
            if length < 8 {
                return Err(malformed("a packet is shorter than its header"));
            }
            let (kind, status) = (header[0], header[1]);
            let Some(body) = self.incoming.get(at + 8..at + length) else { break };
            let message = self.partial.get_or_insert_with(|| Message {
                kind,
                reset: status & 0x18 != 0,
                body: Vec::new(),
            });
            message.body.extend_from_slice(body);
            at += length;
            if status & 1 != 0 {
                let whole = self.partial.take().expect("a packet was just added");
                // A request that the client took back while it was sending it.
                if status & 2 == 0 {
                    self.ready.push_back(whole);
                }
            }
            // A handshake may be followed by bytes that are no packets.
            if kind == PRELOGIN && self.ready.back().is_some() {
                break;
            }
        }
        self.incoming.drain(..at);
        Ok(())
    }

    /// Sends `bytes` as packets of `kind`; `last` ends the answer.
    pub(crate) async fn send(&mut self, kind: u8, bytes: &[u8], last: bool) -> io::Result<()> {
        let mut framed = Vec::with_capacity(bytes.len() + 64);
        self.frame(kind, bytes, last, &mut framed);
        let mut out = Vec::new();
        match &mut self.tls {
            None => out = framed,
            Some(tls) => {
                // A connection of rustls takes a limited amount at once.
                for piece in framed.chunks(16 * 1024) {
                    tls.writer().write_all(piece)?;
                    while tls.wants_write() {
                        tls.write_tls(&mut out)?;
                    }
                }
            }
        }
        self.write(&out).await
    }

    async fn write(&mut self, out: &[u8]) -> io::Result<()> {
        let Some(left) = self.bytes_left else { return self.socket.write_all(out).await };
        let count = left.min(out.len());
        self.socket.write_all(&out[..count]).await?;
        self.bytes_left = Some(left - count);
        if count < out.len() {
            return Err(io::Error::other("cut by a scripted fault"));
        }
        Ok(())
    }

    async fn send_plain(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let mut framed = Vec::new();
        self.frame(kind, bytes, true, &mut framed);
        self.socket.write_all(&framed).await
    }

    fn frame(&mut self, kind: u8, bytes: &[u8], last: bool, framed: &mut Vec<u8>) {
        let room = self.packet_size - 8;
        let count = bytes.len().div_ceil(room).max(1);
        for at in 0..count {
            let piece = &bytes[at * room..bytes.len().min((at + 1) * room)];
            let length = u16::try_from(piece.len() + 8).expect("a packet is under 32 KiB");
            self.packet = self.packet.wrapping_add(1);
            framed.extend_from_slice(&[kind, u8::from(last && at + 1 == count)]);
            framed.extend_from_slice(&length.to_be_bytes());
            framed.extend_from_slice(&self.spid.to_be_bytes());
            framed.extend_from_slice(&[self.packet, 0]);
            framed.extend_from_slice(piece);
        }
    }

    /// Ends the connection as a server that has crashed does: the client gets a reset.
    pub(crate) fn cut(&mut self) {
        let _ = socket2::SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Waits until the client asks for something or is gone; used while a statement is held.
    pub(crate) async fn disturbed(&mut self) -> io::Result<Message> {
        self.read().await
    }
}

/// Gives TLS what came, and takes out what it holds.
fn feed(tls: &mut ServerConnection, mut bytes: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes)?;
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        let mut piece = vec![0; state.plaintext_bytes_to_read()];
        tls.reader().read_exact(&mut piece)?;
        plain.extend_from_slice(&piece);
    }
    Ok(())
}
