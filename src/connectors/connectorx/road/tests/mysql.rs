//! MariaDB through connectorx.

use super::{batches, carried, error, lines, refused, snapshot};
use crate::connectors::mariadb::SHARED;
use crate::error::Kind;
use crate::source::Want;

fn table(sql: &str) -> (String, String) {
    let (url, database) = SHARED.url("road");
    SHARED.sql(&database, sql);
    (url, database)
}

#[tokio::test]
async fn every_type_that_is_carried_keeps_its_values() {
    let (url, _) = table(
        "create table t (t1 tinyint, u1 tinyint unsigned, i2 smallint, u2 smallint unsigned,
           i3 mediumint, u3 mediumint unsigned, i4 int, u4 int unsigned, i8 bigint,
           u8 bigint unsigned, f float, d double, n decimal(12,2), w decimal(28,10),
           c char(3), v varchar(9), l text character set latin1, e enum('a','b'), s set('a','b'),
           y year, b bit(3), vb varbinary(4), da date, dt datetime(6), ts timestamp(6) null);
         set time_zone = '+05:00';
         insert into t values (-128, 255, -32768, 65535, -8388608, 16777215, -2147483648,
           4294967295, -9223372036854775808, 18446744073709551615, 0.1, 0.1, -9999999999.99,
           123456789012345678.0123456789, 'x', 'ä😀', 'ä', 'b', 'a,b', 1901, b'101', x'00ff',
           '9999-12-31', '1000-01-01 00:00:00.000001', '2026-11-21 12:00:00.000001');
         insert into t () values ()",
    );
    assert_eq!(
        lines(&[("url", &url), ("table", "t")]).await.unwrap(),
        [
            "t1 Int8, u1 UInt8, i2 smallint, u2 UInt16, i3 integer, u3 UInt32, i4 integer, \
             u4 UInt32, i8 bigint, u8 UInt64, f Float32, d double, n decimal(12,2), \
             w decimal(28,10), c text, v text, l text, e text, s text, y smallint, b Binary, \
             vb Binary, da date, dt timestamp, ts timestamptz",
            "-128 | 255 | -32768 | 65535 | -8388608 | 16777215 | -2147483648 | 4294967295 | \
             -9223372036854775808 | 18446744073709551615 | 0.1 | 0.1 | -9999999999.99 | \
             123456789012345678.0123456789 | x | ä😀 | ä | b | a,b | 1901 | 05 | 00ff | \
             9999-12-31 | 1000-01-01T00:00:00.000001 | 2026-11-21T07:00:00.000001",
            &["NULL"; 25].join(" | "),
        ]
    );
}

#[tokio::test]
async fn types_that_would_change_are_refused_with_the_reason() {
    let (url, _) = table(
        "create table t (d decimal(65,30), l decimal(19,0), t time, g geometry, p point, j json,
           u decimal(10,2) unsigned);
         insert into t values (1e-30, 1, '-838:59:59', null, null, '{\"a\": 1}', 1.25)",
    );
    let found = refused(&[("url", &url), ("table", "t")]).await;
    let names: Vec<_> = found.iter().filter_map(|line| line.split_once(" of MySQL: ")).collect();
    let types: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(types, ["decimal(65,30)", "decimal(19,0)", "time", "geometry", "geometry"]);
    assert!(names[0].1.contains("18 digits before the point"), "{names:?}");
    assert!(names[2].1.contains("24 hours"), "{names:?}");
    // What connectorx does when nobody stops it.
    let mut found = Vec::new();
    let made = [
        ("cast(1.123456789012345 as decimal(20,15))", "1.1234567890"),
        ("cast(9999999999999999999 as decimal(19,0))", "error"),
        ("time '-01:00:00'", "error"),
        ("time '25:00:00'", "error"),
        ("point(1, 2)", "error"),
    ];
    for (sql, _) in made {
        found.push((sql, carried(&url, &format!("select {sql} as a")).await));
    }
    assert_eq!(found, made.map(|(sql, made)| (sql, made.to_owned())));
    let query = ("query", "select d, l, t, j, u from t");
    let found = lines(&[("url", &url), query, ("columns", "d, l, t")]).await.unwrap();
    assert_eq!(
        found,
        [
            "d text, l text, t text, j text, u decimal(10,2)",
            "0.000000000000000000000000000001 | 1 | -838:59:59 | {\"a\": 1} | 1.25"
        ]
    );
}

#[tokio::test]
async fn dates_that_are_none_end_the_load() {
    for (kind, value) in [
        ("date", "0000-00-00"),
        ("date", "2026-11-00"),
        ("datetime", "0000-00-00 00:00:00"),
        ("datetime(6)", "2026-00-21 10:00:00.5"),
        ("timestamp null", "0000-00-00 00:00:00"),
    ] {
        let (url, _) = table(&format!(
            "set sql_mode = ''; create table t (a {kind}); insert into t values ('{value}')"
        ));
        let error = error(&[("url", &url), ("table", "t")]).await;
        assert_eq!(error.kind(), Kind::Data, "{kind} {value}: {}", error.report());
        assert!(!error.report().contains("00-"), "{}", error.report());
    }
}

#[tokio::test]
async fn ranges_read_every_row_once() {
    let (url, _) = table(
        "create table t (`k``` bigint unsigned); insert into t select seq from seq_1_to_1000; \
         insert into t values (null)",
    );
    let options = [("url", url.as_str()), ("table", "t"), ("split_by", "k`"), ("partitions", "3")];
    let snapshot = snapshot(&options).await.unwrap();
    assert_eq!(snapshot.splits().len(), 3);
    let rows = batches(&snapshot, &Want::default()).await.unwrap();
    assert_eq!(rows.iter().map(|b| b.num_rows()).sum::<usize>(), 1001);
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said_without_the_secret() {
    let (url, database) = table("create table t (a int)");
    let missing = error(&[("url", &url), ("table", "u")]).await;
    assert_eq!(missing.kind(), Kind::Missing, "{}", missing.report());
    let bob = url.replace("dhow@", "nobody:hunter2%21@");
    let denied = error(&[("url", &bob), ("table", "t")]).await;
    assert_eq!(denied.kind(), Kind::Denied, "{}", denied.report());
    assert!(!denied.report().contains("hunter2"), "{}", denied.report());
    let gone =
        error(&[("url", &format!("mysql://dhow@127.0.0.1:1/{database}")), ("table", "t")]).await;
    assert_eq!(gone.kind(), Kind::Unavailable, "{}", gone.report());
}

#[tokio::test]
async fn a_read_that_nobody_wants_any_more_ends_at_the_server_too() {
    let (url, database) = table("select 1");
    let endless = "select seq from seq_1_to_1000000000";
    let want = Want { limit: Some(5), batch_rows: 10, ..Want::default() };
    let snapshot = snapshot(&[("url", &url), ("query", endless)]).await.unwrap();
    let rows = batches(&snapshot, &want).await.unwrap();
    assert_eq!(rows.iter().map(|b| b.num_rows()).sum::<usize>(), 5);
    let sessions = format!(
        "select count(*) from information_schema.processlist where db = '{database}' and info like '/* dhow%'"
    );
    assert!((0..100_000).find(|_| SHARED.sql("mysql", &sessions) == "0").is_some());
}
