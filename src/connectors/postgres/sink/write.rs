//! Writes one part: its rows and the note of it, in one transaction.

use arrow::record_batch::RecordBatch;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt, stream};

use super::PostgresSink;
use super::bound::Bound;

use super::parts;
use super::table;
use super::work::{Hold, Work};
use crate::connectors::postgres::catalog::money_digits;
use crate::connectors::postgres::encode::{Encoder, Format};
use crate::connectors::postgres::error;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::quote::columns;
use crate::connectors::postgres::row_form;
use crate::connectors::postgres::server_type::Column;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::memory::Reservation;
use crate::sink::{Load, Misfits, Part, Receipt, slices};
use crate::source::{BlockStream, RowForm};

/// Bytes that are sent at once, about.
const CHUNK: usize = 512 * 1024;

/// Writes `part`, unless it is there already.
pub(in crate::connectors::postgres) async fn write(
    sink: &PostgresSink,
    load: &Load,
    part: Part,
) -> Result<Receipt> {
    let work = Work::begin(sink.sessions.take().await?, sink.options.lock_timeout).await?;
    point("pg.begun").await;
    work.lock_load(&load.id, Hold::Shared).await?;
    point("pg.locked").await;
    let bound = Bound::open(&work, load).await?;
    let columns = table::columns_of_load(&work, load, &bound).await?;
    let mut encoder = Encoder::new(&load.schema, &columns)?;
    for (oid, labels) in table::labels(&work, &columns).await? {
        encoder.set_labels(oid, &labels);
    }
    if let Some(digits) = money_digits(&work.client, &columns).await? {
        encoder.set_money_digits(digits);
    }
    let rows = Rows::new(sink, load, &columns, encoder, part);
    let claimed = parts::claim(&work, &load.id, &rows.part.id, load.repeatable).await?;
    let Some(token) = claimed else {
        let there = parts::of(&work, &load.id).await?;
        sink.sessions.give(work.end().await?);
        return again(load, rows, &there).await;
    };
    point("pg.part_noted").await;
    let receipt = rows.copy(&work, &bound, token).await?;
    point("pg.copied").await;
    parts::note(&work, &load.id, &receipt).await?;
    point("pg.committing").await;
    let client = work.commit("could not commit a part").await?;
    point("pg.part_committed").await;
    sink.sessions.give(client);
    Ok(receipt)
}

/// A part that is there already: its rows are looked at again, because whoever wrote them may not
/// have told anybody which of them it refused.
async fn again(load: &Load, mut rows: Rows, there: &parts::Parts) -> Result<Receipt> {
    let key = (rows.part.id.clone(), String::new());
    let noted = *there.get(&key).ok_or_else(|| Error::bug("a part is and is not there"))?;
    while let Some(chunk) = rows.next().await? {
        drop(chunk);
    }
    if rows.rows != noted.rows {
        return Err(Error::conflict(format!("part `{}` has other rows than before", key.0))
            .at("load", &load.id)
            .at("staged", format!("{} rows", noted.rows))
            .at("now", format!("{} rows", rows.rows))
            .hint("the source gave two answers for one snapshot; run with `--full-refresh`"));
    }
    Ok(Receipt { part: key.0, rows: noted.rows, bytes: noted.bytes, token: key.1 })
}

/// The layout in which rows of `load` can go as they are: with a key, values are looked at.
pub(super) fn layout(load: &Load) -> Option<&'static str> {
    load.mode.key().is_empty().then_some(row_form::LAYOUT)
}

/// Whether rows in `form` can go to `columns` as they are: the server is left to say what does not
/// fit, so there must be nothing that does not.
fn goes_as_is(form: &RowForm, load: &Load, columns: &[Column]) -> bool {
    let mut pairs = load.schema.fields().iter().zip(columns);
    layout(load).is_some()
        && pairs.all(|(field, column)| column.nullable || !field.is_nullable())
        && row_form::of(columns).is_some_and(|taken| taken == *form)
}

/// The rows of a part, chunk by chunk: encoded, or as another server sent them.
struct Rows {
    part: Part,
    /// The rows as they came, where they can go so.
    blocks: Option<BlockStream>,
    encoder: Encoder,
    misfits: Misfits,
    /// The columns, in the order of the load.
    names: Vec<String>,
    out: BytesMut,
    /// Slices of the batch that is being encoded, the last one first.
    todo: Vec<RecordBatch>,
    stage: Stage,
    rows: u64,
    bytes: u64,
    memory: Box<dyn Reservation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Middle,
    Ended,
}

