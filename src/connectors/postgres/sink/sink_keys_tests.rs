//! Modes with a key: which rows they change, and loads whose keys are no keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::sink_tests::{PARTS, Row, Yard, columns, hide, key, load};
use crate::error::Kind;
use crate::sink::Mode;

fn merge() -> Mode {
    Mode::Merge(key(&["id"]))
}

const TWO: &str = "create table t (id bigint primary key, word text); \
    insert into t values (1, 'one'), (2, 'two')";

#[tokio::test]
async fn a_key_that_occurs_twice_stops_a_merge_and_is_named() {
    let yard = Yard::new(TWO);
    let parts: &[&[Row]] = &[&[(2, "a"), (7, "b")], &[(7, "c")]];
    let error = yard.load(&load("l1", merge()), parts).await.unwrap_err();
    insta::assert_snapshot!(hide(&yard, &error.report()), @r#"
    error: two rows of the load have the same key
      id:     7
      rows:   2

    hint: keep one row per key in the model, or use mode `delete+insert`
    "#);
    assert_eq!(yard.rows(), "1=one 2=two");
}

#[tokio::test]
async fn a_key_without_a_value_stops_merge_and_delete_insert() {
    let rows = columns(&[
        ("id!", Arc::new(Int64Array::from(vec![1, 5])) as ArrayRef),
        ("word", Arc::new(StringArray::from(vec![None, Some("x")]))),
    ]);
    for mode in [Mode::Merge(key(&["id", "word"])), Mode::DeleteInsert(key(&["word"]))] {
        let yard = Yard::new(
            "create table t (id bigint, word text, unique (id, word)); insert into t values (1, 'one')",
        );
        let error = yard.load_columns("l1", mode.clone(), &rows).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{mode}");
        assert_eq!(error.message(), "the key column `word` is NULL in some rows", "{mode}");
        assert_eq!(yard.rows(), "1=one", "{mode}");
    }
}

#[tokio::test]
async fn merge_touches_only_rows_that_differ() {
    let yard = Yard::new(TWO);
    let before = yard.psql("select xmin from t where id = 2");
    let parts: &[&[Row]] = &[&[(1, "other"), (2, "two")], &[(3, "three")]];
    yard.load(&load("l1", merge()), parts).await.unwrap();
    assert_eq!(yard.rows(), "1=other 2=two 3=three");
    assert_eq!(yard.psql("select xmin from t where id = 2"), before);
    assert_ne!(yard.psql("select xmin from t where id = 1"), before);
}

#[tokio::test]
async fn merge_keeps_columns_that_the_load_does_not_have() {
    let yard = Yard::new(
        "create table t (mine text default 'd', id bigint primary key, word text); \
         insert into t values ('kept', 2, 'old')",
    );
    yard.load(&load("l1", merge()), PARTS).await.unwrap();
    assert_eq!(yard.psql("select * from t order by id"), "kept|2|new\nd|3|new\nd|4|new");
}

#[tokio::test]
async fn merge_needs_a_unique_key_and_the_plan_says_so() {
    let yard = Yard::new("create table t (id bigint, word text)");
    let error = yard.sink().inspect(&load("l1", merge())).await.unwrap_err();
    insta::assert_snapshot!(hide(&yard, &error.report()), @r#"
    error: `public.t` has no unique key over id

    hint: merge needs one: create unique index on public.t (id); or use mode `delete+insert`
    "#);
}

#[tokio::test]
async fn delete_insert_replaces_whole_slices_and_leaves_the_others() {
    let yard = Yard::new(
        "create table t (day bigint, word text); \
         insert into t values (1, 'a'), (1, 'b'), (2, 'c'), (null, 'd')",
    );
    let rows = |days: Vec<i64>, words: Vec<&'static str>| -> RecordBatch {
        columns(&[
            ("day!", Arc::new(Int64Array::from(days)) as ArrayRef),
            ("word", Arc::new(StringArray::from(words))),
        ])
    };
    let slices = rows(vec![1, 3, 3], vec!["x", "y", "y"]);
    let mode = Mode::DeleteInsert(key(&["day"]));
    yard.load_columns("l1", mode.clone(), &slices).await.unwrap();
    let found =
        || yard.psql("select string_agg(coalesce(day, 0) || word, ' ' order by day, word) from t");
    assert_eq!(found(), "1x 2c 3y 3y 0d");
    yard.load_columns("l2", mode, &rows(vec![], vec![])).await.unwrap();
    assert_eq!(found(), "1x 2c 3y 3y 0d");
}
