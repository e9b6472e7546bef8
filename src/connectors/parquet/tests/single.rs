//! What only a single file has: it is one file, and nothing is left beside it.

use super::*;
use crate::error::Kind;

const FIRST: &[Row] = &[(3, "three"), (1, "one")];

#[tokio::test]
async fn parts_are_spliced_in_order_and_nothing_is_left_beside_the_file() {
    let yard = Yard::new("out/t.parquet");
    yard.load("a", Mode::Replace, &[FIRST, &[(2, "two")]]).await.unwrap();
    assert_eq!(tree(&yard.path("out")), ["t.parquet"]);
    assert!(!yard.path("out/_dhow").exists());
    let batches = read(&yard.path("out/t.parquet"));
    let ids: Vec<i64> = batches
        .iter()
        .flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(ids, [3, 1, 2]);
    let file = std::fs::File::open(yard.path("out/t.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 2);
    assert!(reader.metadata().row_group(1).column(0).column_index_offset().is_some());
}

#[tokio::test]
async fn a_mode_that_keeps_rows_needs_a_folder() {
    let yard = Yard::new("out/t.parquet");
    let error = yard.sink().inspect(&load("a", Mode::Append)).await.unwrap_err();
    insta::assert_snapshot!(error.report(), @r"
    error: a single file cannot be loaded in mode `append`
      path: out/t.parquet

    hint: give a folder as `path`, or use `truncate` or `replace`
    ");
}

#[tokio::test]
async fn truncate_keeps_the_columns_of_the_file_that_is_there() {
    let yard = Yard::new("out/t.parquet");
    yard.load("a", Mode::Truncate, &[FIRST]).await.unwrap();
    yard.load("b", Mode::Truncate, &[&[(5, "five")]]).await.unwrap();
    assert_eq!(rows(&yard.path("out/t.parquet")), owned(&[(5, "five")]));
    let other = batch(FIRST).project(&[0]).unwrap();
    let load = Load { schema: other.schema(), ..load("c", Mode::Truncate) };
    assert_eq!(yard.sink().prepare(&load).await.unwrap_err().kind(), Kind::Drift);
}

#[tokio::test]
async fn what_is_no_parquet_file_is_not_replaced() {
    let yard = Yard::new("out/t.parquet");
    std::fs::create_dir_all(yard.path("out")).unwrap();
    std::fs::write(yard.path("out/t.parquet"), "my diary").unwrap();
    let error = yard.load("a", Mode::Replace, &[FIRST]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(std::fs::read(yard.path("out/t.parquet")).unwrap(), b"my diary");
}
