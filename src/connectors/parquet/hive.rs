//! Hive partitions: the folder of a row, and back from the folder to the value.
//!
//! A folder is called `column=value`, with the characters that Hive escapes written as `%2F`. NULL
//! is `__HIVE_DEFAULT_PARTITION__`. Only types whose text says all of the value can be folders.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};

use crate::error::{Error, Result};

/// How Hive writes NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// The longest name that file systems take, in bytes.
const NAME_BYTES: usize = 255;

/// The value of each partition column as text; `None` is NULL.
pub(super) type Values = Vec<Option<String>>;

/// Divides rows by the partition that they belong to.
#[derive(Debug)]
pub(super) struct Partitions {
    columns: Vec<usize>,
    rest: Vec<usize>,
    converter: RowConverter,
    file_schema: SchemaRef,
}

impl Partitions {
    /// Partitions of rows with `schema` by the columns called `names`.
    ///
    /// # Errors
    /// See [`check`].
    pub(super) fn new(schema: &Schema, names: &[String]) -> Result<Self> {
        check(schema, names)?;
        let columns: Vec<usize> = names.iter().filter_map(|n| schema.index_of(n).ok()).collect();
        let rest: Vec<usize> =
            (0..schema.fields().len()).filter(|index| !columns.contains(index)).collect();
        let sort = |&index: &usize| SortField::new(schema.field(index).data_type().clone());
        let converter = RowConverter::new(columns.iter().map(sort).collect())
            .map_err(|e| Error::bug("partition values cannot be compared").at("arrow", e))?;
        let file_schema = schema
            .project(&rest)
            .map_err(|e| Error::bug("columns cannot be projected").at("arrow", e))?;
        Ok(Partitions { columns, rest, converter, file_schema: Arc::new(file_schema) })
    }

    /// The columns that stand in the files: all but those that are folders.
    pub(super) fn file_schema(&self) -> &SchemaRef {
        &self.file_schema
    }

    /// The rows of `batch` by partition, in order of first appearance, without the partition
    /// columns.
    ///
    /// # Errors
    /// [`crate::error::Kind::Data`] when a value cannot be the name of a folder.
    pub(super) fn divide(&self, batch: &RecordBatch) -> Result<Vec<(Values, RecordBatch)>> {
        let bug = |e| Error::bug("rows cannot be divided by partition").at("arrow", e);
        let rest = batch.project(&self.rest).map_err(bug)?;
        if self.columns.is_empty() {
            return Ok(vec![(Vec::new(), rest)]);
        }
        let keys = batch.project(&self.columns).map_err(bug)?;
        let mut divided = Vec::new();
        for indices in self.groups(keys.columns())? {
            let first = indices.first().copied().unwrap_or(0);
            let values = values(&keys, usize::try_from(first).unwrap_or(0))?;
            let rows = if indices.len() == batch.num_rows() {
                rest.clone()
            } else {
                take_record_batch(&rest, &UInt32Array::from(indices)).map_err(bug)?
            };
            divided.push((values, rows));
        }
        Ok(divided)
    }

    /// Row numbers by partition, in order of first appearance.
    fn groups(&self, keys: &[ArrayRef]) -> Result<Vec<Vec<u32>>> {
        let rows = self
            .converter
            .convert_columns(keys)
            .map_err(|e| Error::bug("partition values cannot be compared").at("arrow", e))?;
        let mut seen = HashMap::new();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for (index, row) in (0u32..).zip(rows.iter()) {
            let group = *seen.entry(row).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(index);
        }
        Ok(groups)
    }
}

/// Whether rows with `schema` can be divided by the columns called `names`.
///
/// # Errors
/// [`crate::error::Kind::Config`] for a column that is not there or has no exact text, or when no
/// column would be left.
pub(super) fn check(schema: &Schema, names: &[String]) -> Result<()> {
    for name in names {
        let Ok(field) = schema.field_with_name(name) else {
            let known: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            return Err(Error::config(format!("there is no column `{name}` to partition by"))
                .hint(crate::config::suggest(name, &known)));
        };
        if !has_exact_text(field.data_type()) {
            return Err(Error::config(format!("`{name}` cannot be a partition column"))
                .at("type", field.data_type())
                .hint("partition by text, whole numbers, dates or booleans; cast in the model"));
        }
    }
    if names.len() >= schema.fields().len() {
        return Err(Error::config("every column is a partition column, so files would be empty")
            .hint("leave at least one column out of `partition_by`"));
    }
    Ok(())
}

fn has_exact_text(kind: &DataType) -> bool {
    kind.is_integer()
        || matches!(
            kind,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Boolean | DataType::Date32
        )
}

/// The folder of a file, such as `day=2026-03-01/country=de/`; empty without partitions.
pub(super) fn folder(names: &[String], values: &[Option<String>]) -> String {
    names.iter().zip(values).map(|(name, value)| segment(name, value.as_deref()) + "/").collect()
}

