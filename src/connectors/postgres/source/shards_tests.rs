//! Tests of several databases read as one, over a real server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Scalar, StringArray};
use arrow::datatypes::DataType;

use super::{SHARD, open};
use crate::config::{Node, Options, Place, Value};
use crate::connectors::Context;
use crate::connectors::postgres::cluster::SHARED;
use crate::connectors::postgres::source::source_tests::{lines, read};
use crate::error::{Kind, Result};
use crate::memory::unlimited;
use crate::source::{Comparison, Op, Refuse, Refused, Snapshot, Source, Want, Watermark, Window};

type Entry = (String, Place, Node);

fn place(name: &str) -> Place {
    Place::without_lines(name)
}

fn entry(key: &str, value: &str) -> Entry {
    let place = place(key);
    (key.to_owned(), place.clone(), Node::argument(value, &place))
}

fn map(key: &str, entries: Vec<Entry>) -> Entry {
    let place = place(key);
    let node = Node { value: Value::Map(entries), ..Node::argument("", &place) };
    (key.to_owned(), place, node)
}

fn options(shards: Vec<Entry>, more: &[(&str, &str)]) -> Options {
    let mut all = vec![map("shards", shards)];
    all.extend(more.iter().map(|(key, value)| entry(key, value)));
    Options::new(place("source"), all)
}

fn source(shards: &[(&str, &str)], more: &[(&str, &str)]) -> Arc<dyn Source> {
    let shards = shards.iter().map(|(name, url)| entry(name, url)).collect();
    let options = options(shards, more);
    assert_eq!(SHARD.check_all(&options), []);
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    open(&options, &context).unwrap()
}

async fn snapshot(shards: &[(&str, &str)], more: &[(&str, &str)]) -> Arc<dyn Snapshot> {
    source(shards, more).open(&Window::default()).await.unwrap()
}

/// Two databases, each with a table `t`; their URLs.
fn two(first: &str, second: &str) -> (String, String) {
    let [first, second] = [first, second].map(|sql| {
        let (url, database) = SHARED.url("shard");
        SHARED.psql(&database, sql);
        url
    });
    (first, second)
}

