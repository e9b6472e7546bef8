//! Text in and out of functions.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::error::Error;

/// A result that is text or NULL.
pub(super) fn nullable_text(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8, true))
}

/// The argument at `index` as a column of plain text.
pub(super) fn column(arguments: &ScalarFunctionArgs, index: usize) -> Result<ArrayRef> {
    let Some(argument) = arguments.args.get(index) else {
        return internal_err!("an argument is missing");
    };
    Ok(cast(&argument.to_array(arguments.number_rows)?, &DataType::Utf8)?)
}

/// The text of the argument at `index`, which must be the same for all rows; `what` it is.
///
/// # Errors
/// [`crate::error::Kind::Config`] when it is not.
pub(super) fn constant(
    arguments: &ScalarFunctionArgs,
    index: usize,
    what: &str,
) -> Result<String, Error> {
    match arguments.args.get(index) {
        Some(ColumnarValue::Scalar(value)) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
    .ok_or_else(|| {
        Error::config(format!("{what} must be the same text for every row"))
            .hint("write it in quotes, or as a parameter: `{name}`")
    })
}
