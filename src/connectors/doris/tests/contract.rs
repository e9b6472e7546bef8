//! One test for each promise of [`Sink`], in every mode.

use super::*;
use crate::error::Kind;

#[tokio::test]
async fn each_mode_changes_the_table_as_it_says_and_leaves_its_mark_and_nothing_else() {
    for mode in modes() {
        for repeatable in [true, false] {
            let yard = yard(&mode);
            let load = Load { repeatable, ..load("l1", mode.clone()) };
            let mark = yard.load(&load, PARTS).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode}");
            assert_eq!((mark.rows, &mark.watermarks), (3, &high("w")), "{mode}");
            let target = yard.sink().inspect(&load).await.unwrap();
            assert_eq!(target.mark, Some(mark), "{mode}");
            assert_eq!(target.watermarks, high("w"), "{mode}");
            assert_eq!(yard.left(), Vec::<String>::new(), "{mode}");
        }
    }
}

#[tokio::test]
async fn promise_1_inspect_reads_only() {
    for mode in modes() {
        let yard = Yard::new("");
        let target = yard.sink().inspect(&load("l1", mode.clone())).await.unwrap();
        assert_eq!((target.schema, target.rows, target.mark), (None, None, None), "{mode}");
        let question = Load::question("l1".parse().unwrap(), &mode);
        assert!(yard.sink().inspect(&question).await.unwrap().mark.is_none(), "{mode}");
        assert_eq!(yard.doris.tables(), Vec::<String>::new(), "{mode}");
    }
}

#[tokio::test]
async fn promise_2_staged_rows_cannot_be_seen() {
    for mode in modes() {
        let yard = yard(&mode);
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        stage(&sink, &load, PARTS).await.unwrap();
        assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
        sink.sweep(&load).await.unwrap();
        assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
    }
}

#[tokio::test]
async fn promise_2_a_second_write_of_a_part_is_found_and_not_sent_again() {
    for mode in modes() {
        let yard = yard(&mode);
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let first = stage(&sink, &load, PARTS).await.unwrap();
        let loads =
            || yard.doris.requests().iter().filter(|r| r.line.contains("_stream_load")).count();
        let sent = loads();
        let again = stage(&yard.sink(), &load, PARTS).await.unwrap();
        assert_eq!((again.clone(), loads()), (first, sent), "{mode}");
        sink.commit(&load, &again, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn promise_3_commit_publishes_exactly_what_the_receipts_name() {
    for mode in modes() {
        let yard = yard(&mode);
        let load = Load { repeatable: false, ..load("l1", mode.clone()) };
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        stage(&sink, &load, &[&[(9, "lost")]]).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        // Another process commits, with the receipts alone.
        let text = serde_json::to_string(&staged).unwrap();
        let staged: Vec<Receipt> = serde_json::from_str(&text).unwrap();
        yard.sink().commit(&load, &staged, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn promise_4_a_second_commit_changes_nothing_and_returns_the_mark_in_the_target() {
    for mode in modes() {
        let yard = yard(&mode);
        let load = Load { repeatable: false, ..load("l1", mode.clone()) };
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        let mark = sink.commit(&load, &staged, &high("w")).await.unwrap();
        let others = stage(&sink, &load, &[&[(9, "other")]]).await.unwrap();
        assert_eq!(sink.commit(&load, &others, &high("z")).await.unwrap(), mark, "{mode}");
        assert_eq!(yard.rows(), after(&mode), "{mode}");
        sink.sweep(&load).await.unwrap();
        assert_eq!(sink.commit(&load, &staged, &high("w")).await.unwrap(), mark, "{mode}");
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_5_two_commits_of_one_load_at_once_publish_it_once() {
    for mode in modes() {
        let yard = yard(&mode);
        let load = load("l1", mode.clone());
        let (sink, other) = (yard.sink(), yard.sink());
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        let (high, low) = (high("w"), high("v"));
        let (one, two) =
            tokio::join!(sink.commit(&load, &staged, &high), other.commit(&load, &staged, &low));
        // One of them may have to come again.
        let found: Vec<_> = [one, two].into_iter().filter_map(Result::ok).collect();
        assert!(!found.is_empty(), "{mode}");
        let again = yard.sink().commit(&load, &staged, &high).await.unwrap();
        assert!(found.iter().all(|mark| *mark == again), "{mode}: {found:?} {again:?}");
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_5_two_loads_of_one_table_at_once_are_both_published() {
    let yard = Arc::new(Yard::new(&table(&Mode::Append)));
    let tasks: Vec<_> = (0..4)
        .map(|id| {
            let yard = yard.clone();
            tokio::spawn(async move {
                yard.load(&load(&format!("l{id}"), Mode::Append), &[&[(id, "x")]]).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(yard.rows(), "0=x 1=x 2=x 3=x");
}

#[tokio::test]
async fn promise_6_sweep_removes_only_what_is_of_this_load_and_may_be_called_again() {
    let yard = Yard::new(&table(&Mode::Append));
    let (one, two) = (load("a", Mode::Append), load("b", Mode::Append));
    let sink = yard.sink();
    sink.prepare(&one).await.unwrap();
    sink.prepare(&two).await.unwrap();
    let staged = stage(&sink, &two, PARTS).await.unwrap();
    sink.sweep(&one).await.unwrap();
    sink.sweep(&one).await.unwrap();
    sink.commit(&two, &staged, &high("b")).await.unwrap();
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
    let error = sink.write(&one, part("p", &[(1, "x")])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
}

#[tokio::test]
async fn a_load_that_starts_over_from_another_snapshot_publishes_only_that() {
    for mode in modes() {
        let yard = yard(&mode);
        let first = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&first).await.unwrap();
        let old = stage(&sink, &first, &[&[(9, "old")]]).await.unwrap();
        let second = under(&first, "s2");
        sink.prepare(&second).await.unwrap();
        let staged = stage(&sink, &second, PARTS).await.unwrap();
        // The process that has slept wakes up.
        let error = sink.commit(&first, &old, &high("w")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{mode}");
        sink.commit(&second, &staged, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn a_commit_of_what_is_gone_publishes_nothing() {
    for mode in modes() {
        let yard = yard(&mode);
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        sink.sweep(&load).await.unwrap();
        let error = sink.commit(&load, &staged, &high("w")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{mode}");
        assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
    }
}

#[tokio::test]
async fn a_load_without_rows_is_published_too() {
    for mode in modes() {
        let yard = yard(&mode);
        let mark = yard.load(&load("l1", mode.clone()), &[]).await.unwrap();
        assert_eq!(mark.rows, 0, "{mode}");
        let empties = matches!(mode, Mode::Truncate | Mode::Replace);
        assert_eq!(yard.rows(), if empties { "" } else { "1=old 2=old" }, "{mode}");
    }
}
