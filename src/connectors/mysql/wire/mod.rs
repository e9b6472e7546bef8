//! Speaks the protocol of MySQL and MariaDB: a login, statements, and rows that are read in blocks.
//!
//! A driver gives a row as a list of values, each in memory of its own. Here the rows of a result
//! stay in the block that was read from the socket until the decoder has moved their bytes into the
//! columns of a batch. `mysql_common` has the constants of the protocol and the arithmetic of
//! passwords; packets are parsed here, where one that is cut is an error and never a panic.
//!
//! - `login`: what is needed for a session; `open` begins one: `socket`, `greeting`, `proof`.
//! - `stream`: the packets of a socket; `cursor`: the numbers and texts in a packet.
//! - `lent`: the stream for one statement; `answer`: what comes back before and behind rows.
//! - `column`: what the server says of a column; `rows`: the rows of a statement.
//! - `failure`: why something did not work, for `error` of this connector to put into words.

mod answer;
mod column;
mod cursor;
mod failure;
mod greeting;
mod lent;
#[cfg(test)]
mod lies;
mod login;
mod open;
mod proof;
#[cfg(test)]
mod proof_tests;
mod rows;
#[cfg(test)]
mod script;
mod socket;
mod stream;
#[cfg(test)]
pub(in crate::connectors::mysql) mod tests;

use mysql_common::constants::{CapabilityFlags, Command};

use crate::error::Error;
use crate::memory::Reservation;
use answer::texts;
use lent::{Answered, Lent, byte};
use stream::{Stream, malformed};

pub(in crate::connectors::mysql) use column::Column;
pub(in crate::connectors::mysql) use cursor::Cursor;
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
    flags: CapabilityFlags,
    extended: bool,
    /// A prepared statement that the server may forget.
    done_with: Option<u32>,
    /// `None` once an answer was not read to its end, or the connection was lost.
    stream: Option<Stream>,
}

impl Connection {
    /// Begins a session: TLS as [`Login::tls`] asks, then the proof of who we are. The password
    /// never goes over the wire in clear text unless the wire is encrypted.
    pub(in crate::connectors::mysql) async fn open(login: &Login) -> Result<Self> {
        let opened = open::open(login).await?;
        Ok(Connection {
            id: opened.greeting.id,
            server: opened.greeting.server(),
            flags: opened.flags,
            extended: opened.extended,
            done_with: None,
            stream: Some(opened.stream),
        })
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
        self.stream.is_some()
    }

    /// Draws the memory for rows that are larger than a block from `room` from now on.
    pub(in crate::connectors::mysql) fn draw_from(&mut self, room: Box<dyn Reservation>) {
        if let Some(stream) = &mut self.stream {
            stream.draw_from(room);
        }
    }

    /// Runs one statement; rows in its answer are skipped. Gives the number of rows it changed.
    pub(in crate::connectors::mysql) async fn execute(&mut self, sql: &str) -> Result<u64> {
        let mut lent = self.lend()?;
        let done = match lent.ask(Command::COM_QUERY, sql.as_bytes()).await? {
            Answered::Done(changed) => changed,
            Answered::Columns(count) => {
                lent.columns(count).await?;
                while lent.row().await?.is_some() {}
                0
            }
        };
        lent.give_back();
        Ok(done)
    }

    /// The rows of one statement as texts; for small answers, which are held in memory.
    pub(in crate::connectors::mysql) async fn query(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Vec<Option<String>>>> {
        let mut lent = self.lend()?;
        let mut rows = Vec::new();
        if let Answered::Columns(count) = lent.ask(Command::COM_QUERY, sql.as_bytes()).await? {
            let columns = lent.columns(count).await?;
            while let Some(row) = lent.row().await? {
                rows.push(texts(&row, columns.len()).ok_or_else(|| malformed("a row of texts"))?);
            }
        }
        lent.give_back();
        Ok(rows)
    }

    /// The columns that one statement would give; it is prepared, not run.
    pub(in crate::connectors::mysql) async fn describe(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Column>> {
        let mut lent = self.lend()?;
        let (statement, columns) = lent.prepare(sql).await?;
        lent.forget(statement);
        Ok(columns)
    }

    /// Runs one statement whose rows are then read from [`Rows`]. Until the last one has been read,
    /// or when `Rows` is dropped before, the session cannot be used for anything else: then its
    /// socket is closed.
    pub(in crate::connectors::mysql) async fn rows(&mut self, sql: &str) -> Result<Rows<'_>> {
        let mut lent = self.lend()?;
        let (statement, _) = lent.prepare(sql).await?;
        // No cursor, and one execution.
        let order = [&statement.to_le_bytes()[..], &[0, 1, 0, 0, 0]].concat();
        match lent.ask(Command::COM_STMT_EXECUTE, &order).await? {
            Answered::Done(_) => {
                let error = Error::config("the statement gives no rows");
                Err(error.hint("a `query` is one SELECT").into())
            }
            Answered::Columns(count) => {
                let columns = lent.columns(count).await?;
                Ok(Rows::new(lent, statement, columns))
            }
        }
    }

    /// Says good-bye to the server. Dropping the connection closes the socket without a word.
    pub(in crate::connectors::mysql) async fn close(mut self) {
        if let Some(stream) = &mut self.stream {
            // A server that does not hear it finds out by itself.
            let _ = stream.command(&[byte(Command::COM_QUIT)]).await;
        }
    }

    /// The stream, for one statement. It comes back when the answer has been read to its end, or
    /// when the server refused; otherwise the session ends with it.
    fn lend(&mut self) -> Result<Lent<'_>> {
        match self.stream.take() {
            Some(stream) => Ok(Lent::new(stream, self)),
            None => Err(Failure::Lost("an earlier statement was given up".to_owned())),
        }
    }
}
