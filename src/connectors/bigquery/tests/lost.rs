//! Answers that get lost, jobs that fail, and what another process left: everything is there once.

use std::sync::Arc;

use super::gate::{Fault, Refusal, When};
use super::*;
use crate::error::Kind;
use crate::faults::Script;

/// Loads [`PARTS`], trying each step again as the engine does; how many tries failed.
async fn stubborn(yard: &Yard, load: &Load) -> usize {
    let (sink, mut failed) = (yard.sink(), 0);
    let mut staged = Vec::new();
    let mut try_again = |error: crate::error::Error| {
        assert!(error.kind().is_transient(), "{}", error.report());
        failed += 1;
        assert!(failed < 10, "{}", error.report());
    };
    while let Err(error) = sink.prepare(load).await {
        try_again(error);
    }
    for (index, rows) in PARTS.iter().enumerate() {
        staged.push(loop {
            match sink.write(load, part(&format!("p{index}"), rows)).await {
                Ok(receipt) => break receipt,
                Err(error) => try_again(error),
            }
        });
    }
    let mark = loop {
        match sink.commit(load, &staged, &high("w")).await {
            Ok(mark) => break mark,
            Err(error) => try_again(error),
        }
    };
    assert_eq!((mark.rows, mark.watermarks), (3, high("w")));
    while let Err(error) = sink.sweep(load).await {
        try_again(error);
    }
    failed
}

/// Calls that change something, each with the effect that its answer tells of.
const CALLS: [(&str, &str); 7] = [
    ("tables.insert", ""),
    ("upload.multipart", ""),
    ("jobs.insert", "intended"),
    ("jobs.insert", "dhow_intent"),
    ("jobs.insert", "published"),
    ("tables.delete", ""),
    ("jobs.get", ""),
];

#[tokio::test]
async fn whatever_answer_is_lost_each_row_is_there_once() {
    for (call, body) in CALLS {
        for fault in
            [Fault::LostBefore, Fault::LostAfter, Fault::unavailable(), Fault::Truncated(9)]
        {
            for mode in [Mode::Append, Mode::DeleteInsert(vec!["id".to_owned()])] {
                let yard = Yard::new();
                let load = load("l1", mode.clone());
                yard.gate.order(When::call(call).body(body), fault.clone());
                stubborn(&yard, &load).await;
                let told = format!("{call} {body} {fault:?} {mode}");
                assert_eq!(yard.rows(), after(&mode), "{told}");
                assert_eq!(yard.left(), Vec::<String>::new(), "{told}");
                assert_eq!(yard.gate.open_orders(), 0, "{told}");
            }
        }
    }
}

#[tokio::test]
async fn each_answer_is_lost_in_turn_and_each_row_is_there_once() {
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        for nth in 1..40 {
            let yard = Yard::new();
            let load = load("l1", Mode::Append);
            yard.gate.order(When::call("").nth(nth), fault.clone());
            stubborn(&yard, &load).await;
            assert_eq!(yard.rows(), after(&Mode::Append), "{nth} {fault:?}");
            if yard.gate.open_orders() > 0 {
                assert!(nth > 20, "a load has more calls than {nth}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_job_that_failed_burns_its_id_and_the_next_one_has_another() {
    let yard = Yard::new();
    let load = load("l1", Mode::Append);
    let fails = |reason: &str| Fault::JobFails(Refusal::new(500, reason, "an error"));
    yard.gate.order(When::call("upload.multipart").times(2), fails("jobBackendError"));
    yard.gate.order(When::call("jobs.insert").body("dhow_intent"), fails("jobInternalError"));
    assert_eq!(stubborn(&yard, &load).await, 3);
    assert_eq!(yard.rows(), after(&Mode::Append));
    let ids: Vec<String> = yard.gate.jobs().into_iter().map(|job| job.id).collect();
    let count = |end: &str| ids.iter().filter(|id| id.ends_with(end)).count();
    assert_eq!((count("_publish_0"), count("_publish_1"), count("_2")), (1, 1, 1), "{ids:?}");
}

#[tokio::test]
async fn a_job_that_is_done_need_not_have_succeeded() {
    let yard = Yard::new();
    let (sink, load) = (yard.sink(), load("l1", Mode::Append));
    sink.prepare(&load).await.unwrap();
    let bad = Refusal::new(400, "invalid", "Error while reading data; Value: secret");
    yard.gate.order(When::call("upload.multipart"), Fault::JobFails(bad));
    let error = sink.write(&load, part("p0", PARTS[0])).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Data, "a load job failed"));
    assert!(!error.report().contains("secret"), "{}", error.report());
    assert_eq!(yard.rows(), "1=old 2=old");
}

#[tokio::test]
async fn what_is_limited_is_tried_again_and_what_is_used_up_is_not() {
    for (fault, kind) in [
        (Fault::rate_limited(), Kind::Limit),
        (Fault::too_many_requests(1), Kind::Limit),
        (Fault::quota_exceeded(), Kind::Denied),
    ] {
        let yard = Yard::new();
        let (sink, load) = (yard.sink(), load("l1", Mode::Append));
        sink.prepare(&load).await.unwrap();
        yard.gate.order(When::call("upload.multipart"), fault);
        let error = sink.write(&load, part("p0", PARTS[0])).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.report());
    }
}

