//! `row_hash(a, b, …)`: a short text that tells rows apart.
//!
//! BLAKE3 of the [byte forms](super::byte_form) of its arguments, one after the other; the first
//! 16 bytes, as 32 hexadecimal digits.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::byte_form::{self, Column};
use crate::error::Error;
use crate::transform::failure::carried;

/// The function.
pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(RowHash { signature: Signature::variadic_any(Volatility::Immutable) })
}

/// Hexadecimal digits of a hash.
const DIGITS: usize = 32;

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowHash {
    signature: Signature,
}

impl ScalarUDFImpl for RowHash {
    fn name(&self) -> &'static str {
        "row_hash"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("`row_hash` gives a field")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let mut types = arguments.arg_fields.iter().map(|field| field.data_type());
        match types.find(|kind| !byte_form::is_known(kind)) {
            Some(DataType::Union(..)) => Err(carried(
                Error::config("`row_hash` cannot take a value of JSON without a type")
                    .hint("take it as text with `->>`: `row_hash(j ->> 'a')`"),
            )),
            Some(kind) => Err(carried(
                Error::config(format!("`row_hash` cannot take a value of type {kind}"))
                    .hint("turn it into text: `cast(a as varchar)`"),
            )),
            None => Ok(Arc::new(Field::new(self.name(), DataType::Utf8, false))),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays = arguments.args.iter().map(|argument| argument.to_array(rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(Arc::new(hashes(&arrays, rows)?)))
    }
}

/// The hash of each of `rows` rows.
fn hashes(columns: &[ArrayRef], rows: usize) -> Result<StringArray, ArrowError> {
    let columns = columns.iter().map(Column::of).collect::<Result<Vec<_>, _>>()?;
    let mut hashes = StringBuilder::with_capacity(rows, rows * DIGITS);
    let mut form = Vec::new();
    for row in 0..rows {
        form.clear();
        columns.iter().for_each(|column| column.write(row, &mut form));
        let digits = blake3::hash(&form).to_hex();
        hashes.append_value(digits.get(..DIGITS).unwrap_or(&digits));
    }
    Ok(hashes.finish())
}

#[cfg(test)]
mod tests;
