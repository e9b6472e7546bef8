//! What stands in lines, and what does not.

mod misfits;
mod moments;
mod nested;
mod numbers;
mod properties;
mod texts;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::*;
use crate::error::Kind;

/// The form of a text without a limit.
const TEXT: Form = Form::Text { limit: None };

/// A whole number as BigQuery takes it.
const INTEGER: Form = Form::Integer { bits: 64, quoted: true };

/// A batch of columns `a`, `b`, `c` …
fn batch(arrays: Vec<ArrayRef>) -> RecordBatch {
    let names = ('a'..='z').map(String::from);
    let fields: Vec<_> = names
        .zip(&arrays)
        .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// Columns `a`, `b`, `c` … with these forms.
fn columns(forms: Vec<Form>) -> Vec<Column> {
    let names = ('a'..='z').map(String::from);
    names.zip(forms).map(|(name, form)| Column::new(name, form)).collect()
}

fn lines(batch: &RecordBatch, columns: Vec<Column>) -> Lines {
    Lines::new(&batch.schema(), columns).unwrap()
}

/// The lines of one column `a`, and its misfits as `row column: value: reason`.
fn column(array: impl arrow::array::Array + 'static, form: Form) -> (String, Vec<String>) {
    let batch = batch(vec![Arc::new(array)]);
    written(&mut lines(&batch, columns(vec![form])), &batch)
}

/// The lines of one column `a`, all of which fit.
#[track_caller]
fn values(array: impl arrow::array::Array + 'static, form: Form) -> String {
    let (text, misfits) = column(array, form);
    assert_eq!(misfits, Vec::<String>::new());
    text
}

/// Why the values of a column do not fit; no line of it is written.
#[track_caller]
fn refused(array: impl arrow::array::Array + 'static, form: Form) -> Vec<String> {
    let (text, misfits) = column(array, form);
    assert_eq!(text, "");
    misfits
}

fn written(lines: &mut Lines, batch: &RecordBatch) -> (String, Vec<String>) {
    let mut out = Vec::new();
    let misfits = lines.write(batch, &mut out).unwrap();
    let shown = |misfit: &Misfit| {
        let Misfit { row, column, value, reason, hint } = misfit;
        assert!(hint.is_some(), "{misfit:?}");
        format!("{row} {column}: {value}: {reason}")
    };
    (String::from_utf8(out).unwrap(), misfits.iter().map(shown).collect())
}

fn schema(kind: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("a", kind, true)]))
}

fn strings(texts: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(texts))
}

#[test]
fn columns_stand_in_their_order_and_a_null_is_left_out() {
    let batch = batch(vec![
        strings(vec![None, Some("x"), None]),
        strings(vec![Some("y"), None, None]),
        strings(vec![Some("z"), Some("zz"), None]),
    ]);
    let mut lines = lines(&batch, columns(vec![TEXT; 3]));
    let expected = "{\"b\":\"y\",\"c\":\"z\"}\n{\"a\":\"x\",\"c\":\"zz\"}\n{}\n";
    assert_eq!(written(&mut lines, &batch), (expected.to_owned(), vec![]));
}

#[test]
fn a_null_is_written_where_the_lines_say_so() {
    let batch = batch(vec![strings(vec![None, Some("x")]), strings(vec![None, None])]);
    let mut lines = lines(&batch, columns(vec![TEXT; 2])).with_nulls(Nulls::Write);
    let expected = "{\"a\":null,\"b\":null}\n{\"a\":\"x\",\"b\":null}\n";
    assert_eq!(written(&mut lines, &batch), (expected.to_owned(), vec![]));
}

#[test]
fn names_are_escaped_and_may_be_long() {
    let long = "n".repeat(100);
    for (name, key) in [("a \"b\"\n", r#"a \"b\"\n"#), (&*long, &*long), ("größe", "größe")] {
        let batch = batch(vec![strings(vec![Some("x")])]);
        let mut lines = lines(&batch, vec![Column::new(name, TEXT)]);
        let expected = format!("{{\"{key}\":\"x\"}}\n");
        assert_eq!(written(&mut lines, &batch), (expected, vec![]));
    }
}

#[test]
fn rows_without_columns_are_empty_objects() {
    let options = RecordBatchOptions::new().with_row_count(Some(130));
    let schema = Arc::new(Schema::empty());
    let batch = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
    assert_eq!(written(&mut lines(&batch, vec![]), &batch), ("{}\n".repeat(130), vec![]));
}

#[test]
fn batches_are_appended_to_what_is_there() {
    let batch = batch(vec![strings(vec![Some("x")])]);
    let mut lines = lines(&batch, columns(vec![TEXT]));
    let mut out = b"before\n".to_vec();
    assert_eq!(lines.write(&batch, &mut out).unwrap(), vec![]);
    assert_eq!(lines.write(&batch.slice(0, 0), &mut out).unwrap(), vec![]);
    assert_eq!(lines.write(&batch, &mut out).unwrap(), vec![]);
    assert_eq!(out, b"before\n{\"a\":\"x\"}\n{\"a\":\"x\"}\n");
}

#[test]
fn a_type_that_has_nothing_but_null_goes_with_every_form() {
    let batch = batch(vec![Arc::new(arrow::array::NullArray::new(2)), strings(vec![None; 2])]);
    let forms = vec![Form::Date, TEXT];
    let mut omitting = lines(&batch, columns(forms.clone()));
    assert_eq!(written(&mut omitting, &batch), ("{}\n{}\n".to_owned(), vec![]));
    let mut required = columns(forms);
    required[0].required = true;
    let (text, misfits) = written(&mut lines(&batch, required), &batch);
    assert_eq!(text, "");
    assert_eq!(
        misfits,
        ["0 a: NULL: the column takes no NULL", "1 a: NULL: the column takes no NULL"]
    );
}

#[test]
fn a_form_that_cannot_hold_a_type_is_found_before_any_row() {
    let item = |kind| Arc::new(Field::new_list_field(kind, true));
    let fields = vec![
        Field::new("n", DataType::Int64, true),
        Field::new("d", DataType::Duration(arrow::datatypes::TimeUnit::Second), true),
        Field::new("l", DataType::List(item(DataType::Binary)), true),
    ];
    let items = Box::new(TEXT);
    let list = Form::List { items, null_items: true, null_list: NullList::Keep };
    let columns = columns(vec![INTEGER, TEXT, list]);
    let error = Lines::new(&Schema::new(fields), columns).unwrap_err();
    assert_eq!(error.kind(), Kind::Drift);
    assert_eq!(
        error.places(),
        [
            ("`b`".to_owned(), "Duration(s) in the load, the target takes a text".to_owned()),
            ("`c[]`".to_owned(), "Binary in the load, the target takes a text".to_owned()),
        ]
    );
    let few = Lines::new(&schema(DataType::Int64), vec![]).unwrap_err();
    assert_eq!(few.kind(), Kind::Bug);
}

#[test]
fn a_batch_of_another_schema_is_a_bug() {
    let mut lines = Lines::new(&schema(DataType::Int64), columns(vec![INTEGER])).unwrap();
    let other = batch(vec![strings(vec![Some("1")])]);
    assert_eq!(lines.write(&other, &mut Vec::new()).unwrap_err().kind(), Kind::Bug);
    let more = batch(vec![strings(vec![None]), strings(vec![None])]);
    assert_eq!(lines.write(&more, &mut Vec::new()).unwrap_err().kind(), Kind::Bug);
}
