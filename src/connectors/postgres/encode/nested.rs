//! Structs, maps and lists into `json` and `jsonb`: objects and arrays, each value exactly.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;

use super::bad::Bad;
use super::cells::{Cells, Gather};
use crate::error::{Error, Result};
use crate::ndjson::{Column, Form, Lines, NullList, Nulls, Specials};
use crate::sink::Misfit;

/// The key under which a value stands in its line.
const KEY: &str = "v";

/// What stands before a value in its line, and after it.
const BEFORE: &[u8] = b"{\"v\":";
const AFTER: &[u8] = b"}";

/// Whether `kind` has parts, and all of them have a form in JSON.
pub(super) fn fits(kind: &DataType) -> bool {
    is_nested(kind) && form(kind).is_some()
}

/// Whether `kind` has parts.
pub(super) fn is_nested(kind: &DataType) -> bool {
    kind.is_nested() && !matches!(kind, DataType::Union(..) | DataType::RunEndEncoded(..))
}

/// The JSON texts of the values of `array`.
pub(super) fn encode(array: &ArrayRef, bad: &mut Bad) -> Result<Cells> {
    let Some(form) = form(array.data_type()) else {
        return Err(Error::bug("a column has a type without a form in JSON"));
    };
    let schema = Schema::new(vec![Field::new(KEY, array.data_type().clone(), true)]);
    let mut lines = Lines::new(&schema, vec![Column::new(KEY, form)])?.with_nulls(Nulls::Write);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![array.clone()])
        .map_err(|error| Error::bug("a column is no batch of its own").at("arrow", error))?;
    let mut text = Vec::new();
    let misfits = lines.write(&batch, &mut text)?;
    let cells = cells(array, &text, &misfits)?;
    for misfit in misfits {
        bad.note(misfit.row, misfit.value.as_bytes(), misfit.reason, Some(HINT));
    }
    Ok(cells)
}

const HINT: &str = "mend or leave out this part in the model";

/// The values in `lines`, which has one for each row that is no misfit.
fn cells(array: &ArrayRef, lines: &[u8], misfits: &[Misfit]) -> Result<Cells> {
    let left_out: BTreeSet<_> = misfits.iter().map(|misfit| misfit.row).collect();
    let mut lines = lines.split(|byte| *byte == b'\n');
    let mut values = Gather::with_capacity(array.len(), 0);
    for row in 0..array.len() {
        if !left_out.contains(&row) {
            let line = lines.next().unwrap_or_default();
            let value = line.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
            let value = value.ok_or_else(|| Error::bug("a value is missing in its line"))?;
            values.bytes.extend_from_slice(value);
        }
        values.end();
    }
    Ok(values.finish(array.nulls()))
}

/// How a value of this type is written; `None` for bytes and spans of time, which have no form that
/// everybody reads, and for structs in which a name stands twice.
fn form(kind: &DataType) -> Option<Form> {
    use DataType as D;
    Some(match kind {
        D::Dictionary(_, inner) => form(inner)?,
        D::Null | D::Utf8 | D::LargeUtf8 | D::Utf8View => Form::Text { limit: None },
        D::Boolean => Form::Bool,
        D::Float16 | D::Float32 => Form::Float { bits: 32, specials: Specials::Refuse },
        D::Float64 => Form::Float { bits: 64, specials: Specials::Refuse },
        D::Date32 | D::Date64 => Form::Date,
        D::Time32(unit) | D::Time64(unit) => Form::Time { fraction_digits: digits(*unit) },
        D::Timestamp(unit, None) => Form::DateTime { fraction_digits: digits(*unit) },
        D::Timestamp(unit, Some(_)) => Form::Timestamp { fraction_digits: digits(*unit) },
        D::List(item)
        | D::LargeList(item)
        | D::FixedSizeList(item, _)
        | D::ListView(item)
        | D::LargeListView(item) => Form::List {
            items: Box::new(form(item.data_type())?),
            null_items: true,
            null_list: NullList::Keep,
        },
        D::Struct(fields) => Form::Record(members(fields.iter().map(AsRef::as_ref))?),
        D::Map(entries, _) => map(entries.data_type())?,
        kind if kind.is_integer() => Form::Integer { bits: 128, quoted: false },
        kind if kind.is_decimal() => {
            Form::Decimal { integer_digits: 76, fraction_digits: 76, quoted: false }
        }
        _ => return None,
    })
}

/// Digits after the point of a second.
fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// The members of an object.
fn members<'a>(fields: impl Iterator<Item = &'a Field>) -> Option<Vec<Column>> {
    let mut names = BTreeSet::new();
    fields
        .map(|field| {
            let is_new = names.insert(field.name());
            Some(Column::new(field.name(), form(field.data_type()).filter(|_| is_new)?))
        })
        .collect()
}

fn map(entries: &DataType) -> Option<Form> {
    let DataType::Struct(fields) = entries else { return None };
    let [keys, values] = fields.as_ref() else { return None };
    Some(Form::Map {
        keys: Box::new(form(keys.data_type()).filter(|_| !is_nested(keys.data_type()))?),
        values: Box::new(form(values.data_type())?),
        null_values: true,
        null_map: NullList::Keep,
    })
}
