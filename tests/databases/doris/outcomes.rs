//! Each row of the table of outcomes: what becomes of a load of which nobody knows whether it
//! arrived, by what the front ends say of its label. Requests are counted: what arrived is never
//! sent again, and what is sent again has the label that it had.

use std::collections::BTreeMap;
use std::time::Duration;

use super::site::{MODES, Site};
use crate::doris::stand::{Fault, Latch, Layout, Side, When};

const LOAD: &str = "/_stream_load?";
const STATE: &str = "get_load_state";

/// How often each label was sent.
fn sent(site: &Site) -> BTreeMap<String, usize> {
    let mut sent = BTreeMap::new();
    for label in site.loads() {
        *sent.entry(label).or_insert(0) += 1;
    }
    sent
}

/// Every load was sent so often, but for one that was sent `times`.
fn assert_sent(site: &Site, times: usize, told: &str) {
    let mut counts: Vec<_> = sent(site).into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts.last(), Some(&times), "{told}: {counts:?}");
    counts.pop();
    assert!(counts.iter().all(|count| *count == 1), "{told}: {counts:?}");
}

fn append() -> Site {
    Site::of(MODES[0])
}

#[test]
fn what_is_visible_is_not_sent_again() {
    let site = append();
    site.fault(When::be(LOAD), Fault::LoseAfter).assert_runs("answer lost");
    assert_sent(&site, 1, "answer lost");
    assert_eq!(site.doris.struck(), 1);
}

#[test]
fn what_is_committed_is_waited_for_and_not_sent_again() {
    for fault in [Fault::PublishTimeout(2), Fault::LosePublishTimeout(2)] {
        let site = append();
        site.fault(When::be(LOAD), fault.clone()).assert_runs("visible later");
        assert_sent(&site, 1, &format!("{fault:?}"));
        assert!(site.doris.labels().values().all(|state| state == "VISIBLE"));
    }
}

#[test]
fn what_never_arrived_is_sent_again_under_its_label() {
    for fault in [Fault::LoseBefore, Fault::Reset(10), Fault::Truncate(0)] {
        let site = append();
        site.fault(When::be(LOAD), fault.clone()).assert_runs("lost before");
        let times = if matches!(fault, Fault::Truncate(_)) { 1 } else { 2 };
        assert_sent(&site, times, &format!("{fault:?}"));
    }
}

#[test]
fn what_is_still_arriving_is_waited_for_until_it_is_aborted() {
    let site = append();
    site.fault(When::be(LOAD), Fault::Die(10, 1)).assert_runs("the back end died");
    assert_sent(&site, 2, "the back end died");
}

#[test]
fn what_never_ends_is_aborted_and_sent_again() {
    let site = Site::with(&Layout::default(), MODES[0], ", timeout: 1s");
    site.fault(When::be(LOAD), Fault::Die(10, u32::MAX)).assert_runs("it never ends");
    assert_sent(&site, 2, "it never ends");
    assert!(aborts(&site) > 0, "nobody aborted it");
}

fn aborts(site: &Site) -> usize {
    let requests = site.doris.requests();
    requests.iter().filter(|r| r.header("txn_operation") == Some("abort")).count()
}

#[test]
fn what_was_prepared_and_never_committed_is_aborted() {
    let site = append();
    site.fault(When::be(LOAD), Fault::LabelPrecommitted).settle("prepared by somebody");
    assert!(aborts(&site) > 0, "nobody aborted it");
}

#[test]
fn what_is_forgotten_is_found_by_counting() {
    let site = append();
    let latch = Latch::default();
    site.fault(When::be(LOAD), Fault::LoseAfter);
    site.fault(When::fe(STATE), Fault::Hold(latch.clone()));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| site.assert_runs("forgotten"));
        latch.wait_reached();
        site.doris.pass(Duration::from_secs(13 * 3600));
        latch.release();
        run.join().expect("it ended well");
    });
    assert_sent(&site, 1, "forgotten");
}

