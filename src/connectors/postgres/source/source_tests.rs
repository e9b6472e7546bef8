//! Tests of reading, over a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, Scalar};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;

use super::freeze::Freeze;
use super::options;
use super::sessions::View;
use super::{Plan, open};
use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::conformance::is_long;
use crate::connectors::postgres::cluster::SHARED;
use crate::error::{Kind, Result};
use crate::memory::unlimited;
use crate::source::{Comparison, Op, Snapshot, Source, Split, Want, Window};

/// A source of a database, with options beside its URL.
pub(in crate::connectors::postgres) fn source(
    url: &str,
    options: &[(&str, &str)],
) -> Arc<dyn Source> {
    let mut all = vec![("url", url)];
    all.extend_from_slice(options);
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    open(&Options::of_arguments(&all), &context).unwrap()
}

pub(in crate::connectors::postgres) async fn snapshot(
    url: &str,
    options: &[(&str, &str)],
) -> Arc<dyn Snapshot> {
    source(url, options).open(&Window::default()).await.unwrap()
}

pub(in crate::connectors::postgres) async fn read(
    snapshot: &Arc<dyn Snapshot>,
    split: &Split,
    want: &Want,
) -> Result<Vec<RecordBatch>> {
    snapshot.read(split, want).await?.try_collect().await
}

/// The first column of all splits in their order, as numbers.
pub(in crate::connectors::postgres) async fn numbers(
    snapshot: &Arc<dyn Snapshot>,
    want: &Want,
) -> Vec<i64> {
    let mut found = Vec::new();
    for split in snapshot.splits() {
        for batch in read(snapshot, split, want).await.unwrap() {
            let column = cast(batch.column(0), &DataType::Int64).unwrap();
            found.extend(column.as_primitive::<Int64Type>().values());
        }
    }
    found
}

