//! Tests of reading, over a real server.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, Scalar, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::{StreamExt, TryStreamExt};

use super::open;
use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::error::{Error, Kind, Result};
use crate::memory::unlimited;
use crate::source::{Comparison, Op, Snapshot, Source, Split, Want, Window};

/// A source of a database, with options beside its URL, whose rows will be moved by two jobs.
pub(super) fn source(url: &str, options: &[(&str, &str)]) -> Arc<dyn Source> {
    source_of(url, options, Some("/nowhere".into()))
}

/// The same; without a state folder it is only looked at.
pub(super) fn source_of(
    url: &str,
    options: &[(&str, &str)],
    state: Option<std::path::PathBuf>,
) -> Arc<dyn Source> {
    let mut all = vec![("url", url)];
    all.extend_from_slice(options);
    let context = Context { base: "/".into(), jobs: 3, memory: unlimited(), state };
    open(&Options::of_arguments(&all), &context).unwrap()
}

pub(super) async fn snapshot(url: &str, options: &[(&str, &str)]) -> Arc<dyn Snapshot> {
    source(url, options).open(&Window::default()).await.unwrap()
}

pub(super) async fn failure(url: &str, options: &[(&str, &str)]) -> Error {
    source(url, options).open(&Window::default()).await.unwrap_err()
}

pub(super) async fn read(
    snapshot: &Arc<dyn Snapshot>,
    split: &Split,
    want: &Want,
) -> Result<Vec<RecordBatch>> {
    snapshot.read(split, want).await?.try_collect().await
}

/// The first column of all splits in their order, as numbers.
pub(super) async fn numbers(snapshot: &Arc<dyn Snapshot>, want: &Want) -> Vec<i64> {
    let mut found = Vec::new();
    for split in snapshot.splits() {
        for batch in read(snapshot, split, want).await.unwrap() {
            let column = cast(batch.column(0), &DataType::Int64).unwrap();
            found.extend(column.as_primitive::<Int64Type>().values());
        }
    }
    found
}

/// The rows of all splits as text, sorted.
pub(super) async fn lines(snapshot: &Arc<dyn Snapshot>) -> Vec<String> {
    let mut found = Vec::new();
    for split in snapshot.splits() {
        for batch in read(snapshot, split, &Want::default()).await.unwrap() {
            let texts = batch.columns().iter().map(|c| cast(c, &DataType::Utf8).unwrap());
            let columns: Vec<_> = texts.collect();
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|c| c.as_string::<i32>().value(row));
                found.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
    }
    found.sort();
    found
}

