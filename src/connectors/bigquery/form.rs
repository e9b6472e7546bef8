//! How the values of a field go into a column: decided from the types alone, before the first row.

use arrow::datatypes::{DataType, Field, Schema};

use super::field::{BIGNUMERIC, Column, Digits, Kind, Mode, NUMERIC};
use super::options::Choices;
use super::types::{self, item};
use crate::error::{Error, Result};
use crate::ndjson::{self, Form, NullList, Specials, TextLimit};

/// Digits behind the point of a second.
const SECOND_DIGITS: u8 = 6;
/// How deep JSON may be nested in a column of JSON.
const JSON_DEPTH: usize = 500;
/// Digits of any decimal of Arrow.
const ALL_DIGITS: Digits = Digits { integer: 204, fraction: 127 };

/// The columns of lines for `schema`: of each field, the column of `columns` with its name.
///
/// # Errors
/// [`crate::error::Kind::Bug`] where one does not fit: whoever chose the columns has asked.
pub(super) fn lines(
    schema: &Schema,
    columns: &[Column],
    choices: &Choices,
) -> Result<Vec<ndjson::Column>> {
    let line = |field: &Field| {
        let column = columns.iter().find(|column| column.is(field.name()));
        let column = column.and_then(|column| named(field, column, choices));
        column.ok_or_else(|| {
            Error::bug("a column of the load fits none of the table").at("column", field.name())
        })
    };
    schema.fields().iter().map(|field| line(field)).collect()
}

/// The column of a line for `field` in `column`.
fn named(field: &Field, column: &Column, choices: &Choices) -> Option<ndjson::Column> {
    let form = form(field, column, choices)?;
    let required = column.mode == Mode::Required;
    Some(ndjson::Column { name: column.name.clone(), form, required })
}

/// How `field` goes into `column`; `None` when its values are not of that type.
pub(super) fn form(field: &Field, column: &Column, choices: &Choices) -> Option<Form> {
    let form = match (column.mode, item(field.data_type())) {
        (Mode::Repeated, Some(inner)) => Form::List {
            items: Box::new(items(field.data_type(), inner, &column.kind, choices)?),
            null_items: false,
            null_list: choices.null_lists,
        },
        (Mode::Repeated, None) if *field.data_type() == DataType::Null => Form::List {
            items: Box::new(Form::Text { limit: None }),
            null_items: false,
            null_list: NullList::Empty,
        },
        (Mode::Repeated, None) | (_, Some(_)) => return None,
        (_, None) => single(field, field.data_type(), &column.kind, choices)?,
    };
    form.holds(field.data_type()).then_some(form)
}

/// How the items of a list go into a column, or the entries of a map: their fields are known by
/// their places, because not everybody calls them key and value.
fn items(list: &DataType, inner: &Field, to: &Kind, choices: &Choices) -> Option<Form> {
    let (DataType::Map(..), DataType::Struct(fields), Kind::Record(columns)) =
        (plain(list), inner.data_type(), to)
    else {
        return single(inner, inner.data_type(), to, choices);
    };
    let members = fields.iter().zip(["key", "value"]).map(|(field, name)| {
        let column = columns.iter().find(|column| column.is(name))?;
        named(field, column, choices)
    });
    (columns.len() == fields.len()).then_some(())?;
    Some(Form::Record(members.collect::<Option<Vec<_>>>()?))
}

/// How values of `kind` go into a column of one value.
fn single(field: &Field, kind: &DataType, to: &Kind, choices: &Choices) -> Option<Form> {
    let form = match (to, plain(kind)) {
        (Kind::Record(columns), DataType::Struct(fields)) => {
            let filled = |column: &Column| {
                column.mode != Mode::Required || fields.iter().any(|field| column.is(field.name()))
            };
            if !columns.iter().all(filled) {
                return None;
            }
            let member = |field: &Field| {
                let column = columns.iter().find(|column| column.is(field.name()))?;
                named(field, column, choices)
            };
            let members = fields.iter().map(|field| member(field));
            Form::Record(members.collect::<Option<Vec<_>>>()?)
        }
        (to, kind) => leaf(field, kind, to, choices)?,
    };
    form.holds(kind).then_some(form)
}

/// The type of the values of a dictionary, or the type itself.
fn plain(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, value) => plain(value),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        kind => kind,
    }
}

fn leaf(field: &Field, from: &DataType, to: &Kind, choices: &Choices) -> Option<Form> {
    let digits = |digits: Digits| Form::Decimal {
        integer_digits: digits.integer,
        fraction_digits: digits.fraction,
        quoted: true,
    };
    let characters = |length: u64| usize::try_from(length).map(TextLimit::Characters).ok();
    let form = match to {
        // Decimals that have too many digits for any decimal, as their own column has them.
        Kind::String(None) if from.is_decimal() && is_too_long(from) => digits(ALL_DIGITS),
        Kind::String(_) if types::is_uuid(field) && !types::is_text(from) => Form::Uuid,
        Kind::String(length) => Form::Text { limit: length.and_then(characters) },
        Kind::Geography => Form::Text { limit: None },
        Kind::Bytes(length) => {
            Form::Base64 { max_bytes: length.and_then(|length| usize::try_from(length).ok()) }
        }
        Kind::Int64 if from.is_decimal() && scale(from) > 0 => return None,
        Kind::Int64 => Form::Integer { bits: 64, quoted: true },
        Kind::Float64 if from.is_decimal() && !choices.decimals_as_float => return None,
        // Digits that a float does not have are rounded by the server, as was asked for.
        Kind::Float64 if from.is_decimal() => Form::Decimal {
            integer_digits: ALL_DIGITS.integer,
            fraction_digits: ALL_DIGITS.fraction,
            quoted: false,
        },
        Kind::Float64 => Form::Float { bits: 64, specials: Specials::Text },
        Kind::Numeric(given) => digits(given.unwrap_or(NUMERIC)),
        Kind::BigNumeric(given) => digits(given.unwrap_or(BIGNUMERIC)),
        Kind::Bool => Form::Bool,
        Kind::Date => Form::Date,
        Kind::Time => Form::Time { fraction_digits: SECOND_DIGITS },
        Kind::DateTime => Form::DateTime { fraction_digits: SECOND_DIGITS },
        Kind::Timestamp => Form::Timestamp { fraction_digits: SECOND_DIGITS },
        Kind::Json => Form::Json { max_depth: JSON_DEPTH },
        Kind::Record(_) | Kind::Other(_) => return None,
    };
    Some(form)
}

/// Whether a decimal becomes a text in a new table.
fn is_too_long(kind: &DataType) -> bool {
    decimal(kind)
        .is_some_and(|(precision, scale)| !BIGNUMERIC.hold(types::digits(precision, scale)))
}

fn scale(kind: &DataType) -> i8 {
    decimal(kind).map_or(0, |(_, scale)| scale)
}

/// Precision and scale of a decimal.
pub(super) fn decimal(kind: &DataType) -> Option<(u8, i8)> {
    match kind {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}
