//! Builds one Arrow column, value by value, and can take the last values back.
//!
//! Arrow's own builders cannot be cut back to the beginning of a row that turned out to be broken;
//! these are plain vectors, so that they can.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray,
    StructArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;

use super::cursor::Cursor;
use super::moment;
use super::object::{Object, Unknown};
use super::shape::{Shape, Zone, fields};
use super::trouble::{Parsed, Trouble};

/// A column that is being built.
#[derive(Debug)]
pub(super) struct Column {
    valid: Vec<bool>,
    cells: Cells,
}

/// The values so far; one for each row, also where it is NULL.
#[derive(Debug)]
enum Cells {
    Unwanted,
    Boolean(Vec<bool>),
    Whole { values: Vec<i64>, low: i64, high: i64, kind: DataType },
    Double(Vec<f64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8 },
    Text { letters: Letters, takes: Takes },
    Moment { values: Vec<i64>, read: fn(&str) -> Result<i64, &'static str>, kind: DataType },
    Object { object: Object, members: Vec<(String, Shape)> },
    List { ends: Vec<i32>, item: Box<Column>, kind: DataType },
}

/// What a column of text takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Strings,
    Numbers,
    Scalars,
    Anything,
}

/// Texts, one after the other.
#[derive(Debug)]
struct Letters {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Letters {
    fn close(&mut self) -> Parsed<()> {
        // A batch is closed long before; see `table::BATCH_BYTES_MAX`.
        let end = i32::try_from(self.bytes.len())
            .map_err(|_| Trouble::new("a batch of text is larger than 2 GiB"))?;
        self.ends.push(end);
        Ok(())
    }
}

impl Column {
    /// A column of `shape` without values.
    pub(super) fn new(shape: &Shape, unknown: Unknown) -> Self {
        Column { valid: Vec::new(), cells: Cells::of(shape, unknown) }
    }

    /// A column that steps over its values and has none.
    pub(super) fn unwanted() -> Self {
        Column { valid: Vec::new(), cells: Cells::Unwanted }
    }

    /// Takes the value at the cursor, which stands `depth` levels deep.
    #[inline]
    pub(super) fn append(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<()> {
        let Some(first) = cursor.token() else { return Err(cursor.broken("a value")) };
        if matches!(self.cells, Cells::Unwanted) {
            return cursor.skip(depth).map(drop);
        }
        if first == b'n' {
            cursor.word("null")?;
            self.append_null();
            return Ok(());
        }
        self.cells.append(cursor, first, depth)?;
        self.valid.push(true);
        Ok(())
    }

    /// Takes a NULL.
    pub(super) fn append_null(&mut self) {
        match &mut self.cells {
            Cells::Unwanted => return,
            Cells::Boolean(values) => values.push(false),
            Cells::Whole { values, .. } | Cells::Moment { values, .. } => values.push(0),
            Cells::Double(values) => values.push(0.0),
            Cells::Decimal { values, .. } => values.push(0),
            Cells::Text { letters: Letters { ends, .. }, .. } | Cells::List { ends, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
            }
            Cells::Object { object, .. } => object.append_null(),
        }
        self.valid.push(false);
    }

    /// Takes back everything after the first `rows` values.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        let last = |ends: &[i32]| {
            let end = rows.checked_sub(1).and_then(|row| ends.get(row)).copied().unwrap_or(0);
            usize::try_from(end).unwrap_or(0)
        };
        match &mut self.cells {
            Cells::Unwanted => {}
            Cells::Boolean(values) => values.truncate(rows),
            Cells::Whole { values, .. } | Cells::Moment { values, .. } => values.truncate(rows),
            Cells::Double(values) => values.truncate(rows),
            Cells::Decimal { values, .. } => values.truncate(rows),
            Cells::Text { letters, .. } => {
                letters.ends.truncate(rows);
                letters.bytes.truncate(last(&letters.ends));
            }
            Cells::Object { object, .. } => object.truncate(rows),
            Cells::List { ends, item, .. } => {
                ends.truncate(rows);
                item.truncate(last(ends));
            }
        }
    }

    /// How many values there are.
    fn len(&self) -> usize {
        self.valid.len()
    }

    /// The values so far as an array; the column is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let valid = taken(&mut self.valid);
        let rows = valid.len();
        let has_null = valid.contains(&false);
        let nulls = has_null.then(|| NullBuffer::from(BooleanBuffer::from(valid)));
        self.cells.finish(rows, nulls)
    }
}

