//! Columns of a load that differ from those of the table, and values that do not fit them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int16Array, Int64Array, StringArray};

use super::sink_tests::{Collect, Yard, columns, hide, high, key, load_of, part_of};
use crate::error::Kind;
use crate::sink::{Load, Mode, Part};

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn words(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Where `n` is an integer and `extra` is missing.
const NARROW: &str =
    "create table t (id bigint primary key, n integer); insert into t values (1, 1)";

fn wide() -> arrow::array::RecordBatch {
    columns(&[("id!", ints(&[2])), ("n", ints(&[1 << 40])), ("extra", words(&["x"]))])
}

#[tokio::test]
async fn the_plan_shows_columns_that_the_table_lacks_and_changes_none_unless_it_may() {
    for mode in [Mode::Append, Mode::Truncate, Mode::Merge(key(&["id"]))] {
        let yard = Yard::new(NARROW);
        let load = load_of("l1", mode.clone(), &wide());
        let target = yard.sink().inspect(&load).await.unwrap();
        let there = target.schema.unwrap();
        let names: Vec<_> = there.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["id", "n"], "{mode}");
        let sink = yard.sink();
        let error = match sink.prepare(&load).await {
            Ok(()) => sink.write(&load, part_of("p0", &wide())).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error.kind(), Kind::Drift | Kind::Missing), "{mode}: {error:?}");
        assert_eq!(yard.shape(), "id bigint, n integer", "{mode}");
        assert_eq!(yard.psql("select count(*) from t"), "1", "{mode}");
    }
}

#[tokio::test]
async fn new_columns_are_added_where_that_is_allowed_and_narrow_ones_made_wider() {
    let fits = columns(&[("id!", ints(&[2])), ("extra", words(&["x"]))]);
    let yard = Yard::new(NARROW).option("on_schema_change", "append_new_columns");
    let notes = yard.load_columns("l1", Mode::Append, &fits).await.unwrap();
    assert!(
        notes.contains(
            &"the table changes: alter table \"public\".\"t\" add column \"extra\" text".to_owned()
        ),
        "{notes:?}"
    );
    assert_eq!(yard.shape(), "id bigint, n integer, extra text");
    assert_eq!(yard.psql("select * from t order by id"), "1|1|\n2||x");

    let yard = Yard::new(NARROW).option("on_schema_change", "widen");
    yard.load_columns("l1", Mode::Merge(key(&["id"])), &wide()).await.unwrap();
    assert_eq!(yard.shape(), "id bigint, n bigint, extra text");
    assert_eq!(yard.psql("select * from t order by id"), "1|1|\n2|1099511627776|x");
}

