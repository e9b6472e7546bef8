//! Why something did not work, before anybody has put it into words.

use std::io;

use super::cursor::Cursor;
use super::stream::malformed;
use crate::error::Error;
use crate::network;

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Answer {
    /// Its number, such as 1146 for a table that is not there.
    pub code: u16,
    /// SQLSTATE, such as `42S02`; `HY000` when the server gave none.
    pub state: String,
    /// Its message. May quote rows: 1062 quotes a key, 1292 and 1366 a value.
    pub message: String,
}

/// Why something did not work.
#[derive(Debug)]
pub(in crate::connectors::mysql) enum Failure {
    /// The server refused.
    Server(Answer),
    /// The connection was lost, or the server was silent for too long; here is what was seen of it.
    Lost(String),
    /// Anything else, which is said already.
    Told(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Told(error)
    }
}

impl Failure {
    /// What the server said in a packet that begins with 255.
    pub(super) fn answered(packet: &[u8]) -> Self {
        let mut cursor = Cursor(packet);
        let (Some(0xff), Some(code)) = (cursor.u8(), cursor.u16()) else {
            return malformed("an error");
        };
        // Before the login, the server does not know that we want SQLSTATE.
        let state = match cursor.0.strip_prefix(b"#").and_then(|rest| rest.split_at_checked(5)) {
            Some((state, message)) => {
                cursor.0 = message;
                String::from_utf8_lossy(state).into_owned()
            }
            None => "HY000".to_owned(),
        };
        let message = String::from_utf8_lossy(cursor.0).into_owned();
        Failure::Server(Answer { code, state, message })
    }
}

/// What it means that the socket to the server `shown` failed: either the connection was lost, or
/// the two sides do not trust each other. A server may say so only after the handshake is done.
pub(super) fn lost(error: &io::Error, shown: &str) -> Failure {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let broken = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match broken {
        Some(broken @ (AlertReceived(_) | InvalidCertificate(_) | InvalidMessage(_))) => {
            network::refused(shown, broken).into()
        }
        _ => Failure::Lost(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_and_without_its_state() {
        let of = |packet: &[u8]| match Failure::answered(packet) {
            Failure::Server(answer) => (answer.code, answer.state, answer.message),
            other => panic!("{other:?}"),
        };
        let full = of(b"\xff\x7a\x04#42S02Table 'a.b' doesn't exist");
        assert_eq!(full, (1146, "42S02".into(), "Table 'a.b' doesn't exist".into()));
        let early = of(b"\xff\x10\x04Too many connections");
        assert_eq!(early, (1040, "HY000".into(), "Too many connections".into()));
        assert!(matches!(Failure::answered(b"\xff\x10"), Failure::Told(_)));
    }
}
