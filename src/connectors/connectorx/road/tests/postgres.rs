//! Postgres through connectorx.

use std::sync::Arc;

use super::{Kept, batches, carried, error, lines, refused, snapshot};
use crate::connectors::cluster::{Cluster, SHARED};
use crate::error::Kind;
use crate::source::Want;

fn table(sql: &str) -> (&'static Cluster, String, String) {
    let (url, database) = SHARED.url("road");
    SHARED.psql(&database, sql);
    (&SHARED, url, database)
}

#[tokio::test]
async fn every_type_that_is_carried_keeps_its_values() {
    let (_, url, _) = table(
        "create type mood as enum ('sad', 'glad');
         create table t (b bool, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8,
           n numeric(12,2), w numeric(28,10), v varchar(9), c char(3), u uuid, m mood, y bytea,
           d date, ts timestamp, tz timestamptz, e text);
         insert into t values
           (true, -32768, -2147483648, -9223372036854775808, 4294967295, 0.1, 0.1,
            -9999999999.99, 123456789012345678.0123456789, 'ä', 'x',
            '01234567-89AB-cdef-0123-456789abcdef', 'glad', '\\x00ff',
            '0044-03-15 BC', '1969-12-31 23:59:59.999999', '2026-11-21 12:00:00.000001+01', ''),
           (null, null, null, null, null, 'NaN', '-Infinity', null, null, null, null, null, null,
            null, '262142-12-30', '0001-01-01', null, null)",
    );
    assert_eq!(
        lines(&[("url", &url), ("table", "t")]).await.unwrap(),
        [
            "b boolean, i2 smallint, i4 integer, i8 bigint, o UInt32, f4 Float32, f8 double, \
             n decimal(12,2), w decimal(28,10), v text, c text, u text, m text, y Binary, d date, \
             ts timestamp, tz timestamptz, e text",
            "true | -32768 | -2147483648 | -9223372036854775808 | 4294967295 | 0.1 | 0.1 | \
             -9999999999.99 | 123456789012345678.0123456789 | ä | x   | \
             01234567-89ab-cdef-0123-456789abcdef | glad | 00ff | -0043-03-15 | \
             1969-12-31T23:59:59.999999 | 2026-11-21T11:00:00.000001 | ",
            "NULL | NULL | NULL | NULL | NULL | NaN | -inf | NULL | NULL | NULL | NULL | NULL | \
             NULL | NULL | +262142-12-30 | 0001-01-01T00:00:00 | NULL | NULL",
        ]
    );
}

