//! Tests over real database files.

use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, Int64Array, Scalar, StringArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use rusqlite::Connection;

use super::options::check;
use super::source::open;
use crate::config::{Node, Options, Place, Value};
use crate::connectors::{Context, Role};
use crate::error::{Error, Kind, Result};
use crate::source::{
    Comparison, Op, Refuse, Refused, Snapshot, Source, Split, Want, Watermark, Window,
};

fn source_of(base: &Path, options: &Options, jobs: usize) -> Arc<dyn Source> {
    let context =
        Context { base: base.to_owned(), jobs, memory: crate::memory::unlimited(), state: None };
    open(options, &context).unwrap()
}

pub(super) fn source(base: &Path, options: &[(&str, &str)]) -> Arc<dyn Source> {
    let mut all = vec![("path", "a.db")];
    all.extend_from_slice(options);
    source_of(base, &Options::of_arguments(&all), 3)
}

fn with_columns(options: &[(&str, &str)], columns: &[(&str, &str)]) -> Options {
    let place = Place::without_lines("test");
    let mut entries = Options::of_arguments(options).entries().to_vec();
    let node = |text: &str| Node::argument(text, &place);
    let map = columns.iter().map(|(k, v)| ((*k).to_owned(), place.clone(), node(v))).collect();
    let map = Node { value: Value::Map(map), place: place.clone(), written: None };
    entries.push(("columns".to_owned(), place.clone(), map));
    Options::new(place, entries)
}

pub(super) async fn snapshot(source: &Arc<dyn Source>) -> Arc<dyn Snapshot> {
    source.open(&Window::default()).await.unwrap()
}

pub(super) async fn refusal(base: &Path, options: &[(&str, &str)]) -> Error {
    source(base, options).open(&Window::default()).await.map(|_| ()).unwrap_err()
}

pub(super) fn database(sql: &str) -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let connection = Connection::open(dir.path().join("a.db")).unwrap();
    connection.execute_batch(sql).unwrap();
    (dir, connection)
}

pub(super) async fn batches(
    snapshot: &Arc<dyn Snapshot>,
    split: &Split,
    want: &Want,
) -> Result<Vec<RecordBatch>> {
    snapshot.read(split, want).await?.try_collect().await
}

pub(super) async fn all(snapshot: &Arc<dyn Snapshot>, want: &Want) -> Result<Vec<RecordBatch>> {
    let mut all = Vec::new();
    for split in snapshot.splits() {
        all.extend(batches(snapshot, split, want).await?);
    }
    Ok(all)
}

async fn shown(source: &Arc<dyn Source>) -> String {
    let snapshot = snapshot(source).await;
    pretty_format_batches(&all(&snapshot, &Want::default()).await.unwrap()).unwrap().to_string()
}

pub(super) fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    let column =
        |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(column).collect()
}

/// Keeps what is refused.
#[derive(Debug, Default)]
struct Keep(Mutex<Vec<Refused>>);

impl Refuse for Keep {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

/// Rows 1 to `n`, with gaps in the rowids.
const NUMBERS: &str = "create table t (n integer not null, s text);
    insert into t (rowid, n, s)
    with recursive c (n) as (select 1 union all select n + 1 from c where n < 1000)
    select n * n, n, 'row ' || n from c;";

#[tokio::test]
async fn each_column_gets_the_type_that_it_declares() {
    let (dir, _db) = database(
        "create table t (id integer primary key, x real, s varchar(9), b blob, ok boolean,
                         d date, at datetime, z timestamptz, p decimal(8, 2), j json);
         insert into t values (1, 1.5, 'ü', x'00ff', 1, '2026-03-01', '2026-03-01 12:00:00',
                               '2026-03-01T13:00:00+01:00', '12.30', '{}');
         insert into t (id, x, ok, p) values (2, 3, 0, 7);",
    );
    let source = source(dir.path(), &[("table", "t")]);
    let schema = source.schema().await.unwrap();
    let types: Vec<_> = schema.fields().iter().map(|f| f.data_type().clone()).collect();
    let moment =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    assert_eq!(
        types,
        [
            DataType::Int64,
            DataType::Float64,
            DataType::Utf8,
            DataType::Binary,
            DataType::Boolean,
            DataType::Date32,
            moment(None),
            moment(Some("UTC")),
            DataType::Decimal128(8, 2),
            DataType::Utf8,
        ]
    );
    assert!(!schema.field(0).is_nullable() && schema.field(1).is_nullable());
    assert_eq!(
        shown(&source).await,
        "\
+----+-----+---+------+-------+------------+---------------------+----------------------+-------+----+
| id | x   | s | b    | ok    | d          | at                  | z                    | p     | j  |
+----+-----+---+------+-------+------------+---------------------+----------------------+-------+----+
| 1  | 1.5 | ü | 00ff | true  | 2026-03-01 | 2026-03-01T12:00:00 | 2026-03-01T12:00:00Z | 12.30 | {} |
| 2  | 3.0 |   |      | false |            |                     |                      | 7.00  |    |
+----+-----+---+------+-------+------------+---------------------+----------------------+-------+----+"
    );
}