/// How many rows come of each split for `want`, with the columns they have.
async fn counted(snapshot: &Arc<dyn Snapshot>, want: &Want) -> BTreeMap<String, (usize, usize)> {
    let mut counted = BTreeMap::new();
    for split in snapshot.splits() {
        for batch in read(snapshot, split, want).await.unwrap() {
            let (rows, columns) = counted.entry(split.id.clone()).or_default();
            *rows += batch.num_rows();
            *columns = batch.num_columns();
        }
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_comes_with_its_shard_whatever_the_order_of_columns() {
    let (eu, us) = two(
        "create table t (id int not null, name text not null); insert into t values (1, 'a'), (2, 'b')",
        "create table t (name text, id int not null); insert into t values ('c', 1)",
    );
    let shards = [("us", us.as_str()), ("eu", eu.as_str())];
    let snapshot = snapshot(&shards, &[("table", "t"), ("shard_column", "region")]).await;
    assert_eq!(lines(&snapshot).await, ["eu|a|1", "eu|b|2", "us|c|1"]);
    // No server sends the name of its shard.
    assert!(snapshot.verbatim(&snapshot.splits()[0]).is_none());
    let schema = snapshot.schema();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| (f.name().as_str(), f.data_type().clone(), f.is_nullable()))
        .collect();
    let expected = [
        ("region", DataType::Utf8, false),
        ("name", DataType::Utf8, true),
        ("id", DataType::Int32, false),
    ];
    assert_eq!(fields, expected);
    let ids: Vec<_> = snapshot.splits().iter().map(|split| split.id.as_str()).collect();
    assert_eq!(ids, ["eu/000000", "us/000000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_urls_is_numbered() {
    let (one, two) = two("create table t as select 1 as id", "create table t as select 2 as id");
    let place = place("shards");
    let list = [one, two].map(|url| Node::argument(url, &place)).to_vec();
    let node = Node { value: Value::List(list), ..Node::argument("", &place) };
    let options =
        Options::new(place.clone(), vec![("shards".to_owned(), place, node), entry("table", "t")]);
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    let source = open(&options, &context).unwrap();
    let snapshot = source.open(&Window::default()).await.unwrap();
    assert_eq!(lines(&snapshot).await, ["1|1", "2|2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_columns_in_any_order_are_given_and_filters_reach_the_right_shard() {
    let (eu, us) = two(
        "create table t as select id, 'x' || id as name from generate_series(1, 3) id",
        "create table t as select id, 'y' || id as name from generate_series(1, 5) id",
    );
    let shards = [("eu", eu.as_str()), ("us", us.as_str())];
    let snapshot = snapshot(&shards, &[("table", "t")]).await;
    let want = |columns: &[usize]| Want { columns: Some(columns.to_vec()), ..Want::default() };
    let of = |eu, us, columns| {
        BTreeMap::from([
            ("eu/000000".to_owned(), (eu, columns)),
            ("us/000000".to_owned(), (us, columns)),
        ])
    };
    assert_eq!(counted(&snapshot, &want(&[])).await, of(3, 5, 0));
    assert_eq!(counted(&snapshot, &want(&[0])).await, of(3, 5, 1));
    assert_eq!(counted(&snapshot, &want(&[1])).await, of(3, 5, 1));
    assert_eq!(counted(&snapshot, &Want { limit: Some(2), ..want(&[2, 0]) }).await, of(2, 2, 2));
    let split = &snapshot.splits()[1];
    let found = read(&snapshot, split, &Want { limit: Some(1), ..want(&[2, 0, 1]) }).await.unwrap();
    let text = arrow::util::pretty::pretty_format_batches(&found).unwrap().to_string();
    let cells: Vec<_> =
        text.split_whitespace().filter(|cell| !cell.starts_with(['|', '+'])).collect();
    assert_eq!(cells, ["name", "shard", "id", "y1", "us", "1"]);

    let text = |value: &str| Scalar::new(Arc::new(StringArray::from(vec![value])) as ArrayRef);
    let filtered = |column, op, value: &str| {
        let filters = vec![Comparison { column, op, value: text(value) }];
        Want { filters, ..Want::default() }
    };
    let only_us = BTreeMap::from([("us/000000".to_owned(), (5, 3))]);
    for (op, value) in [(Op::Eq, "us"), (Op::NotEq, "eu"), (Op::Gt, "eu"), (Op::GtEq, "f")] {
        assert_eq!(counted(&snapshot, &filtered(0, op, value)).await, only_us, "{op:?}");
    }
    assert_eq!(counted(&snapshot, &filtered(0, Op::IsNull, "")).await, BTreeMap::new());
    assert_eq!(counted(&snapshot, &filtered(0, Op::IsNotNull, "")).await, of(3, 5, 3));
    let one = BTreeMap::from([("us/000000".to_owned(), (1, 3))]);
    assert_eq!(counted(&snapshot, &filtered(2, Op::Eq, "y4")).await, one);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_kept_by_shard_and_a_new_shard_starts_from_nothing() {
    let (eu, us) = two(
        "create table t as select id from generate_series(1, 3) id",
        "create table t as select id from generate_series(1, 5) id",
    );
    let shards = [("eu", eu.as_str()), ("us", us.as_str())];
    let source = source(&shards, &[("table", "t"), ("cursor", "id")]);
    let window = |above: &str| Window { above: Some(Watermark(above.to_owned())), memo: None };
    let all = source.open(&Window::default()).await.unwrap();
    assert_eq!(all.high().unwrap().0, r#"{"eu":"3","us":"5"}"#);
    let some = source.open(&window(r#"{"eu":"2","old":"9"}"#)).await.unwrap();
    assert_eq!(some.high().unwrap().0, r#"{"eu":"3","old":"9","us":"5"}"#);
    assert_eq!(lines(&some).await, ["eu|3", "us|1", "us|2", "us|3", "us|4", "us|5"]);
    let error = source.open(&window("5")).await.unwrap_err();
    assert_eq!(error.message(), "the last position of the cursor is not one of shards");
    let none = snapshot(&shards, &[("table", "t")]).await;
    assert_eq!(none.high(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_opened_again_by_the_memo_of_each() {
    let sql = "create table t (id int primary key); insert into t select generate_series(1, 3000); analyze t";
    let (eu, us) = two(sql, sql);
    let shards = [("eu", eu.as_str()), ("us", us.as_str())];
    let more = [("table", "t"), ("consistency", "split"), ("split_rows", "1000")];
    let source = source(&shards, &more);
    let one = source.open(&Window::default()).await.unwrap();
    assert_eq!(one.splits().len(), 6);
    SHARED.psql(eu.rsplit('/').next().unwrap(), "delete from t where id < 1500; analyze t");
    let again = Window { above: None, memo: one.memo() };
    let two = source.open(&again).await.unwrap();
    assert_eq!((one.id(), one.splits()), (two.id(), two.splits()));
    let kept = "the splits that an earlier run has finished are kept";
    assert!(two.notes().contains(&kept.to_owned()), "{:?}", two.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_between_shards_is_named() {
    let (eu, us) = two(
        "create table t (id int, name text, old date)",
        "create table t (id bigint, name text, new bytea)",
    );
    let shards = [("eu", eu.as_str()), ("us", us.as_str())];
    let error = source(&shards, &[("table", "t")]).schema().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let places: Vec<_> = error.places().iter().map(|(w, v)| format!("{w}: {v}")).collect();
    let expected = [
        "us.id: bigint; integer in eu",
        "us.old: not there; date in eu",
        "us.new: Binary; not there in eu",
    ];
    assert_eq!(places, expected);
    let own = source(&[("eu", &eu)], &[("table", "t"), ("shard_column", "name")]).schema().await;
    let own = own.unwrap_err();
    assert_eq!(own.message(), "there is a column `name` already");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_shards_that_cannot_be_opened_are_named_and_no_others() {
    let (eu, us) = two("create table t (id int)", "create table u (id int)");
    let gone = format!("{us}_gone");
    let shards = [("eu", eu.as_str()), ("us", us.as_str()), ("asia", gone.as_str())];
    let source = source(&shards, &[("table", "t")]);
    for error in
        [source.schema().await.unwrap_err(), source.open(&Window::default()).await.unwrap_err()]
    {
        let named = |e: &crate::error::Error| {
            let mut shards = e.places().iter().filter(|(what, _)| what == "shard");
            (shards.next().map(|(_, name)| name.clone()), shards.count())
        };
        let mut all: Vec<_> = error.others().iter().map(named).collect();
        all.insert(0, named(&error));
        let expected = ["us", "asia"].map(|name| (Some(name.to_owned()), 0));
        assert_eq!(all, expected, "{}", error.report());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_down_is_left_for_a_later_run_when_the_author_says_so() {
    let (eu, _) = two("create table t as select 1 as id", "create table t (id int)");
    let down = "postgres://postgres@127.0.0.1:1/down?sslmode=disable";
    let shards = [("eu", eu.as_str()), ("us", down)];
    let more = [("table", "t"), ("cursor", "id"), ("shard_down", "skip")];
    let source = source(&shards, &more);
    assert_eq!(source.schema().await.unwrap().fields().len(), 2);
    let above = Some(Watermark(r#"{"eu":"0","us":"7"}"#.to_owned()));
    let some = source.open(&Window { above, memo: None }).await.unwrap();
    assert_eq!(lines(&some).await, ["eu|1"]);
    // The position of the other one stays, so that nothing of it is ever lost.
    assert_eq!(some.high().unwrap().0, r#"{"eu":"1","us":"7"}"#);
    let late =
        "`us` is left for a later run, its position unchanged: nothing listens at `127.0.0.1:1`";
    assert!(some.notes().contains(&late.to_owned()), "{:?}", some.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_is_not_down_because_it_is_wrong_or_because_all_are() {
    let (eu, us) = two("create table t as select 1 as id", "create table u (id int)");
    let down = "postgres://postgres@127.0.0.1:1/down?sslmode=disable";
    let more = [("table", "t"), ("cursor", "id"), ("shard_down", "skip")];
    for (shards, kind) in [
        ([("eu", eu.as_str()), ("us", us.as_str())], Kind::Missing),
        ([("eu", down), ("us", down)], Kind::Unavailable),
    ] {
        let error = source(&shards, &more).open(&Window::default()).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
    let shards = vec![entry("eu", &eu)];
    let found = problems(&options(shards, &[("table", "t"), ("shard_down", "skip")]));
    assert_eq!(found, ["shard_down: `shard_down: skip` needs a `cursor`"]);
}

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<String>>);

impl Refuse for Kept {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row.place);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_of_two_shards_are_at_different_places() {
    let sql = "create table t as select date 'infinity' as day";
    let (eu, us) = two(sql, sql);
    let shards = [("eu", eu.as_str()), ("us", us.as_str())];
    let snapshot = snapshot(&shards, &[("table", "t")]).await;
    let kept = Arc::new(Kept::default());
    let want = Want { refuse: kept.clone(), ..Want::default() };
    assert_eq!(counted(&snapshot, &want).await, BTreeMap::new());
    let mut places = kept.0.lock().unwrap().clone();
    places.sort();
    let [eu, us] = places.as_slice() else { panic!("{places:?}") };
    assert!(eu.starts_with("eu/t ") && us.starts_with("us/t "), "{places:?}");
}

/// The problems of `options` with their places.
fn problems(options: &Options) -> Vec<String> {
    let shown = |p: crate::config::Problem| format!("{}: {}", p.place.unwrap(), p.message);
    SHARD.check_all(options).into_iter().map(shown).collect()
}

#[test]
fn every_wrong_entry_of_a_shard_is_found_and_what_is_wrong_for_all_is_said_once() {
    let shards = vec![
        map("eu", vec![entry("host", "a"), entry("hots", "b"), entry("table", "x")]),
        map("us", vec![entry("port", "0")]),
        entry("a/b", "postgres://a/b"),
        map("asia", vec![entry("url", "mysql://a/b")]),
    ];
    let options = options(shards, &[("tabel", "t"), ("shard_column", "")]);
    assert_eq!(
        problems(&options),
        [
            "shard_column: `shard_column` is empty",
            "a/b: `a/b` cannot be the name of a shard",
            "hots: there is no option of a shard `hots`",
            "table: there is no option of a shard `table`",
            "source: `table` is missing",
            "tabel: there is no option `tabel`",
            "port: `port` must be a whole number from 1 to 65535, not `0`",
            "us: `url` or `host` is missing",
            "url: `url` must begin with `postgres://`",
        ]
    );
}

#[test]
fn what_is_no_shard_is_a_problem() {
    let wrong = |value: Value| {
        let place = place("shards");
        let node = Node { value, ..Node::argument("", &place) };
        let all = vec![("shards".to_owned(), place.clone(), node), entry("table", "t")];
        problems(&Options::new(place, all))
    };
    let text = Value::Scalar { text: "postgres://a/b".to_owned(), quoted: true };
    assert_eq!(wrong(text), ["shards: `shards` must be a map or a list, not a single value"]);
    assert_eq!(wrong(Value::Null), ["shards: `shards` must be a map or a list, not nothing"]);
    assert_eq!(wrong(Value::List(Vec::new())), ["shards: `shards` is empty"]);
    let alone =
        Options::of_arguments(&[("url", "postgres://a/b"), ("table", "t"), ("shard_column", "x")]);
    let found = crate::connectors::postgres::source::options::source(&alone).1;
    let found: Vec<_> = found.into_iter().map(|problem| problem.message).collect();
    assert_eq!(found, ["`shard_column` needs `shards`"]);
}
