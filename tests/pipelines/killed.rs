//! `dhow run`, killed with SIGKILL at every named point, once and twice over, and run again.
//!
//! The oracle: whoever lists the table at any time sees it as it was before or as it is after,
//! never anything else; and when a run has ended well, every row is there exactly once, as the mode
//! says. A process that is killed at `run.finished` has finished its run: the next one is another
//! run, which an `append` notices.

use std::collections::BTreeSet;
use std::sync::Mutex;

use dhow::faults::POINTS;

use crate::{Project, UNDISTURBED};

/// A pipeline over one CSV file, and what its table must hold before and after.
struct Story {
    mode: &'static str,
    /// The project with one load done and the next one's rows in place.
    project: Project,
    before: Vec<String>,
    after: Vec<String>,
}

const MODES: [(&str, &str); 5] = [
    ("append", ""),
    ("truncate", ""),
    ("replace", ""),
    ("merge", ", key: [id]"),
    ("delete+insert", ", key: [day]"),
];

/// Rows with these ids: four to a day, and a version to tell loads apart.
fn rows(ids: std::ops::Range<u32>, version: u32) -> impl Iterator<Item = (u32, u32, u32)> {
    ids.map(move |id| (id, id / 4, version))
}

fn csv(rows: impl Iterator<Item = (u32, u32, u32)>) -> String {
    let lines = rows.map(|(id, day, version)| format!("{id},{day},{version}\n"));
    std::iter::once("id,day,version\n".to_owned()).chain(lines).collect()
}

fn as_table(rows: impl Iterator<Item = (u32, u32, u32)>) -> Vec<String> {
    let row = |(id, day, version)| format!(r#"{{"id":{id},"day":{day},"version":{version}}}"#);
    let mut rows: Vec<_> = rows.map(row).collect();
    rows.sort_unstable();
    rows
}

impl Story {
    fn of((mode, key): (&'static str, &str)) -> Self {
        let pipeline = format!(
            "sources:\n  rows: {{ type: csv, path: in/rows.csv, split_bytes: 100 }}\n\
             sinks:\n  out: {{ from: rows, type: parquet, path: out/rows, mode: {mode}{key} }}\n"
        );
        let first = || rows(0..40, 1);
        // It begins within a day, so that a day of `delete+insert` loses rows that do not come back.
        let second = || rows(22..62, 2);
        let files = [("dhow.yaml", pipeline.as_str()), ("in/rows.csv", &csv(first()))];
        let project = Project::of(&files);
        let ended = project.run("", UNDISTURBED);
        assert_eq!(ended.code, Some(0), "{mode}: {}", ended.err);
        let before = project.table("out/rows");
        assert_eq!(before, as_table(first()), "{mode}");
        project.write("in/rows.csv", csv(second()));
        let after = match mode {
            "append" => as_table(first().chain(second())),
            "merge" => as_table(first().filter(|(id, ..)| *id < 22).chain(second())),
            "delete+insert" => as_table(first().filter(|(_, day, _)| *day < 5).chain(second())),
            _ => as_table(second()),
        };
        Story { mode, project, before, after }
    }

    /// Runs the second load, killed at each of `faults` in turn, then undisturbed; answers the
    /// points at which a process died.
    fn tell(&self, faults: &[String]) -> BTreeSet<String> {
        let project = self.project.twin();
        let mut deaths = BTreeSet::new();
        for fault in faults.iter().map(String::as_str).chain([UNDISTURBED]) {
            let told = format!("{} killed at {faults:?}, now at `{fault}`", self.mode);
            let ended = project.run("", fault);
            let table = project.table("out/rows");
            if !ended.was_killed() {
                assert_eq!(ended.code, Some(0), "{told}: {}", ended.err);
                assert_eq!(table, self.after, "{told}");
                return deaths;
            }
            assert!(table == self.before || table == self.after, "{told}: {table:?}");
            let point = fault.split(':').next().unwrap_or(fault);
            deaths.insert(point.to_owned());
            if point == "run.finished" {
                assert_eq!(table, self.after, "{told}");
                return deaths;
            }
        }
        panic!("{}: the undisturbed run was killed", self.mode);
    }
}

/// Does `work` with each of `items`, two at a time.
fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) =
                    items.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                {
                    work(item);
                }
            });
        }
    });
}

