//! A load that dies at any point is published once by whoever runs it again.

use super::*;
use crate::faults::Script;
use futures::FutureExt;
use futures::future::{self, BoxFuture, Either};
use std::sync::Mutex;

const FIRST: &[Row] = &[(1, "one"), (2, "two")];
const SECOND: &[Row] = &[(2, "zwei"), (3, "drei")];
const POINTS: &[&str] =
    &["sink.staged_file", "sink.rewritten", "sink.before_mark", "sink.after_mark", "sink.shown"];

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

#[tokio::test]
async fn a_killed_load_is_published_once_when_it_is_run_again() {
    let merged = owned(&[(1, "one"), (2, "zwei"), (3, "drei")]);
    let appended = owned(&[(1, "one"), (2, "two"), (2, "zwei"), (3, "drei")]);
    let cases = [
        (Mode::Append, appended),
        (Mode::Truncate, owned(&[(2, "zwei"), (3, "drei")])),
        (Mode::Replace, owned(&[(2, "zwei"), (3, "drei")])),
        (Mode::Merge(key(&["id"])), merged.clone()),
        (Mode::DeleteInsert(key(&["id"])), merged),
    ];
    for (mode, expected) in cases {
        for point in POINTS {
            let yard = Yard::new("out/t");
            yard.load("a", Mode::Append, &[FIRST]).await.unwrap();
            let died = killed_at(point, yard.load("b", mode.clone(), &[SECOND])).await;
            assert_eq!(died, *point != "sink.rewritten" || !mode.key().is_empty(), "{point}");
            let seen = yard.rows();
            assert!(seen == owned(FIRST) || seen == expected, "{mode} at {point}: {seen:?}");
            let mark = yard.load("b", mode.clone(), &[SECOND]).await.unwrap();
            assert_eq!(mark.rows, 2, "{mode} at {point}");
            assert_eq!(yard.rows(), expected, "{mode} at {point}");
        }
    }
}

#[tokio::test]
async fn a_load_that_died_before_it_was_shown_is_shown_by_its_sweep() {
    let yard = Yard::new("out/t");
    assert!(killed_at("sink.after_mark", yard.load("a", Mode::Append, &[FIRST])).await);
    let load = load("a", Mode::Append);
    assert!(yard.sink().inspect(&load).await.unwrap().mark.is_some());
    assert_eq!(yard.rows(), []);
    yard.sink().sweep(&load).await.unwrap();
    assert_eq!(yard.rows(), owned(FIRST));
}

#[tokio::test]
async fn a_killed_load_of_a_single_file_is_published_once() {
    for point in POINTS.iter().filter(|point| **point != "sink.rewritten") {
        let yard = Yard::new("out/t.parquet");
        yard.load("a", Mode::Replace, &[FIRST]).await.unwrap();
        assert!(killed_at(point, yard.load("b", Mode::Replace, &[SECOND])).await, "{point}");
        let seen = rows(&yard.path("out/t.parquet"));
        assert!(seen == owned(FIRST) || seen == owned(SECOND), "{point}");
        yard.load("b", Mode::Replace, &[SECOND]).await.unwrap();
        assert_eq!(rows(&yard.path("out/t.parquet")), owned(SECOND), "{point}");
        assert_eq!(tree(&yard.path("out")), ["t.parquet"], "{point}");
    }
}

#[tokio::test]
async fn a_commit_that_slept_while_its_number_was_cleaned_away_starts_over() {
    use crate::connectors::parquet::clean;
    let yard = Yard::new("out/t");
    yard.load("a", Mode::Append, &[FIRST]).await.unwrap();
    let load = load("z", Mode::Append);
    let sink = yard.sink();
    let staged = stage(&sink, &load, &[&[(9, "late")]]).await.unwrap();
    let (wake, woken) = tokio::sync::oneshot::channel::<()>();
    let (reached, asleep) = tokio::sync::oneshot::channel::<()>();
    let held = Arc::new(Mutex::new(Some((reached, woken))));
    let script = Script::new(move |passed| -> BoxFuture<'static, ()> {
        let held = held.clone();
        match passed {
            "sink.before_mark" => async move {
                let taken = held.lock().unwrap().take();
                if let Some((reached, woken)) = taken {
                    reached.send(()).unwrap();
                    woken.await.unwrap();
                }
            }
            .boxed(),
            _ => future::ready(()).boxed(),
        }
    });
    let high = high("z");
    let sleeper = script.scope(sink.commit(&load, &staged, &high));
    let others = async {
        asleep.await.unwrap();
        for id in 0..12 {
            yard.load(&format!("n{id}"), Mode::Truncate, &[FIRST]).await.unwrap();
        }
        let table = yard.path("out/t");
        // Files are younger than any age but none: the sleeper's own are cleaned away, too.
        let kept = clean(&table, std::time::Duration::from_secs(3600), false).await.unwrap();
        assert!(kept.is_empty());
        let manifests = yard.path("out/_dhow/t/manifest");
        for number in 1..=3 {
            std::fs::remove_file(manifests.join(format!("{number:08}.json"))).unwrap();
        }
        wake.send(()).unwrap();
    };
    let (mark, ()) = tokio::join!(sleeper, others);
    assert_eq!(mark.unwrap().rows, 1);
    assert_eq!(yard.rows(), owned(&[(1, "one"), (2, "two"), (9, "late")]));
}
