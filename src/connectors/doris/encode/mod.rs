//! The rows of a part as bodies of requests: batch by batch, cut into chunks, rows that do not fit
//! left out and refused.

mod columnar;
mod sift;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int8Array, StringArray};
use arrow::datatypes::{DataType, Field, Int8Type, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;

use columnar::Columnar;
use sift::Sift;

use super::kind::Kind;
use super::options::{DorisOptions, Format};
use super::stage::PLACE;
use super::table::Column;
use super::types;
use crate::error::{Error, Result};
use crate::memory::Reservation;
use crate::ndjson::{self, Form, Lines, Nulls};
use crate::sink::{Load, Misfit, Misfits, Part, slices, without};

/// Bytes that are handed on at once, about.
const CHUNK: usize = 1024 * 1024;

/// Bytes of Arrow that are encoded at once, about.
const SLICE: usize = 512 * 1024;

/// The longest row: what a reader of lines takes by default.
const ROW_BYTES: usize = 100_000_000;

/// The rows of a part on their way.
pub(super) struct Rows {
    part: Part,
    misfits: Misfits,
    sift: Sift,
    lines: Lines,
    /// The columns of the load, and the place behind them.
    schema: SchemaRef,
    todo: VecDeque<RecordBatch>,
    ended: bool,
    body: Body,
    /// Whether the last chunk of the request was taken.
    is_over: bool,
    /// Bytes of this request before they are compressed, and rows.
    request: Count,
    memory: Box<dyn Reservation>,
}

/// What a request carries so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Rows.
    pub rows: u64,
    /// Bytes before they are compressed.
    pub bytes: u64,
}

/// What is encoded and not yet handed on.
enum Body {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>, Vec<u8>),
    /// Lines are made for this as well, to find rows that do not fit.
    Columns(Box<Columnar>, Vec<u8>),
}

impl Rows {
    /// The rows of `part`, for these columns of the stage.
    ///
    /// # Errors
    /// [`crate::error::Kind::Drift`] where a column of the load does not fit its column.
    pub(super) fn new(
        load: &Load,
        part: Part,
        columns: &[Column],
        options: &DorisOptions,
        memory: Box<dyn Reservation>,
    ) -> Result<Self> {
        let mut fields: Vec<Arc<Field>> = load.schema.fields().iter().cloned().collect();
        fields.push(Arc::new(place_field()));
        let schema = Arc::new(Schema::new(fields));
        let misfits = Misfits::new(&part.id, load.mode.key());
        Ok(Rows {
            part,
            misfits,
            sift: Sift::new(&load.schema, columns),
            lines: lines(&load.schema, &schema, columns, options)?,
            schema,
            todo: VecDeque::new(),
            ended: false,
            body: match (options.format, options.gzip) {
                (Format::Json, true) => Body::Gzip(gzip(), Vec::new()),
                (Format::Json, false) => Body::Plain(Vec::new()),
                (format, _) => {
                    let columnar = Columnar::new(&load.schema, columns, format)?;
                    Body::Columns(Box::new(columnar), Vec::new())
                }
            },
            is_over: false,
            request: Count::default(),
            memory,
        })
    }

    /// The id of the part.
    pub(super) fn part(&self) -> &str {
        &self.part.id
    }

    /// Begins the next request at this place, unless there are no more rows: encodes the first of
    /// its rows.
    pub(super) async fn begin(&mut self, place: &str) -> Result<bool> {
        (self.request, self.is_over) = (Count::default(), false);
        while self.request.rows == 0 {
            if !self.encode(place, u64::MAX).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next chunk of the request; `None` when it has `limit` bytes or there are no more rows.
    pub(super) async fn chunk(&mut self, place: &str, limit: usize) -> Result<Option<Bytes>> {
        if self.is_over {
            return Ok(None);
        }
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        while self.body.ready() < CHUNK && self.request.bytes < limit {
            if !self.encode(place, u64::MAX).await? {
                break;
            }
        }
        // A chunk of nothing would be the end: where columns are held back, all of them are taken.
        self.is_over = self.request.bytes >= limit || (self.ended && self.todo.is_empty());
        let chunk = self.body.take(self.is_over)?;
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    /// Encodes `rows` rows that are at the server already, to find again those that are refused,
    /// and drops what comes of them.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when there are not so many.
    pub(super) async fn pass(&mut self, place: &str, rows: u64) -> Result<Count> {
        self.request = Count::default();
        while self.request.rows < rows {
            if !self.encode(place, rows - self.request.rows).await? {
                return Err(Error::conflict(format!(
                    "part `{}` has fewer rows than before",
                    self.part.id
                ))
                .at("staged", format!("{rows} rows"))
                .at("now", format!("{} rows", self.request.rows))
                .hint("the source gave two answers for one snapshot; run with `--full-refresh`"));
            }
            self.body.clear();
        }
        Ok(self.request)
    }

    /// What the request carries so far.
    pub(super) fn count(&self) -> Count {
        self.request
    }

    /// Encodes the next rows, at most `most` of them; `false` when there are none.
    async fn encode(&mut self, place: &str, most: u64) -> Result<bool> {
        let Some(slice) = self.next(most).await? else { return Ok(false) };
        let sifted = self.sift.sift(&slice)?;
        let batch = with_place(&self.schema, &sifted.rows, place)?;
        let before = self.body.lines().len();
        let mut found = self.lines.write(&batch, self.body.lines())?;
        let written = self.body.lines().len() - before;
        self.body.take_up(&batch, &found)?;
        if let Some(at) = &sifted.at {
            let before = |row: usize| at.get(row).copied().unwrap_or(row);
            found.iter_mut().for_each(|misfit| misfit.row = before(misfit.row));
        }
        let refused = found.len() + sifted.misfits.len();
        for misfit in found.into_iter().chain(sifted.misfits) {
            self.part.refuse.refuse(self.misfits.refused(&slice, misfit)?)?;
        }
        self.misfits.passed(slice.num_rows());
        self.request.rows += number(slice.num_rows() - refused);
        self.request.bytes += number(written);
        // One chunk being made, two in the queue, one on the wire.
        self.memory.resize(4 * self.body.ready().max(CHUNK))?;
        Ok(true)
    }

    async fn next(&mut self, most: u64) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(slice) = self.todo.pop_front() {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                if slice.num_rows() > most {
                    self.todo.push_front(slice.slice(most, slice.num_rows() - most));
                    return Ok(Some(slice.slice(0, most)));
                }
                return Ok(Some(slice));
            }
            if self.ended {
                return Ok(None);
            }
            match self.part.batches.next().await {
                Some(batch) => self.todo = slices(&batch?, SLICE)?.collect(),
                None => self.ended = true,
            }
        }
    }
}

impl Body {
    /// Where lines are written to.
    fn lines(&mut self) -> &mut Vec<u8> {
        match self {
            Body::Plain(out) | Body::Gzip(_, out) | Body::Columns(_, out) => out,
        }
    }

