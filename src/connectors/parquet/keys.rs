//! The keys of a load, in memory: which rows of the table they replace, and where they cannot be.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Schema};
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow::util::display::array_value_to_string;

use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};

/// Bytes that a key takes in a hash set beside its own.
const KEY_OVERHEAD: usize = 48;

/// Every key of a load.
#[derive(Debug)]
pub(super) struct Keys {
    names: Vec<String>,
    /// All columns of the key together.
    whole: RowConverter,
    /// Each column by itself, for the smallest and largest value.
    single: Vec<RowConverter>,
    rows: HashSet<Box<[u8]>>,
    ranges: Vec<Option<(OwnedRow, OwnedRow)>>,
    memory: Box<dyn Reservation>,
}

impl Keys {
    /// No keys yet: columns `names` of `schema`.
    pub(super) fn new(names: &[String], schema: &Schema, memory: &dyn Memory) -> Result<Self> {
        let mut kinds = Vec::with_capacity(names.len());
        for name in names {
            let field = schema.field_with_name(name).map_err(bug)?;
            kinds.push(field.data_type().clone());
        }
        let converter = |kinds: &[DataType]| {
            RowConverter::new(kinds.iter().cloned().map(SortField::new).collect()).map_err(bug)
        };
        Ok(Keys {
            names: names.to_owned(),
            whole: converter(&kinds)?,
            single: kinds.chunks(1).map(converter).collect::<Result<_>>()?,
            rows: HashSet::new(),
            ranges: vec![None; names.len()],
            memory: memory.reserve("keys of the load"),
        })
    }

    /// How many different keys there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds the keys in `columns`; with `unique`, none may be there already.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] for a NULL or, with `unique`, a second row with the same key;
    /// [`crate::error::Kind::Limit`] when the keys do not fit in memory.
    pub(super) fn add(&mut self, columns: &[ArrayRef], unique: bool) -> Result<()> {
        for (name, column) in self.names.iter().zip(columns) {
            if column.null_count() > 0 {
                return Err(Error::data(format!("the key column `{name}` is NULL in some rows"))
                    .at("rows", format!("{} of {}", column.null_count(), column.len()))
                    .hint(format!("add `where {name} is not null` to the model")));
            }
        }
        let rows = self.whole.convert_columns(columns).map_err(bug)?;
        let before = self.memory.held();
        let most: usize = rows.iter().map(|row| row.data().len() + KEY_OVERHEAD).sum();
        self.memory.resize(before + most).map_err(|e| {
            Error::limit("the keys of the load do not fit in memory")
                .at("keys so far", self.rows.len())
                .at("memory", e)
                .hint("give more `--memory`, or load in smaller windows")
        })?;
        let mut added = 0;
        for (index, row) in rows.iter().enumerate() {
            if self.rows.insert(row.data().into()) {
                added += row.data().len() + KEY_OVERHEAD;
            } else if unique {
                return Err(self.twice(columns, index));
            }
        }
        // Keys that were there already take no room; giving back cannot fail.
        let _ = self.memory.resize(before + added);
        self.widen(columns)
    }

    /// For each row of `columns`, whether its key is not among the load's.
    pub(super) fn absent(&self, columns: &[ArrayRef]) -> Result<BooleanArray> {
        let rows = self.whole.convert_columns(columns).map_err(bug)?;
        Ok(rows.iter().map(|row| Some(!self.rows.contains(row.data()))).collect())
    }

    /// Whether a row whose key column number `index` lies between `min` and `max` can have a key
    /// of the load; NULL for an unknown end.
    pub(super) fn may_hold(&self, index: usize, min: &ArrayRef, max: &ArrayRef) -> Result<bool> {
        let Some((low, high)) = &self.ranges[index] else { return Ok(false) };
        let lows = self.single[index].convert_columns(std::slice::from_ref(min)).map_err(bug)?;
        let highs = self.single[index].convert_columns(std::slice::from_ref(max)).map_err(bug)?;
        let overlaps = |at: usize| {
            let below = !max.is_null(at) && highs.row(at).cmp(&low.row()) == Ordering::Less;
            let above = !min.is_null(at) && lows.row(at).cmp(&high.row()) == Ordering::Greater;
            !below && !above
        };
        Ok((0..min.len()).any(overlaps))
    }

    fn widen(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for ((converter, range), column) in self.single.iter().zip(&mut self.ranges).zip(columns) {
            let rows = converter.convert_columns(std::slice::from_ref(column)).map_err(bug)?;
            let (Some(low), Some(high)) = (rows.iter().min(), rows.iter().max()) else { continue };
            let (low, high) = (low.owned(), high.owned());
            *range = Some(match range.take() {
                Some((known_low, known_high)) => (known_low.min(low), known_high.max(high)),
                None => (low, high),
            });
        }
        Ok(())
    }

    fn twice(&self, columns: &[ArrayRef], row: usize) -> Error {
        let error = Error::data("two rows of the load have the same key");
        let shown = |column: &ArrayRef| array_value_to_string(column, row).unwrap_or_default();
        let error = self
            .names
            .iter()
            .zip(columns)
            .fold(error, |error, (name, column)| error.at(name, shown(column)));
        error.hint("keep one row per key in the model, or use mode `delete+insert`")
    }
}

fn bug(error: arrow::error::ArrowError) -> Error {
    Error::bug("keys cannot be compared").at("arrow", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::memory::Unlimited;
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::Field;
    use std::sync::Arc;

    fn keys() -> Keys {
        let fields =
            vec![Field::new("id", DataType::Int64, true), Field::new("word", DataType::Utf8, true)];
        Keys::new(&["id".into(), "word".into()], &Schema::new(fields), &Unlimited).unwrap()
    }

    fn columns(ids: Vec<Option<i64>>, words: Vec<&str>) -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from(ids)), Arc::new(StringArray::from(words))]
    }

    #[test]
    fn a_key_is_all_of_its_columns() {
        let mut keys = keys();
        keys.add(&columns(vec![Some(1), Some(2)], vec!["a", "b"]), true).unwrap();
        let rows = columns(vec![Some(1), Some(1), None], vec!["a", "b", "a"]);
        assert_eq!(keys.absent(&rows).unwrap(), BooleanArray::from(vec![false, true, true]));
    }

    #[test]
    fn a_second_row_with_the_same_key_is_named_and_a_null_refused() {
        let mut keys = keys();
        let twice = columns(vec![Some(1), Some(1)], vec!["a", "a"]);
        insta::assert_snapshot!(keys.add(&twice, true).unwrap_err().report(), @r"
        error: two rows of the load have the same key
          id:   1
          word: a

        hint: keep one row per key in the model, or use mode `delete+insert`
        ");
        assert!(keys.add(&twice, false).is_ok());
        let null = columns(vec![None], vec!["a"]);
        assert_eq!(keys.add(&null, false).unwrap_err().kind(), Kind::Data);
    }

    #[test]
    fn a_range_outside_all_keys_cannot_hold_one() {
        let mut keys = keys();
        keys.add(&columns(vec![Some(10), Some(20)], vec!["a", "b"]), true).unwrap();
        let one = |n: Option<i64>| Arc::new(Int64Array::from(vec![n])) as ArrayRef;
        let may = |min, max| keys.may_hold(0, &one(min), &one(max)).unwrap();
        assert!(!may(Some(1), Some(9)) && !may(Some(21), Some(30)) && !may(Some(21), None));
        assert!(may(Some(1), Some(10)) && may(Some(15), Some(16)) && may(None, None));
    }
}
