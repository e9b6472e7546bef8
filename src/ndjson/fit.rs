//! Which types of Arrow a form holds, and what is said where it does not.

use arrow::datatypes::{DataType, Schema};

use super::form::{Column, Form};
use crate::error::{Error, Result};

const HINT: &str = "cast the columns in the model to types that the target holds";

impl Form {
    /// Whether each value of the type `kind` either fits this form or is found as a misfit: what
    /// [`Lines::new`](super::Lines::new) asks of a column.
    pub fn holds(&self, kind: &DataType) -> bool {
        let mut found = Vec::new();
        look(self, kind, "", &mut found);
        found.is_empty()
    }

    /// The form in words.
    fn words(&self) -> String {
        match self {
            Form::Bool => "a boolean".to_owned(),
            Form::Integer { bits, .. } => format!("an integer of {bits} bits"),
            Form::Decimal { integer_digits, fraction_digits, .. } => {
                format!(
                    "a decimal of {integer_digits} digits before and {fraction_digits} after the point"
                )
            }
            Form::Float { bits, .. } => format!("a float of {bits} bits"),
            Form::Text { .. } => "a text".to_owned(),
            Form::Uuid => "a UUID".to_owned(),
            Form::Json { .. } => "JSON in a text".to_owned(),
            Form::Base64 { .. } | Form::Hex { .. } => "bytes".to_owned(),
            Form::Date => "a date".to_owned(),
            Form::Time { .. } => "a time of day".to_owned(),
            Form::DateTime { .. } => "a timestamp without a zone".to_owned(),
            Form::UtcDateTime { .. } | Form::Timestamp { .. } => {
                "a timestamp with a zone".to_owned()
            }
            Form::List { .. } => "a list".to_owned(),
            Form::Record(columns) => format!("a struct of {} fields", columns.len()),
            Form::Map { .. } => "a map with keys that are texts or numbers".to_owned(),
        }
    }

    /// Whether it can be the key of a map.
    fn is_key(&self) -> bool {
        !matches!(
            self,
            Form::Float { .. }
                | Form::Json { .. }
                | Form::List { .. }
                | Form::Record(_)
                | Form::Map { .. }
        )
    }
}

/// Asks of each column whether it holds its field.
///
/// # Errors
/// [`crate::error::Kind::Drift`] that names all columns that do not.
pub(super) fn check(schema: &Schema, columns: &[Column]) -> Result<()> {
    if schema.fields().len() != columns.len() {
        return Err(Error::bug("lines need a column for each field"));
    }
    let mut found = Vec::new();
    for (field, column) in schema.fields().iter().zip(columns) {
        look(&column.form, field.data_type(), &column.name, &mut found);
    }
    if found.is_empty() {
        return Ok(());
    }
    let error = Error::drift("the columns of the load do not fit those of the target").hint(HINT);
    Err(found.into_iter().fold(error, |error, (path, what)| error.at(format!("`{path}`"), what)))
}

/// Takes note of each part of a column that its form does not hold.
fn look(form: &Form, kind: &DataType, path: &str, found: &mut Vec<(String, String)>) {
    use DataType as D;
    let fits = match (form, kind) {
        (_, D::Null) => true,
        (_, D::Dictionary(_, of)) => return look(form, of, path, found),
        (_, D::RunEndEncoded(_, of)) => return look(form, of.data_type(), path, found),
        (Form::List { items, .. }, kind) => match item(kind) {
            Some(of) => return look(items, of, &format!("{path}[]"), found),
            None => false,
        },
        (Form::Record(columns), D::Struct(fields)) if columns.len() == fields.len() => {
            for (column, field) in columns.iter().zip(fields) {
                let path = format!("{path}.{}", column.name);
                look(&column.form, field.data_type(), &path, found);
            }
            true
        }
        (Form::Map { keys, values, .. }, D::Map(entries, _)) if keys.is_key() => {
            let D::Struct(fields) = entries.data_type() else { return };
            for (form, field) in [keys, values].into_iter().zip(fields) {
                look(form, field.data_type(), &format!("{path}.{}", field.name()), found);
            }
            true
        }
        (form, kind) => is_leaf(form, kind),
    };
    if !fits {
        found.push((
            path.to_owned(),
            format!("{kind} in the load, the target takes {}", form.words()),
        ));
    }
}

/// The type of a list's items.
fn item(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::FixedSizeList(of, _)
        | DataType::ListView(of)
        | DataType::LargeListView(of)
        | DataType::Map(of, _) => Some(of.data_type()),
        _ => None,
    }
}

/// Whether values without parts fit.
fn is_leaf(form: &Form, kind: &DataType) -> bool {
    use DataType as D;
    match form {
        Form::Bool => *kind == D::Boolean,
        Form::Integer { bits, .. } => {
            matches!(bits, 8 | 16 | 32 | 64 | 128) && (kind.is_integer() || kind.is_decimal())
        }
        Form::Decimal { .. } => kind.is_integer() || kind.is_decimal(),
        Form::Float { bits, .. } => {
            matches!(bits, 32 | 64) && (kind.is_integer() || kind.is_floating())
        }
        Form::Text { .. } | Form::Json { .. } => {
            matches!(kind, D::Utf8 | D::LargeUtf8 | D::Utf8View)
        }
        Form::Uuid => *kind == D::FixedSizeBinary(16),
        Form::Base64 { .. } | Form::Hex { .. } => {
            matches!(kind, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_))
        }
        Form::Date => matches!(kind, D::Date32 | D::Date64),
        Form::Time { .. } => matches!(kind, D::Time32(_) | D::Time64(_)),
        Form::DateTime { .. } => matches!(kind, D::Timestamp(_, None)),
        Form::UtcDateTime { .. } | Form::Timestamp { .. } => {
            matches!(kind, D::Timestamp(_, Some(_)))
        }
        Form::List { .. } | Form::Record(_) | Form::Map { .. } => false,
    }
}
