//! The answer to a request: tokens are gathered, and sent when they are many.

use std::io;

use super::connection::{Connection, Stop, pace};
use super::fault::Fault;
use super::run::Failure;
use super::store::table::Row;
use super::wire::channel::{ATTENTION, Channel, RESPONSE};
use super::wire::tokens::{self, COUNT, Done, FAILED, Head, MORE};

/// Bytes that are gathered before they are sent.
const GATHERED: usize = 32 * 1024;

#[derive(Debug)]
pub(crate) struct Answer {
    out: Vec<u8>,
    which: Done,
    /// The end of the last statement: whether more follows is not known yet.
    held: Option<(u16, u16, u64)>,
    failed: bool,
}

impl Answer {
    pub(crate) fn new(which: Done) -> Self {
        Answer { out: Vec::new(), which, held: None, failed: false }
    }

    fn release(&mut self) {
        if let Some((status, command, rows)) = self.held.take() {
            tokens::done(&mut self.out, self.which, status | MORE, command, rows);
        }
    }

    fn hold(&mut self, status: u16, command: u16, rows: u64) {
        self.release();
        self.held = Some((status, command, rows));
    }

    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.release();
        tokens::error(&mut self.out, failure);
        self.failed = true;
        self.hold(FAILED, 0, 0);
    }

    pub(crate) fn info(&mut self, number: i32, text: &str) {
        self.release();
        tokens::info(&mut self.out, number, 0, text);
        self.hold(0, 0, 0);
    }

    pub(crate) fn count(&mut self, rows: u64, quiet: bool) {
        let status = if quiet { 0 } else { COUNT };
        self.hold(status, 0xC3, rows);
    }

    pub(crate) fn nothing(&mut self) {
        self.hold(0, 0, 0);
    }

    pub(crate) fn moved(&mut self, new: &str, old: &str) {
        self.release();
        tokens::changed(&mut self.out, 1, new, old);
        tokens::info(&mut self.out, 5701, 10, &format!("Changed database context to '{new}'."));
        self.hold(0, 0, 0);
    }

    pub(crate) fn transaction(&mut self, begun: bool) {
        self.release();
        let (descriptor, none): ([u8; 8], [u8; 0]) = (*b"\x01dhowtx\0", []);
        if begun {
            tokens::changed_bytes(&mut self.out, 8, &descriptor, &none);
        } else {
            tokens::changed_bytes(&mut self.out, 9, &none, &descriptor);
        }
        self.hold(if self.failed { FAILED } else { 0 }, 0, 0);
    }

    /// Tells rows; answers the number of the error that a scripted fault brought, or 0.
    pub(crate) async fn rows(
        &mut self,
        connection: &mut Connection,
        heads: Vec<Head>,
        rows: Vec<Row>,
        fault: Option<Fault>,
    ) -> Result<i32, Stop> {
        self.release();
        tokens::columns(&mut self.out, &heads);
        let pace = pace(fault.as_ref());
        for (at, row) in rows.iter().enumerate() {
            if let Some(number) = self.struck(connection, fault.as_ref(), at).await? {
                return Ok(number);
            }
            tokens::row(&mut self.out, &heads, row);
            if let Some(pace) = pace {
                self.flush(&mut connection.channel).await?;
                connection.wait(tokio::time::sleep(pace)).await?;
            }
            if self.out.len() >= GATHERED {
                self.flush(&mut connection.channel).await?;
            }
        }
        if let Some(number) = self.struck(connection, fault.as_ref(), rows.len()).await? {
            return Ok(number);
        }
        self.hold(COUNT, 0xC1, u64::try_from(rows.len()).unwrap_or(0));
        Ok(0)
    }

    /// What a scripted fault does before the row of this number.
    async fn struck(
        &mut self,
        connection: &mut Connection,
        fault: Option<&Fault>,
        at: usize,
    ) -> Result<Option<i32>, Stop> {
        match fault {
            Some(Fault::CutAfterRows(count)) if *count == at => {
                self.flush(&mut connection.channel).await?;
                Err(Stop::Gone(io::Error::other("cut by a scripted fault")))
            }
            Some(Fault::ErrorAfter(count, number, text)) if *count == at => {
                self.failure(&Failure::new(*number, text));
                Ok(Some(*number))
            }
            Some(Fault::HoldAfter(count, gate)) if *count == at => {
                self.flush(&mut connection.channel).await?;
                let gate = gate.clone();
                connection.wait(async move { gate.pass().await }).await?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Sends what was gathered, and looks whether the client still wants more.
    pub(crate) async fn flush(&mut self, channel: &mut Channel) -> Result<(), Stop> {
        let out = std::mem::take(&mut self.out);
        if !out.is_empty() {
            channel.send(RESPONSE, &out, false).await?;
        }
        match channel.arrived()? {
            Some(message) if message.kind == ATTENTION => Err(Stop::Attention),
            Some(_) => {
                Err(super::wire::malformed("a request before the answer to the last").into())
            }
            None => Ok(()),
        }
    }

    /// The end of the answer.
    pub(crate) async fn end(mut self, channel: &mut Channel) -> Result<(), Stop> {
        if self.which == Done::InProcedure {
            self.release();
            tokens::return_status(&mut self.out, 0);
            let status = if self.failed { FAILED } else { 0 };
            tokens::done(&mut self.out, Done::Procedure, status, 0, 0);
        } else {
            let (status, command, rows) = self.held.take().unwrap_or((0, 0, 0));
            tokens::done(&mut self.out, Done::Batch, status, command, rows);
        }
        channel.send(RESPONSE, &self.out, true).await?;
        Ok(())
    }
}