impl Rows {
    fn new(
        sink: &PostgresSink,
        load: &Load,
        columns: &[Column],
        encoder: Encoder,
        mut part: Part,
    ) -> Self {
        let verbatim = part.verbatim.take();
        let verbatim = verbatim.filter(|rows| goes_as_is(&rows.form, load, columns));
        if verbatim.is_some() {
            part.batches = stream::empty().boxed();
        }
        let misfits = Misfits::new(&part.id, load.mode.key());
        let names = load.schema.fields().iter().map(|field| field.name().clone()).collect();
        let memory = sink.context.memory.reserve("rows for Postgres");
        Rows {
            part,
            blocks: verbatim.map(|rows| rows.blocks),
            encoder,
            misfits,
            names,
            out: BytesMut::new(),
            todo: Vec::new(),
            stage: Stage::Begin,
            rows: 0,
            bytes: 0,
            memory,
        }
    }

    /// The next chunk to send; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.stage == Stage::Begin {
            self.encoder.begin(&mut self.out);
            self.stage = Stage::Middle;
        }
        let chunk = match self.next_block().await? {
            Some(block) => block,
            None => self.next_encoded().await?,
        };
        self.bytes += chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// The next rows as they came, behind what begins a `COPY`; `None` where there are none.
    async fn next_block(&mut self) -> Result<Option<Bytes>> {
        let Some(blocks) = &mut self.blocks else { return Ok(None) };
        let Some(block) = blocks.next().await.transpose()? else {
            self.blocks = None;
            return Ok(None);
        };
        self.rows += block.rows;
        // One block in hand, one in the queue, one on the wire.
        self.memory.resize(3 * block.bytes.len())?;
        if self.out.is_empty() {
            return Ok(Some(block.bytes));
        }
        self.out.extend_from_slice(&block.bytes);
        Ok(Some(self.out.split().freeze()))
    }

    /// The next rows encoded, and what ends a `COPY`; empty after that.
    async fn next_encoded(&mut self) -> Result<Bytes> {
        if self.stage == Stage::Middle {
            // Once and for all: what grows is copied.
            self.out.reserve(2 * CHUNK);
        }
        while self.out.len() < CHUNK && self.stage == Stage::Middle {
            match self.todo.pop() {
                Some(batch) => self.encode(&batch)?,
                None => match self.part.batches.next().await {
                    Some(batch) => self.todo = slices(&batch?, CHUNK)?.rev().collect(),
                    None => {
                        self.encoder.end(&mut self.out);
                        self.stage = Stage::Ended;
                    }
                },
            }
        }
        Ok(self.out.split().freeze())
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        let (part, misfits) = (&self.part, &mut self.misfits);
        let mut refuse = |misfit| part.refuse.refuse(misfits.refused(batch, misfit)?);
        self.rows += self.encoder.rows(batch, &mut self.out, &mut refuse)?;
        self.misfits.passed(batch.num_rows());
        // One chunk being encoded, one in the queue, one on the wire.
        self.memory.resize(3 * self.out.capacity().max(CHUNK))
    }

    /// Sends everything to the place of the load; the next chunk is encoded while the session's
    /// own task sends the last.
    async fn copy(mut self, work: &Work, bound: &Bound, token: String) -> Result<Receipt> {
        let sql = copy_statement(bound.place(), &self.names, self.encoder.format);
        let failed = format!("could not write rows to `{}`", bound.target);
        let of = |e: tokio_postgres::Error| refused_by_server(&failed, &e, bound);
        // It lasts as long as the source gives rows.
        work.run(&failed, "set local statement_timeout = 0").await?;
        if self.encoder.writes_money() {
            work.run(&failed, "set local lc_monetary = 'C'").await?;
        }
        let out = work.client.copy_in::<_, Bytes>(&sql).await.map_err(of)?;
        let mut out = std::pin::pin!(out);
        while let Some(chunk) = self.next().await? {
            out.send(chunk).await.map_err(of)?;
            point("pg.copying").await;
        }
        let kept = out.finish().await.map_err(of)?;
        if kept != self.rows {
            return Err(Error::data(format!("`{}` did not take every row", bound.target))
                .at("sent", format!("{} rows", self.rows))
                .at("kept", format!("{kept} rows"))
                .hint("a trigger of the table leaves rows out; take it away for the load"));
        }
        Ok(Receipt { part: self.part.id, rows: self.rows, bytes: self.bytes, token })
    }
}

/// The statement that takes rows for the columns `names` of `place`.
pub(in crate::connectors::postgres) fn copy_statement(
    place: &TableName,
    names: &[String],
    format: Format,
) -> String {
    let format = match format {
        Format::Binary => "binary",
        Format::Text => "text",
    };
    let names = columns(names.iter().map(String::as_str));
    // A list of no columns cannot be written.
    let names = if names.is_empty() { names } else { format!(" ({names})") };
    format!("copy {}{names} from stdin (format {format})", place.sql())
}

/// What the server refused although every value fits: a constraint, or a trigger.
fn refused_by_server(failed: &str, error: &tokio_postgres::Error, bound: &Bound) -> Error {
    let constraint = error.as_db_error().and_then(|answer| answer.constraint());
    let Some(constraint) = constraint else { return error::of(failed, error) };
    error::of(failed, error).at("constraint", constraint).hint(format!(
        "leave such rows out in a model, or change the constraint of `{}`",
        bound.target
    ))
}
