//! What is refused: rows, keys, names, permissions and places.

use std::sync::{Arc, Mutex};

use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::gate::{Fault, When};
use super::*;
use crate::error::Kind;
use crate::source::{Refuse, Refused};

#[derive(Debug, Default)]
struct Keeps(Mutex<Vec<Refused>>);

impl Refuse for Keeps {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

fn moments() -> RecordBatch {
    let year_0 = -62_167_219_200_000_000_i64;
    let at = TimestampMicrosecondArray::from(vec![0, year_0, i64::MAX]).with_timezone("UTC");
    columns(&[("id!", Arc::new(Int64Array::from(vec![1, 2, 3]))), ("at", Arc::new(at))])
}

#[tokio::test]
async fn rows_that_the_table_cannot_hold_are_refused_before_anything_is_sent() {
    let (yard, rows) = (Yard::empty(), moments());
    let load = load_of("l1", Mode::Append, &rows);
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let error = sink.write(&load, part_of("p0", &rows)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert_eq!(error.places()[0], ("place".to_owned(), "p0 row 2".to_owned()));
    assert_eq!(yard.gate.calls("upload"), 0);
    let keeps = Arc::new(Keeps::default());
    // Written twice: the same rows are refused, and the rest is there once.
    for _ in 0..2 {
        let refuse = Arc::clone(&keeps) as Arc<dyn Refuse>;
        let part = Part { refuse, ..part_of("p0", &rows) };
        assert_eq!(sink.write(&load, part).await.unwrap().rows, 1);
    }
    let refused = keeps.0.lock().unwrap();
    let places: Vec<&str> = refused.iter().map(|row| row.place.as_str()).collect();
    assert_eq!(places, ["p0 row 2", "p0 row 3", "p0 row 2", "p0 row 3"]);
}

#[tokio::test]
async fn values_are_refused_by_the_types_of_the_table_that_is_there() {
    let yard = Yard::empty();
    yard.make(&json!([
        { "name": "id", "type": "NUMERIC", "precision": "3", "scale": "0" },
        { "name": "word", "type": "STRING", "maxLength": "3", "mode": "REQUIRED" },
    ]));
    let ids = Int64Array::from(vec![999, 1000, 1, 2]);
    let words = StringArray::from(vec![Some("äöü"), Some("a"), Some("long"), None]);
    let rows = columns(&[("id", Arc::new(ids)), ("word", Arc::new(words))]);
    let load = load_of("l1", Mode::Append, &rows);
    let sink = yard.sink();
    sink.inspect(&load).await.unwrap();
    sink.prepare(&load).await.unwrap();
    let keeps = Arc::new(Keeps::default());
    let part = Part { refuse: Arc::clone(&keeps) as Arc<dyn Refuse>, ..part_of("p0", &rows) };
    let staged = [sink.write(&load, part).await.unwrap()];
    sink.commit(&load, &staged, &high("w")).await.unwrap();
    assert_eq!(yard.gate.rows("d.t"), [json!({ "id": "999", "word": "äöü" })]);
    let refused = keeps.0.lock().unwrap();
    let columns: Vec<_> = refused.iter().filter_map(|row| row.column.as_deref()).collect();
    assert_eq!(columns, ["id", "word", "word"]);
}

#[tokio::test]
async fn keys_that_cannot_be_are_named_before_anything_is_published() {
    for (mode, words, message) in [
        (
            Mode::Merge(vec!["word".into()]),
            ["a", "a"],
            "two rows of the load have the same key, merge on word",
        ),
        (Mode::Merge(vec!["word".into()]), ["", "a"], "a row of the load has no key, but NULL"),
        (
            Mode::DeleteInsert(vec!["word".into()]),
            ["", "a"],
            "a row of the load has no key, but NULL",
        ),
    ] {
        let yard = Yard::new();
        let words = words.map(|word| Some(word).filter(|word| !word.is_empty()));
        let rows = columns(&[
            ("id!", Arc::new(Int64Array::from(vec![3, 4]))),
            ("word", Arc::new(StringArray::from(words.to_vec()))),
        ]);
        let error = yard.load_rows("l1", mode, &rows).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Data, message));
        let key = if message.contains("NULL") { "word=NULL" } else { "word=a" };
        assert!(error.places().contains(&("key".to_owned(), key.to_owned())), "{}", error.report());
        assert_eq!(yard.rows(), "1=old 2=old");
    }
    // Two rows of one key are no harm to those who delete before they insert.
    let yard = Yard::new();
    let mode = Mode::DeleteInsert(vec!["id".to_owned()]);
    yard.load(&load("l1", mode), &[&[(2, "a"), (2, "b")]]).await.unwrap();
    assert_eq!(yard.rows(), "1=old 2=a 2=b");
}

