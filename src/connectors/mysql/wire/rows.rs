//! The rows of a statement, as they arrive.

use arrow::record_batch::RecordBatch;

use super::answer::{Last, last};
use super::lent::Lent;
use super::{Column, Result};
use crate::connectors::mysql::decode::Decoder;

/// The rows of a statement that is being run.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Rows<'a> {
    lent: Lent<'a>,
    statement: u32,
    columns: Vec<Column>,
    progress: Progress,
    warnings: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nobody has looked whether the columns are those that were asked for.
    Begun,
    Rows,
    Ended,
}

impl<'a> Rows<'a> {
    pub(super) fn new(lent: Lent<'a>, statement: u32, columns: Vec<Column>) -> Self {
        Rows { lent, statement, columns, progress: Progress::Begun, warnings: 0 }
    }

    /// The next batch that `decoder` makes of the rows; `None` after the last one. No row is lost
    /// when this is dropped before it has ended.
    ///
    /// # Errors
    /// What the server said, and [`crate::error::Kind::Conflict`] when the columns are not those
    /// that the decoder was made for. After an error nothing more can be read.
    pub(in crate::connectors::mysql) async fn next(
        &mut self,
        decoder: &mut Decoder,
    ) -> Result<Option<RecordBatch>> {
        if self.progress == Progress::Begun {
            decoder.check(&self.columns)?;
            self.progress = Progress::Rows;
        }
        while self.progress == Progress::Rows {
            if decoder.is_full() {
                self.lent.stream()?.let_go();
                if let Some(batch) = decoder.batch()? {
                    return Ok(Some(batch));
                }
            }
            self.take(decoder).await?;
        }
        Ok(decoder.batch()?)
    }

    /// Takes the next row, and those behind it that have been read already, until a batch is full.
    async fn take(&mut self, decoder: &mut Decoder) -> Result<()> {
        let stream = self.lent.stream()?;
        let mut seen = take(stream.packet().await?, decoder)?;
        while let Last::No = seen
            && !decoder.is_full()
        {
            match stream.packet_here()? {
                Some(packet) => seen = take(packet, decoder)?,
                None => return Ok(()),
            }
        }
        match seen {
            Last::No => Ok(()),
            Last::Yes(warnings) => {
                self.end(warnings)?;
                Ok(())
            }
            Last::Refused(failure) => {
                self.end(0)?;
                Err(failure)
            }
        }
    }

    /// Reads what is left without looking at it.
    ///
    /// # Errors
    /// What the server said in place of the rest, such as 1317 after `KILL QUERY`.
    pub(in crate::connectors::mysql) async fn skip(&mut self) -> Result<()> {
        while self.progress != Progress::Ended {
            match last(self.lent.stream()?.packet().await?)? {
                Last::No => {}
                Last::Yes(warnings) => self.end(warnings)?,
                Last::Refused(failure) => {
                    self.end(0)?;
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// How many warnings the server has behind the last row.
    pub(in crate::connectors::mysql) fn warnings(&self) -> u16 {
        self.warnings
    }

    /// There are no more rows: the session can go on.
    fn end(&mut self, warnings: u16) -> Result<()> {
        self.progress = Progress::Ended;
        self.warnings = warnings;
        self.lent.stream()?.let_go();
        self.lent.forget(self.statement);
        Ok(())
    }
}

/// Gives a packet to `decoder` if it is a row.
#[inline]
fn take(packet: &[u8], decoder: &mut Decoder) -> Result<Last> {
    let seen = last(packet)?;
    if matches!(seen, Last::No) {
        decoder.push(packet)?;
    }
    Ok(seen)
}