#[tokio::test]
async fn types_that_would_change_are_refused_with_the_reason() {
    let (_, url, _) = table(
        "create type pair as (a int, b int);
         create domain age as int4;
         create table t (ok age, n numeric, s numeric(20,15), l numeric(19,0), j json, k jsonb,
           x xml, i interval, t time, z timetz, a int[], h inet, c cidr, m money, b bit(3),
           p pair, g int4range, r regclass, q point, l2 pg_lsn, v tsvector, ch \"char\")",
    );
    let found = refused(&[("url", &url), ("table", "t")]).await;
    let names: Vec<_> = found.iter().filter_map(|line| line.split_once(" of Postgres: ")).collect();
    let (first, others) = names.split_at(3);
    assert!(first.iter().all(|(_, why)| why.contains("18 digits before the point")), "{first:?}");
    let first: Vec<_> = first.iter().map(|(name, _)| *name).collect();
    assert_eq!(first, ["numeric", "numeric(20,15)", "numeric(19,0)"]);
    let json = "connectorx reads it and writes it again: large numbers lose digits";
    assert_eq!(others[..2], [("json", json), ("jsonb", json)]);
    assert!(others.contains(&("time", "connectorx makes 00:00:00 of 24:00:00")));
    let unknown: Vec<_> =
        others.iter().filter(|(_, why)| why.contains("does not know")).map(|(n, _)| *n).collect();
    assert_eq!(
        unknown,
        [
            "xml",
            "interval",
            "timetz",
            "_int4",
            "inet",
            "cidr",
            "money",
            "bit",
            "pair",
            "int4range",
            "regclass",
            "point",
            "pg_lsn",
            "tsvector",
            "char",
        ]
    );
}

/// What connectorx does with them when nobody stops it: it changes values, or panics.
#[tokio::test]
async fn types_are_refused_because_values_would_change() {
    let (_, url, _) = table("select 1");
    let mut found = Vec::new();
    let made = [
        ("1.123456789012345::numeric(20,15)", "1.1234567890"),
        ("time '24:00'", "00:00:00"),
        ("jsonb '12345678901234567890123'", "1.2345678901234568e+22"),
        ("date 'infinity'", "+262142-12-31"),
        ("9999999999999999999::numeric(19,0)", "error"),
        ("numeric 'NaN'", "error"),
        ("interval '1 day'", "error"),
        ("timetz '10:00+01'", "error"),
        ("xml '<a/>'", "error"),
        ("'{1}'::date[]", "error"),
        ("'{{1,2}}'::int4[]", "error"),
        ("money '1'", "error"),
        ("macaddr '08:00:2b:01:02:03'", "error"),
    ];
    for (sql, _) in made {
        found.push((sql, carried(&url, &format!("select {sql} as a")).await));
    }
    assert_eq!(found, made.map(|(sql, made)| (sql, made.to_owned())));
}

#[tokio::test]
async fn refused_columns_are_read_as_text() {
    let (_, url, _) = table(
        "create table t (n numeric, t time, j jsonb, i interval, z timestamptz, a int[]);
         insert into t values (1e-20, '24:00', '{\"a\": 12345678901234567890123}', '1 mon -2 days',
           '2026-11-21 12:00+01', '{{1,2},{3,4}}')",
    );
    let columns = ("columns", "n, t, j, i, z, a");
    let found = lines(&[("url", &url), ("table", "t"), columns]).await.unwrap();
    assert_eq!(
        found,
        [
            "n text, t text, j text, i text, z text, a text",
            "0.00000000000000000001 | 24:00:00 | {\"a\": 12345678901234567890123} | 1 mon -2 days | \
             2026-11-21 11:00:00+00 | {{1,2},{3,4}}",
        ]
    );
    let query = ("query", "select n, 1 as one from t -- all of it;");
    let found = lines(&[("url", &url), query, ("columns", "n")]).await.unwrap();
    assert_eq!(found, ["n text, one integer", "0.00000000000000000001 | 1"]);
}

#[tokio::test]
async fn infinities_are_refused_row_by_row_and_nothing_else_is() {
    let (_, url, _) = table(
        "create table t (id int, d date, ts timestamp, tz timestamptz);
         insert into t values (1, 'infinity', null, null), (2, '-infinity', 'infinity', null),
           (3, null, '-infinity', null), (4, null, null, 'infinity'), (5, null, null, '-infinity'),
           (6, '262142-12-30', '262142-12-31 23:59:59.999998', '262142-01-01'), (7, null, null, null)",
    );
    let kept = Arc::new(Kept::default());
    let want = Want { refuse: kept.clone(), ..Want::default() };
    let snapshot = snapshot(&[("url", &url), ("table", "t")]).await.unwrap();
    let rows = batches(&snapshot, &want).await.unwrap();
    assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 2);
    let refused = std::mem::take(&mut *kept.0.lock().unwrap());
    let refused: Vec<_> = refused.iter().map(|r| (r.place.as_str(), r.column.as_deref())).collect();
    assert_eq!(
        refused,
        [
            ("t split 000000 row 1", Some("d")),
            ("t split 000000 row 2", Some("d")),
            ("t split 000000 row 3", Some("ts")),
            ("t split 000000 row 4", Some("tz")),
            ("t split 000000 row 5", Some("tz")),
        ]
    );
    let error = error(&[("url", &url), ("table", "t")]).await;
    assert_eq!(error.kind(), Kind::Data);
}

#[tokio::test]
async fn a_value_that_cannot_be_carried_ends_the_load_and_is_not_shown() {
    for (kind, value) in [("numeric(6,2)", "NaN"), ("date", "5874897-12-31")] {
        let (_, url, _) =
            table(&format!("create table t (a {kind}); insert into t values ('{value}')"));
        let error = error(&[("url", &url), ("table", "t")]).await;
        assert_eq!(error.kind(), Kind::Data, "{}", error.report());
        assert!(!error.report().contains(value), "{}", error.report());
    }
}

