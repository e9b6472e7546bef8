//! SQLite through connectorx.

use super::{carried, error, lines, refused};
use crate::error::Kind;

/// A database with what `sql` makes, and its URL.
fn database(sql: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b#ü.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let url = format!("sqlite://{}", path.display()).replace('#', "%23");
    (dir, url)
}

#[tokio::test]
async fn every_type_that_is_carried_keeps_its_values() {
    let (dir, url) = database(
        "create table t (i integer, b bigint, n int4, r real, s varchar(9), x blob, d date);
         insert into t values (-9223372036854775808, 1, 2, 0.1, 'ä', x'00ff', '2026-11-21');
         insert into t values (null, null, null, 1e300, '', null, null);",
    );
    let found = lines(&[("url", &url), ("table", "t")]).await.unwrap();
    assert_eq!(
        found,
        [
            "i bigint, b bigint, n bigint, r double, s text, x Binary, d date",
            "-9223372036854775808 | 1 | 2 | 0.1 | ä | 00ff | 2026-11-21",
            "NULL | NULL | NULL | 1e300 |  | NULL | NULL",
        ]
    );
    let query = ("query", "select count(*) as n, max(s) as s from t");
    assert_eq!(lines(&[("url", &url), query]).await.unwrap(), ["n bigint, s text", "2 | ä"]);
    // Nothing is written beside it.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn types_that_would_change_are_refused_with_the_reason() {
    let (_dir, url) = database(
        "create table t (f bool, at datetime, n decimal(9,2), j json, z);
         insert into t values (2, '2026-11-21 10:00:00.1234567', 1.5, '{}', null)",
    );
    let found = refused(&[("url", &url), ("query", "select *, 1.5 as e, null as u from t")]).await;
    let unknown = "connectorx does not know the type, or changes its values";
    assert_eq!(
        found,
        [
            "bool of SQLite: connectorx makes `true` of every number but 0".to_owned(),
            "datetime of SQLite: connectorx cuts a second after six digits".to_owned(),
            format!("decimal(9,2) of SQLite: {unknown}"),
            format!("json of SQLite: {unknown}"),
            format!("expression that is NULL in the first row of SQLite: {unknown}"),
            "real expression of SQLite: connectorx rounds large integers among them".to_owned(),
            format!("expression that is NULL in the first row of SQLite: {unknown}"),
        ]
    );
    // What connectorx does when nobody stops it.
    assert_eq!(carried(&url, "select f from t").await, "true");
    assert_eq!(carried(&url, "select at from t").await, "2026-11-21T10:00:00.123456");
    let large = "select 0.5 as a union all select 9007199254740993";
    assert_eq!(carried(&url, large).await, "0.5, 9007199254740992.0");
    let query = ("query", "select f, at, n, j from t");
    let found = lines(&[("url", &url), query, ("columns", "f, at, n, j")]).await.unwrap();
    assert_eq!(found[1], "2 | 2026-11-21 10:00:00.1234567 | 1.5 | {}");
    let first = error(&[("url", &url), ("table", "t"), ("columns", "f, at, n, j, z")]).await;
    assert_eq!(first.kind(), Kind::Unsupported, "{}", first.report());
}

#[tokio::test]
async fn a_value_of_another_class_ends_the_load_and_is_not_shown() {
    for (kind, value) in
        [("integer", "'hunter2'"), ("date", "'hunter2'"), ("int4", "5000000000"), ("text", "x'ff'")]
    {
        let (_dir, url) =
            database(&format!("create table t (a {kind}); insert into t values ({value})"));
        let error = error(&[("url", &url), ("table", "t")]).await;
        assert_eq!(error.kind(), Kind::Data, "{kind} {}", error.report());
        assert!(!error.report().contains("hunter2"), "{}", error.report());
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_and_not_made() {
    let (dir, url) = database("create table t (a int)");
    let missing = error(&[("url", &url), ("table", "u")]).await;
    assert_eq!(missing.kind(), Kind::Missing, "{}", missing.report());
    let nowhere = format!("sqlite://{}/none.db", dir.path().display());
    let missing = error(&[("url", &nowhere), ("table", "t")]).await;
    assert_eq!(missing.kind(), Kind::Missing, "{}", missing.report());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
