//! Answers that are lost, before and after the effect of what was asked; answers that break off;
//! and servers that have no time. In the end every row is there exactly once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::gate::{Fault, Gate, When};
use super::site::{LARGE, LOCATION, MISSING, MODES, NAMED, NARROW, SMALL, Setup, Site};
use crate::project::is_long;

/// How often each kind of call is made by an undisturbed run.
fn calls(mode: (&'static str, &'static str), setup: Setup) -> BTreeMap<&'static str, u32> {
    let site = Site::of(mode, setup);
    site.run_until_well(1, "undisturbed");
    site.assert_whole("undisturbed");
    let mut calls = BTreeMap::new();
    for seen in site.gate.log() {
        *calls.entry(seen.call).or_insert(0) += 1;
    }
    calls
}

fn faults() -> [(&'static str, Fault); 6] {
    [
        ("lost before", Fault::LostBefore),
        ("lost after", Fault::LostAfter),
        ("truncated", Fault::Truncated(9)),
        ("503", Fault::unavailable()),
        ("403 rateLimitExceeded", Fault::rate_limited()),
        ("502 as HTML", Fault::html(502)),
    ]
}

/// One call of each kind goes wrong in each way: the first, one in the middle and the last.
fn tell(mode: (&'static str, &'static str), setup: Setup) {
    let calls = calls(mode, setup);
    let mut cases = Vec::new();
    for (call, count) in &calls {
        let mut turns = vec![1, count.div_ceil(2), *count];
        turns.dedup();
        for (n, nth) in turns.into_iter().enumerate() {
            for (f, fault) in faults().into_iter().enumerate() {
                // Lost answers everywhere; the rest goes round.
                if is_long() || f < 2 || f % 3 == n % 3 {
                    cases.push((*call, nth, fault));
                }
            }
        }
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((call, nth, (name, fault))) =
                    cases.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let site = Site::of(mode, setup);
                    site.gate.order(When::call(call).nth(*nth), fault.clone());
                    let told = format!("{call}, number {nth}, {name}");
                    site.run_until_well(4, &told);
                    assert_eq!(site.gate.open_orders(), 0, "{told}: it did not come to that");
                    site.gate.finish_jobs();
                    site.assert_whole(&told);
                }
            });
        }
    });
}

#[test]
fn an_answer_that_is_lost_costs_no_row_and_doubles_none_in_append() {
    tell(MODES[0], SMALL);
}

#[test]
fn an_answer_that_is_lost_costs_no_row_and_doubles_none_in_truncate_and_replace() {
    tell(MODES[1], SMALL);
    tell(MODES[2], SMALL);
}

#[test]
fn an_answer_that_is_lost_costs_no_row_and_doubles_none_in_merge() {
    tell(MODES[3], SMALL);
}

#[test]
fn an_answer_that_is_lost_costs_no_row_and_doubles_none_in_delete_and_insert() {
    tell(MODES[4], SMALL);
}

#[test]
fn an_answer_that_is_lost_costs_no_column_and_makes_no_table_twice() {
    tell(MODES[0], MISSING);
    tell(MODES[3], NARROW);
}

#[test]
fn an_answer_with_a_token_that_is_lost_is_asked_for_again() {
    tell(MODES[0], NAMED);
}

#[test]
fn an_upload_that_is_interrupted_goes_on_where_it_was() {
    let gate = || Gate::start().with_dataset("d", LOCATION);
    let put = || When::call("upload.put");
    let stories: Vec<(&str, Vec<(When, Fault)>)> = vec![
        ("two 503", vec![(put().times(2), Fault::unavailable())]),
        ("reset in the middle", vec![(put(), Fault::ResetAfter(3_000_000))]),
        ("reset at the beginning", vec![(put(), Fault::ResetAfter(10))]),
        ("reset in the last piece", vec![(put().nth(2), Fault::ResetAfter(700_000))]),
        ("kept in part", vec![(put(), Fault::KeepOnly(1_000_000))]),
        ("nothing kept", vec![(put(), Fault::KeepOnly(0))]),
        ("lost before", vec![(put(), Fault::LostBefore)]),
        ("lost after", vec![(put(), Fault::LostAfter)]),
        ("the last answer lost", vec![(put().nth(2), Fault::LostAfter)]),
        (
            "the question lost",
            vec![(put().nth(2), Fault::LostAfter), (When::call("upload.ask"), Fault::LostBefore)],
        ),
        ("the session gone", vec![(put().nth(2), Fault::SessionGone(410))]),
        ("the session unknown", vec![(put(), Fault::SessionGone(404))]),
        ("no session", vec![(When::call("upload.open"), Fault::unavailable())]),
        ("an answer of HTML", vec![(put().nth(2), Fault::html(502))]),
    ];
    for (n, (told, orders)) in stories.into_iter().enumerate() {
        let site = Site::at(gate(), MODES[n % MODES.len()], LARGE);
        for (when, fault) in orders {
            site.gate.order(when, fault);
        }
        site.run_until_well(3, told);
        assert_eq!(site.gate.open_orders(), 0, "{told}: it did not come to that");
        site.assert_whole(told);
        site.assert_tidy(told);
    }
}

#[test]
fn a_token_that_is_refused_is_fetched_again_once() {
    let site = Site::of(MODES[0], NAMED);
    for (call, nth) in [("datasets.get", 1), ("upload.multipart", 2), ("jobs.insert", 1)] {
        site.gate.order(When::call(call).nth(nth), Fault::expired_token());
    }
    site.run_until_well(1, "401");
    site.assert_whole("401");
    assert!(site.gate.calls("token") >= 2);
}
