//! The frozen views of all shards as one.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Datum, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};

use super::positions::{ByShard, as_memo, as_watermark};
use super::resumption::{GOES_ON, GOES_ON_IN, STARTS_OVER};
use crate::error::{Error, Result, ResultExt};
use crate::source::{
    BatchStream, Comparison, Memo, Op, Refuse, Refused, Snapshot, SnapshotId, Split, Want,
    Watermark,
};

/// The frozen views of all shards.
#[derive(Debug)]
pub(super) struct Whole {
    id: SnapshotId,
    schema: SchemaRef,
    splits: Vec<Split>,
    high: Option<Watermark>,
    memo: Option<Memo>,
    notes: Vec<String>,
    /// The names of shards that are no part of it.
    late: Vec<String>,
    parts: Vec<Part>,
}

/// The frozen view of a shard.
#[derive(Debug)]
pub(super) struct Part {
    /// Its name.
    pub name: String,
    /// The view.
    pub snapshot: Arc<dyn Snapshot>,
    /// Where in it the columns of the whole stand, the first one left out.
    pub places: Vec<usize>,
}

impl Whole {
    /// All `parts` as one; `above` are the positions that its window began at, if it has one, and
    /// `late` are the shards that are no part of it, each with what is to be known of it.
    pub(super) fn of(
        schema: SchemaRef,
        parts: Vec<Part>,
        above: Option<ByShard<Watermark>>,
        late: Vec<(String, String)>,
    ) -> Self {
        let mut ids: Vec<_> = parts.iter().map(|p| (&p.name, p.snapshot.id())).collect();
        ids.sort_unstable();
        let column = schema.fields().first().map_or("", |field| field.name().as_str());
        let names = ids.iter().flat_map(|(name, id)| [name.as_str(), id.0.as_str()]);
        let id = SnapshotId::of([column].into_iter().chain(names));
        let mut splits: Vec<_> = parts.iter().flat_map(Part::splits).collect();
        splits.sort_by(|a, b| a.id.cmp(&b.id));
        let high = above.and_then(|mut high| {
            let own = |p: &Part| Some((p.name.clone(), p.snapshot.high()?.clone()));
            high.extend(parts.iter().filter_map(own));
            as_watermark(&high)
        });
        let memos = parts.iter().filter_map(|p| Some((p.name.clone(), p.snapshot.memo()?)));
        let memo = as_memo(&memos.collect());
        let (late, of_late): (Vec<_>, Vec<_>) = late.into_iter().unzip();
        let notes = notes(&parts).into_iter().chain(of_late).collect();
        Whole { id, schema, splits, high, memo, notes, late, parts }
    }
}

/// What is to be known of all shards, and of some by name.
fn notes(parts: &[Part]) -> Vec<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for part in parts {
        for note in part.snapshot.notes() {
            match said.iter_mut().find(|(text, _)| *text == note) {
                Some((_, names)) => names.push(&part.name),
                None => said.push((note, vec![&part.name])),
            }
        }
    }
    // All of it starts over as soon as one shard does.
    if said.iter().any(|(note, _)| note == STARTS_OVER) {
        said.retain(|(note, _)| note != GOES_ON && !note.starts_with(GOES_ON_IN));
    }
    let shown = |(note, names): (String, Vec<&str>)| match names.len() == parts.len() {
        true => note,
        false => format!("{}: {note}", names.join(", ")),
    };
    said.into_iter().map(shown).collect()
}

impl Part {
    fn splits(&self) -> impl Iterator<Item = Split> {
        let own = self.snapshot.splits().iter();
        own.map(|split| Split { id: format!("{}/{}", self.name, split.id), ..split.clone() })
    }

