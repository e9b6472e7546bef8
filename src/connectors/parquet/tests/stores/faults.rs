//! Answers that are lost, stores that are busy, processes that die: the rows are there once.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{self, BoxFuture, Either};

use super::servers::Effect;
use super::stand::{ALL, At, Stand, high, id_key, load, owned, stage};
use crate::error::{Error, Kind};
use crate::faults::Script;
use crate::sink::Mode;

const FIRST: &[(i64, &str)] = &[(1, "one"), (2, "two")];
const SECOND: &[(i64, &str)] = &[(2, "zwei"), (3, "drei")];
const POINTS: &[&str] = &[
    "store.probed",
    "sink.staged_file",
    "sink.rewritten",
    "sink.before_mark",
    "sink.after_mark",
    "store.copied",
    "sink.shown",
];

/// Runs `future` until it passes the point `name`, where it dies; tells whether it did.
async fn killed_at<F: Future>(name: &'static str, future: F) -> bool {
    let (sender, died) = tokio::sync::oneshot::channel::<()>();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let script = Script::new(move |passed| -> BoxFuture<'static, ()> {
        if passed != name {
            return future::ready(()).boxed();
        }
        if let Some(sender) = sender.lock().unwrap().take() {
            sender.send(()).unwrap();
        }
        future::pending().boxed()
    });
    let run = Box::pin(script.scope(future));
    matches!(future::select(run, died).await, Either::Right(_))
}