impl Cells {
    fn of(shape: &Shape, unknown: Unknown) -> Self {
        let text =
            |takes| Cells::Text { letters: Letters { bytes: Vec::new(), ends: Vec::new() }, takes };
        let moment = |read, kind| Cells::Moment { values: Vec::new(), read, kind };
        match shape {
            Shape::Boolean => Cells::Boolean(Vec::new()),
            Shape::Whole(kind) => {
                let (low, high) = match kind {
                    DataType::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
                    DataType::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
                    _ => (i64::MIN, i64::MAX),
                };
                Cells::Whole { values: Vec::new(), low, high, kind: kind.clone() }
            }
            Shape::Double => Cells::Double(Vec::new()),
            Shape::Decimal(precision, scale) => {
                Cells::Decimal { values: Vec::new(), precision: *precision, scale: *scale }
            }
            Shape::Text => text(Takes::Strings),
            Shape::Digits => text(Takes::Numbers),
            Shape::Written => text(Takes::Scalars),
            Shape::Json => text(Takes::Anything),
            Shape::Date => moment(moment::date, shape.data_type()),
            Shape::Time => moment(moment::time, shape.data_type()),
            Shape::Moment(Zone::Absent) => {
                moment(|text| moment::moment(text, Zone::Absent), shape.data_type())
            }
            Shape::Moment(Zone::Named) => {
                moment(|text| moment::moment(text, Zone::Named), shape.data_type())
            }
            Shape::Object(members) => Cells::Object {
                object: Object::new(members, unknown, |_| true),
                members: members.clone(),
            },
            Shape::List(item) => Cells::List {
                ends: Vec::new(),
                item: Box::new(Column::new(item, unknown)),
                kind: item.data_type(),
            },
        }
    }

    /// Takes the value at the cursor, which begins with `first` and is not null.
    #[inline]
    fn append(&mut self, cursor: &mut Cursor<'_>, first: u8, depth: usize) -> Parsed<()> {
        let is_number = matches!(first, b'-' | b'0'..=b'9');
        match self {
            Cells::Whole { values, low, high, .. } if is_number => {
                values.push(cursor.number()?.to_whole(*low, *high)?);
            }
            Cells::Double(values) if is_number => values.push(cursor.number()?.to_double()?),
            Cells::Decimal { values, precision, scale } if is_number => {
                values.push(cursor.number()?.to_decimal(*precision, *scale)?);
            }
            Cells::Text { letters, takes } => {
                text(letters, *takes, cursor, first, depth)?;
            }
            Cells::Moment { values, read, .. } if first == b'"' => {
                values.push(moment_at(cursor, *read)?);
            }
            Cells::Boolean(values) if matches!(first, b't' | b'f') => {
                cursor.word(if first == b't' { "true" } else { "false" })?;
                values.push(first == b't');
            }
            Cells::Object { object, .. } if first == b'{' => {
                object.append(cursor, cursor.deeper(depth)?)?;
            }
            Cells::List { ends, item, .. } if first == b'[' => {
                list(item, cursor, cursor.deeper(depth)?)?;
                let end = i32::try_from(item.len())
                    .map_err(|_| Trouble::new("a batch of lists has more than 2^31 items"))?;
                ends.push(end);
            }
            Cells::Unwanted => {}
            _ => return Err(cursor.misfit(self.wanted(), depth)),
        }
        Ok(())
    }