    /// Takes up the lines of a batch, or its rows but for the misfits.
    fn take_up(&mut self, batch: &RecordBatch, misfits: &[Misfit]) -> Result<()> {
        match self {
            Body::Plain(_) => return Ok(()),
            Body::Gzip(encoder, lines) => encoder.write_all(lines).map_err(broken)?,
            Body::Columns(columns, _) => columns.write(&without(batch, misfits)?)?,
        }
        self.lines().clear();
        Ok(())
    }

    /// Bytes that can be handed on.
    fn ready(&self) -> usize {
        match self {
            Body::Plain(out) => out.len(),
            Body::Gzip(encoder, _) => encoder.get_ref().len(),
            Body::Columns(columns, _) => columns.ready(),
        }
    }

    /// Takes what is ready; at the end of a request, all of it.
    fn take(&mut self, is_over: bool) -> Result<Bytes> {
        match self {
            Body::Plain(out) => Ok(std::mem::take(out).into()),
            Body::Gzip(encoder, _) if is_over => {
                let ended = std::mem::replace(encoder, gzip());
                let all = ended.finish().map_err(broken)?;
                Ok(all.into())
            }
            Body::Gzip(encoder, _) => Ok(std::mem::take(encoder.get_mut()).into()),
            Body::Columns(columns, _) => columns.take(is_over),
        }
    }

    fn clear(&mut self) {
        match self {
            Body::Plain(out) => out.clear(),
            Body::Gzip(encoder, out) => {
                out.clear();
                *encoder = gzip();
            }
            Body::Columns(columns, out) => {
                out.clear();
                columns.clear();
            }
        }
    }
}

fn gzip() -> Box<GzEncoder<Vec<u8>>> {
    Box::new(GzEncoder::new(Vec::new(), Compression::fast()))
}

fn broken(error: std::io::Error) -> Error {
    Error::bug("rows could not be compressed").at("reason", error)
}

fn number(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

fn place_field() -> Field {
    let kind = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    Field::new(PLACE, kind, false)
}

/// One form for each column of the load, and one for the place.
fn lines(
    load: &Schema,
    schema: &Schema,
    columns: &[Column],
    options: &DorisOptions,
) -> Result<Lines> {
    let mut forms = Vec::new();
    for field in load.fields() {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(field.name()));
        let form = column.and_then(|column| types::form(&column.kind, field, options.values()));
        let (Some(column), Some(form)) = (column, form) else {
            let error = Error::drift(format!("column `{}` does not fit its target", field.name()));
            let kind = column.map_or("missing".to_owned(), |column| column.kind.to_string());
            return Err(error
                .at("source", field.data_type())
                .at("target", kind)
                .hint("convert it in a model, or change the table"));
        };
        let made = ndjson::Column::new(&column.name, form);
        forms.push(if column.nullable { made } else { made.required() });
    }
    forms.push(ndjson::Column::new(PLACE, Form::Text { limit: None }).required());
    // Readers want every field of a STRUCT to be there.
    let is_nested = columns
        .iter()
        .any(|column| matches!(column.kind, Kind::Array(_) | Kind::Map(..) | Kind::Struct(_)));
    let nulls = if is_nested { Nulls::Write } else { Nulls::Omit };
    Ok(Lines::new(schema, forms)?.with_nulls(nulls).with_max_row_bytes(ROW_BYTES))
}

/// `batch` with the place behind its columns.
fn with_place(schema: &SchemaRef, batch: &RecordBatch, place: &str) -> Result<RecordBatch> {
    let bug = |error| Error::bug("a place could not be added to rows").at("arrow", error);
    let rows = batch.num_rows();
    let keys = Int8Array::from(vec![0; rows]);
    let values: ArrayRef = Arc::new(StringArray::from(vec![place]));
    let places = DictionaryArray::<Int8Type>::try_new(keys, values).map_err(bug)?;
    let columns = batch.columns().iter().cloned().chain([Arc::new(places) as ArrayRef]);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect(), &options).map_err(bug)
}
