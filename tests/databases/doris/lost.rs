//! The answer to every single call is lost, before and after its effect: what an undisturbed load
//! asks is counted first, then each of those calls is disturbed in a load of its own.

use super::site::{MODES, Site};
use crate::doris::stand::{Fault, Side, When};
use crate::project::is_long;
use crate::project::side_by_side;

/// Calls of one undisturbed load to front ends, back ends and the query port.
fn calls(mode: (&'static str, &str)) -> [usize; 3] {
    let site = Site::of(mode);
    site.assert_runs("undisturbed");
    let requests = site.doris.requests();
    [Side::Fe, Side::Be, Side::Query].map(|side| requests.iter().filter(|r| r.side == side).count())
}

/// The nth call of a side, counted from 1.
fn nth(side: usize, n: usize) -> When {
    let any = [When::fe(""), When::be(""), When::query("")];
    any[side].clone().nth(n)
}

#[test]
fn an_answer_that_is_lost_before_or_after_the_effect_of_any_call_costs_no_row_and_doubles_none() {
    let mut cases = Vec::new();
    for (m, mode) in MODES.into_iter().enumerate() {
        for (side, count) in calls(mode).into_iter().enumerate() {
            // The query port is lost by closing; an HTTP answer may also arrive in half.
            let mut faults = vec![Fault::LoseBefore, Fault::LoseAfter];
            if side < 2 {
                faults.extend([Fault::Truncate(60), Fault::Status(503)]);
            }
            for n in 1..=count {
                for (f, fault) in faults.iter().enumerate() {
                    // Each call meets each fault in one mode; in the long form in all.
                    if is_long() || (n + f + m) % MODES.len() == 0 {
                        cases.push((m, side, n, fault.clone()));
                    }
                }
            }
        }
    }
    side_by_side(&cases, |(m, side, n, fault): &(usize, usize, usize, Fault)| {
        let site = Site::of(MODES[*m]);
        site.fault(nth(*side, *n), fault.clone());
        let told = format!("{fault:?} at call {n} of {}", ["fe", "be", "query"][*side]);
        site.settle(&told);
        assert_eq!(site.doris.struck(), 1, "{told}");
    });
}

/// The front ends do not tell their back ends, so that every load goes by redirect.
fn by_redirect() -> Site {
    let site = Site::of(MODES[0]);
    site.fault(When::fe("/api/backends").always(), Fault::Status(404));
    site
}

#[test]
fn an_answer_that_is_lost_on_the_way_through_a_redirect_costs_no_row_and_doubles_none() {
    let site = by_redirect();
    site.assert_runs("undisturbed");
    let is_redirect =
        |r: &&crate::doris::stand::Request| r.side == Side::Fe && r.line.contains("/_stream_load?");
    let count = site.doris.requests().iter().filter(is_redirect).count();
    assert!(count > 0, "no load was redirected");
    let faults = [
        Fault::LoseBefore,
        Fault::LoseAfter,
        Fault::Html,
        Fault::Status(503),
        Fault::Truncate(40),
        Fault::RedirectToSelf,
    ];
    let cases: Vec<_> = (1..=count).flat_map(|n| faults.clone().map(|fault| (n, fault))).collect();
    side_by_side(&cases, |(n, fault): &(usize, Fault)| {
        let site = by_redirect();
        site.fault(When::fe("/_stream_load?").nth(*n), fault.clone());
        site.settle(&format!("{fault:?} at redirect {n}"));
    });
}
