//! The columns that a new table gets, from Arrow's types and those of the source.

use arrow::datatypes::{DataType, Field, Fields, Schema};

use super::field::{BIGNUMERIC, Column, Digits, Kind, Mode, NUMERIC, same_name};
use super::form;
use super::options::Choices;
use crate::error::{Error, Result};

/// Where a field says of which type it was at its source, such as `postgres:jsonb`.
const SOURCE_TYPE: &str = "dhow.source_type";
/// Where a field says what people say of it.
const COMMENT: &str = "dhow.comment";
/// The longest description of a column, in characters.
const DESCRIPTION_CHARS: usize = 1024;
/// Columns that a table may have, those in records as well.
const COLUMNS: usize = 10_000;
/// The longest name of a column.
const NAME_CHARS: usize = 300;
/// What names of columns must not begin with, in any case.
const RESERVED: [&str; 6] =
    ["_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"];

/// The columns of a new table for `schema`.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] that names every column that cannot be one.
pub(super) fn columns(schema: &Schema, choices: &Choices) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    let mut troubles = Vec::new();
    for (name, _) in &choices.columns {
        if schema.fields().iter().all(|field| !same_name(field.name(), name)) {
            return Err(Error::config(format!("`columns` names `{name}`, which the load lacks")));
        }
    }
    for field in schema.fields() {
        match column(field, choices) {
            Ok(column) if columns.iter().any(|other| other.is(&column.name)) => {
                let hint = "rename it in a model: case does not tell columns apart";
                troubles.push((field, "the name is there already".to_owned(), hint));
            }
            Ok(column) => columns.push(column),
            Err((what, hint)) => troubles.push((field, what, hint)),
        }
    }
    if let Some((_, _, hint)) = troubles.first() {
        let error = Error::unsupported("BigQuery has no column for what the load has").hint(*hint);
        return Err(troubles.iter().fold(error, |error, (field, what, _)| {
            error.at(format!("`{}`", field.name().escape_debug()), what)
        }));
    }
    let count: usize = columns.iter().map(Column::count).sum();
    if count > COLUMNS {
        return Err(Error::unsupported("the load has more columns than a table may have")
            .at("columns", count)
            .at("most", COLUMNS)
            .hint("leave some out in a model, or put them together as JSON"));
    }
    Ok(columns)
}

/// What is wrong with a field, and what to do about it.
type Trouble = (String, &'static str);

/// The column for one field.
pub(super) fn column(field: &Field, choices: &Choices) -> Result<Column, Trouble> {
    check_name(field.name())?;
    let given = choices.columns.iter().find(|(name, _)| same_name(name, field.name()));
    let mut column = match given {
        None => of_type(field, field.data_type(), choices)?,
        Some((_, given)) => {
            let mut column = Column { name: field.name().clone(), ..given.clone() };
            if item(field.data_type()).is_some() {
                column.mode = Mode::Repeated;
            }
            if form::form(field, &column, choices).is_none() {
                let what = format!("{} cannot become {}", field.data_type(), column.shown());
                return Err((what, "correct `columns`, or convert the column in a model"));
            }
            column
        }
    };
    if column.mode == Mode::Nullable && !field.is_nullable() {
        column.mode = Mode::Required;
    }
    column.description = field.metadata().get(COMMENT).map(|comment| described(comment));
    Ok(column)
}

/// Descriptions are for people; one that is too long ends early.
fn described(comment: &str) -> String {
    if comment.chars().count() <= DESCRIPTION_CHARS {
        return comment.to_owned();
    }
    comment.chars().take(DESCRIPTION_CHARS - 1).chain(['…']).collect()
}

fn check_name(name: &str) -> Result<(), Trouble> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > NAME_CHARS || !name.chars().all(fits) {
        let hint = "rename it in a model: up to 300 letters, digits and `_`";
        return Err(("the name has other characters, or too many".to_owned(), hint));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(("the name begins with a digit".to_owned(), "rename it in a model"));
    }
    let upper = name.to_ascii_uppercase();
    if let Some(reserved) = RESERVED.iter().find(|reserved| upper.starts_with(*reserved)) {
        let what = format!("names that begin with `{reserved}` belong to BigQuery");
        return Err((what, "rename it in a model"));
    }
    Ok(())
}

