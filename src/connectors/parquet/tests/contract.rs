//! One test for each promise of [`Sink`], for both shapes of a target.

use super::*;
use crate::error::Kind;

const OLD: &[Row] = &[(1, "one"), (2, "two")];
const NEW: &[Row] = &[(3, "three")];

/// What a test sees of a target, for both shapes.
fn yards() -> Vec<(Yard, &'static str)> {
    vec![(Yard::new("out/t"), "out/t"), (Yard::new("out/t.parquet"), "out/t.parquet")]
}

#[tokio::test]
async fn promise_1_inspect_reads_only() {
    for (yard, path) in yards() {
        let target = yard.sink().inspect(&load("a", Mode::Replace)).await.unwrap();
        assert!(target.schema.is_none() && tree(yard.dir.path()).is_empty(), "{path}");
        yard.load("a", Mode::Replace, &[OLD]).await.unwrap();
        let before = tree(yard.dir.path());
        let target = yard.sink().inspect(&load("a", Mode::Replace)).await.unwrap();
        assert_eq!((target.rows, target.watermarks), (Some(2), high("a")), "{path}");
        assert_eq!(columns(&target.schema.unwrap()), columns(&batch(OLD).schema()), "{path}");
        assert_eq!(target.mark.unwrap().rows, 2, "{path}");
        assert_eq!(tree(yard.dir.path()), before, "{path}");
    }
}

#[tokio::test]
async fn promise_2_staged_rows_cannot_be_seen_and_two_attempts_never_share_a_place() {
    for (yard, path) in yards() {
        yard.load("a", Mode::Replace, &[OLD]).await.unwrap();
        let load = load("b", Mode::Replace);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let first = stage(&sink, &load, &[NEW]).await.unwrap();
        let again = stage(&sink, &load, &[NEW]).await.unwrap();
        assert_ne!(first[0].token, again[0].token, "{path}");
        assert_eq!(rows(&yard.path(path)), owned(OLD), "{path}");
    }
}

#[tokio::test]
async fn promise_3_commit_publishes_exactly_what_the_receipts_name_and_the_mark() {
    for (yard, path) in yards() {
        let load = load("a", Mode::Replace);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        stage(&sink, &load, &[OLD]).await.unwrap();
        let staged = stage(&sink, &load, &[NEW]).await.unwrap();
        // Another process commits, with the receipts alone.
        let text = serde_json::to_string(&staged).unwrap();
        let staged: Vec<Receipt> = serde_json::from_str(&text).unwrap();
        let mark = yard.sink().commit(&load, &staged, &high("a")).await.unwrap();
        assert_eq!((mark.rows, &mark.watermarks), (1, &high("a")), "{path}");
        assert_eq!(rows(&yard.path(path)), owned(NEW), "{path}");
        assert_eq!(sink.inspect(&load).await.unwrap().mark, Some(mark), "{path}");
    }
}

#[tokio::test]
async fn promise_4_a_second_commit_changes_nothing_and_returns_the_mark_in_the_target() {
    for (yard, path) in yards() {
        let load = load("a", Mode::Replace);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, &[OLD]).await.unwrap();
        let mark = sink.commit(&load, &staged, &high("a")).await.unwrap();
        let others = stage(&sink, &load, &[NEW]).await.unwrap();
        assert_eq!(sink.commit(&load, &others, &high("z")).await.unwrap(), mark, "{path}");
        assert_eq!(rows(&yard.path(path)), owned(OLD), "{path}");
        // Even when another load came in between, which the first one must not undo.
        yard.load("b", Mode::Replace, &[NEW]).await.unwrap();
        assert_eq!(sink.commit(&load, &staged, &high("a")).await.unwrap(), mark, "{path}");
        assert_eq!(rows(&yard.path(path)), owned(NEW), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_5_two_commits_of_one_load_at_once_publish_it_once() {
    for (yard, path) in yards() {
        let load = load("a", Mode::Replace);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, &[OLD]).await.unwrap();
        let high = high("a");
        let (one, two) =
            tokio::join!(sink.commit(&load, &staged, &high), sink.commit(&load, &staged, &high));
        assert_eq!(one.unwrap(), two.unwrap(), "{path}");
        assert_eq!(rows(&yard.path(path)), owned(OLD), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_5_two_loads_of_one_table_at_once_are_both_published() {
    let yard = Arc::new(Yard::new("out/t"));
    let tasks: Vec<_> = (0..8)
        .map(|id| {
            let yard = yard.clone();
            tokio::spawn(async move {
                yard.load(&format!("load-{id}"), Mode::Append, &[&[(id, "x")]]).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let expected: Vec<_> = (0..8).map(|id| (id, "x".to_owned())).collect();
    assert_eq!(yard.rows(), expected);
}

#[tokio::test]
async fn promise_6_sweep_removes_only_what_is_staged_and_not_published_of_this_load() {
    let yard = Yard::new("out/t");
    let (one, two) = (load("a", Mode::Append), load("b", Mode::Append));
    let sink = yard.sink();
    sink.prepare(&one).await.unwrap();
    stage(&sink, &one, &[NEW]).await.unwrap();
    let staged = stage(&sink, &one, &[OLD]).await.unwrap();
    let others = stage(&sink, &two, &[NEW]).await.unwrap();
    sink.commit(&one, &staged, &high("a")).await.unwrap();
    assert_eq!(yard.staged_files(), 3);
    sink.sweep(&one).await.unwrap();
    sink.sweep(&one).await.unwrap();
    assert_eq!(yard.staged_files(), 2);
    sink.commit(&two, &others, &high("b")).await.unwrap();
    assert_eq!(yard.rows(), owned(&[(1, "one"), (2, "two"), (3, "three")]));
}

#[tokio::test]
async fn a_commit_of_what_is_gone_publishes_nothing() {
    for (yard, path) in yards() {
        yard.load("a", Mode::Replace, &[OLD]).await.unwrap();
        let load = load("b", Mode::Replace);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, &[NEW]).await.unwrap();
        sink.sweep(&load).await.unwrap();
        let error = sink.commit(&load, &staged, &high("b")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{path}");
        assert_eq!(rows(&yard.path(path)), owned(OLD), "{path}");
    }
}
