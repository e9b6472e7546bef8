//! Tests of reading, over real files.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, Scalar, StringArray,
    StringViewArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::source::{check, open};
use crate::config::Options;
use crate::connectors::Context;
use crate::error::{Error, Kind, Result};
use crate::files::Places;
use crate::source::{Comparison, Op, Snapshot, Source, Want, Window};
use crate::stores::Access;

fn source(base: &Path, path: &str) -> Arc<dyn Source> {
    let context =
        Context { base: base.to_owned(), jobs: 2, memory: crate::memory::unlimited(), state: None };
    open(&Options::of_arguments(&[("path", path)]), &context).unwrap()
}

async fn snapshot(base: &Path, path: &str) -> Result<Arc<dyn Snapshot>> {
    source(base, path).open(&Window::default()).await
}

async fn refusal(base: &Path, path: &str) -> Error {
    snapshot(base, path).await.map(|_| ()).unwrap_err()
}

async fn rows(snapshot: &Arc<dyn Snapshot>, want: &Want) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for split in snapshot.splits() {
        batches.extend(snapshot.read(split, want).await?.try_collect::<Vec<_>>().await?);
    }
    Ok(batches)
}

async fn table(base: &Path, path: &str) -> String {
    let snapshot = snapshot(base, path).await.unwrap();
    let batches = rows(&snapshot, &Want::default()).await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array.clone(), array.is_nullable())),
    )
    .unwrap()
}

fn write(path: &Path, batch: &RecordBatch, group_rows: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn ints(range: std::ops::Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(range))
}

/// Numbers that do not compress, so that a row group of 100,000 has most of a mebibyte.
fn noise(rows: i64) -> ArrayRef {
    let mixed = (0..rows).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()));
    Arc::new(Int64Array::from_iter_values(mixed))
}

#[tokio::test]
async fn small_row_groups_share_a_split_and_large_ones_stand_alone() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), &batch(vec![("n", ints(0..10))]), 3);
    write(&dir.path().join("b.parquet"), &batch(vec![("n", noise(300_000))]), 100_000);
    let snapshot = snapshot(dir.path(), "*.parquet").await.unwrap();
    let cut: Vec<_> = snapshot.splits().iter().map(|s| (s.id.as_str(), s.rows)).collect();
    assert_eq!(
        cut,
        [
            ("000000-00000", Some(10)),
            ("000001-00000", Some(100_000)),
            ("000001-00001", Some(100_000)),
            ("000001-00002", Some(100_000)),
        ]
    );
    for split in snapshot.splits() {
        let want = Want { batch_rows: 7000, ..Want::default() };
        let batches: Vec<_> =
            snapshot.read(split, &want).await.unwrap().try_collect().await.unwrap();
        let read: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(Some(read as u64), split.rows);
        assert!(batches.iter().all(|batch| batch.num_rows() <= 7000));
    }
}

#[tokio::test]
async fn columns_come_as_wanted_also_twice_out_of_order_or_none_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None]));
    let all = batch(vec![("a", ints(1..3)), ("b", text), ("c", ints(5..7))]);
    write(&dir.path().join("a.parquet"), &all, 10);
    let snapshot = snapshot(dir.path(), "a.parquet").await.unwrap();
    assert_eq!(snapshot.schema().field(1).data_type(), &DataType::Utf8View);
    let want = Want { columns: Some(vec![2, 1, 2]), ..Want::default() };
    let batches = rows(&snapshot, &want).await.unwrap();
    let names: Vec<_> = batches[0].schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["c", "b", "c"]);
    assert_eq!(batches[0].column(0), &ints(5..7));
    let none = Want { columns: Some(Vec::new()), ..Want::default() };
    let batches = rows(&snapshot, &none).await.unwrap();
    assert_eq!((batches[0].num_rows(), batches[0].num_columns()), (2, 0));
    let limited = Want { limit: Some(1), ..Want::default() };
    assert_eq!(rows(&snapshot, &limited).await.unwrap()[0].num_rows(), 1);
}