/// A column of `rows` times the value that `text` stands for.
pub(super) fn constant(text: Option<&str>, kind: &DataType, rows: usize) -> Result<ArrayRef> {
    let one = StringArray::from(vec![text]);
    let value = cast(&one, kind).ok().filter(|value| value.is_null(0) == text.is_none());
    let Some(value) = value else {
        return Err(Error::data("the value of a partition cannot be read back")
            .at("value", text.unwrap_or(NULL))
            .at("type", kind));
    };
    let zeros = UInt32Array::from(vec![0; rows]);
    arrow::compute::take(&value, &zeros, None)
        .map_err(|e| Error::bug("a value cannot be repeated").at("arrow", e))
}

fn values(keys: &RecordBatch, row: usize) -> Result<Values> {
    let mut values = Vec::with_capacity(keys.num_columns());
    for (field, column) in keys.schema_ref().fields().iter().zip(keys.columns()) {
        let one = column.slice(row, 1);
        values.push(text(field.name(), &one).map_err(|e| e.at("column", field.name()))?);
    }
    Ok(values)
}

/// The text of the only value of `one`, if it can be the name of a folder and be read back.
fn text(name: &str, one: &ArrayRef) -> Result<Option<String>> {
    if one.is_null(0) {
        return Ok(None);
    }
    let shown = cast(one, &DataType::Utf8)
        .map_err(|e| Error::bug("a partition value has no text").at("arrow", e))?;
    let text = shown.as_string::<i32>().value(0).to_owned();
    if text == NULL {
        return Err(Error::data(format!("`{NULL}` would be read back as NULL"))
            .hint("replace the value in the model, or do not partition by this column"));
    }
    if segment(name, Some(&text)).len() > NAME_BYTES {
        let start: String = text.chars().take(40).collect();
        return Err(Error::data("a value is too long for the name of a folder")
            .at("value", format!("{start}…"))
            .hint("partition by a shorter column"));
    }
    if constant(Some(&text), one.data_type(), 1)?.as_ref() != one.as_ref() {
        return Err(Error::data("a value changes when it is the name of a folder")
            .at("value", text)
            .hint("do not partition by this column"));
    }
    Ok(Some(text))
}

fn segment(name: &str, value: Option<&str>) -> String {
    format!("{}={}", escaped(name), value.map_or(NULL.to_owned(), escaped))
}

/// `text` with the characters that Hive escapes, as `%` and two hexadecimal digits.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Int32Array};
    use arrow::datatypes::Field;
    use proptest::prelude::*;

    fn batch(words: Vec<Option<&str>>) -> RecordBatch {
        let ids: Vec<i32> = (0..).take(words.len()).collect();
        RecordBatch::try_from_iter([
            ("word", Arc::new(StringArray::from(words)) as ArrayRef),
            ("id", Arc::new(Int32Array::from(ids)) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn rows_are_divided_in_order_of_appearance_without_the_partition_column() {
        let batch = batch(vec![Some("b"), None, Some("b"), Some("")]);
        let partitions = Partitions::new(&batch.schema(), &["word".into()]).unwrap();
        let divided = partitions.divide(&batch).unwrap();
        let found: Vec<(String, Vec<i32>)> = divided
            .iter()
            .map(|(values, rows)| {
                let ids = rows.column(0).as_primitive::<arrow::datatypes::Int32Type>();
                (folder(&["word".into()], values), ids.values().to_vec())
            })
            .collect();
        let expected = [
            ("word=b/".to_owned(), vec![0, 2]),
            ("word=__HIVE_DEFAULT_PARTITION__/".to_owned(), vec![1]),
            ("word=/".to_owned(), vec![3]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_value_that_reads_back_as_another_is_refused() {
        for word in [NULL, &"x".repeat(300)] {
            let batch = batch(vec![Some(word)]);
            let partitions = Partitions::new(&batch.schema(), &["word".into()]).unwrap();
            let error = partitions.divide(&batch).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Data, "{word}");
        }
    }

    #[test]
    fn a_column_without_exact_text_cannot_be_a_folder() {
        let fields =
            vec![Field::new("x", DataType::Float64, true), Field::new("y", DataType::Int64, true)];
        let schema = Schema::new(fields);
        for names in [vec!["x".to_owned()], vec!["z".to_owned()]] {
            assert_eq!(check(&schema, &names).unwrap_err().kind(), crate::error::Kind::Config);
        }
    }

    #[test]
    fn a_date_is_a_folder_that_people_can_read() {
        let day: ArrayRef = Arc::new(Date32Array::from(vec![20_513]));
        let value = text("day", &day).unwrap();
        assert_eq!(folder(&["day".into()], &[value]), "day=2026-03-01/");
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_folder_and_each_has_its_own(a in ".{0,40}", b in ".{0,40}") {
            let of = |value: &str| folder(&["c".to_owned()], &[Some(value.to_owned())]);
            prop_assert_eq!(of(&a).matches('/').count(), 1);
            prop_assert!(of(&a).starts_with("c="));
            prop_assert_eq!(a == b, of(&a) == of(&b));
        }
    }
}
