//! What a session promises, over snapshots in memory.

mod functions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};

use crate::config::{CheckDef, ModelDef, OnRefused, Pipeline, Sql, Var};
use crate::error::{Error, Kind, Result};
use crate::source::{BatchStream, Op, Refuse, Refused, Snapshot, SnapshotId, Split, Stop, Want};
use crate::transform::{Limits, Meter, Query, Session, check};

/// A snapshot whose splits are batches; it writes down what was asked of it.
#[derive(Debug)]
struct Table {
    id: SnapshotId,
    schema: SchemaRef,
    splits: Vec<Split>,
    batches: BTreeMap<String, RecordBatch>,
    asked: Mutex<Vec<(String, Want)>>,
    broken: Option<Error>,
}

impl Table {
    fn of(batches: Vec<RecordBatch>) -> Table {
        let split = |(index, batch): (usize, &RecordBatch)| Split {
            id: format!("{index:04}"),
            rows: Some(batch.num_rows() as u64),
            bytes: Some(batch.get_array_memory_size() as u64),
        };
        Table {
            id: SnapshotId::of(["table"]),
            schema: batches[0].schema(),
            splits: batches.iter().enumerate().map(split).collect(),
            batches: batches.into_iter().enumerate().map(|(i, b)| (format!("{i:04}"), b)).collect(),
            asked: Mutex::default(),
            broken: None,
        }
    }
}

