//! Makes the body of a load job from the batches of a part: rows that the table cannot hold are
//! refused here, before anything is sent.
//!
//! Encoding, compression and upload run side by side with bounded queues between them.

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use std::io::Write;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::columnar::Columnar;
use super::field::Column;
use super::form;
use super::options::{Choices, Format};
use super::upload::{CHUNK, Piece};
use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};
use crate::ndjson::{Lines, Nulls};
use crate::sink::{Load, Misfits, Part, slices, without};

/// Bytes that are compressed at once, about.
const BLOCK: usize = 1024 * 1024;
/// The longest row of JSON that BigQuery takes.
const ROW_BYTES: usize = 100 * 1000 * 1000;

/// The encoder of one part.
#[derive(Debug)]
pub(super) struct Encoder {
    lines: Lines,
    columnar: Option<Columnar>,
    gzip: u32,
    misfits: Misfits,
    held: Box<dyn Reservation>,
    rows: u64,
}

impl Encoder {
    /// An encoder of `part`, whose rows go into `columns`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for columns that the format cannot carry.
    pub(super) fn new(
        load: &Load,
        part: &str,
        columns: &[Column],
        (format, choices): (Format, &Choices),
        memory: &dyn Memory,
    ) -> Result<Self> {
        let lines = Lines::new(&load.schema, form::lines(&load.schema, columns, choices)?)?;
        let has_defaults = columns.iter().any(Column::has_default);
        // No default of the table may take the place of a NULL.
        let nulls = if has_defaults { Nulls::Write } else { Nulls::Omit };
        let (gzip, columnar) = match format {
            Format::Json { gzip } => (gzip, None),
            Format::Parquet => (0, Some(Columnar::new(&load.schema, columns)?)),
        };
        Ok(Encoder {
            lines: lines.with_nulls(nulls).with_max_row_bytes(ROW_BYTES),
            columnar,
            gzip,
            misfits: Misfits::new(part, load.mode.key()),
            held: memory.reserve("rows for BigQuery"),
            rows: 0,
        })
    }

    /// Encodes all rows of `part` into `pieces`; their number. Nothing is sent where there are
    /// none, and it ends early when nobody takes the pieces.
    pub(super) async fn run(self, part: Part, pieces: Sender<Piece>) -> Result<u64> {
        let (blocks, raw) = channel(2);
        let (rows, packed) = futures::join!(self.encode(part, blocks), pack(raw, pieces));
        let (rows, last) = (rows?, packed?);
        if let (Some((last, pieces)), true) = (last, rows > 0) {
            // Whoever does not want it any more says why.
            let _ = pieces.send(Piece::Last(last)).await;
        }
        Ok(rows)
    }

    async fn encode(mut self, mut part: Part, blocks: Sender<Block>) -> Result<u64> {
        let mut out = Vec::new();
        while let Some(batch) = part.batches.next().await {
            for slice in slices(&batch?, BLOCK)? {
                self.add(&part, &slice, &mut out)?;
                if out.len() >= BLOCK {
                    let block = Block { data: std::mem::take(&mut out), gzip: self.gzip };
                    if blocks.send(block).await.is_err() {
                        return Ok(self.rows);
                    }
                }
            }
        }
        if let Some(columnar) = self.columnar.take() {
            columnar.finish(&mut out)?;
        }
        if !out.is_empty() && self.rows > 0 {
            let _ = blocks.send(Block { data: out, gzip: self.gzip }).await;
        }
        Ok(self.rows)
    }

    /// Appends the rows of `batch` that fit.
    fn add(&mut self, part: &Part, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let misfits = match &mut self.columnar {
            None => self.lines.write(batch, out)?,
            // The rules are the same, so the lines are made only to find who breaks them.
            Some(columnar) => {
                let mut checked = Vec::new();
                let misfits = self.lines.write(batch, &mut checked)?;
                columnar.write(&without(batch, &misfits)?, out)?;
                misfits
            }
        };
        let refused = misfits.len();
        for misfit in misfits {
            part.refuse.refuse(self.misfits.refused(batch, misfit)?)?;
        }
        self.misfits.passed(batch.num_rows());
        self.rows += u64::try_from(batch.num_rows() - refused).unwrap_or(u64::MAX);
        // Blocks that wait, a chunk that is filled, one that waits and one on the wire.
        let columnar = self.columnar.as_ref().map_or(0, Columnar::memory);
        self.held.resize(3 * out.capacity().max(BLOCK) + 3 * CHUNK + columnar)
    }
}

/// Bytes on their way to be compressed.
struct Block {
    data: Vec<u8>,
    gzip: u32,
}

/// What is left when the pieces but the last one are sent.
type Left = Option<(Bytes, Sender<Piece>)>;

/// Compresses blocks on a thread of its own and cuts what comes out into pieces.
async fn pack(mut blocks: Receiver<Block>, pieces: Sender<Piece>) -> Result<Left> {
    let mut gzip: Option<GzEncoder<Vec<u8>>> = None;
    let mut out = Vec::new();
    while let Some(block) = blocks.recv().await {
        if block.gzip == 0 {
            out.extend_from_slice(&block.data);
        } else {
            let level = Compression::new(block.gzip);
            let encoder = gzip.take().unwrap_or_else(|| GzEncoder::new(Vec::new(), level));
            let mut encoder = off_thread(move || compressed(encoder, &block.data)).await??;
            out.append(encoder.get_mut());
            gzip = Some(encoder);
        }
        if !cut(&mut out, &pieces).await {
            return Ok(None);
        }
    }
    if let Some(encoder) = gzip {
        let end = encoder.finish().map_err(|error| broken(&error))?;
        out.extend_from_slice(&end);
    }
    let is_wanted = cut(&mut out, &pieces).await && !out.is_empty();
    Ok(is_wanted.then(|| (out.into(), pieces)))
}

/// Sends what is certainly not the end; whether anybody takes it.
async fn cut(out: &mut Vec<u8>, pieces: &Sender<Piece>) -> bool {
    while out.len() > CHUNK {
        let rest = out.split_off(CHUNK);
        let piece = Piece::More(std::mem::replace(out, rest).into());
        if pieces.send(piece).await.is_err() {
            return false;
        }
    }
    true
}

fn compressed(mut encoder: GzEncoder<Vec<u8>>, data: &[u8]) -> Result<GzEncoder<Vec<u8>>> {
    encoder.write_all(data).map_err(|error| broken(&error))?;
    Ok(encoder)
}

fn broken(error: &std::io::Error) -> Error {
    Error::bug("rows could not be compressed").at("reason", error)
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::bug("compressing rows broke off"))
}