fn cases() -> Vec<(Mode, super::stand::Rows)> {
    let merged = owned(&[(1, "one"), (2, "zwei"), (3, "drei")]);
    vec![
        (Mode::Append, owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")])),
        (Mode::Truncate, owned(SECOND)),
        (Mode::Replace, owned(SECOND)),
        (Mode::Merge(id_key()), merged.clone()),
        (Mode::DeleteInsert(id_key()), merged),
    ]
}

#[tokio::test]
async fn a_load_that_is_killed_anywhere_and_run_again_leaves_its_rows_once() {
    for at in [At::Moto, At::Azurite] {
        let stand = Stand::new(at);
        // What differs between stores is how things are put; modes differ in what is put.
        let few = |(mode, _): &(Mode, _)| at == At::Moto || matches!(mode, Mode::Merge(_));
        for (mode, expected) in cases().into_iter().filter(few) {
            for point in POINTS {
                let key = &format!("{}/{point}", mode.name());
                stand.load_into(key, "a", Mode::Append, &[FIRST]).await.unwrap();
                let run = stand.load_into(key, "b", mode.clone(), &[SECOND]);
                let died = killed_at(point, run).await;
                assert_eq!(died, *point != "sink.rewritten" || !mode.key().is_empty(), "{point}");
                let seen = stand.read("parquet", key).await.unwrap();
                assert!(seen == owned(FIRST) || seen == expected, "{mode} at {point}: {seen:?}");
                let mark = stand.load_into(key, "b", mode.clone(), &[SECOND]).await.unwrap();
                assert_eq!(mark.rows, 2, "{at:?} {mode} at {point}");
                let seen = stand.read("parquet", key).await.unwrap();
                assert_eq!(seen, expected, "{at:?} {mode} at {point}");
            }
        }
        for (mode, expected) in cases().into_iter().filter(few) {
            // Another reader starts once for each mode, because it takes its time.
            let key = format!("{}/store.copied", mode.name());
            assert_eq!(stand.listed(&key), expected, "{at:?} {mode}, listed");
        }
    }
}

#[tokio::test]
async fn a_killed_load_of_one_object_is_published_once() {
    let stand = Stand::new(At::Moto);
    for point in POINTS.iter().filter(|point| **point != "sink.rewritten") {
        let key = &format!("{point}/t.parquet");
        stand.load_into(key, "a", Mode::Replace, &[FIRST]).await.unwrap();
        assert!(killed_at(point, stand.load_into(key, "b", Mode::Replace, &[SECOND])).await);
        let seen = stand.read("parquet", key).await.unwrap();
        assert!(seen == owned(FIRST) || seen == owned(SECOND), "{point}");
        stand.load_into(key, "b", Mode::Replace, &[SECOND]).await.unwrap();
        assert_eq!(stand.read("parquet", key).await.unwrap(), owned(SECOND), "{point}");
    }
}

/// Commits a load whose put of the manifest meets `effect`.
async fn committed(at: At, effect: Effect) -> (Stand, Result<u64, Error>) {
    let stand = Stand::new(at);
    stand.load("a", Mode::Append, &[FIRST]).await.unwrap();
    let load = load("b", Mode::Append);
    let sink = stand.sink("out/t", &[]).unwrap();
    sink.prepare(&load).await.unwrap();
    let staged = stage(&sink, &load, &[SECOND]).await.unwrap();
    stand.gate.rule("PUT", "manifest/00000002.json", 1, effect);
    let mark = sink.commit(&load, &staged, &high("b")).await;
    assert_eq!(stand.gate.unmet(), 0);
    (stand, mark.map(|mark| mark.rows))
}

#[tokio::test]
async fn a_manifest_whose_answer_was_lost_is_found_to_be_ours() {
    for at in ALL {
        let (stand, mark) = committed(at, Effect::LoseAnswer).await;
        assert_eq!(mark.unwrap(), 2, "{at:?}");
        let all = owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")]);
        assert_eq!(stand.read("parquet", "out/t").await.unwrap(), all, "{at:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_the_store_took_and_denied_is_found_to_be_ours() {
    // 412 for our own put, as after a retry that dhow did not see, and 409 with nothing written.
    for (status, code) in
        [(409, "ConditionalRequestConflict"), (503, "SlowDown"), (500, "InternalError")]
    {
        let body: &'static str = format!("<Error><Code>{code}</Code></Error>").leak();
        let (stand, mark) = committed(At::Moto, Effect::Answer(status, body)).await;
        assert_eq!(mark.unwrap(), 2, "{status}");
        let all = owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")]);
        assert_eq!(stand.read("parquet", "out/t").await.unwrap(), all, "{status}");
        assert_eq!(stand.listed("out/t"), all, "{status}");
    }
}

#[tokio::test]
async fn a_part_whose_upload_broke_off_is_an_error_and_its_next_try_is_another_object() {
    let stand = Stand::new(At::Moto);
    let load = load("a", Mode::Append);
    let sink = stand.sink("out/t", &[]).unwrap();
    sink.prepare(&load).await.unwrap();
    stand.gate.rule(
        "PUT",
        "/data/",
        1,
        Effect::Answer(403, "<Error><Code>ExpiredToken</Code></Error>"),
    );
    let error = stage(&sink, &load, &[FIRST]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    let root = stand.address("");
    let root = root.trim_end_matches('/');
    assert_eq!(error.message(), format!("our credentials for `{root}` have expired"));
    // A put that was answered by nothing is sent again: it is the same object.
    stand.gate.rule("PUT", "/data/", 1, Effect::LoseAnswer);
    let staged = stage(&sink, &load, &[FIRST]).await.unwrap();
    sink.commit(&load, &staged, &high("a")).await.unwrap();
    assert_eq!(stand.gate.unmet(), 0);
    assert_eq!(stand.read("parquet", "out/t").await.unwrap(), owned(FIRST));
}

#[tokio::test]
async fn a_busy_store_is_asked_again_and_one_that_stays_busy_is_an_error() {
    let stand = Stand::new(At::Moto);
    stand.put("a.csv", "id,word\n1,one\n").await;
    let slow = "<Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>";
    stand.gate.rule("GET", "a.csv", 2, Effect::Answer(503, slow));
    assert_eq!(stand.read("csv", "a.csv").await.unwrap(), owned(&[(1, "one")]));
    stand.gate.rule("GET", "a.csv", 99, Effect::Answer(503, slow));
    let error = stand.read("csv", "a.csv").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let root = stand.address("");
    let root = root.trim_end_matches('/');
    assert_eq!(error.message(), format!("`{root}` asks us to slow down"));
    assert!(error.places().contains(&("store".into(), "Please reduce your rate".into())));
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_read_again_or_an_error_and_never_fewer_rows() {
    let rows: String = (0..20_000).map(|n| format!("{n},w{n}\n")).collect();
    let stand = Stand::new(At::Moto);
    stand.put("a.csv", format!("id,word\n{rows}")).await;
    stand.gate.rule("GET", "a.csv", 1, Effect::Cut(1000));
    assert_eq!(stand.read("csv", "a.csv").await.unwrap().len(), 20_000);
    assert_eq!(stand.gate.unmet(), 0);
    stand.gate.rule("GET", "a.csv", 99, Effect::Cut(1000));
    let error = stand.read("csv", "a.csv").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{}", error.report());
}

#[tokio::test]
async fn a_copy_whose_answer_was_lost_is_made_again_and_shown_once() {
    let stand = Stand::new(At::Moto);
    stand.gate.rule("PUT", "dhow-part", 1, Effect::LoseAnswer);
    stand.load("a", Mode::Append, &[FIRST]).await.unwrap();
    assert_eq!(stand.gate.unmet(), 0);
    assert_eq!(stand.listed("out/t"), owned(FIRST));
}

#[tokio::test]
async fn a_store_that_puts_twice_where_nothing_may_be_is_refused_before_a_row_is_written() {
    for header in ["if-none-match"] {
        let stand = Stand::new(At::Moto);
        stand.gate.rule("PUT", "", 99, Effect::Ignore(header));
        let error = stand.load("a", Mode::Append, &[FIRST]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        let root = stand.address("");
        let root = root.trim_end_matches('/');
        assert_eq!(
            error.message(),
            format!("`{root}` cannot keep two loads of one table apart: it put one object twice")
        );
        assert_eq!(stand.keys().await, Vec::<String>::new());
    }
    let stand = Stand::new(At::Moto);
    let unknown = "<Error><Code>NotImplemented</Code></Error>";
    stand.gate.rule("PUT", "", 99, Effect::Answer(501, unknown));
    let error = stand.load("a", Mode::Append, &[FIRST]).await.unwrap_err();
    assert!(error.message().ends_with("it does not know `If-None-Match`"), "{}", error.message());
}
