//! Speaks the protocol of MySQL and MariaDB: a login, statements, and rows that are read in blocks.
//!
//! A driver gives a row as a list of values, each in memory of its own. Here the rows of a result
//! stay in the block that was read from the socket until the decoder has moved their bytes into the
//! columns of a batch. `mysql_common` has the constants of the protocol and the arithmetic of
//! passwords; packets are parsed here, where one that is cut is an error and never a panic.
//!
//! - `login`: what is needed for a session; `open` begins one: `greeting`, `proof`, `public_key`.
//! - `stream`: the packets of a socket; `cursor`: the numbers and texts in a packet.
//! - `column`: what the server says of a column; `rows`: the rows of a statement.
//! - `failure`: why something did not work, for `error` of this connector to put into words.

mod column;
mod cursor;
mod failure;
mod greeting;
#[cfg(test)]
mod lies;
mod login;
mod open;
mod proof;
mod public_key;
mod rows;
#[cfg(test)]
mod script;
mod stream;
#[cfg(test)]
pub(in crate::connectors::mysql) mod tests;

use mysql_common::constants::{CapabilityFlags, Command, StatusFlags};

use crate::error::Error;
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

/// What a statement is answered with, before its rows.
enum Answered {
    /// It has none; so many rows were changed.
    Done(u64),
    /// It has so many columns.
    Columns(u64),
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
            Some(stream) => Ok(Lent { stream: Some(stream), connection: self }),
            None => Err(Failure::Lost("an earlier statement was given up".to_owned())),
        }
    }
}

/// The stream of a connection, for one statement.
#[derive(Debug)]
struct Lent<'a> {
    /// `None` once it has been given back.
    stream: Option<Stream>,
    connection: &'a mut Connection,
}

impl Lent<'_> {
    fn stream(&mut self) -> Result<&mut Stream> {
        let gone = || Failure::Told(Error::bug("a statement went on after its end"));
        self.stream.as_mut().ok_or_else(gone)
    }

    /// The answer has been read to its end.
    fn give_back(&mut self) {
        self.connection.stream = self.stream.take();
    }

    /// Sends a command; before it, that the last statement is not needed, which is not answered.
    async fn command(&mut self, command: Command, rest: &[u8]) -> Result<&mut Stream> {
        if let Some(statement) = self.connection.done_with.take() {
            let close = byte(Command::COM_STMT_CLOSE);
            self.stream()?.command(&[&[close], &statement.to_le_bytes()[..]].concat()).await?;
        }
        let stream = self.stream()?;
        stream.command(&[&[byte(command)], rest].concat()).await?;
        Ok(stream)
    }

    /// Asks the server something that it answers with columns or without.
    async fn ask(&mut self, command: Command, rest: &[u8]) -> Result<Answered> {
        let packet = self.command(command, rest).await?.packet().await?;
        match packet.first() {
            Some(0) => done(packet).map(Answered::Done),
            Some(0xff) => {
                let failure = Failure::answered(packet);
                self.give_back();
                Err(failure)
            }
            Some(0xfb) => {
                let error = Error::denied("the server asked for a file of this machine");
                Err(error.hint("it was not sent: look at who answers there").into())
            }
            _ => {
                let count = Cursor(packet).number().filter(|count| *count <= 0xffff);
                count.map(Answered::Columns).ok_or_else(|| malformed("a number of columns"))
            }
        }
    }

    /// Reads what the server says of so many columns.
    async fn columns(&mut self, count: u64) -> Result<Vec<Column>> {
        let extended = self.connection.extended;
        let has_end = !self.connection.flags.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        let stream = self.stream()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = stream.packet().await?;
            let column = Column::read(packet, extended);
            columns.push(column.ok_or_else(|| malformed("a column"))?);
        }
        if has_end && count > 0 && stream.packet().await?.first() != Some(&0xfe) {
            return Err(malformed("the end of the columns"));
        }
        Ok(columns)
    }

    /// The next row of the answer; `None` after the last one.
    async fn row(&mut self) -> Result<Option<Vec<u8>>> {
        let packet = self.stream()?.packet().await?;
        match last(packet)? {
            Last::No => Ok(Some(packet.to_vec())),
            Last::Yes => Ok(None),
            Last::Refused(failure) => {
                self.give_back();
                Err(failure)
            }
        }
    }

    /// Has the server look at a statement; gives its number and its columns.
    async fn prepare(&mut self, sql: &str) -> Result<(u32, Vec<Column>)> {
        let command = self.command(Command::COM_STMT_PREPARE, sql.as_bytes()).await?;
        let packet = command.packet().await?;
        if packet.first() == Some(&0xff) {
            let failure = Failure::answered(packet);
            self.give_back();
            return Err(failure);
        }
        let numbers = prepared(packet).ok_or_else(|| malformed("a prepared statement"))?;
        let (statement, columns, parameters) = numbers;
        self.columns(u64::from(parameters)).await?;
        let columns = self.columns(u64::from(columns)).await?;
        if parameters > 0 {
            self.forget(statement);
            let error = Error::config("the statement has a `?` that stands for a value");
            return Err(error.hint("write the value into the statement").into());
        }
        Ok((statement, columns))
    }

    /// The answer has been read to its end, and the statement is not needed any more.
    fn forget(&mut self, statement: u32) {
        self.connection.done_with = Some(statement);
        self.give_back();
    }
}