    /// What the column holds, for messages.
    fn wanted(&self) -> &'static str {
        match self {
            Cells::Unwanted => "nothing",
            Cells::Boolean(_) => "true and false",
            Cells::Whole { .. } => "whole numbers",
            Cells::Double(_) => "numbers",
            Cells::Decimal { .. } => "decimal numbers",
            Cells::Text { takes: Takes::Strings, .. } => "strings",
            Cells::Text { takes: Takes::Numbers, .. } => "numbers, as text",
            Cells::Text { takes: Takes::Scalars, .. } => "strings, numbers and booleans",
            Cells::Text { takes: Takes::Anything, .. } => "JSON",
            Cells::Moment { kind: DataType::Date32, .. } => "dates",
            Cells::Moment { kind: DataType::Time64(_), .. } => "times of day",
            Cells::Moment { .. } => "timestamps",
            Cells::Object { .. } => "objects",
            Cells::List { .. } => "lists",
        }
    }

    fn finish(&mut self, rows: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Cells::Unwanted => return Err(ArrowError::ComputeError("unwanted column".to_owned())),
            Cells::Boolean(values) => Arc::new(BooleanArray::new(taken(values).into(), nulls)),
            Cells::Whole { values, kind, .. } | Cells::Moment { values, kind, .. } => {
                typed(Int64Array::try_new(taken(values).into(), nulls)?, kind)?
            }
            Cells::Double(values) => Arc::new(Float64Array::try_new(taken(values).into(), nulls)?),
            Cells::Decimal { values, precision, scale } => {
                let scale = i8::try_from(*scale).unwrap_or(i8::MAX);
                let array = Decimal128Array::try_new(taken(values).into(), nulls)?;
                Arc::new(array.with_precision_and_scale(*precision, scale)?)
            }
            Cells::Text { letters, .. } => {
                let bytes = Buffer::from_vec(taken(&mut letters.bytes));
                Arc::new(StringArray::try_new(offsets(taken(&mut letters.ends)), bytes, nulls)?)
            }
            Cells::Object { object, members } => {
                let columns = object.finish()?;
                Arc::new(StructArray::try_new_with_length(fields(members), columns, nulls, rows)?)
            }
            Cells::List { ends, item, kind } => {
                let field = Arc::new(Field::new_list_field(kind.clone(), true));
                Arc::new(ListArray::try_new(field, offsets(taken(ends)), item.finish()?, nulls)?)
            }
        })
    }
}

/// The values, leaving room for as many: the next batch is most likely as long.
fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room)
}

fn text(
    letters: &mut Letters,
    takes: Takes,
    cursor: &mut Cursor<'_>,
    first: u8,
    depth: usize,
) -> Parsed<()> {
    match (first, takes) {
        (b'"', Takes::Strings | Takes::Scalars) => cursor.string()?.append_to(&mut letters.bytes),
        (b'-' | b'0'..=b'9', Takes::Numbers | Takes::Scalars)
        | (b't' | b'f', Takes::Scalars)
        | (_, Takes::Anything) => {
            letters.bytes.extend_from_slice(cursor.skip(depth)?.as_bytes());
        }
        (_, Takes::Strings) => return Err(cursor.misfit("strings", depth)),
        (_, Takes::Numbers) => return Err(cursor.misfit("numbers, as text", depth)),
        (_, Takes::Scalars) => return Err(cursor.misfit("strings, numbers and booleans", depth)),
    }
    letters.close()
}

fn moment_at(cursor: &mut Cursor<'_>, read: fn(&str) -> Result<i64, &'static str>) -> Parsed<i64> {
    let quoted = cursor.string()?;
    let value = match quoted.escaped {
        false => read(quoted.raw),
        true => read(&quoted.to_text()),
    };
    value.map_err(|reason| {
        Trouble::new(reason)
            .value(quoted.raw.as_bytes())
            .hint("declare the column as `text` under `columns`, and convert it in a model")
    })
}

fn list(item: &mut Column, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<()> {
    cursor.step();
    let mut index = 0;
    while cursor.more(b']', index == 0)? {
        item.append(cursor, depth).map_err(|trouble| trouble.inside(index))?;
        index += 1;
    }
    Ok(())
}

/// The offsets of pieces that end at `ends`.
fn offsets(mut ends: Vec<i32>) -> OffsetBuffer<i32> {
    ends.insert(0, 0);
    OffsetBuffer::new(ScalarBuffer::from(ends))
}

/// `values` as the type that they were checked for.
fn typed(values: Int64Array, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    match kind {
        DataType::Int64 => Ok(Arc::new(values)),
        DataType::Date32 => {
            cast_with_options(&cast_with_options(&values, &DataType::Int32, &exact)?, kind, &exact)
        }
        DataType::Timestamp(unit, zone) => {
            let bare = DataType::Timestamp(*unit, None);
            let array = cast_with_options(&values, &bare, &exact)?;
            debug_assert_eq!(*unit, TimeUnit::Microsecond);
            match zone {
                None => Ok(array),
                Some(_) => cast_with_options(&values, kind, &exact),
            }
        }
        _ => cast_with_options(&values, kind, &exact),
    }
}