#[tokio::test]
async fn a_folder_is_a_table_whose_folders_are_columns() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("t");
    write(&root.join("day=2026-01-01/kind=a%2Fb/1.parquet"), &batch(vec![("n", ints(1..2))]), 9);
    let null = root.join("day=2026-01-02/kind=__HIVE_DEFAULT_PARTITION__/2.parquet");
    write(&null, &batch(vec![("n", ints(2..3))]), 9);
    write(&root.join("_staging/x/3.parquet"), &batch(vec![("n", ints(7..9))]), 9);
    write(&root.join(".tmp.parquet"), &batch(vec![("n", ints(7..9))]), 9);
    assert_eq!(
        table(dir.path(), "t").await,
        "+---+------------+------+\n\
         | n | day        | kind |\n\
         +---+------------+------+\n\
         | 1 | 2026-01-01 | a/b  |\n\
         | 2 | 2026-01-02 |      |\n\
         +---+------------+------+"
    );
    let snapshot = snapshot(dir.path(), "t").await.unwrap();
    let day: ArrayRef = Arc::new(StringViewArray::from(vec!["2026-01-02"]));
    let filters = vec![Comparison { column: 1, op: Op::Eq, value: Scalar::new(day) }];
    let want = Want { columns: Some(vec![0]), filters, ..Want::default() };
    let read = rows(&snapshot, &want).await.unwrap();
    assert_eq!(concat_batches(&read[0].schema(), &read).unwrap().column(0), &ints(2..3));
}

#[tokio::test]
async fn a_key_that_the_file_has_too_is_read_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("t/n=text/1.parquet"), &batch(vec![("n", ints(1..2))]), 9);
    let snapshot = snapshot(dir.path(), "t").await.unwrap();
    assert_eq!(snapshot.schema().field(0).data_type(), &DataType::Int64);
    assert_eq!(snapshot.schema().fields().len(), 1);
}

#[tokio::test]
async fn files_are_matched_by_name_and_are_nullable_where_one_is() {
    let dir = tempfile::tempdir().unwrap();
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(9)]));
    write(&dir.path().join("a.parquet"), &batch(vec![("a", ints(0..1)), ("b", ints(1..2))]), 9);
    write(&dir.path().join("b.parquet"), &batch(vec![("b", nulls), ("a", ints(5..7))]), 9);
    let found = snapshot(dir.path(), "*.parquet").await.unwrap();
    let nullable: Vec<_> = found.schema().fields().iter().map(|f| f.is_nullable()).collect();
    assert_eq!(nullable, [false, true]);
    assert_eq!(
        table(dir.path(), "*.parquet").await,
        "+---+---+\n| a | b |\n+---+---+\n| 0 | 1 |\n| 5 |   |\n| 6 | 9 |\n+---+---+"
    );
}

#[tokio::test]
async fn files_that_differ_are_refused_with_both_names_and_the_column() {
    let dir = tempfile::tempdir().unwrap();
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    write(&dir.path().join("a.parquet"), &batch(vec![("n", ints(0..1))]), 9);
    write(&dir.path().join("b.parquet"), &batch(vec![("n", small)]), 9);
    let error = refusal(dir.path(), "*.parquet").await;
    assert_eq!(error.kind(), Kind::Data);
    assert_eq!(
        error.report(),
        "error: files of one source differ in column `n`\n  a.parquet: Int64\n  \
         b.parquet: Int32\n\nhint: read them as two sources and bring them together in a model"
    );
    write(&dir.path().join("b.parquet"), &batch(vec![("n", ints(0..1)), ("m", ints(0..1))]), 9);
    let error = refusal(dir.path(), "*.parquet").await;
    assert_eq!(error.message(), "files of one source differ in column `m`");
    std::fs::rename(dir.path().join("b.parquet"), dir.path().join("0.parquet")).unwrap();
    let error = refusal(dir.path(), "*.parquet").await;
    assert_eq!(error.message(), "files of one source differ in column `m`");
    assert_eq!(error.places()[1], ("a.parquet".to_owned(), "no such column".to_owned()));
}

