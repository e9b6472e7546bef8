//! Tests of the ledger.

use super::*;
use crate::error::Kind;
use crate::sink::Receipt;

fn staged(part: &str) -> Staged {
    let receipt = Receipt { part: part.into(), rows: 1, bytes: 2, token: "t".into() };
    Staged { receipt, rejects: None }
}

fn above(watermarks: &Watermarks) -> Above<'_> {
    Above { pipeline: "p", sink: "s", watermarks }
}

fn frozen(ledger: &Ledger, load: &LoadId, snapshot: &str) -> Frozen {
    ledger.freeze(load, &SnapshotId(snapshot.into()), &above(&Watermarks::new())).unwrap()
}

#[test]
fn a_run_is_resumed_until_it_is_finished() {
    let ledger = Ledger::in_memory();
    let run = ledger.begin_run("p", "r1").unwrap();
    assert_eq!(run, OpenRun { id: "r1".into(), resumed: false });
    let run = ledger.begin_run("p", "r2").unwrap();
    assert_eq!(run, OpenRun { id: "r1".into(), resumed: true });
    ledger.finish_run("r1").unwrap();
    assert!(!ledger.begin_run("p", "r3").unwrap().resumed);
}

#[test]
fn receipts_are_handed_out_under_their_snapshot_and_forgotten_under_another() {
    let ledger = Ledger::in_memory();
    ledger.begin_run("p", "r").unwrap();
    let load = ledger.begin_load("r", "s", "f").unwrap();
    let (a, b) = (SnapshotId("a".into()), SnapshotId("b".into()));
    assert_eq!(frozen(&ledger, &load, "a"), Frozen { kept: vec![], over: false });
    ledger.record(&load, &a, &[staged("2"), staged("1")]).unwrap();
    assert_eq!(
        frozen(&ledger, &load, "a"),
        Frozen { kept: vec![staged("1"), staged("2")], over: false }
    );
    assert_eq!(frozen(&ledger, &load, "b"), Frozen { kept: vec![], over: true });
    assert_eq!(ledger.record(&load, &a, &[staged("3")]).unwrap_err().kind(), Kind::Conflict);
    assert_eq!(ledger.staged(&load, &a).unwrap_err().kind(), Kind::Conflict);
    assert_eq!(ledger.staged(&load, &b).unwrap(), []);
}

#[test]
fn a_load_that_another_has_replaced_is_abandoned_until_it_is_given_up() {
    let ledger = Ledger::in_memory();
    ledger.begin_run("p", "r").unwrap();
    let first = ledger.begin_load("r", "s", "f").unwrap();
    frozen(&ledger, &first, "a");
    assert_eq!(ledger.abandoned("p", "s").unwrap(), []);
    let second = ledger.begin_load("r", "s", "g").unwrap();
    assert_eq!(ledger.abandoned("p", "s").unwrap(), std::slice::from_ref(&first));
    ledger.give_up(&first).unwrap();
    assert_eq!(ledger.abandoned("p", "s").unwrap(), []);
    frozen(&ledger, &second, "a");
    ledger.forget("p").unwrap();
    assert_eq!(ledger.abandoned("p", "s").unwrap(), [second]);
}

#[test]
fn a_memo_is_kept_for_its_run_and_source_until_there_is_a_new_one() {
    let ledger = Ledger::in_memory();
    ledger.begin_run("p", "r").unwrap();
    let memo = Memo("held at 4".into());
    ledger.remember("r", "orders", Some(&memo)).unwrap();
    assert_eq!(ledger.memo("r", "orders").unwrap(), Some(memo));
    assert_eq!(ledger.memo("r", "customers").unwrap(), None);
    ledger.remember("r", "orders", None).unwrap();
    assert_eq!(ledger.memo("r", "orders").unwrap(), None);
}

#[test]
fn a_mark_is_copied_with_its_watermarks_and_ends_the_load() {
    let ledger = Ledger::in_memory();
    ledger.begin_run("p", "r").unwrap();
    let load = ledger.begin_load("r", "s", "f").unwrap();
    frozen(&ledger, &load, "a");
    let watermarks = Watermarks::from([("src".into(), Watermark("7".into()))]);
    let mark = Mark { load: load.clone(), rows: 1, watermarks, at: "now".into() };
    ledger.publish("p", "s", &mark).unwrap();
    assert_eq!(ledger.watermarks("p", "s").unwrap(), mark.watermarks);
    assert_eq!(ledger.newest("r", "s").unwrap().unwrap().mark, Some(mark.clone()));
    let a = SnapshotId("a".into());
    assert!(ledger.record(&load, &a, &[staged("1")]).is_err());

    // A window that began before the mark is out of date.
    let next = ledger.begin_load("r", "s", "f").unwrap();
    assert_ne!(next, load);
    assert!(ledger.freeze(&next, &a, &above(&Watermarks::new())).is_err());
    assert!(ledger.freeze(&next, &a, &above(&mark.watermarks)).is_ok());
}

#[test]
fn a_load_has_a_name_that_fits_everywhere() {
    assert_eq!(load_name("20260301t021500-7f3a", "delays", 1), "20260301t021500-7f3a-delays-1");
    let long = load_name("r", &"ä/".repeat(100), 12);
    assert!(long.parse::<LoadId>().is_ok(), "{long}");
}