#[tokio::test]
async fn a_new_table_gets_the_key_of_the_option_and_replace_keeps_giving_it() {
    for mode in [Mode::Append, Mode::Truncate, Mode::Replace, Mode::DeleteInsert(key(&["n"]))] {
        let yard = Yard::new("").option("table_key", "id");
        let rows = columns(&[("id!", ints(&[1, 2])), ("n", ints(&[3, 3]))]);
        yard.load_columns("l1", mode.clone(), &rows).await.unwrap();
        let found = "select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint \
            where conrelid = 't'::regclass and contype = 'p'";
        assert_eq!(yard.psql(found), "t_pkey PRIMARY KEY (id)", "{mode}");
        if mode == Mode::Replace {
            yard.load_columns("l2", mode, &rows).await.unwrap();
            assert_eq!(yard.psql(found), "t_pkey PRIMARY KEY (id)");
        }
    }
    let yard = Yard::new("").option("table_key", "nobody");
    let rows = columns(&[("id!", ints(&[1]))]);
    let error = yard.load_columns("l1", Mode::Append, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
}

#[tokio::test]
async fn a_new_table_for_all_rows_of_another_one_gets_its_key_and_one_that_is_there_keeps_its_own()
{
    let rows = columns(&[("id!", ints(&[1, 2])), ("n!", ints(&[3, 3]))]);
    let keys = "select coalesce(string_agg(conname || ' ' || pg_get_constraintdef(oid), ' '), '') \
        from pg_constraint where conrelid = 't'::regclass and contype = 'p'";
    let loaded = async |yard: &Yard, mode: Mode| {
        let load = Load { source_key: key(&["n", "id"]), ..load_of("l1", mode, &rows) };
        let sink = yard.sink();
        let target = sink.inspect(&load).await.unwrap();
        sink.prepare(&load).await.unwrap();
        let staged = [sink.write(&load, part_of("p0", &rows)).await.unwrap()];
        sink.commit(&load, &staged, &high("w")).await.unwrap();
        let told = target.notes.into_iter().filter(|note| note.contains("primary key"));
        (yard.psql(keys), told.collect::<Vec<_>>().join(" "))
    };
    let told = |key: &str| format!("`public.t` is new: its primary key is ({key})");
    for mode in [Mode::Truncate, Mode::Replace] {
        let both = ("t_pkey PRIMARY KEY (n, id)".to_owned(), told("n, id"));
        assert_eq!(loaded(&Yard::new(""), mode.clone()).await, both, "{mode}");
        let own = ("t_pkey PRIMARY KEY (id)".to_owned(), told("id"));
        assert_eq!(loaded(&Yard::new("").option("table_key", "id"), mode.clone()).await, own);
        let there = Yard::new("create table t (id bigint, n bigint)");
        assert_eq!(loaded(&there, mode).await, (String::new(), String::new()));
    }
    for mode in [Mode::Append, Mode::DeleteInsert(key(&["n"]))] {
        let none = (String::new(), String::new());
        assert_eq!(loaded(&Yard::new(""), mode.clone()).await, none, "{mode}");
    }
    let merged = ("t_pkey PRIMARY KEY (id)".to_owned(), told("id"));
    assert_eq!(loaded(&Yard::new(""), Mode::Merge(key(&["id"]))).await, merged);
}

#[tokio::test]
async fn a_replaced_table_is_kept_when_asked_for() {
    let yard = Yard::new(NARROW).option("replace_keep_old", "true");
    yard.load_columns("l1", Mode::Replace, &wide()).await.unwrap();
    assert_eq!(yard.shape(), "id bigint, n bigint, extra text");
    assert_eq!(yard.psql("select * from t"), "2|1099511627776|x");
    let old = yard.psql(
        "select relname from pg_class where relnamespace = '_dhow'::regnamespace \
         and relkind = 'r' and relname like '%\\_old'",
    );
    assert_eq!(yard.psql(&format!("select * from _dhow.\"{old}\"")), "1|1");
}

#[tokio::test]
async fn replace_changes_columns_unless_somebody_uses_the_table() {
    let yard = Yard::new("create table t (gone text, id bigint primary key, n integer)");
    yard.load_columns("l1", Mode::Replace, &wide()).await.unwrap();
    assert_eq!(yard.shape(), "id bigint, n bigint, extra text");
    yard.psql("create view v as select id from t");
    let other = columns(&[("id!", ints(&[5])), ("n", words(&["five"]))]);
    let load = load_of("l2", Mode::Replace, &other);
    let error = yard.sink().inspect(&load).await.unwrap_err();
    insta::assert_snapshot!(hide(&yard, &error.report()), @r#"
    error: `public.t` cannot get other columns
      used by: view public.v

    hint: drop what depends on it, or keep the columns as they are in a model
    "#);
    assert_eq!(yard.sink().prepare(&load).await.unwrap_err().kind(), Kind::Refused);
    assert_eq!(yard.psql("select * from t"), "2|1099511627776|x");
}

#[tokio::test]
async fn values_that_no_column_keeps_are_refused_and_the_others_are_written() {
    let yard = Yard::new(
        "create type mood as enum ('sad', 'glad'); \
         create domain small as numeric(4, 1) check (value < 100); \
         create table t (id bigint primary key, mood mood, moods mood[], n small, i smallint not null)",
    );
    let n = Decimal128Array::from(vec![15, 20, 10_000, 30]).with_precision_and_scale(4, 1).unwrap();
    let mood = words(&["glad", "angry", "sad", "sad"]);
    let rows = columns(&[
        ("id!", ints(&[1, 2, 3, 4])),
        ("mood", mood),
        ("n", Arc::new(n)),
        ("i", Arc::new(Int16Array::from(vec![Some(1), Some(2), Some(3), None]))),
    ]);
    let load = load_of("l1", Mode::Merge(key(&["id"])), &rows);
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let refused = Arc::new(Collect::default());
    let part = Part { refuse: refused.clone(), ..part_of("p0", &rows) };
    let receipt = sink.write(&load, part).await.unwrap();
    assert_eq!(receipt.rows, 1);
    let mut lines: Vec<_> = refused.0.lock().unwrap().iter().map(|r| r.place.clone()).collect();
    lines.sort();
    assert_eq!(lines, ["p0 row 2, id=2", "p0 row 3, id=3", "p0 row 4, id=4"]);
    sink.commit(&load, &[receipt], &high("w")).await.unwrap();
    assert_eq!(yard.psql("select * from t"), "1|glad||1.5|1");
}

#[tokio::test]
async fn a_constraint_that_only_the_server_knows_stops_the_part_by_name_and_without_its_row() {
    let yard =
        Yard::new("create table t (id bigint, n double precision constraint low check (n < 9))");
    let rows = columns(&[("id!", ints(&[7])), ("n", Arc::new(Float64Array::from(vec![4711.5])))]);
    let error = yard.load_columns("l1", Mode::Append, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let report = error.report();
    assert!(report.contains("low") && !report.contains("4711"), "{report}");
    assert_eq!(yard.psql("select count(*) from t"), "0");
}