/// The column for values of `kind`, with the name of `field`.
fn of_type(field: &Field, kind: &DataType, choices: &Choices) -> Result<Column, Trouble> {
    if let Some(inner) = item(kind) {
        if item(inner.data_type()).is_some() {
            let hint = "write it as JSON in the model, or as a list of structs with a list in each";
            return Err(("a list of lists, which BigQuery does not have".to_owned(), hint));
        }
        let column = match (kind, inner.data_type()) {
            (DataType::Map(..), DataType::Struct(fields)) => entries(field, fields, choices)?,
            (_, of) => of_type(inner, of, choices)?,
        };
        return Ok(Column { name: field.name().clone(), mode: Mode::Repeated, ..column });
    }
    let kind = match kind {
        DataType::Dictionary(_, value) => return of_type(field, value, choices),
        DataType::RunEndEncoded(_, values) => return of_type(field, values.data_type(), choices),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|inner| {
                column(inner, choices)
                    .map_err(|(what, hint)| (format!("{}: {what}", inner.name()), hint))
            });
            Kind::Record(fields.collect::<Result<_, _>>()?)
        }
        kind => leaf(field, kind, choices)?,
    };
    Ok(Column::new(field.name().clone(), kind, Mode::Nullable))
}

/// The record of a map's entries: `key` and `value`.
fn entries(field: &Field, fields: &Fields, choices: &Choices) -> Result<Column, Trouble> {
    let named = fields.iter().zip(["key", "value"]);
    let columns = named.map(|(inner, name)| column(&(**inner).clone().with_name(name), choices));
    let columns = columns.collect::<Result<_, _>>()?;
    Ok(Column::new(field.name().clone(), Kind::Record(columns), Mode::Repeated))
}

/// The field of a list's items, or of a map's entries.
pub(super) fn item(kind: &DataType) -> Option<&Field> {
    match kind {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => Some(item),
        DataType::Dictionary(_, value) => self::item(value),
        DataType::RunEndEncoded(_, values) => self::item(values.data_type()),
        _ => None,
    }
}

/// The type for values without parts.
fn leaf(field: &Field, kind: &DataType, choices: &Choices) -> Result<Kind, Trouble> {
    let kind = match kind {
        DataType::Boolean => Kind::Bool,
        DataType::UInt64 => Kind::Numeric(Some(Digits { integer: 20, fraction: 0 })),
        kind if kind.is_integer() => Kind::Int64,
        kind if kind.is_floating() => Kind::Float64,
        kind if kind.is_decimal() && choices.decimals_as_float => Kind::Float64,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => decimal(*precision, *scale),
        kind if is_text(kind) && is_json(field) => Kind::Json,
        kind if is_text(kind) || *kind == DataType::Null => Kind::String(None),
        DataType::FixedSizeBinary(16) if is_uuid(field) => Kind::String(None),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Kind::Bytes(None),
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Timestamp(_, None) => Kind::DateTime,
        DataType::Timestamp(_, Some(_)) => Kind::Timestamp,
        other => {
            let hint = "convert it in a model, for instance to text";
            return Err((format!("{other}, which BigQuery does not have"), hint));
        }
    };
    Ok(kind)
}

/// The narrowest decimal that has all digits; a text where none has.
fn decimal(precision: u8, scale: i8) -> Kind {
    let digits = digits(precision, scale);
    // A type with parameters has a digit before the point at least.
    let digits = Digits { integer: digits.integer.max(1), ..digits };
    if NUMERIC.hold(digits) {
        Kind::Numeric(Some(digits))
    } else if BIGNUMERIC.hold(digits) {
        Kind::BigNumeric(Some(digits))
    } else {
        Kind::String(None)
    }
}

/// The digits before and behind the point of a decimal of Arrow, whose scale may be negative.
pub(super) fn digits(precision: u8, scale: i8) -> Digits {
    match u8::try_from(scale) {
        Ok(fraction) => Digits { integer: precision.saturating_sub(fraction), fraction },
        Err(_) => Digits { integer: precision.saturating_add(scale.unsigned_abs()), fraction: 0 },
    }
}

/// Whether values are texts.
pub(super) fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether the source says that its texts are JSON.
fn is_json(field: &Field) -> bool {
    let source = field.metadata().get(SOURCE_TYPE).and_then(|text| text.split_once(':'));
    let is_extension = field.extension_type_name() == Some("arrow.json");
    is_extension || source.is_some_and(|(_, kind)| matches!(kind, "json" | "jsonb" | "JSON"))
}

/// Whether sixteen bytes are a UUID.
pub(super) fn is_uuid(field: &Field) -> bool {
    let is_source = field.metadata().get(SOURCE_TYPE).is_some_and(|text| text.ends_with(":uuid"));
    is_source || field.extension_type_name() == Some("arrow.uuid")
}