#[tokio::test]
async fn ranges_read_every_row_once() {
    let (_, url, _) = table(
        "create table t as select nullif(g, 77) as k, g as n from generate_series(1, 1000) g",
    );
    let options = [("url", url.as_str()), ("table", "t"), ("split_by", "k"), ("partitions", "4")];
    let snapshot = snapshot(&options).await.unwrap();
    assert_eq!(snapshot.splits().len(), 4);
    let want = Want { columns: Some(vec![1]), batch_rows: 100, ..Want::default() };
    let rows = batches(&snapshot, &want).await.unwrap();
    assert!(rows.iter().all(|batch| batch.num_rows() <= 100 && batch.num_columns() == 1));
    let mut found: Vec<i32> = rows
        .iter()
        .flat_map(|b| {
            b.column(0).to_data().buffers()[0].typed_data::<i32>()[..b.num_rows()].to_vec()
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, (1..=1000).collect::<Vec<_>>());
    let none = Want { columns: Some(vec![]), ..Want::default() };
    let counted: usize =
        batches(&snapshot, &none).await.unwrap().iter().map(|b| b.num_rows()).sum();
    assert_eq!(counted, 1000);
    let few = Want { limit: Some(3), ..Want::default() };
    let few: usize = batches(&snapshot, &few).await.unwrap().iter().map(|b| b.num_rows()).sum();
    assert_eq!(few, 12);
}

#[tokio::test]
async fn two_openings_are_two_snapshots_and_the_notes_say_why() {
    let (_, url, _) = table("create table t (k int); insert into t values (1), (9)");
    let options = [("url", url.as_str()), ("table", "t")];
    let (one, two) = (snapshot(&options).await.unwrap(), snapshot(&options).await.unwrap());
    assert_ne!(one.id(), two.id());
    assert!(one.notes()[0].contains("nothing is frozen"), "{:?}", one.notes());
    assert!(one.notes()[1].contains("starts over"), "{:?}", one.notes());
    let ranges = [&options[..], &[("split_by", "k"), ("partitions", "2")]].concat();
    let notes = snapshot(&ranges).await.unwrap().notes();
    assert!(notes[0].contains("not one point in time"), "{notes:?}");
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said_without_the_secret() {
    let (server, url, database) =
        table("create table t (a int); create role bob login password 'hunter2!'");
    let missing = error(&[("url", &url), ("table", "nowhere.t")]).await;
    assert_eq!(missing.kind(), Kind::Missing, "{}", missing.report());
    let column = error(&[("url", &url), ("table", "t"), ("columns", "b")]).await;
    assert_eq!(column.message(), "`t` has no column `b`");
    let syntax = error(&[("url", &url), ("query", "selec 1")]).await;
    assert_eq!(syntax.kind(), Kind::Config, "{}", syntax.report());
    let twice = error(&[("url", &url), ("query", "select 1 as a, 2 as a")]).await;
    assert_eq!(twice.message(), "two columns of `query` are called `a`");
    let bob = format!("postgres://bob:hunter2%21@127.0.0.1:{}/{database}", server.port);
    let denied = error(&[("url", &bob), ("table", "t")]).await;
    assert_eq!(denied.kind(), Kind::Denied, "{}", denied.report());
    let nobody = "postgres://bob:hunter2%21@127.0.0.1:1/none";
    let gone = error(&[("url", nobody), ("table", "t")]).await;
    assert_eq!(gone.kind(), Kind::Unavailable, "{}", gone.report());
    for error in [denied, gone] {
        assert!(!error.report().contains("hunter2"), "{}", error.report());
    }
}

#[tokio::test]
async fn a_read_that_nobody_wants_any_more_ends_at_the_server_too() {
    let (server, url, database) = table("select 1");
    let endless = "select generate_series(1, 1000000000) as g";
    let want = Want { limit: Some(5), batch_rows: 10, ..Want::default() };
    let snapshot = snapshot(&[("url", &url), ("query", endless)]).await.unwrap();
    let rows = batches(&snapshot, &want).await.unwrap();
    assert_eq!(rows.iter().map(|b| b.num_rows()).sum::<usize>(), 5);
    assert!(nobody_reads(server, &database));
    // One that waits for its first row is not waited for either.
    let waiting = "select pg_sleep(3600)::text as a";
    let snapshot = super::snapshot(&[("url", &url), ("query", waiting)]).await.unwrap();
    let rows = snapshot.read(&snapshot.splits()[0], &Want::default()).await.unwrap();
    while nobody_reads_now(server, &database) {
        tokio::task::yield_now().await;
    }
    drop(rows);
    assert!(nobody_reads(server, &database));
}

fn nobody_reads_now(server: &Cluster, database: &str) -> bool {
    let sessions = "select count(*) from pg_stat_activity where application_name like 'dhow %'
                    and state = 'active' and datname = current_database()";
    server.psql(database, sessions) == "0"
}

/// Waits until the last session of the road is gone, which is the last sign of a read.
fn nobody_reads(server: &Cluster, database: &str) -> bool {
    (0..10_000).any(|_| nobody_reads_now(server, database))
}
