//! What a server says before anybody logs in.

use mysql_common::constants::{CapabilityFlags as Flags, MariadbCapabilities};

use super::cursor::Cursor;
use super::stream::malformed;
use super::{Failure, Flavour, Result, Server};
use crate::error::Error;

/// What a server says before anybody logs in.
#[derive(Debug)]
pub(super) struct Greeting {
    /// Its version, as it writes it.
    pub version: String,
    /// The number of the session.
    pub id: u32,
    /// What is to be mixed into the proof of who we are: 20 bytes.
    pub nonce: Vec<u8>,
    /// What the server can do.
    pub flags: Flags,
    /// The proof that it asks for unless the user has another one.
    pub plugin: String,
    mariadb: MariadbCapabilities,
}

impl Greeting {
    /// Reads the first packet of a session.
    pub(super) fn read(packet: &[u8]) -> Result<Self> {
        match packet.first() {
            Some(10) => parse(packet).ok_or_else(|| malformed("a greeting")),
            Some(0xff) => Err(Failure::answered(packet)),
            Some(9) => {
                let error = Error::unsupported("the server speaks the protocol of MySQL 3");
                Err(error.hint("dhow reads MySQL 5.7 and later, and MariaDB").into())
            }
            _ => Err(malformed("a greeting")),
        }
    }

    /// Whether the server calls itself MariaDB.
    pub(super) fn is_mariadb(&self) -> bool {
        self.version.to_ascii_lowercase().contains("mariadb")
    }

    /// Whether it can tell more of its types than the protocol of MySQL has room for.
    pub(super) fn tells_types(&self) -> bool {
        !self.flags.contains(Flags::CLIENT_LONG_PASSWORD)
            && self.mariadb.contains(MariadbCapabilities::MARIADB_CLIENT_EXTENDED_METADATA)
    }

    /// What the server says of itself.
    pub(super) fn server(&self) -> Server {
        let flavour = if self.is_mariadb() { Flavour::MariaDb } else { Flavour::MySql };
        // Up to version 10, replicas of MySQL would not have talked to a server above 5.
        let own = match flavour {
            Flavour::MariaDb => self.version.strip_prefix("5.5.5-").unwrap_or(&self.version),
            Flavour::MySql => &self.version,
        };
        let mut numbers = own.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        let mut number = || numbers.next().unwrap_or(0);
        let version = (number(), number(), number());
        Server { text: self.version.clone(), flavour, version }
    }
}

/// The greeting of version 10; `None` where it is too short.
fn parse(packet: &[u8]) -> Option<Greeting> {
    let mut cursor = Cursor(packet);
    cursor.u8()?;
    let version = String::from_utf8_lossy(cursor.until_zero()).into_owned();
    let id = cursor.u32()?;
    let mut nonce = cursor.take(8)?.to_vec();
    cursor.u8()?;
    let low = u32::from(cursor.u16()?);
    cursor.take(3)?;
    let flags = Flags::from_bits_truncate(low | u32::from(cursor.u16()?) << 16);
    let length = usize::from(cursor.u8()?);
    cursor.take(6)?;
    let mariadb = MariadbCapabilities::from_bits_truncate(cursor.u32()?);
    // 12 bytes and a zero, unless the server says that there are more.
    let rest = cursor.take(length.saturating_sub(8).max(13).min(cursor.0.len()))?;
    nonce.extend_from_slice(rest.strip_suffix(&[0]).unwrap_or(rest));
    let plugin = String::from_utf8_lossy(cursor.until_zero()).into_owned();
    Some(Greeting { version, id, nonce, flags, plugin, mariadb })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(version: &str) -> Vec<u8> {
        [
            &[10][..],
            version.as_bytes(),
            &[0, 7, 1, 0, 0],
            b"12345678",
            &[0, 0xfe, 0xf7, 8, 2, 0, 0xff, 0x81, 21, 0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0],
            b"abcdefghijkl\0mysql_native_password\0",
        ]
        .concat()
    }

    #[test]
    fn a_greeting_has_version_number_and_nonce() {
        let read = Greeting::read(&greeting("5.5.5-10.11.19-MariaDB-0+deb12u1")).unwrap();
        assert_eq!((read.id, &read.nonce[..]), (263, &b"12345678abcdefghijkl"[..]));
        assert_eq!(read.plugin, "mysql_native_password");
        assert!(read.tells_types());
        let server = read.server();
        assert_eq!((server.flavour, server.version), (Flavour::MariaDb, (10, 11, 19)));
    }

    #[test]
    fn a_version_is_read_as_far_as_there_are_numbers_in_it() {
        for (text, flavour, version) in [
            ("8.0.40", Flavour::MySql, (8, 0, 40)),
            ("8.4.3-azure", Flavour::MySql, (8, 4, 3)),
            ("11.4.2-MariaDB-ubu2404", Flavour::MariaDb, (11, 4, 2)),
            ("5.7.44-log", Flavour::MySql, (5, 7, 44)),
            ("999999.1", Flavour::MySql, (0, 1, 0)),
            ("", Flavour::MySql, (0, 0, 0)),
        ] {
            let server = Greeting::read(&greeting(text)).unwrap().server();
            assert_eq!((server.flavour, server.version), (flavour, version), "{text}");
        }
    }

    #[test]
    fn a_greeting_that_is_cut_or_of_something_else_is_refused() {
        let whole = greeting("8.0.40");
        for cut in 0..whole.len() {
            let _ = Greeting::read(&whole[..cut]);
        }
        for other in [&b"SSH-2.0-OpenSSH_9.2"[..], b"", b"\x09old", b"\x0a8.0"] {
            assert!(matches!(Greeting::read(other), Err(Failure::Told(_))), "{other:?}");
        }
        assert!(matches!(Greeting::read(b"\xff\x10\x04Too many"), Err(Failure::Server(_))));
    }
}
