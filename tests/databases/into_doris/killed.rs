//! `dhow run` into Doris, killed at every named point, and run again. The oracle is the stand-in's
//! own store: every row is in the table exactly once, as the mode says, and nothing else is.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dhow::faults::{DORIS, POINTS};

use super::site::{MODES, Site};
use crate::project::is_long;

/// Once the ledger knows that the rows are published, running again is another load; it appends
/// the source once more.
const AFTERWARDS: [&str; 4] = ["ledger.published", "load.swept", "doris.sweeping", "doris.swept"];

/// Runs the load killed at each of `faults`, then undisturbed; answers where a process died.
fn tell(mode: (&'static str, &str), faults: &[String]) -> BTreeSet<String> {
    let site = Site::of(mode);
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
        let rows = site.doris.rows("target");
        assert!(rows == site.before() || rows == site.after(), "{}: {told}: {rows:?}", site.mode);
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

/// Does `work` with each of `items`, as many at a time as there are cores.
pub(super) fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
                    work(item);
                }
            });
        }
    });
}

type Case = ((&'static str, &'static str), Vec<String>);

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
                cases.push((mode, vec![(*point).to_owned()]));
            }
            if is_long() {
                cases.push((mode, vec![format!("{point}:3")]));
                cases.push((mode, vec![at(n + m), at(n * 7 + 3 + m)]));
            }
        }
    }
    for mode in MODES {
        for often in DORIS.iter().filter(|point| point.contains("part") || point.contains("load")) {
            cases.push((mode, vec![format!("{often}:2")]));
        }
        cases.push((mode, vec!["load.committed".to_owned(), "load.settled".to_owned()]));
        cases.push((mode, vec!["part.recorded:2".to_owned(), "load.committing".to_owned()]));
    }
    cases
}

#[test]
fn killed_at_every_point_and_run_again_every_row_is_there_exactly_once() {
    let deaths = Mutex::new(BTreeSet::new());
    side_by_side(&cases(), |(mode, faults)| {
        let died = tell(*mode, faults);
        deaths.lock().expect("no thread panicked").extend(died);
    });
    let deaths = deaths.into_inner().expect("no thread panicked");
    let missed: Vec<_> = DORIS.iter().filter(|point| !deaths.contains(**point)).collect();
    assert_eq!(missed, Vec::<&&str>::new(), "points of Doris at which nobody was killed");
}
