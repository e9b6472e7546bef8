//! What every SQL source may meet: keys that move, long values, many tables and many columns.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;

use super::source::open;
use super::tests::{all, batches, database, numbers, refusal, snapshot, source};
use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::conformance::is_long;
use crate::error::{Kind, Result};
use crate::memory::{Memory, small::Small};
use crate::source::{Source, Want};

#[tokio::test]
async fn a_key_that_moves_between_splits_is_old_in_the_snapshot() {
    let (dir, db) = database(
        "pragma journal_mode = wal; create table t (id integer primary key, was integer); \
         insert into t with recursive c (n) as (select 1 union all select n + 1 from c where n < 100) \
         select n, n from c",
    );
    let snapshot = snapshot(&source(dir.path(), &[("table", "t"), ("split_rows", "25")])).await;
    let splits = snapshot.splits();
    assert_eq!(splits.len(), 4);
    let mut found = batches(&snapshot, &splits[0], &Want::default()).await.unwrap();
    db.execute_batch("update t set id = 1000 where id = 3; update t set id = -5 where id = 100")
        .unwrap();
    for split in &splits[1..] {
        found.extend(batches(&snapshot, split, &Want::default()).await.unwrap());
    }
    assert_eq!(numbers(&found), (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_table_with_as_many_columns_as_there_can_be_is_read() {
    // A SELECT of all of them has no place for the rowid, by which other tables are read.
    for (count, splits) in [(1999, 2), (2000, 1)] {
        let columns: Vec<_> = (0..count).map(|n| format!("c{n} integer")).collect();
        let values: Vec<_> = (0..count).map(|n| n.to_string()).collect();
        let (dir, _db) = database(&format!(
            "create table t ({}); insert into t values ({values}), ({values})",
            columns.join(","),
            values = values.join(",")
        ));
        let snapshot = snapshot(&source(dir.path(), &[("table", "t"), ("split_rows", "1")])).await;
        assert_eq!(snapshot.splits().len(), splits, "{count}");
        let found = all(&snapshot, &Want::default()).await.unwrap();
        assert_eq!(found.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 2);
        for batch in &found {
            let firsts = batch.columns().iter().map(|c| c.as_primitive::<Int64Type>().value(0));
            assert_eq!(firsts.collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        }
        let few = Want { columns: Some(vec![7, 1998]), ..Want::default() };
        assert_eq!(numbers(&all(&snapshot, &few).await.unwrap()), [7, 7]);
    }
}

#[tokio::test]
async fn one_table_among_thousands_is_found_and_a_wrong_name_lists_few() {
    let create: String =
        (0..10_000).map(|n| format!("create table t{n} (id integer primary key);")).collect();
    let (dir, _db) = database(&format!("begin; {create} insert into t7 values (7); commit"));
    let found = snapshot(&source(dir.path(), &[("table", "T7")])).await;
    assert_eq!(numbers(&all(&found, &Want::default()).await.unwrap()), [7]);
    let error = refusal(dir.path(), &[("table", "t10001")]).await;
    assert_eq!(error.kind(), Kind::Missing);
    assert!(error.report().len() < 500, "{}", error.report());
}

/// The lengths of the values of `x`, read with so much memory.
async fn within(memory: &Small, base: &Path, reads: (&str, &str)) -> Result<Vec<i32>> {
    let options = Options::of_arguments(&[("path", "a.db"), reads]);
    let drawn = Arc::new(memory.clone()) as Arc<dyn Memory>;
    let context = Context { base: base.to_owned(), jobs: 1, memory: drawn, state: None };
    let source: Arc<dyn Source> = open(&options, &context)?;
    let snapshot = source.open(&crate::source::Window::default()).await?;
    let lengths = all(&snapshot, &Want::default()).await?.into_iter().flat_map(|batch| {
        let values = batch.column_by_name("x").unwrap().as_binary::<i32>().clone();
        (0..values.len()).map(move |row| values.value_length(row)).collect::<Vec<_>>()
    });
    Ok(lengths.collect())
}

#[tokio::test]
async fn a_value_is_read_with_twice_its_memory_and_refused_with_less() {
    let (dir, _db) = database(
        "create table t (x blob not null); insert into t values (x'00'), (zeroblob(8 << 20)), (x'00')",
    );
    let size: usize = 8 << 20;
    let query = ("query", "select cast(x as blob) as x from t");
    for reads in [("table", "t"), query] {
        let enough = Small::new(2 * size + 2);
        assert_eq!(within(&enough, dir.path(), reads).await.unwrap(), [1, 8 << 20, 1]);
        assert_eq!((enough.peak() >= 2 * size, enough.drawn()), (true, 0), "{reads:?}");
        // SQLite itself makes no longer one.
        let less = Small::new(2 * size - 2);
        let error = within(&less, dir.path(), reads).await.unwrap_err();
        let message = "`a.db` has a value that is too long to be read";
        assert_eq!((error.kind(), error.message()), (Kind::Data, message), "{reads:?}");
        assert_eq!((less.peak(), less.drawn()), (0, 0), "{reads:?}");
    }
    // Two that fit one by one, and not together.
    let both = ("query", "select x, zeroblob(8 << 20) as y from t where length(x) > 1");
    let error = within(&Small::new(3 * size), dir.path(), both).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}

#[tokio::test]
async fn a_value_of_1_gb_is_read_and_a_longer_one_is_refused() {
    let (dir, db) = database("create table t (x blob)");
    let unlimited = Small::new(usize::MAX);
    let longer = ("query", "select cast(zeroblob(1000000001) as blob) as x");
    let error = within(&unlimited, dir.path(), longer).await.unwrap_err();
    assert_eq!(error.message(), "`a.db` has a value that is too long to be read");
    assert_eq!(unlimited.peak(), 0);
    if is_long() {
        // A row has a little beside its value.
        db.execute_batch("insert into t values (zeroblob(999999990))").unwrap();
        assert_eq!(within(&unlimited, dir.path(), ("table", "t")).await.unwrap(), [999_999_990]);
        assert!(unlimited.peak() < 3_000_000_000, "{}", unlimited.peak());
    }
}