/// Deaths of every point in every mode, of later passes of points that are passed often, and of
/// pairs of points that go round all modes.
fn all_faults(mode: usize) -> Vec<Vec<String>> {
    let single = POINTS.iter().map(|point| vec![(*point).to_owned()]);
    let often = ["part.started", "part.first_batch", "part.written", "part.recorded"];
    let later = often.iter().map(|point| vec![format!("{point}:3")]);
    // A first death late enough that something is left for the second process to settle.
    let settled = ["part.recorded", "sink.after_mark", "load.committed", "rejects.committed"];
    let settled = settled.iter().map(|point| vec![(*point).to_owned(), "load.settled".to_owned()]);
    let pair = |n: usize| vec![point(n * 5 + mode), point(n * 8 + 3 + mode)];
    single.chain(later).chain(settled).chain((0..POINTS.len() / 3).map(pair)).collect()
}

fn point(n: usize) -> String {
    POINTS[n % POINTS.len()].to_owned()
}

#[test]
fn killed_anywhere_in_any_mode_and_run_again_every_row_is_there_exactly_once() {
    let stories: Vec<_> = MODES.into_iter().map(Story::of).collect();
    let told = stories.iter().enumerate();
    let work: Vec<_> =
        told.flat_map(|(n, story)| all_faults(n).into_iter().map(move |f| (story, f))).collect();
    let pairs = work.iter().filter(|(_, faults)| faults.len() > 1).count();
    assert!(pairs >= 30, "only {pairs} pairs");
    let deaths = Mutex::new(BTreeSet::new());
    side_by_side(&work, |(story, faults)| {
        let died = story.tell(faults);
        deaths.lock().expect("no thread panicked").extend(died);
    });
    // Only a load that another has replaced is given up: that has a story of its own below.
    let passed = POINTS.iter().filter(|point| **point != "load.given_up");
    let every: BTreeSet<_> = passed.map(|point| (*point).to_owned()).collect();
    assert_eq!(deaths.into_inner().expect("no thread panicked"), every, "a point was never hit");
}

#[test]
fn a_load_that_another_replaces_is_given_up_and_a_death_there_costs_nothing() {
    for mode in MODES {
        let story = Story::of(mode);
        let told = story.mode;
        let first = story.project.run("", "part.recorded");
        assert!(first.was_killed(), "{told}: {}", first.err);
        // Other options: what was staged under the old ones is of no use any more.
        let pipeline = std::fs::read_to_string(story.project.path("dhow.yaml")).expect("written");
        story.project.write("dhow.yaml", pipeline.replace("split_bytes: 100", "split_bytes: 60"));
        let second = story.project.run("", "load.given_up");
        assert!(second.was_killed(), "{told}: {}", second.err);
        assert_eq!(story.project.table("out/rows"), story.before, "{told}");
        let third = story.project.run("", UNDISTURBED);
        assert_eq!(third.code, Some(0), "{told}: {}", third.err);
        assert_eq!(story.project.table("out/rows"), story.after, "{told}");
    }
}

#[test]
fn the_demo_killed_anywhere_and_run_again_gives_what_an_undisturbed_run_gives() {
    let demo = Project::demo();
    let twin = demo.twin();
    let ended = twin.run("fixtures", UNDISTURBED);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let tables = ["flights", "airport_delays"].map(|table| format!("fixtures/out/{table}"));
    let expected = tables.each_ref().map(|table| twin.table(table));
    assert_eq!(expected.each_ref().map(Vec::len), [5000, 59]);
    side_by_side(POINTS, |fault| {
        let project = demo.twin();
        let first = project.run("fixtures", fault);
        assert!(first.was_killed() || first.code == Some(0), "{fault}: {}", first.err);
        let second = project.run("fixtures", UNDISTURBED);
        assert_eq!(second.code, Some(0), "{fault}: {}", second.err);
        assert_eq!(tables.each_ref().map(|table| project.table(table)), expected, "{fault}");
    });
}