#[tokio::test]
async fn columns_that_no_table_can_have_are_refused_by_the_plan() {
    let yard = Yard::empty();
    let ask = async |fields: Vec<Field>| {
        let load = Load { schema: Arc::new(Schema::new(fields)), ..load("l1", Mode::Append) };
        yard.sink().inspect(&load).await.unwrap_err()
    };
    let int = |name: &str| Field::new(name, DataType::Int64, true);
    for name in ["größe", "a b", "1a", "_PARTITIONTIME", "_table_x", "", &"x".repeat(301)] {
        let error = ask(vec![int(name)]).await;
        assert_eq!(error.kind(), Kind::Unsupported, "{name}");
        assert!(error.advice().unwrap().contains("rename it in a model"), "{name}");
    }
    let error = ask(vec![int("a"), int("A")]).await;
    assert!(error.report().contains("the name is there already"), "{}", error.report());
    let error = ask((0..10_001).map(|n| int(&format!("c{n}"))).collect()).await;
    assert!(error.message().contains("more columns than a table may have"));
    let lists = Field::new_list("l", Field::new_list("item", int("item"), true), true);
    let error = ask(vec![lists]).await;
    assert!(error.report().contains("a list of lists"), "{}", error.report());
    assert_eq!(yard.gate.calls("tables.insert"), 0);
}

#[tokio::test]
async fn a_row_that_is_too_long_is_refused() {
    let yard = Yard::new();
    let texts = StringArray::from(vec!["a".repeat(100 * 1000 * 1000)]);
    let rows = columns(&[("id!", Arc::new(Int64Array::from(vec![3]))), ("word", Arc::new(texts))]);
    let error = yard.load_rows("l1", Mode::Append, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data, "{}", error.message());
    assert_eq!(yard.gate.calls("upload"), 0);
}

#[tokio::test]
async fn what_no_number_has_is_refused_in_a_number() {
    let yard = Yard::empty();
    yard.make(&json!([{ "name": "x", "type": "NUMERIC" }]));
    let rows = columns(&[("x", Arc::new(Float64Array::from(vec![f64::NAN])))]);
    let error = yard.load_rows("l1", Mode::Append, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Drift);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for (permission, role) in [
        ("bigquery.jobs.create", "roles/bigquery.jobUser"),
        ("bigquery.tables.create", "roles/bigquery.dataEditor"),
        ("bigquery.tables.updateData", "roles/bigquery.dataEditor"),
    ] {
        let yard = Yard::new();
        yard.gate.deny(permission);
        let error = yard.load(&load("l1", Mode::Append), PARTS).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{permission}");
        let named = ("missing permission".to_owned(), permission.to_owned());
        assert!(error.places().contains(&named), "{}", error.report());
        assert!(error.advice().unwrap().contains(role), "{}", error.report());
        assert_eq!(yard.rows(), "1=old 2=old");
    }
}

#[tokio::test]
async fn a_dataset_that_is_elsewhere_or_nowhere_is_refused() {
    let ask = async |yard: &Yard| yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
    let error = ask(&Yard::new().option("dataset", "e")).await;
    assert_eq!(error.kind(), Kind::Missing);
    assert!(error.advice().unwrap().contains("bq mk --dataset dhow-tests:e"));
    let error = ask(&Yard::new().option("location", "US")).await;
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(error.message(), "`location` is not where the dataset is");
    let mut yard = Yard::new().option("staging_dataset", "stage");
    yard.gate = yard.gate.with_dataset("stage", "US");
    assert_eq!(ask(&yard).await.message(), "`staging_dataset` is not where the dataset is");
    let yard = Yard::new().option("location", "eu");
    yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap();
}

#[tokio::test]
async fn a_page_of_html_is_no_answer() {
    for (status, kind) in [(200, Kind::Unsupported), (404, Kind::Missing), (502, Kind::Unavailable)]
    {
        let yard = Yard::new();
        yard.gate.order(When::call("datasets.get"), Fault::html(status));
        let error = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {}", error.report());
    }
}
