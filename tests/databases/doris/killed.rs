//! `dhow run` into Doris, killed at every named point, and run again. The oracle is the stand-in's
//! own store: every row is in the table exactly once, as the mode says, and nothing else is.

use std::collections::BTreeSet;
use std::sync::Mutex;

use dhow::faults::{DORIS, POINTS};

use super::site::{Before, MODES, Site};
use crate::doris::stand::{Fault, When};
use crate::project::is_long;
use crate::project::side_by_side;

/// Once the ledger knows that the rows are published, running again is another load; it appends
/// the source once more.
const AFTERWARDS: [&str; 4] = ["ledger.published", "load.swept", "doris.sweeping", "doris.swept"];

/// Runs the load killed at each of `faults`, then undisturbed; answers where a process died.
fn tell((mode, before, faults): &Case) -> BTreeSet<String> {
    let site = Site::on(*mode, *before);
    if faults.iter().any(|fault| fault == "doris.settled") {
        // Only what is in doubt is settled.
        site.fault(When::be("/_stream_load?"), Fault::LoseAfter);
    }
    let mode = *mode;
    let mut deaths = BTreeSet::new();
    let mut told = format!("killed at {faults:?}");
    for fault in faults {
        let ended = site.project.run(Some(fault));
        let point = fault.split(':').next().unwrap_or(fault);
        if !ended.was_killed() {
            assert_eq!(ended.code, Some(0), "{}: {told}, now at {fault}: {}", site.mode, ended.err);
            site.assert_whole(&told);
            return deaths;
        }
        deaths.insert(point.to_owned());
        assert!(site.is_one_or_the_other(), "{}: {told}", site.mode);
        if point == "run.finished" || mode.0 == "append" && AFTERWARDS.contains(&point) {
            site.assert_whole(&told);
            return deaths;
        }
    }
    let ended = site.project.run(None);
    told.push_str(&format!(", then: {}", ended.err));
    assert_eq!(ended.code, Some(0), "{}: {told}", site.mode);
    site.assert_whole(&told);
    site.assert_tidy(&told);
    deaths
}

type Case = ((&'static str, &'static str), Before, Vec<String>);

/// Every point in two modes, those of Doris in all five, later passes of parts, and pairs; the
/// long form takes every point in every mode, and more pairs.
fn cases() -> Vec<Case> {
    let points: Vec<&str> = POINTS.iter().chain(DORIS).copied().collect();
    let at = |n: usize| points[n % points.len()].to_owned();
    let mut cases = Vec::new();
    for (n, point) in points.iter().enumerate().filter(|(_, point)| !point.starts_with("sink.")) {
        for (m, mode) in MODES.into_iter().enumerate() {
            let is_turn = m == n % MODES.len() || m == (n + 2) % MODES.len();
            if is_turn || is_long() || point.starts_with("doris.") {
                cases.push((mode, Before::Rows, vec![(*point).to_owned()]));
            }
            if is_long() {
                cases.push((mode, Before::Rows, vec![format!("{point}:3")]));
                cases.push((mode, Before::Rows, vec![at(n + m), at(n * 7 + 3 + m)]));
            }
        }
    }
    for mode in MODES {
        for often in DORIS.iter().filter(|point| point.contains("part") || point.contains("load")) {
            cases.push((mode, Before::Rows, vec![format!("{often}:2")]));
        }
        for point in ["doris.target_made", "doris.stage_made", "doris.intended", "doris.swapping"] {
            cases.push((mode, Before::Nothing, vec![point.to_owned()]));
        }
        if mode.0 != "replace" {
            cases.push((mode, Before::Narrow, vec!["doris.target_changed".to_owned()]));
        }
        cases.push((
            mode,
            Before::Rows,
            vec!["load.committed".to_owned(), "load.settled".to_owned()],
        ));
        cases.push((
            mode,
            Before::Rows,
            vec!["part.recorded:2".to_owned(), "load.committing".to_owned()],
        ));
    }
    cases
}

#[test]
fn killed_at_every_point_and_run_again_every_row_is_there_exactly_once() {
    let deaths = Mutex::new(BTreeSet::new());
    side_by_side(&cases(), |case| {
        let died = tell(case);
        deaths.lock().expect("no thread panicked").extend(died);
    });
    let deaths = deaths.into_inner().expect("no thread panicked");
    let missed: Vec<_> = DORIS.iter().filter(|point| !deaths.contains(**point)).collect();
    assert_eq!(missed, Vec::<&&str>::new(), "points of Doris at which nobody was killed");
}
