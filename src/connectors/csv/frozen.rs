//! Finds out what the files of a source hold, before a row is read: columns, types, pieces.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::config::suggest;
use crate::connectors::csv::column::{Column, Nulls};
use crate::connectors::csv::cutter::{Cutter, Piece};
use crate::connectors::csv::head::Head;
use crate::connectors::csv::infer::Guess;
use crate::connectors::csv::options::Settings;
use crate::connectors::csv::split;
use crate::error::{Error, Result};
use crate::files::{self, Compression, Stamp, side_by_side};
use crate::source::{BATCH_ROWS, SnapshotId, Split};

/// Bytes of each file from which types are inferred.
const SAMPLE_BYTES: u64 = 1 << 20;

/// Files from which types are inferred, at most.
const SAMPLE_FILES: usize = 64;

/// A file of the source.
#[derive(Debug)]
pub(super) struct Member {
    /// What it looked like.
    pub(super) stamp: Stamp,
    /// For each column of the source, which field of this file it is.
    pub(super) positions: Vec<usize>,
}

/// The files as they were found, and how they will be read.
#[derive(Debug)]
pub(super) struct Frozen {
    /// The options.
    pub(super) settings: Settings,
    /// The files, in order.
    pub(super) members: Vec<Member>,
    /// Which texts are NULL.
    pub(super) nulls: Nulls,
    /// The columns, in the order of the first file.
    pub(super) columns: Vec<Column>,
    /// The columns as Arrow sees them.
    pub(super) schema: SchemaRef,
    /// What is read by each split, in the same order.
    pub(super) pieces: Vec<Piece>,
    /// The splits.
    pub(super) splits: Vec<Split>,
    /// The name of all this.
    pub(super) id: SnapshotId,
}

