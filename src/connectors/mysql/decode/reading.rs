//! How each type of the server arrives: decided once for a column, before the first row.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field};

use crate::connectors::mysql::wire::Column;
use crate::error::Result;

/// How a column arrives: decided once, before the first row.
#[derive(Debug, Clone)]
pub(in crate::connectors::mysql) struct Reading {
    /// The column in Arrow, its source type and comment in the metadata.
    pub field: Field,
}

/// What is done with values that have no place in Arrow's types.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::connectors::mysql) struct Policies {
    /// `0000-00-00`, and dates without a month or a day.
    pub zero_dates: ZeroDates,
    /// Whether `tinyint(1)` is read as a boolean.
    pub tinyint1_is_boolean: bool,
    /// Types that the author wants instead, by column; text is exact for every type.
    pub columns: BTreeMap<String, DataType>,
}

/// What is done with `0000-00-00`, and with dates without a month or a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum ZeroDates {
    /// The row is refused.
    #[default]
    Reject,
    /// The value becomes NULL.
    Null,
    /// The read ends with an error, also where rows may be refused.
    Fail,
}

/// How `column` arrives.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type without values that can be read, and
/// [`crate::error::Kind::Config`] for a type under `columns` that would not hold the values
/// exactly.
pub(in crate::connectors::mysql) fn reading(
    column: &Column,
    policies: &Policies,
) -> Result<Reading> {
    let _ = policies;
    Ok(Reading { field: Field::new(&column.name, DataType::Utf8, column.nullable) })
}

impl Reading {
    /// What to write into the list of a SELECT for this column; `quoted` is its name in backticks.
    pub(in crate::connectors::mysql) fn select(&self, quoted: &str) -> String {
        quoted.to_owned()
    }
}