#[async_trait]
impl Snapshot for Table {
    fn id(&self) -> &SnapshotId {
        &self.id
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    async fn read(&self, split: &Split, want: &Want) -> Result<BatchStream> {
        self.asked.lock().unwrap().push((split.id.clone(), want.clone()));
        if let Some(error) = &self.broken {
            return Ok(stream::iter([Err(error.clone())]).boxed());
        }
        let whole = &self.batches[&split.id];
        let batch = match &want.columns {
            Some(columns) => whole.project(columns).unwrap(),
            None => whole.clone(),
        };
        if batch.num_columns() == 0 {
            return Ok(stream::iter([Ok(batch)]).boxed());
        }
        // Batches of their own, as readers make them: a slice would hold the whole split in memory.
        let starts = (0..batch.num_rows()).step_by(want.batch_rows);
        let rows = want.batch_rows;
        let part = |start| {
            let end = batch.num_rows().min(start + rows);
            let indices =
                UInt32Array::from_iter_values((start..end).map(|row| u32::try_from(row).unwrap()));
            Ok(take_record_batch(&batch, &indices).unwrap())
        };
        let slices: Vec<_> = starts.map(part).collect();
        Ok(stream::iter(slices).boxed())
    }
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Meter for Counter {
    fn read(&self, rows: u64, _bytes: u64) {
        self.0.fetch_add(rows, Ordering::SeqCst);
    }
}

#[derive(Debug, Default)]
struct Basket(Mutex<Vec<Refused>>);

impl Refuse for Basket {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

const MIB: u64 = 1 << 20;

fn limits(jobs: usize, memory: u64) -> (Limits, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let spill = folder.path().join("state/spill");
    (Limits { memory, jobs, spill, spill_bytes: 1024 * MIB }, folder)
}

/// Splits of `rows` rows each with columns `id`, `word` and `amount`.
fn orders(splits: usize, rows: usize) -> Table {
    let batch = |split: usize| {
        let ids = (split * rows)..((split + 1) * rows);
        let id: ArrayRef = Arc::new(Int64Array::from_iter_values(
            ids.clone().map(|id| i64::try_from(id).unwrap()),
        ));
        let words = ids.clone().map(|id| format!("word {:07}", (id * 7919) % 1_000_003));
        let word: ArrayRef = Arc::new(StringArray::from_iter_values(words));
        let amounts = ids.map(|id| (id % 7 != 0).then_some(id as f64 / 2.0));
        let amount: ArrayRef = Arc::new(Float64Array::from_iter(amounts));
        RecordBatch::try_from_iter_with_nullable([
            ("id", id, false),
            ("word", word, false),
            ("amount", amount, true),
        ])
        .unwrap()
    };
    Table::of((0..splits).map(batch).collect())
}

fn sql(text: &str) -> Sql {
    Sql { file: "sql/m.sql".into(), text: text.into() }
}

fn model(name: &str, text: &str) -> ModelDef {
    ModelDef { name: name.into(), sql: sql(text) }
}

fn reject(name: &str, text: &str) -> CheckDef {
    CheckDef { name: name.into(), sql: sql(text), refused: OnRefused::Reject }
}

fn query(relation: &str) -> Query {
    Query {
        relation: relation.into(),
        only: None,
        rejecting: vec![],
        limit: None,
        refuse: Arc::new(Stop),
        meter: Arc::new(Counter::default()),
    }
}

async fn with_models(table: Arc<Table>, models: &[ModelDef]) -> (Session, tempfile::TempDir) {
    let (limits, folder) = limits(2, 256 * MIB);
    let mut session = Session::new(&limits).unwrap();
    session.add_source("orders", table).unwrap();
    let added = session.add_models(models, &vars()).await;
    added.map_err(|errors| Error::several(errors).report()).unwrap();
    (session, folder)
}

fn vars() -> BTreeMap<String, Var> {
    BTreeMap::from([
        ("least".to_owned(), Var::Integer(3)),
        ("share".to_owned(), Var::Decimal("0.05".into())),
        ("day".to_owned(), Var::Date(jiff::civil::date(2026, 3, 1))),
        ("text".to_owned(), Var::Text("' or 1=1 --".into())),
    ])
}

/// Polls each stream on its own task, as the engine does.
async fn all(streams: Vec<BatchStream>) -> Result<Vec<RecordBatch>> {
    let tasks: Vec<_> =
        streams.into_iter().map(|s| tokio::spawn(s.try_collect::<Vec<_>>())).collect();
    let mut batches = Vec::new();
    for task in tasks {
        batches.extend(task.await.unwrap()?);
    }
    Ok(batches)
}

async fn rows(session: &Session, query: &Query) -> Result<Vec<RecordBatch>> {
    all(session.stream(query).await?).await
}

async fn shown(session: &Session, query: &Query) -> String {
    pretty_format_batches(&rows(session, query).await.unwrap()).unwrap().to_string()
}

async fn refused_by_planning(text: &str) -> String {
    let (limits, _folder) = limits(1, 64 * MIB);
    let mut session = Session::new(&limits).unwrap();
    session.add_source("orders", Arc::new(orders(1, 3))).unwrap();
    let errors = session.add_models(&[model("m", text)], &vars()).await.unwrap_err();
    assert!(errors.iter().all(|error| error.kind() == Kind::Config), "{errors:?}");
    Error::several(errors).report()
}

#[tokio::test]
async fn models_may_come_in_any_order_and_read_each_other() {
    let models = [
        model("top", "select word, amount from kept order by id limit 2"),
        model("kept", "select * from orders where id > {least}"),
    ];
    let (session, _folder) = with_models(Arc::new(orders(3, 4)), &models).await;
    assert_eq!(
        shown(&session, &query("top")).await,
        "+--------------+--------+\n\
         | word         | amount |\n\
         +--------------+--------+\n\
         | word 0031676 | 2.0    |\n\
         | word 0039595 | 2.5    |\n\
         +--------------+--------+"
    );
}

#[tokio::test]
async fn only_the_columns_comparisons_and_rows_that_are_needed_are_asked_of_a_source() {
    let table = Arc::new(orders(1, 10));
    let models = [model("m", "select word from orders where id >= 7 and amount > 1.0")];
    let (session, _folder) = with_models(table.clone(), &models).await;
    assert_eq!(rows(&session, &query("m")).await.unwrap()[0].num_rows(), 2);
    let asked = table.asked.lock().unwrap();
    let (_, want) = &asked[0];
    assert_eq!(want.columns, Some(vec![0, 1, 2]));
    let filters: Vec<_> = want.filters.iter().map(|filter| (filter.column, filter.op)).collect();
    assert_eq!(filters, [(0, Op::GtEq)], "a comparison of floats stays in SQL");
}

#[tokio::test]
async fn a_count_needs_no_columns_and_is_never_taken_from_estimates() {
    let mut table = orders(2, 5);
    for split in &mut table.splits {
        split.rows = Some(1000);
    }
    let table = Arc::new(table);
    let (session, _folder) =
        with_models(table.clone(), &[model("m", "select count(*) as n from orders")]).await;
    let counted = rows(&session, &query("m")).await.unwrap();
    assert_eq!(counted[0].column(0).as_ref(), &Int64Array::from(vec![10]));
    assert_eq!(table.asked.lock().unwrap()[0].1.columns, Some(vec![]));
}

#[tokio::test]
async fn a_row_local_model_runs_on_one_split_alone() {
    let table = Arc::new(orders(3, 4));
    let models = [model("m", "select id, upper(word) as loud from orders where id % 2 = 0")];
    let (session, _folder) = with_models(table.clone(), &models).await;
    let counter = Arc::new(Counter::default());
    for (split, ids) in [(2, vec![8, 10]), (0, vec![0, 2])] {
        let only = Some(("orders".to_owned(), table.splits[split].clone()));
        let one = Query { only, meter: counter.clone(), ..query("m") };
        let streams = session.stream(&one).await.unwrap();
        assert_eq!(streams.len(), 1);
        let batches = all(streams).await.unwrap();
        assert_eq!(batches[0].column(0).as_ref(), &Int64Array::from(ids));
    }
    assert_eq!(counter.0.load(Ordering::SeqCst), 8);
    let asked: Vec<_> = table.asked.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(asked, ["0002", "0000"]);
}

#[tokio::test]
async fn every_split_is_read_once_by_as_many_partitions_as_jobs() {
    let table = Arc::new(orders(9, 3));
    let (session, _folder) = with_models(table.clone(), &[]).await;
    let streams = session.stream(&query("orders")).await.unwrap();
    assert_eq!(streams.len(), 2);
    let batches = all(streams).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 27);
    let asked: BTreeSet<_> = table.asked.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(asked.len(), 9);
    assert_eq!(table.asked.lock().unwrap().len(), 9);
}

#[tokio::test]
async fn a_source_without_splits_has_no_rows() {
    let mut table = orders(1, 3);
    table.splits.clear();
    let models = [model("m", "select word, count(*) as n from orders group by word")];
    let (session, _folder) = with_models(Arc::new(table), &models).await;
    let batches = rows(&session, &query("m")).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

#[tokio::test]
async fn a_model_is_row_local_only_without_joins_groups_limits_and_changing_functions() {
    let cases = [
        ("select id + 1 as next from orders where word like 'w%'", true),
        ("with w as (select * from orders) select word from w", true),
        ("select id, {day} as day from orders", true),
        ("select word, sum(amount) as s from orders group by word", false),
        ("select distinct word from orders", false),
        ("select * from orders limit 3", false),
        ("select * from orders order by id", false),
        ("select id, random() as r from orders", false),
        ("select id, now() as at from orders", false),
        ("select id, row_number() over (order by id) as n from orders", false),
        ("select * from orders union all select * from orders", false),
        ("select a.id from orders a join orders b on a.id = b.id", false),
        ("select * from orders where id = (select max(id) from orders)", false),
        ("select 1 as one", false),
    ];
    for (text, expected) in cases {
        let (session, _folder) = with_models(Arc::new(orders(1, 3)), &[model("m", text)]).await;
        let follows = session.facts("m").unwrap().follows;
        assert_eq!(follows.is_some(), expected, "{text}");
    }
}

#[tokio::test]
async fn facts_name_what_is_read_how_often_and_what_may_be_lost() {
    let models = [
        model("whole", "select id, cast(amount as bigint) as amount from orders"),
        model("m", "select w.id, o.word from whole w join orders o on w.id = o.id"),
    ];
    let (session, _folder) = with_models(Arc::new(orders(1, 3)), &models).await;
    let facts = session.facts("m").unwrap();
    assert_eq!(facts.names, ["orders", "whole"]);
    assert_eq!(facts.scans, BTreeMap::from([("orders".to_owned(), 2)]));
    assert_eq!(facts.follows, None);
    let whole = session.facts("whole").unwrap();
    assert_eq!(whole.losses, ["amount: Float64 to Int64"]);
    assert_eq!(whole.follows.as_deref(), Some("orders"));
    assert_eq!(whole.schema.field(1).data_type(), &DataType::Int64);
    assert!(whole.explained.contains("TableScan: orders"), "{}", whole.explained);
    assert_eq!(session.facts("orders").unwrap().follows.as_deref(), Some("orders"));
}

#[tokio::test]
async fn parameters_are_typed_values_and_never_text() {
    let models = [model(
        "m",
        "select {least} + 1 as n, {share} as share, {day} as day, {text} as text, \
         '{least}' as quoted -- {nothing}\nfrom orders where id = 0 limit {least}",
    )];
    let (session, _folder) = with_models(Arc::new(orders(1, 3)), &models).await;
    let batch = concat_batches(
        &session.facts("m").unwrap().schema,
        &rows(&session, &query("m")).await.unwrap(),
    )
    .unwrap();
    let types: Vec<_> = batch.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(
        types,
        [
            DataType::Int64,
            DataType::Decimal128(3, 2),
            DataType::Date32,
            DataType::Utf8,
            DataType::Utf8
        ]
    );
    assert_eq!(
        pretty_format_batches(&[batch]).unwrap().to_string(),
        "+---+-------+------------+-------------+---------+\n\
         | n | share | day        | text        | quoted  |\n\
         +---+-------+------------+-------------+---------+\n\
         | 4 | 0.05  | 2026-03-01 | ' or 1=1 -- | {least} |\n\
         +---+-------+------------+-------------+---------+"
    );
}

#[tokio::test]
async fn an_unknown_parameter_is_shown_where_it_stands() {
    assert_eq!(
        refused_by_planning("select *\nfrom orders where id > {leas}").await,
        "error: there is no parameter `leas`\n  sql/m.sql:2:24\n  \
         2 │ from orders where id > {leas}\n    │                        ^^^^^^\n\n\
         hint: did you mean `least`? known here: day, least, share, text; give it with `--var leas=value`"
    );
}

#[tokio::test]
async fn a_placeholder_that_is_not_ours_is_refused() {
    let report = refused_by_planning("select * from orders where id = $1").await;
    assert!(report.starts_with("error: `$1` is not a parameter\n  sql/m.sql:1:33"), "{report}");
}

#[tokio::test]
async fn an_unknown_column_is_shown_where_it_stands_with_a_suggestion() {
    assert_eq!(
        refused_by_planning("select id,\n  wrod as w,\n  {least} as n\nfrom orders").await,
        "error: model `m` names a column `wrod`, which is not there\n  sql/m.sql:2:3\n  \
         2 │   wrod as w,\n    │   ^^^^\n\n\
         hint: did you mean `word`? known here: id, word, amount"
    );
}

#[tokio::test]
async fn an_unknown_function_and_a_wrong_type_are_errors_of_the_author() {
    let report = refused_by_planning("select lenth(word) as n from orders").await;
    assert!(report.starts_with("error: model `m` cannot be planned: "), "{report}");
    assert!(report.contains("sql/m.sql"), "{report}");
    let report = refused_by_planning("select sum(word) as n from orders").await;
    assert!(report.contains("model `m`"), "{report}");
}

#[tokio::test]
async fn two_columns_of_one_name_are_refused() {
    let report =
        refused_by_planning("select a.id, b.id from orders a join orders b on a.id = b.id").await;
    assert!(report.starts_with("error: model `m` has two columns called `id`"), "{report}");
}

#[tokio::test]
async fn only_one_select_is_taken() {
    let cases = [
        ("drop table orders", "`drop`"),
        ("insert into orders select * from orders", "`insert`"),
        ("copy orders to 'x.csv'", "`copy`"),
        ("select 1 as a; select 2 as a", "2 statements"),
        ("explain select 1", "`explain`"),
        ("select * into other from orders", "`select`"),
        ("-- nothing", "nothing"),
    ];
    for (text, found) in cases {
        let report = refused_by_planning(text).await;
        let expected = format!("error: model `m` must be one `select` statement, not {found}\n");
        assert!(report.starts_with(&expected), "{report}");
    }
}

#[tokio::test]
async fn files_and_settings_cannot_be_read_by_name() {
    for text in ["select * from '/etc/passwd.csv'", "select * from information_schema.tables"] {
        let report = refused_by_planning(text).await;
        assert!(report.contains("which nothing provides"), "{report}");
    }
}

#[tokio::test]
async fn our_own_error_comes_out_as_it_went_in() {
    let broken = Error::conflict("`a.csv` changed").at("file", "a.csv:7").hint("run again");
    let texts = [
        "select * from orders",
        "select word, count(*) as n from orders group by word",
        "select a.id, b.word from orders a join orders b on a.id = b.id order by 2",
    ];
    for text in texts {
        let mut table = orders(4, 10);
        table.broken = Some(broken.clone());
        let (session, _folder) = with_models(Arc::new(table), &[model("m", text)]).await;
        let error = rows(&session, &query("m")).await.unwrap_err();
        assert_eq!(error.report(), broken.report(), "{text}");
        assert_eq!(error.kind(), Kind::Conflict);
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_converted_is_an_error_of_the_data_naming_the_model() {
    let texts = [
        "select cast(word as bigint) as n from orders",
        "select 1 / (id - 1) as n from orders",
        "select cast(id + 1000000 as smallint) as n from orders",
    ];
    for text in texts {
        let (session, _folder) = with_models(Arc::new(orders(1, 3)), &[model("m", text)]).await;
        let error = rows(&session, &query("m")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{text}: {}", error.report());
        assert!(error.message().starts_with("model `m` failed: "), "{}", error.report());
    }
}

#[tokio::test]
async fn rows_that_a_check_refuses_are_taken_out_and_null_passes() {
    let (limits, _folder) = limits(1, 64 * MIB);
    let mut session = Session::new(&limits).unwrap();
    session.add_source("orders", Arc::new(orders(2, 5))).unwrap();
    let models = [model("m", "select id, amount from orders")];
    session.add_models(&models, &vars()).await.unwrap();
    let checks = [
        reject("small", "select * from m where amount > {least}"),
        reject("even", "select * from m as x where x.id % 2 = 0 and x.id > 3"),
    ];
    session.add_checks(&checks, &vars()).await.unwrap();
    let basket = Arc::new(Basket::default());
    let rejecting = vec!["small".to_owned(), "even".to_owned()];
    let query = Query { rejecting, refuse: basket.clone(), ..query("m") };
    let batches = rows(&session, &query).await.unwrap();
    let kept = concat_batches(&session.facts("m").unwrap().schema, &batches).unwrap();
    assert_eq!(kept.column(0).as_ref(), &Int64Array::from(vec![0, 1, 2, 3, 5, 7]));
    let refused = basket.0.lock().unwrap();
    let line = |row: &Refused| {
        let value = row.value.clone().unwrap();
        format!("{} | {} | {}", row.place, value, row.reason)
    };
    assert_eq!(
        refused.iter().map(line).collect::<Vec<_>>(),
        [
            "model `m`, part 0, row 5 | {\"id\":4,\"amount\":2.0} | check `even` refused this row",
            "model `m`, part 0, row 7 | {\"id\":6,\"amount\":3.0} | check `even` refused this row",
            "model `m`, part 0, row 9 | {\"id\":8,\"amount\":4.0} | check `small` refused this row",
            "model `m`, part 0, row 10 | {\"id\":9,\"amount\":4.5} | check `small` refused this row",
        ]
    );
}

#[test]
fn a_check_of_the_pipeline_finds_every_problem_at_once() {
    let mut pipeline = Pipeline { vars: vars(), ..Pipeline::default() };
    pipeline.models = vec![
        model("a", "select *\nfrom b"),
        model("b", "select * from a"),
        model("c", "select * form a"),
        model("d", "select * from e"),
        model("daily", "with x as (select 1 as a) select * from x, a, dayly"),
    ];
    pipeline.checks = vec![
        reject("plain", "select * from a where id > 3"),
        reject("grouped", "select id, count(*) from a group by id"),
    ];
    let messages: Vec<_> =
        check(&pipeline).iter().map(|error| error.message().to_owned()).collect();
    assert_eq!(
        messages,
        [
            "model `c` cannot be read as SQL: expected: end of statement, found: form",
            "model `d` reads `e`, which nothing provides",
            "model `daily` reads `dayly`, which nothing provides",
            "models read each other in a circle: a → b → a",
            "check `grouped` cannot refuse single rows",
        ]
    );
}

#[test]
fn a_cycle_and_an_unknown_name_are_shown_where_they_stand() {
    let reports = |second: &str| {
        let models = vec![model("a", "select *\nfrom b"), model("b", second)];
        let pipeline = Pipeline { models, ..Pipeline::default() };
        check(&pipeline).iter().map(Error::report).collect::<Vec<_>>()
    };
    assert_eq!(
        reports("select * from a"),
        ["error: models read each other in a circle: a → b → a\n  sql/m.sql:1:15\n  \
          1 │ select * from a\n    │               ^\n\n\
          hint: take one of these references out, or make two models of one"]
    );
    assert_eq!(
        reports("select 1 as x\nfrom c"),
        ["error: model `b` reads `c`, which nothing provides\n  sql/m.sql:2:6\n  \
          2 │ from c\n    │      ^\n\n\
          hint: did you mean `a`? known here: a, b"]
    );
}

#[tokio::test]
async fn names_are_matched_as_written() {
    let report = refused_by_planning("select ID from orders").await;
    let expected = "error: model `m` names a column `ID`, which is not there\n  sql/m.sql:1:8\n";
    assert!(report.starts_with(expected), "{report}");
}

#[tokio::test]
async fn a_limit_holds_over_all_partitions() {
    let table = Arc::new(orders(6, 100));
    let (session, _folder) = with_models(table, &[]).await;
    let limited = Query { limit: Some(7), ..query("orders") };
    let batches = rows(&session, &limited).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 7);
}

#[tokio::test]
async fn a_limit_counts_rows_that_pass_the_checks() {
    let (limits, _folder) = limits(2, 64 * MIB);
    let mut session = Session::new(&limits).unwrap();
    session.add_source("orders", Arc::new(orders(3, 10))).unwrap();
    let checks = [reject("odd", "select * from orders where id % 2 = 1")];
    session.add_checks(&checks, &vars()).await.unwrap();
    let basket = Arc::new(Basket::default());
    let rejecting = vec!["odd".to_owned()];
    let limited = Query { rejecting, limit: Some(7), refuse: basket, ..query("orders") };
    let batches = rows(&session, &limited).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 7);
}

#[tokio::test]
async fn a_whole_number_that_overflows_is_an_error_and_never_another_number() {
    let texts = [
        "select id + 9223372036854775807 as n from orders",
        "select sum(id * 9223372036854775807) as n from orders",
        "select id from orders where -9223372036854775807 - id < 0 order by id + 9223372036854775806",
        "select cast(id as int) * cast(2147483647 as int) as n from orders",
    ];
    for text in texts {
        let (session, _folder) = with_models(Arc::new(orders(1, 4)), &[model("m", text)]).await;
        let error = rows(&session, &query("m")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{text}: {}", error.report());
        assert!(error.message().contains("verflow"), "{text}: {}", error.report());
    }
    let usual = [model("m", "select id + 1 as n, id * 2 as m from orders where id - 1 > 0")];
    let (session, _folder) = with_models(Arc::new(orders(1, 4)), &usual).await;
    assert!(!session.facts("m").unwrap().schema.field(0).is_nullable());
    let batch = &rows(&session, &query("m")).await.unwrap()[0];
    assert_eq!(batch.column(0).as_ref(), &Int64Array::from(vec![3, 4]));
    assert_eq!(batch.column(1).as_ref(), &Int64Array::from(vec![4, 6]));
}

#[tokio::test]
async fn a_sum_that_overflows_is_an_error_and_a_sum_that_fits_is_what_it_was() {
    let large = "select sum(id + 4611686018427387904) as total from orders";
    let (session, _folder) = with_models(Arc::new(orders(1, 4)), &[model("m", large)]).await;
    let error = rows(&session, &query("m")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data, "{}", error.report());

    let fits = "select id % 2 as odd, sum(id) as total, sum(distinct id) filter (where id > 1) as \
                some, count(*) as n, sum(id) + 1 as more from orders group by id % 2 order by odd";
    let (session, _folder) = with_models(Arc::new(orders(1, 4)), &[model("m", fits)]).await;
    let facts = session.facts("m").unwrap();
    let kinds: Vec<_> = facts.schema.fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(kinds, vec![DataType::Int64; 5]);
    assert_eq!(facts.losses, Vec::<String>::new());
    let batches = rows(&session, &query("m")).await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(
        lines,
        [
            "| odd | total | some | n | more |",
            "| 0   | 2     | 2    | 2 | 3    |",
            "| 1   | 4     | 3    | 2 | 5    |",
        ]
    );
}

#[tokio::test]
async fn a_join_that_would_not_fit_is_sorted_and_merged() {
    let (limits, _folder) = limits(1, 16 * MIB);
    let mut session = Session::new(&limits).unwrap();
    session.add_source("orders", Arc::new(orders(8, 50_000))).unwrap();
    session.add_models(&[model("m", HEAVY[2])], &vars()).await.unwrap();
    let batches = rows(&session, &query("m")).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 400_000);
}

const HEAVY: &[&str] = &[
    "select word, id from orders order by word, id",
    "select word, count(*) as n, sum(amount) as total from orders group by word",
    "select a.id, b.word from orders a join orders b on a.word = b.word",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_the_same_with_one_job_and_with_four() {
    for text in HEAVY {
        let mut results = Vec::new();
        for jobs in [1, 4] {
            let (limits, _folder) = limits(jobs, 512 * MIB);
            let mut session = Session::new(&limits).unwrap();
            session.add_source("orders", Arc::new(orders(5, 700))).unwrap();
            session.add_models(&[model("m", text)], &vars()).await.unwrap();
            let batches = rows(&session, &query("m")).await.unwrap();
            let text = pretty_format_batches(&batches).unwrap().to_string();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            results.push(lines);
        }
        assert_eq!(results[0], results[1], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_pool_holds_is_spilled_or_refused_and_never_hangs() {
    // 400,000 rows of some 30 bytes: about 12 MB, and a multiple of it inside of a join.
    for text in HEAVY {
        for (jobs, memory) in [(1, 6 * MIB), (4, 8 * MIB)] {
            let (limits, _folder) = limits(jobs, memory);
            let spill = limits.spill.join(std::process::id().to_string());
            let mut session = Session::new(&limits).unwrap();
            session.add_source("orders", Arc::new(orders(8, 50_000))).unwrap();
            session.add_models(&[model("m", text)], &vars()).await.unwrap();
            let query = query("m");
            let run = rows(&session, &query);
            let ended = tokio::time::timeout(Duration::from_secs(300), run).await;
            match ended.expect("the query hangs") {
                Ok(batches) => {
                    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                    assert_eq!(rows, 400_000, "{text}");
                }
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Limit, "{text}: {}", error.report());
                    assert!(error.advice().unwrap().contains("--memory"));
                }
            }
            drop(session);
            let gone = async {
                while !is_empty(&spill) {
                    tokio::task::yield_now().await
                }
            };
            tokio::time::timeout(Duration::from_secs(60), gone).await.expect("data is left");
        }
    }
}

/// Tasks that were cancelled give their files back a moment after the query is dropped. The folder
/// of this process may stay when that is after the session: the next process takes it away.
fn is_empty(folder: &Path) -> bool {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries(folder).all(|process| entries(&process.path()).next().is_none())
}

#[tokio::test]
async fn a_sort_of_more_than_the_pool_holds_is_finished() {
    // 800,000 rows of some 30 bytes, and a sort that needs twice their size.
    let (limits, _folder) = limits(1, 20 * MIB);
    let mut session = Session::new(&limits).unwrap();
    session.add_source("orders", Arc::new(orders(8, 100_000))).unwrap();
    session.add_models(&[model("m", HEAVY[0])], &vars()).await.unwrap();
    let batches = rows(&session, &query("m")).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 800_000);
}

#[test]
fn the_budget_of_buffers_is_the_pool_of_the_session() {
    let (limits, _folder) = limits(1, MIB);
    let session = Session::new(&limits).unwrap();
    let memory = session.memory();
    assert_eq!(memory.limit(), Some(MIB));
    let mut first = memory.reserve("writer a");
    first.resize(900_000).unwrap();
    let mut second = memory.reserve("writer b");
    let error = second.resize(200_000).unwrap_err();
    assert_eq!((error.kind(), second.held()), (Kind::Limit, 0));
    assert!(error.report().contains("writer b"), "{}", error.report());
    drop(first);
    second.resize(200_000).unwrap();
    assert_eq!(second.held(), 200_000);
}

#[test]
fn a_session_makes_its_spill_folder_and_takes_it_away() {
    let (limits, folder) = limits(1, MIB);
    let spill: PathBuf = limits.spill.clone();
    let session = Session::new(&limits).unwrap();
    assert!(spill.exists());
    drop(session);
    assert!(!spill.exists());
    drop(folder);
}

#[tokio::test]
async fn constants_that_differ_in_their_zone_alone_stay_apart() {
    let at = |zone: &str| format!("arrow_cast('2020-01-01T00:00:00Z', 'Timestamp(µs, {zone})')");
    let text = format!(
        "select case when id > 1 then {} end as civil, case when id > 1 then {} end as moment \
         from orders",
        at("None"),
        at("Some(\"UTC\")"),
    );
    let (session, _folder) = with_models(Arc::new(orders(1, 3)), &[model("m", &text)]).await;
    assert_eq!(
        shown(&session, &query("m")).await,
        "+---------------------+----------------------+\n\
         | civil               | moment               |\n\
         +---------------------+----------------------+\n\
         |                     |                      |\n\
         |                     |                      |\n\
         | 2020-01-01T00:00:00 | 2020-01-01T00:00:00Z |\n\
         +---------------------+----------------------+"
    );
}