    /// What of it is wanted when `want` is wanted of the whole; `None` when no row passes. `columns`
    /// are those of `want`.
    fn want(&self, want: &Want, columns: &[usize]) -> Result<Option<Want>> {
        let place = |index: usize| {
            let place = index.checked_sub(1).and_then(|index| self.places.get(index));
            place.copied().ok_or_else(|| Error::bug("a column is wanted that is not"))
        };
        let own = columns.iter().filter(|index| **index > 0).map(|index| place(*index));
        let own = own.collect::<Result<_>>()?;
        let mut filters = Vec::new();
        for filter in &want.filters {
            match filter.column {
                0 if passes(&self.name, filter) => {}
                0 => return Ok(None),
                index => filters.push(Comparison { column: place(index)?, ..filter.clone() }),
            }
        }
        let (shard, refuse) = (self.name.clone(), Arc::clone(&want.refuse));
        let refuse = Arc::new(OfShard { shard, refuse });
        Ok(Some(Want { columns: Some(own), filters, refuse, ..want.clone() }))
    }
}

/// Whether `name` may pass a comparison.
fn passes(name: &str, filter: &Comparison) -> bool {
    let (value, _) = filter.value.get();
    match filter.op {
        Op::IsNull => return false,
        Op::IsNotNull => return true,
        _ if value.is_null(0) => return false,
        _ => {}
    }
    // Text of another kind is left to whoever asks.
    let Some(value) = value.as_string_opt::<i32>().map(|value| value.value(0)) else { return true };
    match filter.op {
        Op::Eq => name == value,
        Op::NotEq => name != value,
        Op::Lt => name < value,
        Op::LtEq => name <= value,
        Op::Gt => name > value,
        Op::GtEq => name >= value,
        Op::IsNull | Op::IsNotNull => true,
    }
}

/// Refused rows of a shard: two shards may have rows at the same place.
#[derive(Debug)]
struct OfShard {
    shard: String,
    refuse: Arc<dyn Refuse>,
}

impl Refuse for OfShard {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.refuse.refuse(Refused { place: format!("{}/{}", self.shard, row.place), ..row })
    }
}

/// `batch`, which has all `columns` but the first of the schema, with the name of the shard in that.
fn widened(
    batch: &RecordBatch,
    schema: &SchemaRef,
    columns: &[usize],
    shard: &str,
) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut given = batch.columns().iter();
    let column = |index: &usize| -> Option<ArrayRef> {
        match index {
            0 => Some(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(shard, rows)))),
            _ => given.next().cloned(),
        }
    };
    let columns = columns.iter().filter_map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|e| Error::bug("a shard gave other columns than it has").at("arrow", e))
}

impl Whole {
    /// The shard of a split, and what the split is there.
    fn part(&self, split: &Split) -> Option<(&Part, &Split)> {
        let (name, id) = split.id.split_once('/')?;
        let part = self.parts.iter().find(|part| part.name == name)?;
        Some((part, part.snapshot.splits().iter().find(|own| own.id == id)?))
    }
}

#[async_trait]
impl Snapshot for Whole {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn high(&self) -> Option<&Watermark> {
        self.high.as_ref()
    }

    fn memo(&self) -> Option<Memo> {
        self.memo.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn late(&self) -> Vec<String> {
        self.late.clone()
    }

    fn statement(&self, split: &Split) -> Option<String> {
        let (part, own) = self.part(split)?;
        part.snapshot.statement(own)
    }

    async fn release(&self) {
        join_all(self.parts.iter().map(|part| part.snapshot.release())).await;
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        let (part, own) = self.part(split).ok_or_else(|| split.unknown())?;
        let name = part.name.as_str();
        let columns = want.columns.clone();
        let columns = columns.unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let Some(want) = part.want(want, &columns)? else { return Ok(stream::empty().boxed()) };
        let schema = self.schema.project(&columns);
        let schema = Arc::new(
            schema.map_err(|e| Error::bug("a column is wanted that is not").at("arrow", e))?,
        );
        let rows = part.snapshot.read(own, &want).await.at("shard", name)?;
        let shard = name.to_owned();
        Ok(rows
            .map(move |batch| batch.and_then(|batch| widened(&batch, &schema, &columns, &shard)))
            .map_err({
                let shard = name.to_owned();
                move |error| error.at("shard", &shard)
            })
            .boxed())
    }
}