#[tokio::test]
async fn what_is_no_parquet_file_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole.parquet");
    write(&whole, &batch(vec![("n", ints(0..100))]), 9);
    let bytes = std::fs::read(&whole).unwrap();
    let mut plain_encrypted = bytes.clone();
    let end = plain_encrypted.len() - 4;
    plain_encrypted[end..].copy_from_slice(b"PARE");
    let mut damaged = bytes.clone();
    let footer = damaged.len() - 60;
    damaged[footer..footer + 30].fill(0xff);
    let cases: [(&[u8], &str, Kind); 6] = [
        (b"", "`x.parquet` is empty", Kind::Data),
        (b"PAR1", "`x.parquet` is not a Parquet file", Kind::Data),
        (b"a,b\n1,2\n3,4\n5,6\n", "`x.parquet` is not a Parquet file", Kind::Data),
        (&bytes[..bytes.len() - 9], "`x.parquet` has no Parquet footer", Kind::Data),
        (&plain_encrypted, "`x.parquet` is encrypted", Kind::Unsupported),
        (&damaged, "`x.parquet` is damaged", Kind::Data),
    ];
    for (content, message, kind) in cases {
        std::fs::write(dir.path().join("x.parquet"), content).unwrap();
        let error = refusal(dir.path(), "x.parquet").await;
        assert_eq!((error.message(), error.kind()), (message, kind));
    }
    let error = refusal(dir.path(), "none.parquet").await;
    assert_eq!(error.kind(), Kind::Missing);
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    assert_eq!(refusal(dir.path(), "empty").await.kind(), Kind::Missing);
}

#[tokio::test]
async fn a_duplicate_column_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), &batch(vec![("n", ints(0..1)), ("n", ints(0..1))]), 9);
    let error = refusal(dir.path(), "a.parquet").await;
    assert_eq!(error.message(), "column `n` is there twice");
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_planned_is_refused_and_has_another_id() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, &batch(vec![("n", ints(0..1000))]), 10_000);
    let first = snapshot(dir.path(), "a.parquet").await.unwrap();
    assert_eq!(first.id(), snapshot(dir.path(), "a.parquet").await.unwrap().id());
    let want = Want { batch_rows: 100, ..Want::default() };
    let mut open = first.read(&first.splits()[0], &want).await.unwrap();
    assert_eq!(open.try_next().await.unwrap().unwrap().num_rows(), 100);
    let grown = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &grown, b"more").unwrap();
    let ended = open.try_collect::<Vec<_>>().await.map(|batches| batches.len());
    assert_eq!(ended.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(rows(&first, &want).await.unwrap_err().kind(), Kind::Conflict);
    write(&path, &batch(vec![("n", ints(0..1001))]), 10_000);
    assert_ne!(first.id(), snapshot(dir.path(), "a.parquet").await.unwrap().id());
}

#[tokio::test]
async fn a_snapshot_has_the_schema_that_the_source_promised() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, &batch(vec![("n", ints(0..1))]), 9);
    let source = source(dir.path(), "a.parquet");
    source.schema().await.unwrap();
    write(&path, &batch(vec![("m", ints(0..1))]), 9);
    let error = source.open(&Window::default()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
}

#[tokio::test]
async fn a_file_without_rows_has_a_schema_and_no_splits() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), &batch(vec![("n", ints(0..0))]), 9);
    let snapshot = snapshot(dir.path(), "a.parquet").await.unwrap();
    assert_eq!((snapshot.splits().len(), snapshot.schema().fields().len()), (0, 1));
}

#[tokio::test]
async fn paths_that_overlap_and_unknown_options_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("t/a.parquet"), &batch(vec![("n", ints(0..1))]), 9);
    let places = Places::new(dir.path(), &Access::of_environment(dir.path()));
    let twice = super::source::find(&places, &["t".to_owned(), "t/*.parquet".to_owned()]);
    assert_eq!(twice.unwrap_err().message(), "`t/a.parquet` is read twice");
    let problems = check(&Options::of_arguments(&[("pth", "a")]));
    let messages: Vec<_> = problems.into_iter().map(|p| p.message).collect();
    assert_eq!(messages, ["`path` is missing", "there is no option `pth`"]);
}