/// The rows of all splits as psql would print them, sorted.
pub(in crate::connectors::postgres) async fn lines(snapshot: &Arc<dyn Snapshot>) -> Vec<String> {
    let mut found = Vec::new();
    for split in snapshot.splits() {
        for batch in read(snapshot, split, &Want::default()).await.unwrap() {
            let columns: Vec<_> =
                batch.columns().iter().map(|c| cast(c, &DataType::Utf8).unwrap()).collect();
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|c| c.as_string::<i32>().value(row));
                found.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_in_many_splits_and_every_row_once() {
    let (url, db) = SHARED.url("blocks");
    SHARED.psql(
        &db,
        "create table t (id int primary key, text text); \
        insert into t select n, repeat('x', n % 100) from generate_series(1, 20000) n; analyze t",
    );
    let snapshot = snapshot(&url, &[("table", "t"), ("split_rows", "3000")]).await;
    assert!((5..=9).contains(&snapshot.splits().len()), "{:?}", snapshot.splits());
    let mut found = numbers(&snapshot, &Want::default()).await;
    found.sort_unstable();
    assert!(found == (1..=20000).collect::<Vec<_>>());
    let estimated: u64 = snapshot.splits().iter().filter_map(|split| split.rows).sum();
    assert!((19_900..=20_000).contains(&estimated), "{estimated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_equals_the_snapshot_while_others_write_at_full_speed() {
    let (url, db) = SHARED.url("writers");
    SHARED.psql(
        &db,
        "create table t (id int primary key, n int not null); \
        insert into t select n, 0 from generate_series(1, 30000) n; analyze t",
    );
    let stop = Arc::new(AtomicBool::new(false));
    let writer = |sql: &'static str| {
        let (stop, db) = (Arc::clone(&stop), db.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                SHARED.psql(&db, sql);
            }
        })
    };
    let writers = [
        writer("insert into t select max(id) + 1, 1 from t on conflict do nothing"),
        writer("update t set n = n + 1 where id % 7 = (random() * 7)::int"),
        writer("delete from t where id = (select id from t order by random() limit 1)"),
        writer("vacuum t"),
    ];
    let options = [("url", url.as_str()), ("table", "t"), ("split_rows", "2000")];
    let (options, _) = options::source(&Options::of_arguments(&options));
    let plan = Plan { options, jobs: 2, memory: unlimited(), holding: None };
    for _ in 0..3 {
        let frozen = Freeze::new(&plan, &Window::default()).freeze().await.unwrap();
        let View::Moment { exported, .. } = frozen.sessions.view().clone() else { panic!() };
        let snapshot: Arc<dyn Snapshot> = Arc::new(frozen);
        let found = lines(&snapshot).await;
        assert!(found.len() > 20_000 && snapshot.splits().len() > 9);
        let expected = SHARED.psql(
            &db,
            &format!(
                "begin isolation level repeatable read; set transaction snapshot '{exported}'; \
                 select id || '|' || n from t order by (id || '|' || n) collate \"C\""
            ),
        );
        assert!(found == expected.lines().collect::<Vec<_>>());
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_and_heirs_are_read_whole_whatever_the_order_of_their_columns() {
    let (url, db) = SHARED.url("tree");
    SHARED.psql(
        &db,
        "create table p (id int, name text) partition by range (id); \
        create table p1 partition of p for values from (0) to (10); \
        create table p2 (name text, extra int, id int); \
        alter table p2 drop column extra; \
        alter table p attach partition p2 for values from (10) to (20); \
        create table p3 partition of p default; \
        insert into p select n, 'n' || n from generate_series(0, 29) n; \
        create table a (id int, name text); \
        create table b (more text) inherits (a); \
        insert into a values (1, 'a'); insert into b values (2, 'b', 'more')",
    );
    let expected: Vec<String> = SHARED
        .psql(&db, "select id || '|' || name from p order by (id || '|' || name) collate \"C\"")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines(&snapshot(&url, &[("table", "p")]).await).await, expected);
    assert_eq!(lines(&snapshot(&url, &[("table", "a")]).await).await, ["1|a", "2|b"]);
}

#[tokio::test]
async fn a_primary_key_is_known_where_no_row_repeats_it() {
    let (url, database) = SHARED.url("keys");
    SHARED.psql(
        &database,
        "create table pair (a int, b int, c int, primary key (c, a) include (b));
         create table other (a int unique not null);
         create table parts (a int primary key, b int) partition by range (a);
         create table part partition of parts for values from (0) to (9);
         create table parent (a int primary key);
         create table heir () inherits (parent);
         create table odd (n numeric(9, 2) primary key);
         create view seen as select * from pair;
         create materialized view stored as select * from pair",
    );
    let none: &[(&str, &str)] = &[];
    for (table, options, expected) in [
        ("pair", none, "c a"),
        ("other", none, ""),
        ("parts", none, "a"),
        ("part", none, "a"),
        ("parent", none, ""),
        ("heir", none, ""),
        ("pair", &[("consistency", "split")], ""),
        ("odd", none, "n"),
        ("odd", &[("nan", "null")], ""),
        ("seen", none, ""),
        ("stored", none, ""),
    ] {
        let options = [&[("table", table)], options].concat();
        let found = snapshot(&url, &options).await.key().join(" ");
        assert_eq!(found, expected, "{options:?}");
    }
    let query = [("query", "select * from public.pair")];
    assert_eq!(snapshot(&url, &query).await.key(), &[] as &[String]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_has_no_splits_and_one_without_columns_has_rows() {
    let (url, db) = SHARED.url("empty");
    SHARED.psql(
        &db,
        "create table t (id int); create table none (); \
        insert into none default values; insert into none default values",
    );
    assert_eq!(snapshot(&url, &[("table", "t")]).await.splits(), []);
    let none = snapshot(&url, &[("table", "none")]).await;
    let batches = read(&none, &none.splits()[0], &Want::default()).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_queries_are_read_and_a_comment_may_end_a_query() {
    let (url, db) = SHARED.url("views");
    SHARED.psql(
        &db,
        "create table t (id int, name text); insert into t values (1, 'a'), (2, 'b'); \
        create view v as select id * 10 as id, name from t; \
        create materialized view m as select * from t; \
        create materialized view n as select * from t with no data",
    );
    assert_eq!(lines(&snapshot(&url, &[("table", "v")]).await).await, ["10|a", "20|b"]);
    assert_eq!(lines(&snapshot(&url, &[("table", "m")]).await).await, ["1|a", "2|b"]);
    let query = "with x as (select id from public.t) select id from x where id > 1 -- the last ;";
    let query = snapshot(&url, &[("query", query)]).await;
    assert_eq!(lines(&query).await, ["2"]);
    let error = source(&url, &[("table", "n")]).open(&Window::default()).await.unwrap_err();
    assert_eq!(error.message(), "the materialized view `n` has never been filled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_an_error_with_its_kind() {
    let (url, db) = SHARED.url("denied");
    SHARED.psql(
        &db,
        "create schema s; create table s.t (id int); create table h (id int); \
        alter table h enable row level security; grant select on h to public; \
        create role reader_denied login; grant usage on schema s to reader_denied",
    );
    let kind = async |url: &str, options: &[(&str, &str)]| {
        let error = source(url, options).open(&Window::default()).await.unwrap_err();
        (error.kind(), error.advice().unwrap_or_default().to_owned())
    };
    let (found, hint) = kind(&url, &[("table", "t")]).await;
    assert_eq!((found, hint.as_str()), (Kind::Missing, "there is s.t"));
    let as_reader = url.replace("postgres@", "reader_denied@");
    assert_eq!(kind(&as_reader, &[("table", "s.t")]).await.0, Kind::Denied);
    assert_eq!(kind(&as_reader, &[("table", "h")]).await.0, Kind::Denied);
    assert_eq!(kind(&as_reader, &[("query", "select id from public.h")]).await.0, Kind::Denied);
    let two = kind(&url, &[("query", "select 1; drop table h")]).await;
    assert_eq!(two.0, Kind::Config, "{two:?}");
    assert_eq!(kind(&url, &[("query", "delete from public.h returning id")]).await.0, Kind::Config);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_may_not_be_read_by_itself_is_read_through_its_parent() {
    let (url, db) = SHARED.url("parent");
    SHARED.psql(
        &db,
        "create table p (id int) partition by range (id); \
        create table p1 partition of p for values from (0) to (10); \
        create table p2 partition of p for values from (10) to (20); \
        insert into p select generate_series(0, 19); \
        create role reader_parent login; grant select on p to reader_parent",
    );
    let url = url.replace("postgres@", "reader_parent@");
    let snapshot = snapshot(&url, &[("table", "p")]).await;
    assert_eq!(snapshot.splits().len(), 1);
    assert_eq!(numbers(&snapshot, &Want::default()).await, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_others_want_to_empty_waits_for_the_snapshot() {
    let (url, db) = SHARED.url("locked");
    SHARED.psql(&db, "create table t (id int); insert into t select generate_series(1, 100)");
    let snapshot = snapshot(&url, &[("table", "t")]).await;
    let refused = SHARED.try_psql(&db, "set lock_timeout = '50ms'; truncate t").unwrap_err();
    assert!(refused.contains("lock timeout"), "{refused}");
    SHARED.psql(&db, "delete from t");
    assert_eq!(numbers(&snapshot, &Want::default()).await.len(), 100);
    drop(snapshot);
    SHARED.psql(&db, "truncate t");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_limits_and_columns_are_left_to_the_server() {
    let (url, db) = SHARED.url("wants");
    SHARED.psql(
        &db,
        "create table t (id int, name text); \
        insert into t select n, 'n' || n from generate_series(0, 99) n",
    );
    let snapshot = snapshot(&url, &[("table", "t")]).await;
    let value = Scalar::new(Arc::new(Int32Array::from(vec![90])) as ArrayRef);
    let filters = vec![Comparison { column: 0, op: Op::GtEq, value }];
    let want = Want { filters, ..Want::default() };
    assert_eq!(numbers(&snapshot, &want).await, (90..100).collect::<Vec<_>>());
    let want = Want { limit: Some(3), columns: Some(vec![0]), ..Want::default() };
    assert_eq!(numbers(&snapshot, &want).await, [0, 1, 2]);
    let none = Want { columns: Some(vec![]), ..Want::default() };
    let batches = read(&snapshot, &snapshot.splits()[0], &none).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_ids_are_equal_rows_and_a_change_makes_another_id() {
    let (url, db) = SHARED.url("ids");
    SHARED.psql(&db, "create table t (id int); insert into t values (1)");
    let id = async || snapshot(&url, &[("table", "t")]).await.id().clone();
    let first = id().await;
    SHARED.psql(&db, "update t set id = 2");
    assert_ne!(id().await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_reads_one_after_the_other_all_come_to_their_end() {
    let (url, database) = SHARED.url("short");
    SHARED.psql(&database, "create table t as select 1 as n");
    let snapshot = snapshot(&url, &[("table", "t")]).await;
    let times = if is_long() { 100_000 } else { 1_000 };
    let readers = [(); 2].map(|()| {
        let snapshot = Arc::clone(&snapshot);
        tokio::spawn(async move {
            for _ in 0..times {
                let mut rows = snapshot.verbatim(&snapshot.splits()[0]).unwrap().blocks;
                assert_eq!(rows.try_next().await.unwrap().unwrap().rows, 1);
                assert!(rows.try_next().await.unwrap().is_none());
            }
        })
    });
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_dropped_ends_its_copy_at_once() {
    let (url, db) = SHARED.url("dropped");
    SHARED.psql(
        &db,
        "create table t as select n, repeat('x', 1000) as text from generate_series(1, 200000) n",
    );
    let query = "select t.* from public.t, pg_catalog.generate_series(1, 1000)";
    let snapshot = snapshot(&url, &[("query", query)]).await;
    let mut rows = snapshot.read(&snapshot.splits()[0], &Want::default()).await.unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    drop(rows);
    let copies = "select count(*) from pg_stat_activity where query like 'copy %' and state = 'active' \
                  and datname = current_database()";
    // Two hundred gigabytes would take longer than anybody waits here.
    while SHARED.psql(&db, copies) != "0" {}
}

/// A database without an encoding, on which `sql` was run.
pub(in crate::connectors::postgres) fn without_encoding(sql: &str) -> String {
    let (url, db) = SHARED.url("bytes");
    let bytes = format!("{db}_ascii");
    SHARED.psql(
        &db,
        &format!("create database {bytes} template template0 encoding 'SQL_ASCII' locale 'C'"),
    );
    SHARED.psql(&bytes, sql);
    url.replace(&db, &bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_an_encoding_gives_all_rows_but_those_that_are_not_utf8() {
    let url = without_encoding(
        "create table t (id int, name text); insert into t values (1, 'größe'), (2, E'gr\\xf6\\xdfe'), (3, 'x')",
    );
    let snapshot = snapshot(&url, &[("table", "t")]).await;
    let refused = Arc::new(Names::default());
    let want = Want { refuse: refused.clone(), ..Want::default() };
    assert_eq!(numbers(&snapshot, &want).await, [1, 3]);
    assert_eq!(*refused.0.lock().unwrap(), ["the text is not valid UTF-8"]);
}

/// Why rows were refused.
#[derive(Debug, Default)]
struct Names(std::sync::Mutex<Vec<String>>);

impl crate::source::Refuse for Names {
    fn refuse(&self, row: crate::source::Refused) -> Result<()> {
        self.0.lock().unwrap().push(row.reason);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_has_the_digits_of_the_server_also_in_lists() {
    let (url, db) = SHARED.url("money");
    SHARED.psql(&db, "create table t as select 12.34::money as a, array[1.5::money] as b");
    let snapshot = snapshot(&url, &[("table", "t")]).await;
    let amount = DataType::Decimal128(19, 2);
    assert_eq!(*snapshot.schema().field(0).data_type(), amount);
    let DataType::List(of) = snapshot.schema().field(1).data_type().clone() else { panic!() };
    assert_eq!(*of.data_type(), amount);
    assert_eq!(lines(&snapshot).await, ["12.34|[1.50]"]);
}
