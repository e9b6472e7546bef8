//! Rows as another server sent them: where they are taken, and where batches are taken instead.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::sink_tests::{Yard, columns, high, key, load_of};
use crate::error::{Error, Result};
use crate::sink::{Load, Mode, Part};
use crate::source::{Block, BlockStream, RowForm, Stop, Verbatim};

/// A row of a `bigint` and a text, as a server sends it.
fn row(id: i64, word: &str) -> Vec<u8> {
    let length = u32::try_from(word.len()).unwrap().to_be_bytes();
    [&[0, 2, 0, 0, 0, 8], &id.to_be_bytes()[..], &length, word.as_bytes()].concat()
}

/// The columns `id`, never NULL, and `word`.
fn rows() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    columns(&[("id!", ids), ("word", Arc::new(StringArray::from(vec!["batch", "batch"])))])
}

/// Two rows that say which way they came.
fn part(types: &[&str]) -> Part {
    let types = types.iter().map(|name| (*name).to_owned()).collect();
    let blocks = [row(1, "sent"), row(2, "sent")].map(|bytes| {
        let bytes = Bytes::from(bytes);
        Ok(Block { bytes, rows: 1 })
    });
    let form = RowForm { layout: "postgres copy binary", types };
    let verbatim = Verbatim { form, blocks: stream::iter(blocks).boxed() };
    let batches = stream::iter([Ok(rows())]).boxed();
    Part { verbatim: Some(verbatim), ..Part::new("p0", batches, Arc::new(Stop)) }
}

const TYPES: &[&str] = &["bigint", "text"];

/// The same, of columns that fit, with other blocks in place of its own.
fn part_of(change: impl FnOnce(BlockStream) -> BlockStream) -> Part {
    let part = part(TYPES);
    let verbatim = part.verbatim.map(|rows| Verbatim { blocks: change(rows.blocks), ..rows });
    Part { verbatim, ..part }
}

/// What is in the table afterwards.
async fn loaded(yard: &Yard, load: &Load, part: Part) -> Result<String> {
    let sink = yard.sink();
    sink.prepare(load).await?;
    let receipt = sink.write(load, part).await?;
    assert_eq!(receipt.rows, 2);
    sink.commit(load, &[receipt], &high("w")).await?;
    Ok(yard.rows())
}

#[tokio::test]
async fn rows_go_as_they_came_into_columns_of_their_very_types() {
    let sent = "1=sent 2=sent";
    for mode in [Mode::Append, Mode::Truncate, Mode::Replace] {
        let yard = Yard::new("create table t (word text, id bigint not null)");
        let load = load_of("l1", mode.clone(), &rows());
        assert_eq!(loaded(&yard, &load, part(TYPES)).await.unwrap(), sent, "{mode}");
    }
    let yard = Yard::new("");
    let load = load_of("l1", Mode::Replace, &rows());
    assert_eq!(loaded(&yard, &load, part(TYPES)).await.unwrap(), sent);
}

#[tokio::test]
async fn batches_are_taken_wherever_a_row_could_not_fit() {
    let append = Mode::Append;
    let cases = [
        ("create table t (id bigint not null, word varchar(5))", TYPES, &append),
        ("create table t (id bigint not null, word text not null)", TYPES, &append),
        ("create domain w as text; create table t (id bigint, word w)", TYPES, &append),
        ("create table t (id bigint, word text)", &["bigint", "character varying"], &append),
        ("create table t (id bigint, word text)", &["bigint"], &append),
        // A key that is NULL, or there twice, is looked for.
        ("create table t (id bigint primary key, word text)", TYPES, &Mode::Merge(key(&["id"]))),
        (
            "create table t (id bigint primary key, word text)",
            TYPES,
            &Mode::DeleteInsert(key(&["id"])),
        ),
    ];
    for (sql, types, mode) in cases {
        let yard = Yard::new(sql);
        let load = load_of("l1", mode.clone(), &rows());
        let found = loaded(&yard, &load, part(types)).await.unwrap();
        assert_eq!(found, "1=batch 2=batch", "{sql} {types:?} {mode}");
    }
}

#[tokio::test]
async fn a_source_that_breaks_off_between_blocks_leaves_nothing() {
    let yard = Yard::new("create table t (id bigint, word text)");
    let load = load_of("l1", Mode::Append, &rows());
    let gone = stream::iter([Err(Error::unavailable("gone"))]);
    let broken = part_of(|blocks| blocks.take(1).chain(gone).boxed());
    let error = loaded(&yard, &load, broken).await.unwrap_err();
    assert_eq!(error.message(), "gone");
    assert_eq!((yard.rows().as_str(), yard.left().as_str()), ("", " 0"));
}

#[tokio::test]
async fn a_part_that_is_there_is_counted_again_and_not_written_again() {
    let yard = Yard::new("create table t (id bigint, word text)");
    let (sink, load) = (yard.sink(), load_of("l1", Mode::Append, &rows()));
    sink.prepare(&load).await.unwrap();
    let first = sink.write(&load, part(TYPES)).await.unwrap();
    assert_eq!(sink.write(&load, part(TYPES)).await.unwrap(), first);
    let shorter = part_of(|blocks| blocks.take(1).boxed());
    let error = sink.write(&load, shorter).await.unwrap_err();
    assert_eq!(error.message(), "part `p0` has other rows than before");
    assert_eq!(yard.rows(), "1=sent 2=sent");
}

#[tokio::test]
async fn rows_that_are_not_as_many_as_they_say_stop_the_part() {
    let yard = Yard::new("create table t (id bigint, word text)");
    let load = load_of("l1", Mode::Append, &rows());
    let lying = part_of(|blocks| blocks.map_ok(|block| Block { rows: 2, ..block }).boxed());
    let error = loaded(&yard, &load, lying).await.unwrap_err();
    assert_eq!(error.message(), "`public.t` did not take every row");
    assert_eq!(yard.rows(), "");
}
