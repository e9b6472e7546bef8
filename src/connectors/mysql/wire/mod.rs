//! Speaks the protocol of MySQL and MariaDB: a login, statements, and rows that are read in blocks.
//!
//! A driver gives a row as a list of values, each in memory of its own. Here the rows of a result
//! stay in the block that was read from the socket until [`Decoder`](super::decode::Decoder) has
//! moved their bytes into the columns of a batch.
//!
//! - `login`: what is needed for a session; `open` begins one; `proof` shows who we are.
//! - `stream`: the packets of a socket; `cursor`: the numbers and texts in a packet.
//! - `column`: what the server says of a column; `rows`: the rows of a statement.
//! - `failure`: why something did not work, for `error` of this connector to put into words.

mod column;
mod failure;
mod login;
mod rows;

pub(in crate::connectors::mysql) use column::Column;
pub(in crate::connectors::mysql) use failure::{Answer, Failure};
pub(in crate::connectors::mysql) use login::{Host, Login};
pub(in crate::connectors::mysql) use rows::Rows;

/// The result of everything that asks the server.
pub(in crate::connectors::mysql) type Result<T> = std::result::Result<T, Failure>;

/// Who made the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum Flavour {
    /// Oracle's MySQL, and what calls itself so.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// What the server says of itself before anybody logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Server {
    /// Its version, as it writes it: `10.11.19-MariaDB-0+deb12u1`, `8.0.40`.
    pub text: String,
    /// Who made it.
    pub flavour: Flavour,
    /// Major, minor and patch; MariaDB's own, without the `5.5.5-` that old ones write before it.
    pub version: (u16, u16, u16),
}

/// A session with a server.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Connection {
    id: u32,
    server: Server,
}

impl Connection {
    /// Begins a session: TLS as [`Login::tls`] asks, then the proof of who we are. The password
    /// never goes over the wire in clear text unless the wire is encrypted (or a Unix socket).
    pub(in crate::connectors::mysql) async fn open(login: &Login) -> Result<Self> {
        let _ = login;
        Err(Failure::Told(crate::error::Error::bug("the wire is not there yet")))
    }

    /// The number of the session at the server, which `KILL` takes.
    pub(in crate::connectors::mysql) fn id(&self) -> u32 {
        self.id
    }

    /// What the server says of itself.
    pub(in crate::connectors::mysql) fn server(&self) -> &Server {
        &self.server
    }

    /// Whether the session can still be used: no answer was left unread and nothing was lost.
    pub(in crate::connectors::mysql) fn is_usable(&self) -> bool {
        false
    }

    /// Runs one statement; rows in its answer are skipped. Gives the number of rows it changed.
    pub(in crate::connectors::mysql) async fn execute(&mut self, sql: &str) -> Result<u64> {
        self.query(sql).await.map(|_| 0)
    }

    /// The rows of one statement as texts; for small answers, which are held in memory.
    pub(in crate::connectors::mysql) async fn query(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Vec<Option<String>>>> {
        let _ = sql;
        Err(Failure::Told(crate::error::Error::bug("the wire is not there yet")))
    }

    /// The columns that one statement would give; it is prepared, not run.
    pub(in crate::connectors::mysql) async fn describe(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Column>> {
        self.query(sql).await.map(|_| Vec::new())
    }

    /// Runs one statement whose rows are then read from [`Rows`]. Until the last one has been read,
    /// or when `Rows` is dropped before, the session cannot be used for anything else: then its
    /// socket is closed.
    pub(in crate::connectors::mysql) async fn rows(&mut self, sql: &str) -> Result<Rows<'_>> {
        self.query(sql).await.map(|_| Rows { connection: self })
    }

    /// Says good-bye to the server. Dropping the connection closes the socket without a word.
    pub(in crate::connectors::mysql) async fn close(self) {}
}