#[test]
fn nothing_is_sent_blindly_while_nobody_tells_the_state() {
    let site = append();
    site.fault(When::be(LOAD), Fault::LoseAfter);
    site.fault(When::fe(STATE).always(), Fault::LoseBefore);
    let ended = site.project.run(None);
    assert_eq!(ended.code, Some(6), "{}", ended.err);
    assert!(sent(&site).values().all(|times| *times == 1), "{:?}", sent(&site));
    site.doris.heal();
    site.assert_runs("afterwards");
    assert!(sent(&site).values().all(|times| *times == 1), "{:?}", sent(&site));
}

#[test]
fn a_label_that_somebody_else_used_up_is_found_out() {
    let site = append();
    site.fault(When::be(LOAD), Fault::LabelTaken);
    let ended = site.settle("label taken");
    drop(ended);
    let taken: Vec<_> = sent(&site).into_iter().filter(|(_, times)| *times > 0).collect();
    assert!(taken.len() > 1, "{taken:?}");
}

#[test]
fn a_load_that_is_refused_is_free_to_come_again() {
    let site = append();
    site.fault(When::be(LOAD), Fault::TooManyVersions);
    site.settle("too many versions");
}

/// The statement that publishes, in every mode.
const PUBLISH: [&str; 5] = [
    "insert into `target`",
    "replace with table",
    "replace with table",
    "insert into `target`",
    "replace with table",
];

#[test]
fn a_publication_whose_answer_is_lost_is_settled_and_not_repeated() {
    let faults = [
        Fault::LoseBefore,
        Fault::LoseAfter,
        Fault::LosePublishTimeout(2),
        Fault::PublishTimeout(2),
        Fault::Die(0, 1),
    ];
    for (mode, statement) in MODES.into_iter().zip(PUBLISH) {
        for fault in &faults {
            let is_of_insert = !matches!(fault, Fault::LoseBefore | Fault::LoseAfter);
            if is_of_insert && !statement.starts_with("insert") {
                continue;
            }
            let site = Site::of(mode);
            site.fault(When::query(statement), fault.clone());
            site.settle(&format!("{fault:?} at `{statement}`"));
            assert_eq!(site.doris.struck(), 1, "{fault:?} at `{statement}`");
        }
    }
}

#[test]
fn a_front_end_that_is_down_is_passed_by() {
    let layout = Layout { fes: 2, ..Layout::default() };
    let site = Site::with(&layout, MODES[0], "");
    site.doris.fe_down(0);
    site.assert_runs("one front end");
}

#[test]
fn a_back_end_that_is_down_is_passed_by_under_the_same_label() {
    for noticed in [true, false] {
        let layout = Layout { bes: 2, ..Layout::default() };
        let site = Site::with(&layout, MODES[0], "");
        site.doris.be_down(0, noticed);
        site.settle(&format!("down, noticed: {noticed}"));
        let labels = sent(&site);
        assert!(labels.values().all(|times| *times == 1), "{labels:?}");
    }
}

#[test]
fn loads_go_to_all_back_ends() {
    let layout = Layout { bes: 2, ..Layout::default() };
    let site = Site::with(&layout, MODES[0], "");
    site.assert_runs("two back ends");
    let requests = site.doris.requests();
    let at =
        |which: usize| requests.iter().filter(|r| r.side == Side::Be && r.which == which).count();
    assert!(at(0) > 0 && at(1) > 0, "{} and {}", at(0), at(1));
}

#[test]
fn a_front_end_that_lags_behind_does_not_double_rows() {
    let layout = Layout { fes: 2, ..Layout::default() };
    let site = Site::with(&layout, MODES[0], "");
    site.fault(When::be(LOAD), Fault::LoseAfter);
    site.fault(When::fe(STATE), Fault::Unheard);
    site.settle("not heard of yet");
}

#[test]
fn a_cluster_that_only_counts_is_content_with_what_it_counts() {
    for options in ["", ", compression: gz", ", format: arrow", ", format: parquet"] {
        let layout = Layout { counting: true, ..Layout::default() };
        let site = Site::with(&layout, MODES[0], options);
        let ended = site.project.run(None);
        assert_eq!(ended.code, Some(0), "{options}: {}", ended.err);
        assert!(!site.loads().is_empty(), "{options}");
    }
}
