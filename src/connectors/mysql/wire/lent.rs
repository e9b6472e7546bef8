//! The stream of a session, lent for one statement: what is asked, and what is said before rows.

use mysql_common::constants::{CapabilityFlags, Command};

use super::answer::{Last, done, last, prepared};
use super::stream::{Stream, malformed};
use super::{Column, Connection, Cursor, Failure, Result};
use crate::error::Error;

/// What a statement is answered with, before its rows.
pub(super) enum Answered {
    /// It has none; so many rows were changed.
    Done(u64),
    /// It has so many columns.
    Columns(u64),
}

/// The stream of a connection, for one statement.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    /// `None` once it has been given back.
    stream: Option<Stream>,
    connection: &'a mut Connection,
}

impl<'a> Lent<'a> {
    pub(super) fn new(stream: Stream, connection: &'a mut Connection) -> Self {
        Lent { stream: Some(stream), connection }
    }

    pub(super) fn stream(&mut self) -> Result<&mut Stream> {
        let gone = || Failure::Told(Error::bug("a statement went on after its end"));
        self.stream.as_mut().ok_or_else(gone)
    }

    /// The answer has been read to its end.
    pub(super) fn give_back(&mut self) {
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
    pub(super) async fn ask(&mut self, command: Command, rest: &[u8]) -> Result<Answered> {
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
    pub(super) async fn columns(&mut self, count: u64) -> Result<Vec<Column>> {
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
    pub(super) async fn row(&mut self) -> Result<Option<Vec<u8>>> {
        let packet = self.stream()?.packet().await?;
        match last(packet)? {
            Last::No => Ok(Some(packet.to_vec())),
            Last::Yes(_) => Ok(None),
            Last::Refused(failure) => {
                self.give_back();
                Err(failure)
            }
        }
    }

    /// Has the server look at a statement; gives its number and its columns.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<(u32, Vec<Column>)> {
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
    pub(super) fn forget(&mut self, statement: u32) {
        self.connection.done_with = Some(statement);
        self.give_back();
    }
}

/// A command as the wire has it.
pub(super) fn byte(command: Command) -> u8 {
    command as u8
}
