//! What every SQL source may meet: keys that move, long values, and many tables. (As many columns
//! as there can be are copied in `tests/databases/limits.rs`.)

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use futures::StreamExt;

use super::open;
use super::source_tests::{lines, read, snapshot, source};
use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::conformance::{self, is_long};
use crate::connectors::postgres::cluster::{Cluster, SHARED};
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
        SHARED.psql(
            &db,
            "drop table if exists t; create table t (id int primary key, was int); \
             insert into t select n, n from generate_series(1, 100) n; analyze t",
        );
        // The rows are cut along their key: blocks would take a moved row for a new one.
        let options = [
            ("table", "t"),
            ("split_by", "id"),
            ("split_rows", "25"),
            ("consistency", consistency),
        ];
        let snapshot = snapshot(&url, &options).await;
        let splits = snapshot.splits();
        assert!(splits.len() >= 2, "{splits:?}");
        let mut found = pairs(&snapshot, &splits[0]).await;
        // One row goes to where nobody has read yet, one to where everybody has.
        SHARED
            .psql(&db, "update t set id = 1000 where id = 3; update t set id = -5 where id = 100");
        for split in &splits[1..] {
            found.extend(pairs(&snapshot, split).await);
        }
        let last = if consistency == "snapshot" { 100 } else { 99 };
        let expected: Vec<_> = (1..=last).map(|n| (n, n)).chain(moved).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{consistency}");
        snapshot.release().await;
    }
}

/// Statements that the server runs to read this table, as its log has them.
async fn cost(server: &Cluster, url: &str, table: &str) -> usize {
    let statements = || {
        let log = std::fs::read_to_string(server.socket.join("log")).unwrap();
        log.lines()
            .filter(|l| l.contains("LOG:  statement: ") || l.contains("LOG:  execute "))
            .count()
    };
    let before = statements();
    let snapshot = snapshot(url, &[("table", table), ("split_rows", "10")]).await;
    assert_eq!(lines(&snapshot).await, ["1"]);
    snapshot.release().await;
    statements() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_among_thousands_costs_as_many_questions_as_one_alone() {
    let server = Cluster::start(&["-c", "log_statement=all"]);
    let (alone, one) = server.url("one");
    let (among, many) = server.url("many");
    server.psql(&one, "create table t7 (id int primary key); insert into t7 values (1)");
    let count = if is_long() { 10_000 } else { 300 };
    let create = format!(
        "do $$ begin for n in 1..{count} loop \
           execute format('create table t%s (id int primary key)', n); \
           if n % 100 = 0 then commit; end if; \
         end loop; end $$"
    );
    server.psql(&many, &create);
    server.psql(&many, "insert into t7 values (1)");
    let asked = cost(&server, &alone, "t7").await;
    assert!(asked > 0);
    assert_eq!(cost(&server, &among, "t7").await, asked, "with {count} tables beside it");
    let error = source(&among, &[("table", "T7")]).open(&Window::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Missing, "{error:?}");
    assert!(error.report().len() < 500, "{}", error.report());
}

/// Reads the whole of a table with so much memory.
async fn within(memory: &Small, url: &str) -> Result<Vec<i32>> {
    let options = Options::of_arguments(&[("url", url), ("table", "t")]);
    let drawn = Arc::new(memory.clone()) as Arc<dyn Memory>;
    let context = Context { base: "/".into(), jobs: 1, memory: drawn, state: None };
    let snapshot = open(&options, &context)?.open(&Window::default()).await?;
    let mut lengths = Vec::new();
    for split in snapshot.splits() {
        let mut batches = snapshot.read(split, &Want::default()).await?;
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let values = batch.column(1).as_binary::<i32>();
            assert!(values.iter().flatten().all(|value| value.iter().all(|byte| *byte == b'x')));
            lengths.extend((0..values.len()).map(|row| values.value_length(row)));
        }
    }
    Ok(lengths)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_read_with_the_memory_that_it_needs_and_refused_with_less() {
    let (url, db) = SHARED.url("long");
    SHARED.psql(
        &db,
        "create table t (id int primary key, x bytea); alter table t alter x set storage external; \
         insert into t select n, repeat('x', case n when 2 then 20 << 20 else 1 end)::bytea \
         from generate_series(1, 3) n",
    );
    let enough = Small::new(80 << 20);
    assert_eq!(within(&enough, &url).await.unwrap(), [1, 20 << 20, 1]);
    assert_eq!(enough.drawn(), 0);
    let less = Small::new(40 << 20);
    let error = within(&less, &url).await.unwrap_err();
    let message = "there is no memory for a row of more than 20971520 bytes";
    assert_eq!((error.kind(), error.message()), (Kind::Limit, message));
    assert!(error.advice().unwrap().starts_with("give more with `--memory`"), "{error:?}");
    assert_eq!(less.peak(), 0, "nothing of the row was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_1_gb_is_read_and_a_row_that_the_server_cannot_send_is_its_error() {
    if !is_long() {
        return;
    }
    let (url, db) = SHARED.url("gigabyte");
    SHARED.psql(
        &db,
        "create table t (id int primary key, x text); alter table t alter x set storage external; \
         insert into t values (1, repeat('x', 1000000000))",
    );
    let found = snapshot(&url, &[("table", "t")]).await;
    let batches = read(&found, &found.splits()[0], &Want::default()).await.unwrap();
    let values = batches[0].column(1).as_string::<i32>();
    assert_eq!(values.value_length(0), 1_000_000_000);
    assert!(values.value(0).bytes().all(|byte| byte == b'x'));
    drop((batches, found));
    let twice = snapshot(&url, &[("query", "select x, x as y from public.t")]).await;
    let error = read(&twice, &twice.splits()[0], &Want::default()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Data, "could not read `query`"),
        "{error:?}"
    );
    assert!(error.advice().unwrap().starts_with("the server sends no row"), "{error:?}");
}
