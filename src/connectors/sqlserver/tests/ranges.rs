//! Whatever the key is, every row is in exactly one range of it.

use super::{lines, read, server, snapshot};
use crate::error::Kind;
use crate::source::Want;

const ROWS: usize = 300;

/// A table with a key of these columns, whose values `value` makes of the number of a row, in two
/// ways: how many splits there are, and which rows come.
async fn cut(columns: &[&str], key: &str, value: impl Fn(usize) -> String) -> (usize, Vec<usize>) {
    let server = server(&format!(
        "create table t (n int not null, {}, constraint k unique ({key}))",
        columns.join(", ")
    ));
    let rows: Vec<_> = (0..ROWS).map(|n| format!("({n}, {})", value(n))).collect();
    server.execute("shop", &format!("insert into t values {}", rows.join(", ")));
    let snapshot = snapshot(&server, &[("table", "t"), ("split_rows", "37")]).await;
    let only = Want { columns: Some(vec![0]), ..Want::default() };
    let mut found: Vec<usize> =
        super::lines_for(&snapshot, &only).await.iter().map(|line| line.parse().unwrap()).collect();
    found.sort_unstable();
    (snapshot.splits().len(), found)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_satisfies_exactly_one_range_whatever_the_key() {
    let all: Vec<usize> = (0..ROWS).collect();
    let nine = 9;
    type Value = fn(usize) -> String;
    let cases: [(&[&str], &str, usize, Value); 17] = [
        (&["a int not null"], "a", nine, |n| n.to_string()),
        (&["a bigint not null"], "a", nine, |n| {
            format!("{}", i64::try_from(n).unwrap() * 1_000_000_000_000_000 - 7)
        }),
        (&["a decimal(20,5) not null"], "a", nine, |n| format!("{n}.00{n:03}")),
        (&["a money not null"], "a", nine, |n| format!("-{n}.0001")),
        (&["a float not null"], "a", nine, |n| format!("{n}e-3")),
        (&["a date not null"], "a", nine, |n| {
            format!("dateadd(day, {n}, cast('1999-12-31' as date))")
        }),
        (&["a datetime not null"], "a", nine, |n| {
            format!("'2026-01-01 00:{:02}:{:02}.003'", n / 60, n % 60)
        }),
        (&["a datetime2(7) not null"], "a", nine, |n| format!("'2026-01-01 00:00:00.0000{n:03}'")),
        (&["a datetimeoffset(7) not null"], "a", nine, |n| {
            format!("'2026-01-01 {:02}:{:02}:00 +{:02}:00'", n / 60, n % 60, n % 12)
        }),
        (&["a uniqueidentifier not null"], "a", nine, |n| {
            format!("'{:08x}-0000-4000-8000-{:012x}'", (n * 7919) % 4096, (n * 104_729) % 65_536)
        }),
        (&["a varbinary(8) not null"], "a", nine, |n| format!("0x{:04x}", n * 7)),
        (&["a nvarchar(20) not null"], "a", nine, |n| format!("N'ключ {n}'")),
        (&["a varchar(20) not null"], "a", nine, |n| format!("'key {n}'")),
        // A border that cannot be written is left out: fewer ranges, the same rows.
        (&["a varchar(20) collate Cyrillic_General_CI_AS not null"], "a", 1, |n| {
            format!("N'ключ {n}'")
        }),
        (&["a int not null", "b nvarchar(9) not null"], "a, b", nine, |n| format!("1, N'{n}'")),
        (&["a int not null", "b int not null", "c datetime2(7) not null"], "a, b, c", nine, |n| {
            format!("{}, {}, '2026-01-01 00:{:02}:00'", n / 100, n % 2, n % 100 / 2)
        }),
        // One more, for the rows without a key.
        (&["a int null", "b int null"], "a, b", 7, |n| match n % 5 {
            0 => format!("null, {n}"),
            _ => format!("{n}, {n}"),
        }),
    ];
    for (columns, key, splits, value) in cases {
        let (found, rows) = cut(columns, key, value).await;
        assert_eq!(rows, all, "{columns:?}");
        let is_near = (splits.saturating_sub(1)..=splits + 1).contains(&found);
        assert!(is_near, "{columns:?}: {found} splits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_outside_the_ranges_meanwhile_are_in_the_first_or_the_last() {
    let server = server("create table t (id int not null primary key)");
    let rows: Vec<_> = (100..200).map(|n| format!("({n})")).collect();
    server.execute("shop", &format!("insert into t values {}", rows.join(", ")));
    let snapshot = snapshot(&server, &[("table", "t"), ("split_rows", "25")]).await;
    assert_eq!(snapshot.splits().len(), 4);
    server.execute("shop", "insert into t values (1), (1000)");
    assert_eq!(lines(&snapshot).await.len(), 102);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_and_one_without_a_key_are_one_split() {
    let server =
        server("create table t (id int null); create table e (id int not null primary key)");
    server.execute("shop", "insert into t values (1), (1), (null)");
    let heap = snapshot(&server, &[("table", "t"), ("split_rows", "1")]).await;
    assert_eq!((heap.splits().len(), lines(&heap).await.len()), (1, 3));
    let empty = snapshot(&server, &[("table", "e"), ("split_rows", "1")]).await;
    assert_eq!((empty.splits().len(), lines(&empty).await.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_and_a_query_are_cut_by_the_columns_that_the_author_names() {
    let server = server("create table t (id int not null primary key)");
    server.execute("shop", "create view v as select id, id % 3 as third from t");
    let rows: Vec<_> = (0..100).map(|n| format!("({n})")).collect();
    server.execute("shop", &format!("insert into t values {}", rows.join(", ")));
    for what in [("table", "v"), ("query", "select id, id % 3 as third from t")] {
        let more = [what, ("split_by", "id"), ("split_rows", "30")];
        let snapshot = snapshot(&server, &more).await;
        assert_eq!((snapshot.splits().len(), lines(&snapshot).await.len()), (4, 100), "{what:?}");
    }
    let wrong = super::failure(&server, &[("table", "t"), ("split_by", "nothing")]).await;
    assert_eq!(wrong.message(), "`split_by` names `nothing`, which is no column");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_columns_change_between_plan_and_read_is_a_conflict() {
    let server = server("create table t (id int not null primary key, name nvarchar(9) null)");
    let snapshot = snapshot(&server, &[("table", "t")]).await;
    server.execute("shop", "drop table t; create table t (id bigint not null primary key)");
    let error = read(&snapshot, &snapshot.splits()[0], &Want::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "`t` changed while it was being read");
}