/// Whether a packet among rows is the last one.
enum Last {
    No,
    Yes,
    /// The server gave up.
    Refused(Failure),
}

/// A row of texts may begin with 254 as well, but is longer then than any packet that ends rows.
#[inline]
fn last(packet: &[u8]) -> Result<Last> {
    match packet.first() {
        Some(0xfe) if packet.len() < 0xff_ffff => ended(packet).map(|()| Last::Yes),
        Some(0xff) => Ok(Last::Refused(Failure::answered(packet))),
        Some(_) => Ok(Last::No),
        None => Err(malformed("a row")),
    }
}

/// Looks at the packet behind the rows, in either of its forms.
fn ended(packet: &[u8]) -> Result<()> {
    let mut cursor = Cursor(packet);
    let status = match packet.len() {
        5 => cursor.take(3).and_then(|_| cursor.u16()),
        _ => status_of(&mut cursor).map(|(_, status)| status),
    };
    let status = status.ok_or_else(|| malformed("the end of the rows"))?;
    match StatusFlags::from_bits_truncate(status).contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS)
    {
        true => Err(Error::unsupported("the statement gives several results").into()),
        false => Ok(()),
    }
}

/// The number of changed rows in the answer to a statement without rows.
fn done(packet: &[u8]) -> Result<u64> {
    let read = status_of(&mut Cursor(packet));
    read.map(|(changed, _)| changed).ok_or_else(|| malformed("the end of a statement"))
}

fn status_of(cursor: &mut Cursor<'_>) -> Option<(u64, u16)> {
    cursor.u8()?;
    let (changed, _last_id) = (cursor.number()?, cursor.number()?);
    Some((changed, cursor.u16()?))
}

/// The number of a prepared statement, and those of its columns and parameters.
fn prepared(packet: &[u8]) -> Option<(u32, u16, u16)> {
    let mut cursor = Cursor(packet);
    (cursor.u8()? == 0).then_some(())?;
    Some((cursor.u32()?, cursor.u16()?, cursor.u16()?))
}

/// The values of a row of texts.
fn texts(row: &[u8], columns: usize) -> Option<Vec<Option<String>>> {
    let mut cursor = Cursor(row);
    let mut values = Vec::with_capacity(columns);
    for _ in 0..columns {
        values.push(match cursor.0.first() {
            Some(0xfb) => cursor.u8().and(None),
            _ => Some(String::from_utf8_lossy(cursor.bytes()?).into_owned()),
        });
    }
    cursor.0.is_empty().then_some(values)
}

fn byte(command: Command) -> u8 {
    command as u8
}
