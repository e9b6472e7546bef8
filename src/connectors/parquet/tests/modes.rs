//! Each mode over two loads, and the columns and keys that it refuses.

use super::*;
use crate::error::Kind;

const FIRST: &[Row] = &[(1, "one"), (2, "two")];
const SECOND: &[Row] = &[(2, "zwei"), (3, "drei")];

async fn after(mode: Mode, second: &[&[Row]]) -> Result<Vec<(i64, String)>> {
    let yard = Yard::new("out/t");
    yard.load("a", mode.clone(), &[FIRST]).await?;
    yard.load("b", mode, second).await?;
    Ok(yard.rows())
}

#[tokio::test]
async fn append_adds_rows() {
    let found = after(Mode::Append, &[SECOND, &[(1, "one")]]).await.unwrap();
    let expected = [(1, "one"), (1, "one"), (2, "two"), (2, "zwei"), (3, "drei")];
    assert_eq!(found, owned(&expected));
}

#[tokio::test]
async fn truncate_and_replace_leave_the_new_rows_alone() {
    for mode in [Mode::Truncate, Mode::Replace] {
        assert_eq!(after(mode, &[SECOND]).await.unwrap(), owned(SECOND));
    }
}

#[tokio::test]
async fn merge_replaces_rows_with_the_same_key_and_adds_the_others() {
    let found = after(Mode::Merge(key(&["id"])), &[SECOND]).await.unwrap();
    assert_eq!(found, owned(&[(1, "one"), (2, "zwei"), (3, "drei")]));
}

#[tokio::test]
async fn delete_insert_takes_every_row_of_a_key_and_lets_it_come_back_twice() {
    let mode = Mode::DeleteInsert(key(&["id"]));
    let found = after(mode, &[&[(2, "a")], &[(2, "b")]]).await.unwrap();
    assert_eq!(found, owned(&[(1, "one"), (2, "a"), (2, "b")]));
}

#[tokio::test]
async fn a_merge_writes_only_those_files_anew_that_hold_a_key() {
    let yard = Yard::new("out/t");
    let merge = Mode::Merge(key(&["id"]));
    let first: &[&[Row]] = &[&[(1, "a"), (9, "b")], &[(20, "c")], &[(2, "d"), (8, "e")]];
    yard.load("a", merge.clone(), first).await.unwrap();
    let before = tree(&yard.path("out/t"));
    yard.load("b", merge, &[&[(9, "B")]]).await.unwrap();
    let after = tree(&yard.path("out/t"));
    // The first file was written anew; the second cannot hold the key, the third does not.
    assert_eq!(before.iter().filter(|file| after.contains(file)).count(), 3);
    let expected = [(1, "a"), (2, "d"), (8, "e"), (9, "B"), (20, "c")];
    assert_eq!(yard.rows(), owned(&expected));
}

#[tokio::test]
async fn a_merge_with_the_same_key_twice_or_null_is_refused_and_changes_nothing() {
    let yard = Yard::new("out/t");
    yard.load("a", Mode::Append, &[FIRST]).await.unwrap();
    let merge = Mode::Merge(key(&["id"]));
    let error = yard.load("b", merge.clone(), &[&[(7, "x")], &[(7, "y")]]).await.unwrap_err();
    assert_eq!(error.places(), [("id".to_owned(), "7".to_owned())]);
    let sink = yard.sink();
    let load = load("c", merge);
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(Int64Array::from(vec![None]))),
        ("word", Arc::new(StringArray::from(vec!["x"]))),
    ];
    let null = RecordBatch::try_from_iter(columns).unwrap();
    let staged = vec![sink.write(&load, part("0", vec![null])).await.unwrap()];
    let error = sink.commit(&load, &staged, &high("c")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert_eq!(yard.rows(), owned(FIRST));
}

#[tokio::test]
async fn keys_that_do_not_fit_in_memory_are_an_error_and_not_a_crash() {
    let mut yard = Yard::new("out/t");
    let merge = Mode::Merge(key(&["id"]));
    yard.load("a", merge.clone(), &[FIRST]).await.unwrap();
    yard.memory = Arc::new(Nothing);
    let error = yard.load("b", merge, &[SECOND]).await.unwrap_err();
    assert_eq!(error.message(), "the keys of the load do not fit in memory");
    assert_eq!(yard.rows(), owned(FIRST));
}

#[tokio::test]
async fn other_columns_are_drift_except_for_replace() {
    let other = RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["x"])) as _)]);
    let other = other.unwrap();
    let modes = [Mode::Append, Mode::Truncate, Mode::Merge(key(&["id"])), Mode::Replace];
    for mode in modes {
        let yard = Yard::new("out/t");
        yard.load("a", Mode::Append, &[FIRST]).await.unwrap();
        let load = Load { schema: other.schema(), ..load("b", mode) };
        let sink = yard.sink();
        if load.mode == Mode::Replace {
            sink.prepare(&load).await.unwrap();
            continue;
        }
        assert_eq!(sink.prepare(&load).await.unwrap_err().kind(), Kind::Drift, "{}", load.mode);
        let write = sink.write(&load, part("0", vec![other.clone()])).await;
        assert_eq!(write.unwrap_err().kind(), Kind::Drift, "{}", load.mode);
        assert_eq!(yard.rows(), owned(FIRST));
    }
}

#[tokio::test]
async fn columns_in_another_order_are_stored_in_the_order_of_the_table() {
    let yard = Yard::new("out/t");
    yard.load("a", Mode::Append, &[FIRST]).await.unwrap();
    let turned = batch(SECOND).project(&[1, 0]).unwrap();
    let load = Load { schema: turned.schema(), ..load("b", Mode::Append) };
    let sink = yard.sink();
    let staged = vec![sink.write(&load, part("0", vec![turned])).await.unwrap()];
    sink.commit(&load, &staged, &high("b")).await.unwrap();
    assert_eq!(yard.rows(), owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")]));
    for path in parquet_files(&yard.path("out/t")) {
        assert_eq!(schema_of(&path).field(0).name(), "id");
    }
}

#[tokio::test]
async fn a_table_without_rows_still_has_its_columns() {
    for (path, table) in [("out/t", "out/t"), ("out/t.parquet", "out/t.parquet")] {
        for parts in [&[][..], &[&[][..]]] {
            let yard = Yard::new(path);
            yard.load("a", Mode::Replace, &[FIRST]).await.unwrap();
            yard.load("b", Mode::Replace, parts).await.unwrap();
            let files = parquet_files(&yard.path(table));
            assert_eq!(files.len(), 1);
            assert_eq!(columns(&schema_of(&files[0])), columns(&batch(&[]).schema()));
            assert_eq!(rows(&yard.path(table)), []);
        }
    }
    let yard = Yard::new("out/t");
    yard.load("a", Mode::Append, &[]).await.unwrap();
    yard.load("b", Mode::Append, &[FIRST]).await.unwrap();
    assert_eq!(parquet_files(&yard.path("out/t")).len(), 1);
}

/// A budget with nothing in it.
#[derive(Debug)]
struct Nothing;

impl Memory for Nothing {
    fn reserve(&self, _name: &str) -> Box<dyn crate::memory::Reservation> {
        Box::new(Nothing)
    }

    fn limit(&self) -> Option<u64> {
        Some(0)
    }
}

impl crate::memory::Reservation for Nothing {
    fn resize(&mut self, bytes: usize) -> Result<()> {
        match bytes {
            0 => Ok(()),
            _ => Err(crate::error::Error::limit("nothing is left")),
        }
    }

    fn held(&self) -> usize {
        0
    }
}