#[tokio::test]
async fn a_value_of_another_class_is_refused_with_its_rowid_and_never_null() {
    let (dir, _db) = database(
        "create table t (n integer, s text, x real);
         insert into t values (1, 'a', 1), ('abc', 'b', 2), (9e999, 'c', 3), (1e20, 'd', 4),
                              (5, x'6162', 5), (6, cast(x'61ff' as text), 6),
                              (7, 'g', 7), (8, 'h', 'x');",
    );
    let snapshot = snapshot(&source(dir.path(), &[("table", "t")])).await;
    let error = all(&snapshot, &Want::default()).await.unwrap_err();
    assert_eq!(
        error.report(),
        "error: the value of storage class text is not an integer\n  place:  a.db: t rowid 2\n  \
         column: n\n  value:  abc\n\nhint: correct the value, or declare another type for the \
         column under `columns`"
    );
    let keep = Arc::new(Keep::default());
    let want = Want { refuse: keep.clone(), batch_rows: 2, ..Want::default() };
    assert_eq!(numbers(&all(&snapshot, &want).await.unwrap()), [1, 7]);
    let refused: Vec<_> = keep
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|r| (r.place.clone(), r.column.clone().unwrap(), r.value.clone().unwrap()))
        .collect();
    let row = |n: u8, column: &str, value: &str| {
        (format!("a.db: t rowid {n}"), column.to_owned(), value.to_owned())
    };
    assert_eq!(
        refused,
        [
            row(2, "n", "abc"),
            row(3, "n", "inf"),
            row(4, "n", "1e20"),
            row(5, "s", "x'6162'"),
            row(6, "s", "a\u{fffd}"),
            row(8, "x", "x"),
        ]
    );
}

#[tokio::test]
async fn a_whole_number_too_large_for_a_real_is_refused() {
    let (dir, _db) = database(
        "create table t (x numeric); insert into t values (1.5), (9007199254740992), \
         (9007199254740993);",
    );
    let snapshot = snapshot(&source(dir.path(), &[("table", "t")])).await;
    assert_eq!(snapshot.schema().field(0).data_type(), &DataType::Float64);
    let error = all(&snapshot, &Want::default()).await.unwrap_err();
    assert_eq!(error.places()[0].1, "a.db: t rowid 3");
}

#[tokio::test]
async fn a_column_without_type_is_that_of_its_values_or_must_be_declared() {
    let (dir, _db) =
        database("create table t (a, b); insert into t values (1, 'x'), (2, 3), (null, null);");
    let error = refusal(dir.path(), &[("table", "t")]).await;
    assert_eq!(
        error.report(),
        "error: column `b` has no declared type and holds values of several classes\n  \
         table:  t\n  values: 1 integer, 1 text\n\nhint: declare its type, such as \
         `columns: {b: text}`; values of another class are then refused one by one"
    );
    let options = with_columns(&[("path", "a.db"), ("table", "t")], &[("b", "text")]);
    let snapshot = snapshot(&source_of(dir.path(), &options, 1)).await;
    let types: Vec<_> = snapshot.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Utf8]);
    let error = all(&snapshot, &Want::default()).await.unwrap_err();
    assert_eq!(error.message(), "the value of storage class integer is not text");
}

