//! The contract of sources as tests: every connector in the registry that reads keeps it.
//!
//! `fixtures/types` holds one table in every format, with NULLs, limits and odd names; a connector
//! that reads and has no [`story`] here fails the tests. (The contract of sinks is tested where the
//! sinks are, against rows read back by another reader.)

use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, Scalar, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef};
use futures::TryStreamExt;
use tempfile::TempDir;

use super::mysql::mariadb::MariaDb;
use super::postgres::cluster::Cluster;
use super::sqlserver::tds::Tds;
use super::{ALL, Connector, Context, memory};
use crate::config::{Node, Options, Place, Value};
use crate::error::Kind;
use crate::memory::unlimited;
use crate::source::{Comparison, Op, Snapshot, Source, Split, Want, Window};

const ROWS: usize = 60;

/// Whether the long form of a test was asked for, as `make test-long` does.
pub(super) fn is_long() -> bool {
    std::env::var_os("DHOW_LONG").is_some()
}

/// The rows of two columns of whole numbers.
pub(super) fn pairs(batches: &[RecordBatch]) -> Vec<(i32, i32)> {
    let pairs = batches.iter().flat_map(|batch| {
        let column = |at: usize| batch.column(at).as_primitive::<Int32Type>().values().to_vec();
        column(0).into_iter().zip(column(1))
    });
    pairs.collect()
}

/// How the table of `fixtures/types` is read by a connector.
struct Story {
    connector: &'static Connector,
    /// The file, and options beside its path; a value with `:` is a map.
    file: &'static str,
    options: &'static [(&'static str, &'static str)],
}

const TYPES: (&str, &str) = ("columns", "day: date, at: timestamp");

fn story(connector: &'static Connector) -> Option<Story> {
    let (file, options): (_, &[_]) = match connector.name {
        "csv" => ("table.csv", &[("split_bytes", "300")]),
        "json" => ("table.ndjson", &[("split_bytes", "500"), TYPES]),
        "mysql" => {
            ("table.csv", &[("table", "table"), ("split_rows", "7"), ("tinyint1", "boolean")])
        }
        "parquet" => ("table.parquet", &[]),
        "postgres" => ("table.csv", &[("table", "table"), ("split_rows", "7")]),
        "sqlserver" => {
            ("table.csv", &[("table", "table"), ("split_rows", "7"), ("tls", "require")])
        }
        "sqlite" => ("table.db", &[("table", "table"), ("split_rows", "7")]),
        _ => return None,
    };
    Some(Story { connector, file, options })
}

/// Connectors that freeze nothing, and say so: their own tests hold what they promise.
const LIVE: &[&str] = &["connectorx"];

fn stories() -> Vec<Story> {
    let readers = ALL.iter().filter(|c| c.source.is_some() && c.name != memory::CONNECTOR.name);
    let readers = readers.filter(|c| !LIVE.contains(&c.name));
    readers.map(|c| story(c).unwrap_or_else(|| panic!("`{}` has no story", c.name))).collect()
}

/// A database with the table. Its server is written to by nobody else, because the name of a
/// snapshot tells every transaction of the server.
static DATABASE: LazyLock<(Cluster, String, String)> = LazyLock::new(|| {
    let server = Cluster::start(&["-c autovacuum=off"]);
    let (url, database) = server.url("types");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/types/table.csv");
    server.psql(
        &database,
        "create table \"table\" (id bigint primary key, \"Big One\" bigint, ratio double precision, \
         \"select\" text, flag boolean, day date, at timestamp) with (fillfactor = 10)",
    );
    let copy = format!("\\copy \"table\" from '{}' with (format csv, header)", file.display());
    server.psql(&database, &copy);
    server.psql(&database, "analyze");
    (server, url, database)
});

/// The same table in a SQL Server.
static SQL_SERVER: LazyLock<Tds> = LazyLock::new(|| {
    let server = Tds::start();
    server.execute(
        "shop",
        "create table [table] (id bigint not null primary key, [Big One] bigint null, ratio float null, \
         [select] nvarchar(100) null, flag bit null, day date null, at datetime2(6) null)",
    );
    // Postgres, which has read the CSV, writes the values as they are written here.
    let text = "coalesce('N''' || replace(({})::text, '''', '''''') || '''', 'null')";
    let columns = ["id", "\"Big One\"", "ratio", "\"select\"", "flag::int", "day", "at"];
    let values = columns.map(|name| text.replace("{}", name)).join(" || ', ' || ");
    let sql = format!("select string_agg('(' || {values} || ')', ', ') from \"table\"");
    let (postgres, _, database) = &*DATABASE;
    let rows = postgres.psql(database, &sql);
    server.execute("shop", &format!("insert into [table] values {rows}"));
    server
});

