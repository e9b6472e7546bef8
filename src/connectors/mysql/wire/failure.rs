//! Why something did not work, before anybody has put it into words.

use crate::error::Error;

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
