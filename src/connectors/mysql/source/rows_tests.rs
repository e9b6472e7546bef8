//! What every SQL source may meet: keys that move, long values, many tables and many columns.

use std::sync::Arc;

use arrow::array::{Array, AsArray};

use super::open;
use super::source_tests::{failure, lines, own, read, snapshot};
use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::conformance::{self, is_long};
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::error::{Kind, Result};
use crate::memory::{Memory, small::Small};
use crate::source::{Snapshot, Split, Want, Window};

/// Pairs of numbers, as a split gives them.
async fn pairs(snapshot: &Arc<dyn Snapshot>, split: &Split) -> Vec<(i32, i32)> {
    conformance::pairs(&read(snapshot, split, &Want::default()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_moves_between_splits_is_old_in_a_snapshot_and_both_or_none_without() {
    let (url, db) = SHARED.url("moves");
    for (consistency, moved) in [("snapshot", vec![]), ("split", vec![(1000, 3)])] {
        SHARED.sql(
            &db,
            "create or replace table t (id int primary key, was int); \
             insert into t select seq, seq from seq_1_to_100; analyze table t",
        );
        let options = [("table", "t"), ("split_rows", "25"), ("consistency", consistency)];
        let snapshot = snapshot(&url, &options).await;
        let splits = snapshot.splits();
        assert!(splits.len() >= 2, "{splits:?}");
        let mut found = pairs(&snapshot, &splits[0]).await;
        // One row goes to where nobody has read yet, one to where everybody has.
        SHARED.sql(&db, "update t set id = 1000 where id = 3; update t set id = -5 where id = 100");
        for split in &splits[1..] {
            found.extend(pairs(&snapshot, split).await);
        }
        let last = if consistency == "snapshot" { 100 } else { 99 };
        let untouched = (1..=last).map(|n| (n, n));
        let expected: Vec<_> = untouched.chain(moved).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{consistency}");
        snapshot.release().await;
    }
}

/// Statements that the server was asked, and definitions that it opened, to read this table.
async fn cost(server: &MariaDb, url: &str, table: &str) -> (u64, u64) {
    let status = || {
        let sql =
            "show global status where variable_name in ('Questions', 'Opened_table_definitions')";
        let shown = server.sql("mysql", sql);
        let mut numbers = shown.lines().map(|line| line.rsplit('\t').next().unwrap());
        let mut next = || numbers.next().unwrap().parse::<u64>().unwrap();
        (next(), next())
    };
    let before = status();
    let snapshot = snapshot(url, &[("table", table), ("split_rows", "10")]).await;
    assert_eq!(lines(&snapshot).await.len(), 1);
    snapshot.release().await;
    let after = status();
    (after.1 - before.1, after.0 - before.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_among_thousands_costs_as_many_questions_as_one_alone() {
    let server = own(&[]);
    let (alone, one) = server.url("one");
    let (among, many) = server.url("many");
    let create = |n: usize| format!("create table t{n} (id int primary key) engine=innodb;\n");
    server.sql(&one, &format!("{} insert t7 values (1)", create(7)));
    // The first read opens what all others use.
    cost(&server, &alone, "t7").await;
    server.sql("mysql", "flush tables");
    let (asked, opened) = cost(&server, &alone, "t7").await;
    let count = if is_long() { 10_000 } else { 300 };
    let all: String = (0..count).map(create).collect();
    server.sql(&many, &format!("{all} insert t7 values (1); flush tables"));
    let of_many = cost(&server, &among, "t7").await;
    assert_eq!(of_many, (asked, opened), "with {count} tables beside it");
    // Names that are almost right are looked for without opening the tables either.
    let error = failure(&among, &[("table", "T7")]).await;
    assert_eq!(error.kind(), Kind::Missing);
    assert!(error.advice().unwrap().contains(&format!("{many}.t7")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_as_many_columns_as_there_can_be_is_read() {
    let (url, db) = SHARED.url("wide");
    // More than 1,017 is more than InnoDB takes.
    let kinds = ["int", "varchar(7) character set ascii", "int not null"];
    let columns: Vec<_> = (0..1017).map(|n| format!("c{n} {}", kinds[n % 3])).collect();
    let values = |row: usize| {
        let value = |n: usize| match (n % 3, (n + row) % 4) {
            (0 | 1, 0) => "null".to_owned(),
            (1, _) => format!("'{row}-{n}'"),
            _ => (row * 10_000 + n).to_string(),
        };
        (0..1017).map(value).collect::<Vec<_>>()
    };
    let rows: Vec<_> = (1..=9).map(|row| format!("({})", values(row).join(","))).collect();
    SHARED.sql(
        &db,
        &format!(
            "create table t ({}, primary key (c2)); insert t values {}; analyze table t",
            columns.join(","),
            rows.join(",")
        ),
    );
    let line = |row: usize| values(row).join("|").replace("null", "").replace('\'', "");
    let mut expected: Vec<_> = (1..=9).map(line).collect();
    expected.sort();
    let wide = snapshot(&url, &[("table", "t"), ("split_rows", "3")]).await;
    assert_eq!(wide.schema().fields().len(), 1017);
    assert_eq!(lines(&wide).await, expected);
    // What is joined may have more.
    let columns: Vec<_> =
        (0..8000).map(|n| format!("t{}.c{} as x{n}", n / 1017, n % 1017)).collect();
    let tables: Vec<_> = (0..8).map(|n| format!("t t{n}")).collect();
    let same: Vec<_> = (0..8).map(|n| format!("t{n}.c2 = 10002")).collect();
    let query = format!(
        "select {} from {} where {}",
        columns.join(","),
        tables.join(","),
        same.join(" and ")
    );
    let joined = snapshot(&url, &[("query", &query)]).await;
    let first = line(1);
    let all: Vec<_> = first.split('|').cycle().take(8000).collect();
    assert_eq!(lines(&joined).await, [all.join("|")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_value_is_sent_whole_and_what_a_function_cuts_is_refused() {
    let server = own(&["--max-allowed-packet=64M"]);
    let (url, db) = server.url("cut");
    server.sql(
        &db,
        "create table t (id int primary key, x longblob); \
         insert t values (1, repeat('x', 40 << 20)), (2, 'y'); \
         set global max_allowed_packet = 1 << 20",
    );
    let stored = snapshot(&url, &[("table", "t")]).await;
    let batches = read(&stored, &stored.splits()[0], &Want::default()).await.unwrap();
    let lengths = batches.iter().flat_map(|batch| {
        let values = batch.column(1).as_binary::<i32>().clone();
        (0..values.len()).map(move |row| values.value_length(row)).collect::<Vec<_>>()
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [40 << 20, 1]);
    let query = async |query: &str| {
        let snapshot = snapshot(&url, &[("query", query)]).await;
        read(&snapshot, &snapshot.splits()[0], &Want::default()).await
    };
    for (sql, warning) in [
        ("select repeat('x', 2 << 20) as x", "1301"),
        ("select concat(x, x) as x from t", "1301"),
        ("select group_concat(seq) as x from seq_1_to_500000", "1260"),
        // Behind more warnings than the server remembers unless it is told to.
        (
            "select seq, cast(concat(seq, 'x') as int) as n, if(seq = 900, repeat('x', 2 << 20), null) \
          as x from seq_1_to_900",
            "1301",
        ),
    ] {
        let error = query(sql).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{sql}: {error:?}");
        let places = [("relation".to_owned(), "query".to_owned())];
        let warned = [("warning".to_owned(), warning.to_owned())];
        assert_eq!(error.places(), [places, warned].concat(), "{sql}");
    }
    // Other warnings are the author's, and what was cut short of old is not cut.
    let some = query("select cast('1x' as int) as n, repeat('x', 1000) as x").await.unwrap();
    assert_eq!(some[0].num_rows(), 1);
    let list = query("select group_concat(seq) as x from seq_1_to_100000").await.unwrap();
    assert_eq!(list[0].column(0).as_string::<i32>().value_length(0), 588_894);
}

/// Reads the whole of a table with so much memory.
async fn within(memory: &Small, url: &str, table: &str) -> Result<Vec<i32>> {
    let options = Options::of_arguments(&[("url", url), ("table", table)]);
    let drawn = Arc::new(memory.clone()) as Arc<dyn Memory>;
    let context = Context { base: "/".into(), jobs: 1, memory: drawn, state: None };
    let snapshot = open(&options, &context)?.open(&Window::default()).await?;
    let mut lengths = Vec::new();
    for split in snapshot.splits() {
        let mut batches = snapshot.read(split, &Want::default()).await?;
        while let Some(batch) = futures::StreamExt::next(&mut batches).await {
            let batch = batch?;
            let values = batch.column(1).as_binary::<i32>();
            assert!(values.iter().flatten().all(|value| value.iter().all(|byte| *byte == b'x')));
            lengths.extend((0..values.len()).map(|row| values.value_length(row)));
        }
    }
    snapshot.release().await;
    Ok(lengths)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_read_with_three_times_its_memory_and_refused_with_less_than_twice() {
    let (url, db) = SHARED.url("long");
    SHARED.sql(
        &db,
        "set global max_allowed_packet = 256 << 20; \
         create table t (id int primary key, x longblob)",
    );
    SHARED.sql(&db, "insert t values (1, 'x'), (2, repeat('x', 20 << 20)), (3, 'x')");
    let enough = Small::new(80 << 20);
    assert_eq!(within(&enough, &url, "t").await.unwrap(), [1, 20 << 20, 1]);
    assert!((40 << 20..=80 << 20).contains(&enough.peak()), "{}", enough.peak());
    assert_eq!(enough.drawn(), 0);
    let less = Small::new((40 << 20) - 1);
    let error = within(&less, &url, "t").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Limit, "the memory limit is reached"));
    assert_eq!(less.drawn(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_1_gb_is_read_within_three_times_its_size() {
    if !is_long() {
        return;
    }
    let server = own(&["--max-allowed-packet=1G"]);
    let (url, db) = server.url("gigabyte");
    server.sql(
        &db,
        "create table t (id int primary key, x longblob) engine=myisam; \
         insert t values (1, repeat('x', 1000000000))",
    );
    let before = resident("VmRSS");
    let enough = Small::new(3_100_000_000);
    assert_eq!(within(&enough, &url, "t").await.unwrap(), [1_000_000_000]);
    let grown = resident("VmHWM") - before;
    assert!(grown < 3_000_000_000, "{grown} bytes");
}

/// Bytes of memory that the system has given to this process.
fn resident(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
    kilobytes * 1024
}