/// The same in MariaDB, whose log tells that nobody has written.
static MARIADB: LazyLock<(MariaDb, String, String)> = LazyLock::new(|| {
    let server = MariaDb::start(&["--log-bin=log", "--local-infile=1"]);
    let (url, database) = server.url("types");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/types/table.csv");
    // A field that is empty is NULL, and one that is in quotes and empty is not, which LOAD DATA
    // does not tell apart.
    let text = std::fs::read_to_string(&file).unwrap();
    let empty = text.lines().filter(|line| line.contains(",\"\","));
    let empty: Vec<_> = empty.filter_map(|line| line.split(',').next()).collect();
    let load = format!(
        "load data local infile '{}' into table `table` character set utf8mb4 \
         fields terminated by ',' optionally enclosed by '\"' escaped by '' \
         lines terminated by '\\n' ignore 1 lines \
         (id, @big, @ratio, @text, @flag, @day, @at) set `Big One` = nullif(@big, ''), \
         ratio = nullif(@ratio, ''), `select` = nullif(@text, ''), \
         flag = case @flag when 'true' then 1 when 'false' then 0 end, \
         day = nullif(@day, ''), at = nullif(replace(@at, 'T', ' '), '')",
        file.display()
    );
    server.sql(
        &database,
        &format!(
            "create table `table` (id bigint primary key, `Big One` bigint, ratio double, \
             `select` text, flag tinyint(1), day date, at datetime(6)); {load}; \
             update `table` set `select` = '' where id in ({}); analyze table `table`",
            empty.join(", ")
        ),
    );
    (server, url, database)
});

impl Story {
    /// A copy of the file in a folder of its own, and the source that reads it.
    fn open(&self) -> (TempDir, Arc<dyn Source>) {
        let dir = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/types").join(self.file);
        std::fs::copy(fixture, dir.path().join(self.file)).unwrap();
        let place = Place::without_lines("test");
        let url = (self.connector.name == "sqlserver").then(|| SQL_SERVER.url("shop"));
        let path = match self.connector.name {
            "mysql" => ("url", MARIADB.1.as_str()),
            "postgres" => ("url", DATABASE.1.as_str()),
            "sqlserver" => ("url", url.as_deref().unwrap_or_default()),
            _ => ("path", self.file),
        };
        let entries = self.options.iter().chain([&path]);
        let entries = entries.map(|(key, value)| ((*key).to_owned(), place.clone(), node(value)));
        let options = Options::new(place.clone(), entries.collect());
        let context =
            Context { base: dir.path().to_owned(), jobs: 2, memory: unlimited(), state: None };
        let source = (self.connector.source.unwrap())(&options, &context).unwrap();
        (dir, source)
    }

    /// All that is there, as it is stored.
    fn stored(&self, dir: &TempDir) -> Vec<u8> {
        if self.connector.name == "sqlserver" {
            let rows = SQL_SERVER.rows("shop", "select * from [table] order by id");
            return format!("{rows:?}").into_bytes();
        }
        if self.connector.name == "mysql" {
            let (server, _, database) = &*MARIADB;
            let log = "show master status; select table_name, update_time, checksum \
                       from information_schema.tables where table_schema = database()";
            let rows = server.sql(database, "select * from `table` order by id");
            return [rows, server.sql(database, log)].concat().into_bytes();
        }
        if self.connector.name != "postgres" {
            return std::fs::read(dir.path().join(self.file)).unwrap();
        }
        let (server, _, database) = &*DATABASE;
        let rows = "select xmin, ctid, * from \"table\" order by ctid";
        let catalog = "select xmin, relname, relkind from pg_class order by oid";
        [rows, catalog].map(|sql| server.psql(database, sql)).concat().into_bytes()
    }
}

