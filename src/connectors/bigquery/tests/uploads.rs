//! Bodies that are sent in pieces.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};

use super::gate::{Fault, When};
use super::*;
use crate::connectors::bigquery::upload::CHUNK;
use crate::error::Kind;

const ROWS: i64 = 3000;
/// Long texts that differ, so that all of them take three pieces without compression.
const TEXT: usize = 6 * 1024;

fn large() -> RecordBatch {
    let text = |id: i64| format!("{id:08}").repeat(TEXT / 8);
    let texts = StringArray::from_iter_values((0..ROWS).map(text));
    let ids = Int64Array::from_iter_values(0..ROWS);
    columns(&[("id!", Arc::new(ids)), ("word", Arc::new(texts))])
}

fn yard() -> Yard {
    let yard = Yard::new().option("gzip_level", "0");
    yard.sql("DELETE FROM d.t WHERE TRUE");
    yard
}

/// Each row that was sent, once, with all of its text.
fn arrived(yard: &Yard) -> bool {
    let rows = yard.gate.rows("d.t");
    let is_whole = |(id, row): (usize, &Value)| {
        let word = row["word"].as_str().unwrap_or_default();
        row["id"] == id && word.len() == TEXT && word.starts_with(&format!("{id:08}"))
    };
    rows.len() == usize::try_from(ROWS).unwrap() && rows.iter().enumerate().all(is_whole)
}

#[tokio::test]
async fn a_large_body_goes_in_pieces_and_a_small_one_at_once() {
    let yard = yard();
    yard.load_rows("l1", Mode::Append, &large()).await.unwrap();
    assert!(arrived(&yard));
    assert_eq!((yard.gate.calls("upload.open"), yard.gate.calls("upload.put")), (1, 3));
    let pieces: Vec<usize> = yard
        .gate
        .log()
        .iter()
        .filter(|seen| seen.call == "upload.put")
        .map(|seen| seen.bytes)
        .collect();
    assert_eq!(pieces[..2], [CHUNK, CHUNK]);
    let compressed = Yard::new();
    compressed.load_rows("l1", Mode::Truncate, &large()).await.unwrap();
    assert!(arrived(&compressed));
    assert_eq!(
        (compressed.gate.calls("upload.multipart"), compressed.gate.calls("upload.put")),
        (1, 0)
    );
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_interrupted() {
    let faults = [
        (1, Fault::unavailable()),
        (2, Fault::unavailable()),
        (3, Fault::unavailable()),
        (2, Fault::ResetAfter(1_000_000)),
        (1, Fault::LostBefore),
        (2, Fault::LostAfter),
        (3, Fault::LostAfter),
        (3, Fault::Truncated(9)),
        (1, Fault::KeepOnly(2 * 262_144)),
        (2, Fault::KeepOnly(0)),
        (3, Fault::KeepOnly(262_144)),
        (2, Fault::too_many_requests(1)),
    ];
    for (nth, fault) in faults {
        let yard = yard();
        yard.gate.order(When::call("upload.put").nth(nth), fault.clone());
        yard.load_rows("l1", Mode::Append, &large()).await.unwrap();
        let told = format!("{nth} {fault:?}");
        assert!(arrived(&yard), "{told}");
        assert_eq!(yard.gate.open_orders(), 0, "{told}");
        assert_eq!(yard.gate.calls("upload.open"), 1, "the session went on: {told}");
    }
}

#[tokio::test]
async fn an_upload_that_is_gone_is_begun_anew_under_the_same_job() {
    for status in [404, 410] {
        let yard = yard();
        let (sink, rows) = (yard.sink(), large());
        let load = load_of("l1", Mode::Append, &rows);
        sink.prepare(&load).await.unwrap();
        yard.gate.order(When::call("upload.put").nth(2), Fault::SessionGone(status));
        let error = sink.write(&load, part_of("p0", &rows)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{}", error.report());
        let staged = [sink.write(&load, part_of("p0", &rows)).await.unwrap()];
        sink.commit(&load, &staged, &high("w")).await.unwrap();
        assert!(arrived(&yard), "{status}");
        let loads = yard
            .gate
            .jobs()
            .into_iter()
            .filter(|job| job.json["configuration"]["load"].is_object());
        assert_eq!(loads.map(|job| job.error).collect::<Vec<_>>(), [None]);
    }
}

#[tokio::test]
async fn an_upload_that_never_gets_on_ends() {
    let yard = yard();
    let (sink, rows) = (yard.sink(), large());
    let load = load_of("l1", Mode::Append, &rows);
    sink.prepare(&load).await.unwrap();
    yard.gate.order(When::call("upload.put").always(), Fault::unavailable());
    let error = sink.write(&load, part_of("p0", &rows)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{}", error.report());
    assert!(yard.gate.calls("upload.put") < 10);
}

#[tokio::test]
async fn rows_that_cannot_be_read_end_an_upload_without_a_job() {
    let yard = yard();
    let (sink, rows) = (yard.sink(), large());
    let load = load_of("l1", Mode::Append, &rows);
    sink.prepare(&load).await.unwrap();
    let broken = crate::error::Error::data("the source broke off");
    let batches = stream::iter([Ok(rows.clone()), Err(broken)]).boxed();
    let part = Part::new("p0", batches, Arc::new(Stop));
    let error = sink.write(&load, part).await.unwrap_err();
    assert_eq!(error.message(), "the source broke off");
    assert!(yard.gate.jobs().is_empty());
    assert_eq!(yard.gate.calls("upload.open"), 1);
}