#[tokio::test]
async fn a_part_is_loaded_again_when_its_table_has_expired_or_its_job_is_forgotten() {
    for forgets in [true, false] {
        let yard = Yard::new();
        let (sink, load) = (yard.sink(), load("l1", Mode::Append));
        sink.prepare(&load).await.unwrap();
        let first = sink.write(&load, part("p0", PARTS[0])).await.unwrap();
        match forgets {
            true => yard.gate.forget_jobs(),
            false => yard.drop(&first.token),
        }
        let again = sink.write(&load, part("p0", PARTS[0])).await.unwrap();
        assert_eq!((again.rows, &again.token), (first.rows, &first.token));
        sink.commit(&load, &[again], &high("w")).await.unwrap();
        assert_eq!(yard.rows(), "1=old 2=new 2=old", "{forgets}");
    }
}

#[tokio::test]
async fn a_part_that_expired_before_it_was_published_is_an_error_and_nothing_is_lost() {
    let yard = Yard::new();
    let (sink, load) = (yard.sink(), load("l1", Mode::Truncate));
    sink.prepare(&load).await.unwrap();
    let staged = stage(&sink, &load, PARTS).await.unwrap();
    yard.drop(&staged[1].token);
    let error = sink.commit(&load, &staged, &high("w")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "part `p1` is no longer staged");
    assert_eq!(yard.rows(), "1=old 2=old");
}

#[tokio::test]
async fn a_source_that_gives_other_rows_for_one_snapshot_is_found_out() {
    let yard = Yard::new();
    let (sink, load) = (yard.sink(), load("l1", Mode::Append));
    sink.prepare(&load).await.unwrap();
    sink.write(&load, part("p0", PARTS[0])).await.unwrap();
    let error = sink.write(&load, part("p0", PARTS[1])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "part `p0` has other rows than before");
}

#[tokio::test]
async fn a_job_that_runs_long_is_waited_for_through_silence() {
    let yard = Yard::new();
    yard.gate.pace(2, 2);
    yard.gate.order(When::call("jobs.get").nth(4).times(2), Fault::unavailable());
    yard.gate.order(When::call("jobs.get").nth(6), Fault::LostBefore);
    assert_eq!(stubborn(&yard, &load("l1", Mode::Append)).await, 0);
    assert_eq!(yard.rows(), after(&Mode::Append));
}

/// Where a process dies: never polled again after this point.
fn dies_at(point: &'static str) -> (Script, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (dead, died) = tokio::sync::mpsc::unbounded_channel();
    let script = Script::new(move |passed| {
        let dead = dead.clone();
        Box::pin(async move {
            if passed == point {
                let _ = dead.send(());
                std::future::pending::<()>().await;
            }
        })
    });
    (script, died)
}

#[tokio::test]
async fn wherever_a_process_dies_the_next_one_leaves_each_row_once() {
    for mode in modes() {
        for point in crate::faults::BIGQUERY {
            let yard = Yard::new();
            let load = load("l1", mode.clone());
            let (script, mut died) = dies_at(point);
            let is_dead = tokio::select! {
                _ = died.recv() => true,
                _ = script.scope(async { yard.load(&load, PARTS).await.unwrap() }) => false,
            };
            // The next process settles first, as the engine does.
            let question = Load::question(load.id.clone(), &mode);
            let found = yard.sink().inspect(&question).await.unwrap().mark;
            match found {
                Some(mark) => assert_eq!(mark.rows, 3, "{mode} {point}"),
                None => {
                    stubborn(&yard, &load).await;
                }
            }
            yard.sink().sweep(&question).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode} {point} {is_dead}");
            assert_eq!(yard.left(), Vec::<String>::new(), "{mode} {point}");
            let never = ["bq.bound", "bq.target_made", "bq.target_changed", "bq.piece_sent"];
            assert_eq!(is_dead, !never.contains(point), "{mode} {point}");
        }
    }
}

#[tokio::test]
async fn a_publish_job_that_still_runs_is_waited_for_before_a_load_is_given_up() {
    let yard = Arc::new(Yard::new());
    let load = load("l1", Mode::Append);
    let (script, mut died) = dies_at("bq.publish_inserted");
    yard.gate.order(
        When::call("jobs.insert").body("dhow_intent"),
        Fault::Pace { pending: 2, running: 2 },
    );
    tokio::select! {
        _ = died.recv() => {}
        _ = script.scope(async { yard.load(&load, PARTS).await }) => panic!("it did not die"),
    }
    assert_eq!(yard.rows(), "1=old 2=old");
    let found = yard.sink().inspect(&Load::question(load.id, &Mode::Append)).await.unwrap().mark;
    assert_eq!(found.map(|mark| mark.rows), Some(3));
    assert_eq!(yard.rows(), after(&Mode::Append));
}