fn node(value: &str) -> Node {
    let place = Place::without_lines("test");
    if !value.contains(": ") {
        return Node::argument(value, &place);
    }
    let pairs = value.split(", ").map(|pair| pair.split_once(": ").unwrap());
    let entry = |(k, v): (&str, &str)| (k.to_owned(), place.clone(), Node::argument(v, &place));
    let map = Value::Map(pairs.map(entry).collect());
    Node { value: map, ..Node::argument("", &place) }
}

async fn open(source: &Arc<dyn Source>) -> Arc<dyn Snapshot> {
    source.open(&Window::default()).await.unwrap()
}

async fn read(snapshot: &Arc<dyn Snapshot>, split: &Split, want: &Want) -> Vec<RecordBatch> {
    snapshot.read(split, want).await.unwrap().try_collect().await.unwrap()
}

/// All rows of all splits, in order, each as a line of text.
async fn lines(snapshot: &Arc<dyn Snapshot>) -> Vec<String> {
    let mut lines = Vec::new();
    for split in snapshot.splits() {
        let batches = read(snapshot, split, &Want::default()).await;
        lines.extend(batches.iter().flat_map(as_lines));
    }
    lines
}

fn as_lines(batch: &RecordBatch) -> Vec<String> {
    let texts = batch.columns().iter().map(as_text);
    let texts: Vec<StringArray> = texts.collect();
    let cell = |text: &StringArray, row| match text.is_null(row) {
        true => "NULL".to_owned(),
        false => format!("{:?}", text.value(row)),
    };
    let line = |row| texts.iter().map(|t| cell(t, row)).collect::<Vec<_>>().join(" | ");
    (0..batch.num_rows()).map(line).collect()
}

fn as_text(column: &ArrayRef) -> StringArray {
    cast(column, &DataType::Utf8).unwrap().as_string::<i32>().clone()
}

#[tokio::test]
async fn every_format_gives_the_same_rows_with_the_same_types() {
    let mut first: Option<(Vec<String>, Types)> = None;
    for story in stories() {
        let (_dir, source) = story.open();
        let snapshot = open(&source).await;
        let found = (lines(&snapshot).await, types(&snapshot.schema()));
        assert_eq!(found.0.len(), ROWS, "{}", story.connector.name);
        match &first {
            None => first = Some(found),
            Some(first) => assert_eq!(&found, first, "{}", story.connector.name),
        }
    }
}

/// Names and types of columns.
type Types = Vec<(String, DataType)>;

/// What has to be equal: the two kinds of text and NULL-ability are the connector's own business.
fn types(schema: &SchemaRef) -> Types {
    let plain = |kind: &DataType| match kind {
        DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    };
    schema.fields().iter().map(|f| (f.name().clone(), plain(f.data_type()))).collect()
}

#[tokio::test]
async fn source_1_reading_changes_nothing() {
    for story in stories() {
        let (dir, source) = story.open();
        let before = story.stored(&dir);
        lines(&open(&source).await).await;
        assert!(before == story.stored(&dir), "{}", story.connector.name);
    }
}

#[tokio::test]
async fn source_2_a_snapshot_has_the_schema_that_was_promised() {
    for story in stories() {
        let (_dir, source) = story.open();
        let (promised, snapshot) = (source.schema().await.unwrap(), open(&source).await);
        assert_eq!(promised, snapshot.schema(), "{}", story.connector.name);
        for split in snapshot.splits() {
            for batch in read(&snapshot, split, &Want::default()).await {
                assert_eq!(types(&batch.schema()), types(&promised), "{}", story.connector.name);
            }
        }
    }
}

#[tokio::test]
async fn snapshot_1_equal_ids_are_equal_splits_and_equal_rows() {
    for story in stories() {
        let (_dir, source) = story.open();
        let (one, two) = (open(&source).await, open(&source).await);
        assert_eq!(one.id(), two.id(), "{}", story.connector.name);
        assert_eq!(one.splits(), two.splits(), "{}", story.connector.name);
        assert_eq!(lines(&one).await, lines(&two).await, "{}", story.connector.name);
    }
}

