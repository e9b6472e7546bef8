//! Tables whose columns are not those of the load.

use std::sync::Arc;

use arrow::array::{BooleanArray, Decimal128Array, Int64Array, StringArray};

use super::*;
use crate::error::{Error, Kind};

fn words() -> RecordBatch {
    let words = StringArray::from(vec![Some("new"), None]);
    columns(&[("id!", Arc::new(Int64Array::from(vec![3, 4]))), ("word", Arc::new(words))])
}

/// [`words`] with one column more.
fn more() -> RecordBatch {
    let flags = BooleanArray::from(vec![Some(true), None]);
    let words = words();
    columns(&[
        ("id!", words.column(0).clone()),
        ("word", words.column(1).clone()),
        ("flag", Arc::new(flags)),
    ])
}

/// `id` as decimals.
fn wider() -> RecordBatch {
    let ids = Decimal128Array::from(vec![Some(350), None]).with_precision_and_scale(12, 2).unwrap();
    columns(&[("id", Arc::new(ids)), ("word", words().column(1).clone())])
}

async fn refused(yard: &Yard, mode: Mode, rows: &RecordBatch) -> Error {
    let before = (yard.rows(), yard.gate.columns("d.t"));
    let error = yard.load_rows("l1", mode, rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Drift, "{}", error.report());
    assert_eq!((yard.rows(), yard.gate.columns("d.t")), before);
    error
}

#[tokio::test]
async fn a_load_that_does_not_fit_is_refused_with_both_schemas() {
    let yard = Yard::new();
    for mode in [Mode::Append, Mode::Truncate, Mode::Merge(vec!["id".into()])] {
        let error = refused(&yard, mode.clone(), &more()).await;
        let places: Vec<_> =
            error.places().iter().map(|(what, said)| format!("{what}: {said}")).collect();
        assert_eq!(
            places[..3],
            [
                "`flag`: not in the table",
                "load: id Int64 not NULL, word Utf8, flag Boolean",
                "table: id INT64 REQUIRED, word STRING",
            ]
        );
        refused(&yard, mode, &wider()).await;
    }
    let lacking = words().project(&[0]).unwrap();
    let error = refused(&yard, Mode::Append, &lacking).await;
    assert!(error.report().contains("`word`: not in the load"), "{}", error.report());
}

#[tokio::test]
async fn new_columns_are_added_where_that_is_asked_for() {
    for mode in [Mode::Append, Mode::Truncate, Mode::Merge(vec!["id".into()])] {
        let yard = Yard::new().option("on_schema_change", "append_new_columns");
        let notes = yard.load_rows("l1", mode.clone(), &more()).await.unwrap();
        assert!(
            notes.contains(&"the table changes: column `flag` is added".to_owned()),
            "{notes:?}"
        );
        assert_eq!(
            yard.gate.columns("d.t"),
            ["id INTEGER NOT NULL", "word STRING", "flag BOOLEAN"],
            "{mode}"
        );
        let rows = yard.gate.rows("d.t");
        assert_eq!(rows.last().unwrap(), &json!({ "id": 4, "word": null, "flag": null }));
        refused(&yard, mode, &wider()).await;
    }
}

#[tokio::test]
async fn narrow_columns_are_made_wider_where_that_is_asked_for() {
    let yard = Yard::new().option("on_schema_change", "widen");
    let notes = yard.load_rows("l1", Mode::Append, &wider()).await.unwrap();
    let said = |text: &str| notes.contains(&text.to_owned());
    assert!(said("the table changes: column `id` becomes NUMERIC"), "{notes:?}");
    assert!(said("the table changes: column `id` may be NULL"), "{notes:?}");
    assert_eq!(yard.gate.columns("d.t"), ["id NUMERIC", "word STRING"]);
    let ids: Vec<Value> = yard.gate.rows("d.t").iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, [Value::Null, "1".into(), "2".into(), "3.5".into()]);
    // A text is no number, however wide.
    let texts = columns(&[("id", words().column(1).clone()), ("word", words().column(1).clone())]);
    refused(&yard, Mode::Append, &texts).await;
}

#[tokio::test]
async fn replace_takes_columns_away_only_where_that_is_allowed() {
    let yard = Yard::new();
    // More columns are no harm.
    yard.load_rows("l1", Mode::Replace, &more()).await.unwrap();
    assert_eq!(yard.gate.columns("d.t"), ["id INTEGER NOT NULL", "word STRING", "flag BOOLEAN"]);
    let error = yard.load_rows("l2", Mode::Replace, &words()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Drift);
    let told = error.report();
    assert!(told.contains("`flag`: BOOL becomes no longer there"), "{told}");
    assert!(told.contains("allow_table_recreation: true"), "{told}");
    assert_eq!(yard.gate.rows("d.t").len(), 2);
    let yard = yard.option("allow_table_recreation", "true");
    yard.load_rows("l3", Mode::Replace, &words()).await.unwrap();
    assert_eq!(yard.gate.columns("d.t"), ["id INTEGER NOT NULL", "word STRING"]);
}

#[tokio::test]
async fn truncate_keeps_the_table_as_it_is_but_for_its_rows() {
    let yard = Yard::empty();
    let fields = json!([
        { "name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "who" },
        { "name": "word", "type": "STRING", "defaultValueExpression": "'none'" },
        { "name": "day", "type": "DATE" },
    ]);
    yard.gate.make_table("d.t", &json!({
        "schema": { "fields": fields }, "description": "what it is", "labels": { "team": "sales" },
        "timePartitioning": { "type": "MONTH", "field": "day" },
        "clustering": { "fields": ["word"] },
    }));
    let before = yard.gate.table("d.t").unwrap();
    let day = arrow::array::Date32Array::from(vec![Some(20_000), None]);
    let rows = columns(&[
        ("id!", words().column(0).clone()),
        ("word", words().column(1).clone()),
        ("day", Arc::new(day)),
    ]);
    for (id, mode) in [("l1", Mode::Append), ("l2", Mode::Truncate), ("l3", Mode::Replace)] {
        yard.load_rows(id, mode.clone(), &rows).await.unwrap();
        let table = yard.gate.table("d.t").unwrap();
        for key in ["description", "labels", "timePartitioning", "clustering"] {
            assert_eq!(table[key], before[key], "{mode} {key}");
        }
        if mode != Mode::Replace {
            assert_eq!(table["schema"], before["schema"], "{mode}");
        }
        // No default took the place of NULL.
        assert_eq!(yard.gate.rows("d.t").last().unwrap()["word"], Value::Null, "{mode}");
    }
}

#[tokio::test]
async fn a_table_is_not_partitioned_anew() {
    let yard = Yard::new().option("partition_by", "at");
    let at = arrow::array::TimestampMicrosecondArray::from(vec![Some(1), None]);
    let rows = columns(&[("id!", words().column(0).clone()), ("at", Arc::new(at))]);
    let yard = yard.option("allow_table_recreation", "true");
    let error = refused(&yard, Mode::Replace, &rows).await;
    assert!(error.message().contains("partitioned otherwise"), "{}", error.report());
}

#[tokio::test]
async fn a_view_and_a_table_that_is_not_to_be_made_are_refused() {
    let yard = Yard::empty().option("create_table", "false");
    let error = yard.load_rows("l1", Mode::Append, &words()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Missing);
    assert_eq!(error.message(), "there is no table `dhow-tests.d.t`");
    assert_eq!(yard.gate.tables("d"), Vec::<String>::new());
}