#[tokio::test]
async fn splits_hold_as_many_rows_whatever_gaps_the_rowids_have() {
    let (dir, _db) = database(NUMBERS);
    let source = source(dir.path(), &[("table", "t"), ("split_rows", "300")]);
    let snapshot = snapshot(&source).await;
    let rows: Vec<_> = snapshot.splits().iter().map(|s| (s.id.as_str(), s.rows)).collect();
    let expected = [
        ("000000", Some(300)),
        ("000001", Some(300)),
        ("000002", Some(300)),
        ("000003", Some(100)),
    ];
    assert_eq!(rows, expected);
    let want = Want { batch_rows: 77, columns: Some(vec![0]), ..Want::default() };
    let read = all(&snapshot, &want).await.unwrap();
    assert_eq!(numbers(&read), (1..=1000).collect::<Vec<_>>());
    assert!(read.iter().all(|batch| batch.num_rows() <= 77));
    let second = batches(&snapshot, &snapshot.splits()[1], &want).await.unwrap();
    assert_eq!(numbers(&second), (301..=600).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_at_both_ends_of_the_rowids_are_in_one_split_each() {
    let (dir, _db) = database(
        "create table t (n integer primary key);
         insert into t values (-9223372036854775808), (-1), (0), (9223372036854775807);",
    );
    for split_rows in ["1", "2", "3", "4", "5"] {
        let source = source(dir.path(), &[("table", "t"), ("split_rows", split_rows)]);
        let snapshot = snapshot(&source).await;
        for batch_rows in [1, 2, 9] {
            let want = Want { batch_rows, ..Want::default() };
            let read = numbers(&all(&snapshot, &want).await.unwrap());
            assert_eq!(read, [i64::MIN, -1, 0, i64::MAX], "{split_rows} {batch_rows}");
        }
    }
}

#[tokio::test]
async fn tables_without_rowid_views_and_queries_are_one_split() {
    let (dir, _db) = database(
        "create table w (k text primary key, n integer) without rowid;
         insert into w values ('a', 1), ('b', 2), ('c', 3);
         create view v as select n, k from w where n > 1;",
    );
    let query = "select k, n * 10 as ten from w -- all";
    for (options, expected) in [
        (
            ("table", "w"),
            "+---+---+\n| k | n |\n+---+---+\n| a | 1 |\n| b | 2 |\n| c | 3 |\n+---+---+",
        ),
        (("table", "v"), "+---+---+\n| n | k |\n+---+---+\n| 2 | b |\n| 3 | c |\n+---+---+"),
        (
            ("query", query),
            "+---+-----+\n| k | ten |\n+---+-----+\n| a | 10  |\n| b | 20  |\n| c | 30  |\n+---+-----+",
        ),
    ] {
        let source = source(dir.path(), &[options, ("split_rows", "1")]);
        assert_eq!(snapshot(&source).await.splits().len(), 1);
        assert_eq!(shown(&source).await, expected);
        let snapshot = snapshot(&source).await;
        let want =
            Want { columns: Some(Vec::new()), limit: Some(2), batch_rows: 1, ..Want::default() };
        let read = all(&snapshot, &want).await.unwrap();
        assert_eq!(read.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [1, 1]);
    }
}

#[tokio::test]
async fn a_misfit_in_a_query_ends_the_stream_with_its_error() {
    let (dir, _db) = database("create table t (n integer); insert into t values (1), ('x');");
    let snapshot = snapshot(&source(dir.path(), &[("query", "select n from t")])).await;
    let error = all(&snapshot, &Want { batch_rows: 1, ..Want::default() }).await.unwrap_err();
    assert_eq!(error.places()[0].1, "a.db: query row 2");
}

#[tokio::test]
async fn columns_that_hide_the_rowid_and_odd_names_are_read() {
    let (dir, _db) = database(
        "create table \"a \"\"b\" (rowid text, \"c\"\"d\" integer);
         insert into \"a \"\"b\" values ('x', 1), ('y', 2);",
    );
    let source = source(dir.path(), &[("table", "a \"b"), ("split_rows", "1")]);
    assert_eq!(snapshot(&source).await.splits().len(), 2);
    assert_eq!(
        shown(&source).await,
        "+-------+-----+\n| rowid | c\"d |\n+-------+-----+\n| x     | 1   |\n| y     | 2   |\n\
         +-------+-----+"
    );
}

#[tokio::test]
async fn columns_come_as_wanted_and_none_are_counted() {
    let (dir, _db) = database(NUMBERS);
    let snapshot = snapshot(&source(dir.path(), &[("table", "t")])).await;
    let want = Want { columns: Some(vec![1, 0, 1]), limit: Some(5), ..Want::default() };
    let read = all(&snapshot, &want).await.unwrap();
    let schema = read[0].schema();
    let names: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!((names, read[0].num_rows()), (vec!["s", "n", "s"], 5));
    let none = Want { columns: Some(Vec::new()), ..Want::default() };
    let counted: usize =
        all(&snapshot, &none).await.unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(counted, 1000);
}

async fn filtered(snapshot: &Arc<dyn Snapshot>, column: usize, op: Op, value: ArrayRef) -> usize {
    let filters = vec![Comparison { column, op, value: Scalar::new(value) }];
    let keep = Arc::new(Keep::default());
    let want = Want { filters, refuse: keep.clone(), ..Want::default() };
    let rows: usize = all(snapshot, &want).await.unwrap().iter().map(RecordBatch::num_rows).sum();
    // A misfit is refused whatever is asked for.
    assert_eq!(keep.0.lock().unwrap().len(), 1, "{op:?}");
    rows
}

#[tokio::test]
async fn filters_leave_rows_out_and_misfits_are_refused_all_the_same() {
    let (dir, _db) =
        database("create table t (n integer); insert into t values (1), (2), (null), ('x');");
    let snapshot = snapshot(&source(dir.path(), &[("table", "t")])).await;
    let n = |n: i64| Arc::new(Int64Array::from(vec![n])) as ArrayRef;
    assert_eq!(filtered(&snapshot, 0, Op::Gt, n(1)).await, 1);
    assert_eq!(filtered(&snapshot, 0, Op::NotEq, n(1)).await, 1);
    assert_eq!(filtered(&snapshot, 0, Op::IsNull, n(0)).await, 1);
    assert_eq!(filtered(&snapshot, 0, Op::IsNotNull, n(0)).await, 2);
}

#[tokio::test]
async fn text_is_compared_byte_by_byte_whatever_the_column_says() {
    let (dir, _db) = database(
        "create table t (s text collate nocase);
         insert into t values ('a'), ('B'), ('b'), (null);",
    );
    let snapshot = snapshot(&source(dir.path(), &[("table", "t")])).await;
    for (column, op, value, expected) in
        [(0, Op::Eq, "b", 1), (0, Op::Lt, "a", 1), (0, Op::GtEq, "a", 2), (0, Op::NotEq, "b", 2)]
    {
        let value: ArrayRef = Arc::new(StringArray::from(vec![value]));
        let filters = vec![Comparison { column, op, value: Scalar::new(value) }];
        let want = Want { filters, ..Want::default() };
        let rows: usize =
            all(&snapshot, &want).await.unwrap().iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, expected, "{column} {op:?}");
    }
}

#[tokio::test]
async fn a_writer_that_commits_during_a_parallel_read_is_seen_by_no_split() {
    let (dir, db) = database(&format!("pragma journal_mode = wal; {NUMBERS}"));
    let source = source(dir.path(), &[("table", "t"), ("split_rows", "100")]);
    let snapshot = snapshot(&source).await;
    let want = Want { columns: Some(vec![0]), batch_rows: 10, ..Want::default() };
    let reads = snapshot.splits().iter().map(|split| {
        let (snapshot, want) = (Arc::clone(&snapshot), want.clone());
        let split = split.clone();
        tokio::spawn(async move { batches(&snapshot, &split, &want).await.unwrap() })
    });
    let reads: Vec<_> = reads.collect();
    db.execute_batch("update t set n = -n; delete from t where n < -500").unwrap();
    let mut read = Vec::new();
    for task in reads {
        read.extend(numbers(&task.await.unwrap()));
    }
    assert_eq!(read, (1..=1000).collect::<Vec<_>>());
    // Read again after the commit, on every reader: still what was frozen.
    assert_eq!(numbers(&all(&snapshot, &want).await.unwrap()), (1..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_rollback_journal_keeps_writers_out_while_the_snapshot_lives() {
    let (dir, db) = database(NUMBERS);
    db.busy_timeout(std::time::Duration::ZERO).unwrap();
    let source = source(dir.path(), &[("table", "t")]);
    let first = snapshot(&source).await;
    // A second snapshot of the same file comes and goes: the first one keeps its locks.
    drop(snapshot(&source).await);
    assert!(db.execute_batch("update t set n = 0").is_err());
    drop(first);
    db.execute_batch("update t set n = 0").unwrap();
}

#[tokio::test]
async fn readers_of_a_log_all_see_one_state() {
    let (dir, db) = database(&format!("pragma journal_mode = wal; {NUMBERS}"));
    let database = super::freeze::Database::find(dir.path(), "a.db").unwrap();
    let readers = database.readers(3).unwrap();
    db.execute_batch("delete from t").unwrap();
    let rows = |db: &Connection| -> i64 {
        db.query_row("select count(*) from t", [], |row| row.get(0)).unwrap()
    };
    let seen: Vec<i64> = readers.connections.iter().map(rows).collect();
    assert_eq!(seen, [1000, 1000, 1000]);
    // While somebody holds the writer's place, one reader must do.
    db.execute_batch("begin immediate").unwrap();
    assert_eq!(database.readers(3).unwrap().connections.len(), 1);
}

#[tokio::test]
async fn an_untouched_database_keeps_its_id_and_every_change_gives_another() {
    for mode in ["wal", "delete"] {
        let (dir, db) = database(&format!("pragma journal_mode = {mode}; {NUMBERS}"));
        let source = source(dir.path(), &[("table", "t")]);
        let mut seen = Vec::new();
        for change in [
            "select 1",
            "update t set n = 5 where n = 1",
            "update t set n = 6 where n = 5",
            "vacuum",
        ] {
            db.execute_batch(change).unwrap();
            let id = snapshot(&source).await.id().clone();
            assert_eq!(&id, snapshot(&source).await.id(), "{mode}: {change}");
            assert!(!seen.contains(&id), "{mode}: {change}");
            seen.push(id);
        }
    }
}

#[tokio::test]
async fn a_cursor_reads_each_row_once_whatever_its_class() {
    let (dir, db) = database("create table t (c); insert into t values (3), (1.5), (2);");
    let options =
        with_columns(&[("path", "a.db"), ("table", "t"), ("cursor", "c")], &[("c", "double")]);
    let source = source_of(dir.path(), &options, 2);
    let first = snapshot(&source).await;
    assert_eq!(first.high(), Some(&Watermark("i:3".to_owned())));
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(rows(&all(&first, &Want::default()).await.unwrap()), 3);
    let window = Window { above: first.high().cloned(), memo: None };
    drop(first);
    let second = source.open(&window).await.unwrap();
    assert_eq!((second.splits().len(), second.high()), (0, window.above.as_ref()));
    drop(second);
    db.execute_batch("insert into t values (3.5), (4), (1)").unwrap();
    let third = source.open(&window).await.unwrap();
    assert_eq!(third.high(), Some(&Watermark("i:4".to_owned())));
    assert_eq!(rows(&all(&third, &Want::default()).await.unwrap()), 2);
    drop(third);
    db.execute_batch("insert into t values (null)").unwrap();
    let error = source.open(&window).await.map(|_| ()).unwrap_err();
    assert_eq!(error.message(), "the cursor column `c` is NULL in 1 rows");
}

#[tokio::test]
async fn a_text_cursor_compares_byte_by_byte() {
    let (dir, _db) = database(
        "create table t (at text collate nocase not null);
         insert into t values ('b'), ('B'), ('a'), ('C');",
    );
    let source = source(dir.path(), &[("table", "t"), ("cursor", "at")]);
    let window = Window { above: Some(Watermark("t:C".to_owned())), memo: None };
    let snapshot = source.open(&window).await.unwrap();
    let read = all(&snapshot, &Want::default()).await.unwrap();
    let read: Vec<_> = read[0].column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!((read, snapshot.high().unwrap().0.as_str()), (vec!["b", "a"], "t:b"));
}

#[tokio::test]
async fn what_is_not_there_or_no_database_is_refused_by_name() {
    let (dir, _db) = database("create table orders (id integer, total real);");
    let error = refusal(dir.path(), &[("table", "order")]).await;
    assert_eq!(error.kind(), Kind::Missing);
    assert_eq!(
        error.report(),
        "error: `a.db` has no table `order`\n\nhint: did you mean `orders`? known here: orders"
    );
    let error = refusal(dir.path(), &[("table", "orders"), ("cursor", "totl")]).await;
    assert_eq!(error.message(), "`orders` has no column `totl`");
    assert_eq!(error.advice(), Some("did you mean `total`? known here: id, total"));
    let text = "not a database at all, but long enough to have a header of a hundred bytes or so \
                and more than that";
    for (path, content, kind) in [
        ("text.db", text.as_bytes(), Kind::Data),
        ("empty.db", b"", Kind::Missing),
        ("cut.db", b"SQLite format 3\0", Kind::Data),
    ] {
        std::fs::write(dir.path().join(path), content).unwrap();
        let options = Options::of_arguments(&[("path", path), ("table", "t")]);
        let error = source_of(dir.path(), &options, 1).schema().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path}: {}", error.report());
        assert!(error.message().contains(path), "{}", error.report());
    }
    let options = Options::of_arguments(&[("path", "none.db"), ("table", "t")]);
    let error = source_of(dir.path(), &options, 1).schema().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Missing, "`none.db` does not exist"));
    assert!(!dir.path().join("none.db").exists());
}

#[tokio::test]
async fn a_damaged_page_is_an_error_that_names_the_file() {
    let (dir, db) = database(NUMBERS);
    drop(db);
    let path = dir.path().join("a.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096 * 2..length].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    let error = refusal(dir.path(), &[("table", "t")]).await;
    assert_eq!((error.kind(), error.message()), (Kind::Data, "`a.db` is damaged"));
}

#[tokio::test]
async fn a_database_that_is_being_written_is_unavailable() {
    let (dir, db) = database(NUMBERS);
    db.execute_batch("begin exclusive").unwrap();
    let error = refusal(dir.path(), &[("table", "t")]).await;
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn a_query_must_be_one_select() {
    let (dir, db) = database(NUMBERS);
    for query in [
        "select 1 as a; delete from t",
        "delete from t",
        "delete from t returning n",
        "select nothing from t",
        "select n, n from t",
        "select ?1 as a",
        "pragma user_version = 3",
    ] {
        let error = refusal(dir.path(), &[("query", query)]).await;
        assert_eq!(error.kind(), Kind::Config, "{query}: {}", error.report());
    }
    let rows: i64 = db.query_row("select count(*) from t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1000);
}

#[tokio::test]
async fn a_read_that_is_dropped_gives_its_reader_back() {
    let (dir, _db) = database(NUMBERS);
    let options = Options::of_arguments(&[("path", "a.db"), ("query", "select n from t")]);
    let snapshot = snapshot(&source_of(dir.path(), &options, 1)).await;
    for _ in 0..5 {
        let want = Want { batch_rows: 1, ..Want::default() };
        let mut stream = snapshot.read(&snapshot.splits()[0], &want).await.unwrap();
        assert_eq!(stream.try_next().await.unwrap().unwrap().num_rows(), 1);
    }
    assert_eq!(numbers(&all(&snapshot, &Want::default()).await.unwrap()).len(), 1000);
}

#[tokio::test]
async fn a_path_is_never_taken_for_a_uri() {
    let (dir, _db) = database(NUMBERS);
    let odd = "file:a.db?mode=memory";
    std::fs::copy(dir.path().join("a.db"), dir.path().join(odd)).unwrap();
    let options = Options::of_arguments(&[("path", odd), ("table", "t")]);
    assert_eq!(source_of(dir.path(), &options, 1).schema().await.unwrap().fields().len(), 2);
}

#[test]
fn every_wrong_option_is_a_problem() {
    let place = Place::without_lines("test");
    let messages = |options: &Options| -> Vec<String> {
        check(options, Role::Source).into_iter().map(|p| p.message).collect()
    };
    assert_eq!(
        messages(&Options::new(place, Vec::new())),
        ["`path` is missing", "`table` is missing"]
    );
    let both = [("path", "a"), ("table", "t"), ("query", "q"), ("split_rows", "0")];
    assert_eq!(
        messages(&with_columns(&both, &[("a", "bigint"), ("b", "quux")])),
        [
            "`table` and `query` are both given",
            "`quux` is not a type",
            "`split_rows` must be a whole number from 1 to 1000000000, not `0`",
        ]
    );
}