#[tokio::test]
async fn snapshot_2_every_row_is_in_exactly_one_split() {
    for story in stories() {
        let (_dir, source) = story.open();
        let snapshot = open(&source).await;
        let ids = async |split| {
            let batches = read(&snapshot, split, &Want::default()).await;
            let ids = batches.iter().map(|b| b.column(0).as_primitive::<Int64Type>().clone());
            ids.flat_map(|ids| ids.values().to_vec()).collect::<Vec<_>>()
        };
        let mut all = Vec::new();
        for split in snapshot.splits() {
            all.extend(ids(split).await);
        }
        assert_eq!(all, (0..60).collect::<Vec<i64>>(), "{}", story.connector.name);
        let names: Vec<_> = snapshot.splits().iter().map(|split| &split.id).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}

#[tokio::test]
async fn snapshot_3_a_split_is_read_again_and_at_once() {
    for story in stories() {
        let (_dir, source) = story.open();
        let snapshot = open(&source).await;
        let (split, want) = (&snapshot.splits()[0], Want::default());
        let (one, two) =
            futures::join!(read(&snapshot, split, &want), read(&snapshot, split, &want));
        assert_eq!(one, two, "{}", story.connector.name);
    }
}

#[tokio::test]
async fn snapshot_4_a_file_that_changed_is_a_conflict_and_never_other_rows() {
    // A database keeps what is frozen: its own tests change rows meanwhile.
    let keeps =
        |s: &Story| matches!(s.connector.name, "mysql" | "postgres" | "sqlite" | "sqlserver");
    for story in stories().into_iter().filter(|s| !keeps(s)) {
        let (dir, source) = story.open();
        let snapshot = open(&source).await;
        let path = dir.path().join(story.file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_within(..);
        std::fs::write(&path, bytes).unwrap();
        let found = match snapshot.read(&snapshot.splits()[0], &Want::default()).await {
            Err(error) => Err(error),
            Ok(rows) => rows.try_collect::<Vec<_>>().await,
        };
        assert_eq!(found.unwrap_err().kind(), Kind::Conflict, "{}", story.connector.name);
    }
}

#[tokio::test]
async fn snapshot_5_filters_leave_out_no_row_that_passes() {
    for story in stories() {
        let (_dir, source) = story.open();
        let snapshot = open(&source).await;
        for (op, expected) in [(Op::Eq, 25..26), (Op::GtEq, 25..60), (Op::Lt, 0..25)] {
            let value = Scalar::new(Arc::new(Int64Array::from(vec![25])) as ArrayRef);
            let filters = vec![Comparison { column: 0, op, value }];
            let want = Want { columns: Some(vec![0]), filters, ..Want::default() };
            let mut found = Vec::new();
            for split in snapshot.splits() {
                for batch in read(&snapshot, split, &want).await {
                    found.extend(batch.column(0).as_primitive::<Int64Type>().values().to_vec());
                }
            }
            let missing: Vec<i64> = expected.filter(|id| !found.contains(id)).collect();
            assert_eq!(missing, Vec::<i64>::new(), "{} {op:?}", story.connector.name);
        }
    }
}

#[tokio::test]
async fn wanted_columns_come_in_the_order_wanted_and_batches_are_as_small_as_wanted() {
    for story in stories() {
        let (_dir, source) = story.open();
        let snapshot = open(&source).await;
        let split = &snapshot.splits()[0];
        let all = read(&snapshot, split, &Want::default()).await;
        let all = concat_batches(&all[0].schema(), &all).unwrap();

        let want = Want { columns: Some(vec![3, 0]), batch_rows: 2, ..Want::default() };
        let found = read(&snapshot, split, &want).await;
        assert!(found.iter().all(|b| b.num_rows() <= 2), "{}", story.connector.name);
        let found = concat_batches(&found[0].schema(), &found).unwrap();
        assert_eq!(as_lines(&found), as_lines(&all.project(&[3, 0]).unwrap()));

        let none = Want { columns: Some(vec![]), ..Want::default() };
        let counted: usize = read(&snapshot, split, &none).await.iter().map(|b| b.num_rows()).sum();
        assert_eq!(counted, all.num_rows(), "{}", story.connector.name);

        let few = Want { limit: Some(3), ..Want::default() };
        let few: usize = read(&snapshot, split, &few).await.iter().map(|b| b.num_rows()).sum();
        assert_eq!(few, 3.min(all.num_rows()), "{}", story.connector.name);
    }
}