/// A server that nobody else writes to.
pub(super) fn own(settings: &[&str]) -> MariaDb {
    MariaDb::start(settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_in_many_splits_and_every_row_once() {
    let (url, db) = SHARED.url("ranges");
    SHARED.sql(
        &db,
        "create table t (id int primary key, text text); \
         insert into t select seq, repeat('x', seq % 100) from seq_1_to_20000; analyze table t",
    );
    let snapshot = snapshot(&url, &[("table", "t"), ("split_rows", "3000")]).await;
    assert!((5..=12).contains(&snapshot.splits().len()), "{:?}", snapshot.splits());
    assert!(numbers(&snapshot, &Want::default()).await == (1..=20000).collect::<Vec<_>>());
    let estimated: u64 = snapshot.splits().iter().filter_map(|split| split.rows).sum();
    assert!((10_000..=40_000).contains(&estimated), "{estimated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_views_and_queries_are_read_whole() {
    let (url, db) = SHARED.url("kinds");
    SHARED.sql(
        &db,
        "create table p (id int primary key, n int) partition by range (id) \
           (partition a values less than (500), partition b values less than maxvalue); \
         insert into p select seq, seq % 7 from seq_1_to_1000; analyze table p; \
         create view v as select n, count(*) as many from p group by n; \
         create table s (a int) with system versioning; insert into s values (1), (2); \
         delete from s where a = 1",
    );
    let parts = snapshot(&url, &[("table", "p"), ("split_rows", "100")]).await;
    assert!(parts.splits().len() > 5);
    assert!(numbers(&parts, &Want::default()).await == (1..=1000).collect::<Vec<_>>());
    let view = snapshot(&url, &[("table", "v")]).await;
    assert_eq!(view.splits().len(), 1);
    assert_eq!(lines(&view).await.len(), 7);
    let cut = [("table", "v"), ("split_by", "n"), ("split_rows", "2")];
    let cut = snapshot(&url, &cut).await;
    assert_eq!(cut.splits().len(), 4);
    assert_eq!(lines(&cut).await, lines(&view).await);
    let query = "select n as k, sum(id) as total from p group by n -- with a comment ;";
    let query = snapshot(&url, &[("query", query)]).await;
    assert_eq!(lines(&query).await.len(), 7);
    let versions = snapshot(&url, &[("table", "s")]).await;
    assert_eq!(lines(&versions).await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_read_as_they_are() {
    let (url, db) = SHARED.url("names");
    let odd = "x'; drop table t; -- .`` \u{202e}ж";
    SHARED.sql(
        &db,
        &format!(
            "create table `{odd}` (`select` int primary key, ` a``b\n\tc` int, `Größe` int); \
             insert into `{odd}` select seq, seq, seq from seq_1_to_50; \
             create table `MyTable` (a int); insert into `MyTable` values (1); \
             create table mytable (b int); insert into mytable values (2); \
             create table `select` (`order` int, `group` int); \
             insert into `select` values (1, 2)"
        ),
    );
    let quoted = format!("`{odd}`");
    let found = snapshot(&url, &[("table", quoted.as_str()), ("split_rows", "10")]).await;
    let names: Vec<_> = found.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["select", " a`b\n\tc", "Größe"]);
    assert_eq!(lines(&found).await.len(), 50);
    for (table, row) in [("MyTable", "1"), ("mytable", "2"), ("select", "1|2")] {
        assert_eq!(lines(&snapshot(&url, &[("table", table)]).await).await, [row]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_compares_leaves_out_no_row_that_passes() {
    let (url, db) = SHARED.url("filters");
    SHARED.sql(
        &db,
        "create table t (id int primary key, u bigint unsigned, t varchar(9), d datetime(6)); \
         insert into t values (1, 18446744073709551615, 'a', '2026-01-01 00:00:00.000001'), \
           (2, 0, 'A', null), (3, null, 'a ', '2026-01-02'), (4, 5, null, '2025-12-31')",
    );
    let snapshot = snapshot(&url, &[("table", "t")]).await;
    let number = |n: i32| Scalar::new(Arc::new(Int32Array::from(vec![n])) as ArrayRef);
    let text = |t: &str| Scalar::new(Arc::new(StringArray::from(vec![t])) as ArrayRef);
    let found = async |column, op, value| {
        let filters = vec![Comparison { column, op, value }];
        numbers(&snapshot, &Want { filters, ..Want::default() }).await
    };
    assert_eq!(found(0, Op::GtEq, number(3)).await, [3, 4]);
    assert_eq!(found(0, Op::NotEq, number(3)).await, [1, 2, 4]);
    // The server finds equal what its collation says; what is too much is left out later.
    assert_eq!(found(2, Op::Eq, text("a")).await, [1, 2, 3]);
    assert_eq!(found(2, Op::Lt, text("b")).await, [1, 2, 3, 4]);
    assert_eq!(found(2, Op::IsNull, text("")).await, [4]);
    assert_eq!(found(1, Op::IsNotNull, number(0)).await, [1, 2, 4]);
    assert_eq!(found(3, Op::IsNotNull, number(0)).await, [1, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_given_up_keeps_its_session() {
    let (url, db) = SHARED.url("given_up");
    SHARED.sql(
        &db,
        "create table t (id int primary key, x char(200) default 'x'); \
         insert into t (id) select seq from seq_1_to_100000; analyze table t",
    );
    // One session, so that a second read needs the first one's.
    let options = [("table", "t"), ("lock_timeout", "0"), ("split_rows", "30000")];
    let snapshot = snapshot(&url, &options).await;
    for _ in 0..5 {
        let want = Want { batch_rows: 10, ..Want::default() };
        let mut rows = snapshot.read(&snapshot.splits()[0], &want).await.unwrap();
        assert_eq!(rows.next().await.unwrap().unwrap().num_rows(), 10);
        drop(rows);
    }
    assert_eq!(numbers(&snapshot, &Want::default()).await.len(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_says_why() {
    let (url, db) = SHARED.url("missing");
    SHARED.sql(
        &db,
        &format!(
            "create table Orders (id int); create sequence s; \
             create table half (a int, b int); create table none (a int); \
             create view broken as select a from half; \
             create user if not exists few@'%'; grant select (a) on `{db}`.half to few@'%'; \
             grant select on `{db}`.Orders to few@'%'; \
             alter table half rename to whole"
        ),
    );
    let error = failure(&url, &[("table", "orders")]).await;
    assert_eq!(error.kind(), Kind::Missing);
    assert_eq!(error.message(), format!("`{db}.orders` does not exist"));
    assert!(error.advice().unwrap().contains(&format!("{db}.Orders")), "{error:?}");
    let error = failure(&url, &[("table", "s")]).await;
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Unsupported, format!("`{db}.s` is a sequence, not a table").as_str())
    );
    let error = failure(&url, &[("table", "broken")]).await;
    assert_eq!(error.kind(), Kind::Config, "{error:?}");
    let few = url.replace("dhow@", "few@");
    SHARED.sql(
        &db,
        &format!("alter table whole rename to half; grant select (a) on `{db}`.half to few@'%'"),
    );
    for table in ["half", "none"] {
        let error = failure(&few, &[("table", table)]).await;
        assert_eq!(error.kind(), Kind::Denied, "{error:?}");
    }
    let error = failure(&url, &[("query", "select 1 as a, 2 as A")]).await;
    assert_eq!(error.message(), "two columns of the query are called `a`");
    let error = failure(&url, &[("query", "select a from")]).await;
    assert_eq!(error.kind(), Kind::Config, "{error:?}");
    let error = failure(&url, &[("query", "delete from half")]).await;
    assert_eq!((error.kind(), error.message()), (Kind::Denied, "could not prepare the query"));
    let error = failure(&url, &[("query", "do 1")]).await;
    assert_eq!(error.message(), "the query gives no rows", "{error:?}");
    let error = failure(&url, &[("table", "half"), ("split_by", "c")]).await;
    assert_eq!(error.message(), "`split_by` names `c`, which is no column");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_tables_are_one_split_that_may_be_empty() {
    let (url, db) = SHARED.url("small");
    SHARED.sql(
        &db,
        "create table none (id int primary key); create table nulls (a int, b text); \
                     insert into nulls values (null, null)",
    );
    let found = snapshot(&url, &[("table", "none"), ("split_rows", "10")]).await;
    assert_eq!(lines(&found).await, Vec::<String>::new());
    let found = snapshot(&url, &[("table", "nulls")]).await;
    assert_eq!(found.splits().len(), 1);
    let none = Want { columns: Some(vec![]), ..Want::default() };
    let batches = read(&found, &found.splits()[0], &none).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [1]);
    assert_eq!(batches[0].num_columns(), 0);
}