/// One file of ten row groups of 1 MiB and more, each with a part of the numbers.
fn sorted_file(dir: &Path) {
    let rows = 300_000;
    let floats: Vec<f64> =
        (0..rows).map(|n| if n == 5 { f64::NAN } else { f64::from(n) }).collect();
    let all = batch(vec![
        ("n", ints(0..i64::from(rows))),
        ("x", Arc::new(Float64Array::from(floats))),
        ("d", Arc::new(Date32Array::from_iter((0..rows).map(|n| (n >= 30_000).then_some(n))))),
        ("noise", noise(i64::from(rows))),
        ("s", Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("{n:0>20}"))))),
    ]);
    write(&dir.join("a.parquet"), &all, 30_000);
}

fn number(n: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![n]))
}

#[tokio::test]
async fn row_groups_without_a_wanted_row_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    sorted_file(dir.path());
    let snapshot = snapshot(dir.path(), "a.parquet").await.unwrap();
    let text = |n: i64| Arc::new(StringViewArray::from(vec![format!("{n:0>20}")])) as ArrayRef;
    let cases: [(usize, Op, ArrayRef, usize); 12] = [
        (0, Op::Eq, number(30_000), 30_000),
        (0, Op::Eq, number(-1), 0),
        (0, Op::Lt, number(30_000), 30_000),
        (0, Op::LtEq, number(30_000), 60_000),
        (0, Op::Gt, number(269_999), 30_000),
        (0, Op::GtEq, number(269_999), 60_000),
        (0, Op::NotEq, number(1), 300_000),
        (2, Op::IsNull, number(0), 30_000),
        (2, Op::IsNotNull, number(0), 270_000),
        (4, Op::Eq, text(7), 30_000),
        // NaN is above every number and in no bound: floats are always read.
        (1, Op::Gt, Arc::new(Float64Array::from(vec![1e9])), 300_000),
        // A constant of another type is nothing to compare with.
        (0, Op::Eq, Arc::new(Int32Array::from(vec![1])), 300_000),
    ];
    for (column, op, value, expected) in cases {
        let filters = vec![Comparison { column, op, value: Scalar::new(value) }];
        let want = Want { columns: Some(Vec::new()), filters, ..Want::default() };
        let batches = rows(&snapshot, &want).await.unwrap();
        let read: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(read, expected, "column {column} {op:?}");
    }
}

#[tokio::test]
async fn text_statistics_that_were_cut_short_lose_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let long = |end: &str| format!("{}{end}", "ü".repeat(100));
    let values = vec![long("a"), long("b")];
    write(
        &dir.path().join("a.parquet"),
        &batch(vec![("s", Arc::new(StringArray::from(values)))]),
        1,
    );
    let snapshot = snapshot(dir.path(), "a.parquet").await.unwrap();
    for (op, end) in [(Op::Eq, "a"), (Op::Eq, "b"), (Op::Gt, "a"), (Op::GtEq, "b"), (Op::Lt, "b")] {
        let value: ArrayRef = Arc::new(StringViewArray::from(vec![long(end)]));
        let filters = vec![Comparison { column: 0, op, value: Scalar::new(value) }];
        let want = Want { filters, ..Want::default() };
        let read: BTreeSet<String> = rows(&snapshot, &want)
            .await
            .unwrap()
            .iter()
            .flat_map(|batch| {
                let column = batch.column(0).as_any().downcast_ref::<StringViewArray>();
                column.unwrap().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let passes = |s: &String| match op {
            Op::Eq => *s == long(end),
            Op::Gt => *s > long(end),
            Op::GtEq => *s >= long(end),
            _ => *s < long(end),
        };
        for must in [long("a"), long("b")].iter().filter(|s| passes(s)) {
            assert!(read.contains(must), "{op:?} {end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_file_with_any_byte_changed_gives_rows_or_an_error_and_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        let text: ArrayRef = Arc::new(StringArray::from_iter((0..200).map(|n| (n % 3 > 0).then(|| n.to_string()))));
        write(&path, &batch(vec![("n", ints(0..200)), ("s", text)]), 50);
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        std::fs::write(&path, bytes).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            if let Ok(snapshot) = snapshot(dir.path(), "a.parquet").await {
                let _ = rows(&snapshot, &Want::default()).await;
            }
        });
    }
}