impl Frozen {
    /// Looks at the files, with `jobs` threads.
    pub(super) fn of(settings: &Settings, stamps: Vec<Stamp>, jobs: usize) -> Result<Self> {
        let id = files::snapshot_id(&format!("csv 1 {settings:?}"), &stamps);
        let heads = side_by_side(jobs, &stamps, |stamp| Head::read(stamp, settings))?;
        let positions = positions(&stamps, &heads)?;
        let nulls = Nulls::of(&settings.nulls);
        let pieces = pieces(settings, &stamps, &heads, jobs)?;
        let members = stamps.into_iter().zip(positions);
        let members: Vec<_> =
            members.map(|(stamp, positions)| Member { stamp, positions }).collect();
        let declared = declared(settings, &heads[0].names)?;
        let sample = Sample::take(settings, &members, &nulls, &declared, &pieces, jobs)?;
        let columns = columns(settings, &heads[0].names, declared, &sample);
        let field = |column: &Column| Field::new(&column.name, column.kind.clone(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let splits = splits(&pieces, &members, &sample);
        let settings = settings.clone();
        Ok(Frozen { settings, members, nulls, columns, schema, pieces, splits, id })
    }
}

fn positions(stamps: &[Stamp], heads: &[Head]) -> Result<Vec<Vec<usize>>> {
    let files = stamps.iter().zip(heads);
    files.map(|(stamp, head)| heads[0].positions_in(&stamps[0], head, stamp)).collect()
}

/// The declared type of each column, if it has one.
fn declared(settings: &Settings, names: &[String]) -> Result<Vec<Option<DataType>>> {
    let known: Vec<_> = names.iter().map(String::as_str).collect();
    let unknown = settings.columns.iter().find(|(name, _)| !names.contains(name));
    if let Some((name, _)) = unknown {
        return Err(Error::config(format!("`columns` names `{name}`, which no file has"))
            .hint(suggest(name, &known)));
    }
    let kind = |name: &String| settings.columns.iter().find(|(declared, _)| declared == name);
    Ok(names.iter().map(|name| kind(name).map(|(_, kind)| kind.clone())).collect())
}

fn columns(
    settings: &Settings,
    names: &[String],
    declared: Vec<Option<DataType>>,
    sample: &Sample,
) -> Vec<Column> {
    let columns = names.iter().zip(declared).zip(&sample.guesses);
    let column = |((name, declared), guess): ((&String, Option<DataType>), &Guess)| {
        let format = match &declared {
            Some(DataType::Date32) => settings.date_format.clone(),
            Some(DataType::Timestamp(_, None)) => settings.timestamp_format.clone(),
            _ => None,
        };
        let (name, is_declared) = (name.clone(), declared.is_some());
        let kind = declared.unwrap_or_else(|| guess.kind());
        Column { name, kind, declared: is_declared, format }
    };
    columns.map(column).collect()
}

/// The parts of all files that can be read alone, in order.
fn pieces(
    settings: &Settings,
    stamps: &[Stamp],
    heads: &[Head],
    jobs: usize,
) -> Result<Vec<Piece>> {
    let plain = |file: usize| heads[file].compression == Compression::None;
    let split_bytes = crate::files::split_bytes(settings.split_bytes, stamps);
    let ranges_of = |file: usize| match plain(file) {
        true => split::ranges(file, heads[file].rows_at, stamps[file].bytes, split_bytes),
        false => Vec::new(),
    };
    let ranges: Vec<Vec<_>> = (0..stamps.len()).map(ranges_of).collect();
    // A file of one range has no border, so nobody has to look for it.
    let wanted: Vec<_> = ranges.iter().filter(|r| r.len() > 1).flatten().copied().collect();
    let mut found = side_by_side(jobs, &wanted, |range| {
        split::look(*range, &stamps[range.file], settings.dialect)
    })?
    .into_iter();
    let mut pieces = Vec::new();
    for (file, ranges) in ranges.iter().enumerate() {
        let start = heads[file].rows_at;
        if !plain(file) {
            pieces.push(Piece { file, start, end: None });
            continue;
        }
        let mut ends = vec![start];
        if ranges.len() > 1 {
            let found: Vec<_> = found.by_ref().take(ranges.len()).collect();
            ends.extend(split::borders(ranges, &found, &stamps[file], settings.dialect)?);
        }
        ends.push(stamps[file].bytes);
        let piece = |ends: &[u64]| Piece { file, start: ends[0], end: Some(ends[1]) };
        pieces.extend(ends.windows(2).filter(|ends| ends[0] < ends[1]).map(piece));
    }
    Ok(pieces)
}

fn splits(pieces: &[Piece], members: &[Member], sample: &Sample) -> Vec<Split> {
    let mut number = 0;
    let mut file = None;
    let mut splits = Vec::with_capacity(pieces.len());
    for piece in pieces {
        number = if file == Some(piece.file) { number + 1 } else { 0 };
        file = Some(piece.file);
        let bytes = match piece.end {
            Some(end) => end - piece.start,
            None => members[piece.file].stamp.bytes,
        };
        splits.push(Split {
            id: format!("{:06}-{number:05}", piece.file),
            rows: piece.end.and_then(|_| sample.rows_in(bytes)),
            bytes: Some(bytes),
        });
    }
    splits
}

/// What some of the rows say about all of them.
#[derive(Debug, Default)]
struct Sample {
    guesses: Vec<Guess>,
    rows: u64,
    bytes: u64,
}

impl Sample {
    fn take(
        settings: &Settings,
        members: &[Member],
        nulls: &Nulls,
        declared: &[Option<DataType>],
        pieces: &[Piece],
        jobs: usize,
    ) -> Result<Self> {
        let limit = if settings.infer_all { u64::MAX } else { SAMPLE_BYTES };
        let mut chosen = pieces.to_vec();
        if !settings.infer_all {
            chosen.dedup_by_key(|piece| piece.file);
            chosen.truncate(SAMPLE_FILES);
        }
        let guess: Vec<_> = declared.iter().map(Option::is_none).collect();
        if !guess.contains(&true) {
            chosen.truncate(1);
        }
        let samples = side_by_side(jobs, &chosen, |piece| {
            Sample::of(settings, &members[piece.file], nulls, &guess, *piece, limit)
        })?;
        let mut all =
            Sample { guesses: vec![Guess::default(); declared.len()], ..Sample::default() };
        for sample in samples {
            all.rows += sample.rows;
            all.bytes += sample.bytes;
            for (all, guess) in all.guesses.iter_mut().zip(&sample.guesses) {
                all.merge(guess);
            }
        }
        Ok(all)
    }

    /// What the first `limit` bytes of `piece` say. Records that will be refused say nothing.
    fn of(
        settings: &Settings,
        member: &Member,
        nulls: &Nulls,
        guess: &[bool],
        piece: Piece,
        limit: u64,
    ) -> Result<Self> {
        let columns = guess.len();
        let mut cutter = Cutter::open(piece, &member.stamp, settings.dialect, columns)?;
        let mut sample = Sample { guesses: vec![Guess::default(); columns], ..Sample::default() };
        while sample.bytes < limit && cutter.next(BATCH_ROWS)? {
            let (fields, data) = (&cutter.fields, cutter.data());
            let malformed: Vec<_> = fields.malformed().iter().map(|(row, _)| *row).collect();
            for (column, position) in member.positions.iter().enumerate().filter(|(c, _)| guess[*c])
            {
                for (row, field) in fields.column(*position).enumerate() {
                    let text = field.bytes(data);
                    if !nulls.has(field, text) && malformed.binary_search(&row).is_err() {
                        sample.guesses[column].add(text);
                    }
                }
            }
            sample.rows += fields.rows() as u64;
            sample.bytes += fields.end() as u64;
        }
        Ok(sample)
    }

    /// About how many rows there are in `bytes` bytes.
    fn rows_in(&self, bytes: u64) -> Option<u64> {
        let rows = u128::from(bytes) * u128::from(self.rows);
        u64::try_from(rows.checked_div(u128::from(self.bytes))?).ok()
    }
}
