//! Do the columns of a load fit those of the table that is there?

use arrow::datatypes::Schema;

use crate::error::{Error, Result};
use crate::sink::Mode;

/// For each column of `table`, in its order, where it stands in `load`.
///
/// Columns fit when they have the same names and types; their order may differ, and the table's
/// order is kept.
///
/// # Errors
/// [`crate::error::Kind::Drift`] naming every column that differs, with both types.
pub(super) fn order(table: &Schema, load: &Schema, mode: &Mode) -> Result<Vec<usize>> {
    let mut order = Vec::with_capacity(table.fields().len());
    let mut misfits = Vec::new();
    for field in table.fields() {
        match load.fields().find(field.name()) {
            Some((index, found)) if found.data_type().equals_datatype(field.data_type()) => {
                order.push(index);
            }
            Some((_, found)) => misfits.push((
                field.name(),
                format!("{} in the table, {} in the load", field.data_type(), found.data_type()),
            )),
            None => misfits.push((
                field.name(),
                format!("{} in the table, not in the load", field.data_type()),
            )),
        }
    }
    for field in load.fields() {
        if table.fields().find(field.name()).is_none() {
            let what = format!("not in the table, {} in the load", field.data_type());
            misfits.push((field.name(), what));
        }
    }
    if misfits.is_empty() {
        return Ok(order);
    }
    Err(drift(&misfits, mode))
}

fn drift(misfits: &[(&String, String)], mode: &Mode) -> Error {
    let error = Error::drift("the columns of the load do not fit those of the table");
    let error = error.at("mode", mode.name());
    let error = misfits.iter().fold(error, |e, (name, what)| e.at(format!("`{name}`"), what));
    error.hint("change the model, or write the table anew with `mode: replace`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
        Schema::new(columns.iter().map(field).collect::<Vec<_>>())
    }

    #[test]
    fn the_same_columns_in_another_order_fit_in_the_order_of_the_table() {
        let table = schema(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
        let load = schema(&[("b", DataType::Utf8), ("a", DataType::Int64)]);
        assert_eq!(order(&table, &load, &Mode::Append).unwrap(), [1, 0]);
    }

    #[test]
    fn every_column_that_differs_is_named_with_both_types() {
        let table = schema(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
        let load = schema(&[("a", DataType::Utf8), ("c", DataType::Date32)]);
        insta::assert_snapshot!(order(&table, &load, &Mode::Append).unwrap_err().report(), @r"
        error: the columns of the load do not fit those of the table
          mode: append
          `a`:  Int64 in the table, Utf8 in the load
          `b`:  Utf8 in the table, not in the load
          `c`:  not in the table, Date32 in the load

        hint: change the model, or write the table anew with `mode: replace`
        ");
    }
}
