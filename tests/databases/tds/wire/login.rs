//! What stands before the first request: the negotiation, and the log-in.

use std::io;

use super::{Bytes, malformed, units};

/// What a server, or a client, wants of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// At the log-in only, unless the client wants more.
    Off = 0,
    /// All of it.
    On = 1,
    /// It cannot.
    NotSupported = 2,
    /// All of it, or no connection.
    Required = 3,
}

impl Encryption {
    /// What the server answers, and what is encrypted then.
    pub(crate) fn answer(self, client: u8) -> (Encryption, Encryption) {
        use Encryption::{NotSupported, Off, On, Required};
        match (self, client) {
            (NotSupported, _) | (Off | On, 2) => (NotSupported, NotSupported),
            (Required, 1) | (Off | On, 1 | 3) => (On, On),
            (Required, _) => (Required, Required),
            (Off, _) => (Off, Off),
            (On, _) => (On, On),
        }
    }
}

/// The wish of a client for encryption, from its PRELOGIN.
pub(crate) fn wish(body: &[u8]) -> io::Result<u8> {
    Ok(option(body, 1)?.unwrap_or(2))
}

/// Whether a client asks for several requests at once in one connection, in its PRELOGIN.
pub(crate) fn mars(body: &[u8]) -> io::Result<bool> {
    Ok(option(body, 4)?.is_some_and(|wish| wish != 0))
}

/// The first byte of an option of a PRELOGIN.
fn option(body: &[u8], wanted: u8) -> io::Result<Option<u8>> {
    let mut at = 0;
    while let Some(option) = body.get(at..at + 5).filter(|option| option[0] != 0xFF) {
        let begin = usize::from(u16::from_be_bytes([option[1], option[2]]));
        if option[0] == wanted {
            let found = body.get(begin).copied();
            return found.map(Some).ok_or_else(|| malformed("PRELOGIN ends too early"));
        }
        at += 5;
    }
    Ok(None)
}

/// The server's PRELOGIN.
pub(crate) fn prelogin(encryption: Encryption) -> Vec<u8> {
    let fields: [(u8, &[u8]); 5] =
        [(0, &[16, 0, 0x10, 0x89, 0, 0]), (1, &[encryption as u8]), (2, &[0]), (3, &[]), (4, &[0])];
    let mut head = Vec::new();
    let mut data = Vec::new();
    for (token, bytes) in fields {
        let begin = u16::try_from(fields.len() * 5 + 1 + data.len()).expect("it is short");
        let length = u16::try_from(bytes.len()).expect("it is short");
        head.push(token);
        head.extend_from_slice(&begin.to_be_bytes());
        head.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(bytes);
    }
    head.push(0xFF);
    head.extend_from_slice(&data);
    head
}

/// Who wants to come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) application: String,
    pub(crate) server: String,
    pub(crate) database: String,
    pub(crate) packet_size: u32,
    pub(crate) version: u32,
    /// `ApplicationIntent=ReadOnly`.
    pub(crate) read_only: bool,
    /// It asked for several requests at once.
    pub(crate) mars: bool,
}

/// Reads LOGIN7.
pub(crate) fn login(body: &[u8]) -> io::Result<Login> {
    let mut head = Bytes(body);
    let length = usize::try_from(head.u32()?).map_err(|_| malformed("LOGIN7 is too long"))?;
    if length > body.len() {
        return Err(malformed("LOGIN7 ends too early"));
    }
    let (version, packet_size) = (head.u32()?, head.u32()?);
    let flags = Bytes(body.get(24..28).ok_or_else(|| malformed("LOGIN7 ends too early"))?).u32()?;
    let text = |at: usize| -> io::Result<Vec<u8>> {
        let short = || malformed("LOGIN7 ends too early");
        let mut place = Bytes(body.get(at..at + 4).ok_or_else(short)?);
        let (begin, count) = (usize::from(place.u16()?), usize::from(place.u16()?));
        Ok(body.get(begin..begin + count * 2).ok_or_else(short)?.to_vec())
    };
    let plain = |at: usize| text(at).map(|bytes| String::from_utf16_lossy(&units(&bytes)));
    let secret: Vec<u8> = text(44)?.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
    Ok(Login {
        host: plain(36)?,
        user: plain(40)?,
        password: String::from_utf16_lossy(&units(&secret)),
        application: plain(48)?,
        server: plain(52)?,
        database: plain(68)?,
        packet_size,
        version,
        read_only: flags.to_le_bytes()[2] & 0x20 != 0,
        mars: false,
    })
}
