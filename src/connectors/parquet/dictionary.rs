//! Which columns a dictionary would only cost time: those whose values hardly ever come again.
//!
//! The Parquet writer looks each value of a column up in a dictionary until that has grown too
//! large, and then writes plain pages after all. For TPC-H `lineitem` a fifth of the encoding is
//! spent on dictionaries that are given up; without them the file is 6 % smaller, too.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::row::{RowConverter, Rows, SortField};

/// A column of which fewer rows are there to look at keeps its dictionary. Wide rows come in batches
/// of some hundred; what these few do not say, dictionaries show when they are filled (`chunk/open.rs`).
const SAMPLE_LEAST: usize = 512;

/// The columns of `sample`, the first rows of a file, that are better written without a dictionary.
pub(super) fn useless(sample: &RecordBatch) -> impl Iterator<Item = &str> {
    let schema = sample.schema_ref().fields().iter();
    let columns = schema.zip(sample.columns());
    let useless = columns.filter(|(field, column)| {
        !field.data_type().is_nested() && seldom_repeats(column).unwrap_or(false)
    });
    useless.map(|(field, _)| field.name().as_str())
}

/// Whether values hardly repeat, or are those of a key in its order, each of which comes a few times in
/// a row. `None` for values that cannot be compared.
fn seldom_repeats(column: &ArrayRef) -> Option<bool> {
    if column.len() - column.null_count() < SAMPLE_LEAST {
        return Some(false);
    }
    let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())]).ok()?;
    let rows = converter.convert_columns(std::slice::from_ref(column)).ok()?;
    let distinct = rows.iter().collect::<HashSet<_, ahash::RandomState>>().len();
    let is_key = distinct * 16 > rows.num_rows() && ascends(&rows);
    Some(hardly_repeat(distinct, rows.num_rows()) || is_key)
}

/// Whether nine of ten of some values are new ones.
pub(super) fn hardly_repeat(distinct: usize, values: usize) -> bool {
    distinct * 10 > values * 9
}

fn ascends(rows: &Rows) -> bool {
    rows.iter().zip(rows.iter().skip(1)).all(|(row, next)| row <= next)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn is_useless(column: ArrayRef) -> bool {
        let sample = RecordBatch::try_from_iter([("a", column)]).unwrap();
        useless(&sample).eq(["a"])
    }

    #[test]
    fn a_dictionary_is_kept_for_values_that_come_again() {
        assert!(!is_useless(Arc::new((0..4096).map(|n| n * 7 % 1000).collect::<Int64Array>())));
        let words = (0..4096).map(|n| Some(["rail", "air", "ship"][n % 3]));
        assert!(!is_useless(Arc::new(words.collect::<StringArray>())));
        assert!(!is_useless(Arc::new(Int64Array::from(vec![None::<i64>; 4096]))));
    }

    #[test]
    fn unique_values_and_keys_in_order_need_none() {
        let texts = (0..4096).map(|n| Some(format!("comment {}", n * 7919 % 4096)));
        assert!(is_useless(Arc::new(texts.collect::<StringArray>())));
        assert!(is_useless(Arc::new((0..4096).map(|n| n / 4).collect::<Int64Array>())));
    }

    #[test]
    fn few_rows_say_nothing_and_lists_are_not_looked_at() {
        assert!(!is_useless(Arc::new((0..500).collect::<Int64Array>())));
        let lists = (0..4096).map(|n| Some([Some(n)]));
        assert!(!is_useless(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))));
    }
}
