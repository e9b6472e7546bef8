//! Two processes on one pipeline, and Ctrl-C.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Ended, Project, UNDISTURBED, ended};

const ROWS: u32 = 60_000;

/// Many small splits, read one after the other: a run that lasts.
fn slow() -> Project {
    let pipeline = "\
sources:
  rows: { type: csv, path: rows.csv, split_bytes: 4000 }
sinks:
  out: { from: rows, type: parquet, path: out/rows, mode: append }
";
    let lines = (0..ROWS).map(|id| format!("{id},{}\n", u64::from(id) * 7));
    let csv: String = std::iter::once("id,value\n".to_owned()).chain(lines).collect();
    Project::of(&[("dhow.yaml", pipeline), ("rows.csv", &csv)])
}

fn expected() -> Vec<String> {
    let row = |id: u32| format!(r#"{{"id":{id},"value":{}}}"#, u64::from(id) * 7);
    let mut rows: Vec<_> = (0..ROWS).map(row).collect();
    rows.sort_unstable();
    rows
}

/// A run that has begun to load: its first line of progress says so.
fn begun(project: &Project, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = project.command("", &[&["run", "-vv", "--jobs", "1"], arguments].concat());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dhow starts");
    let mut lines = BufReader::new(child.stderr.take().expect("standard error is a pipe"));
    let mut seen = String::new();
    // Parts are told in the log from the first one on.
    while !seen.contains("staged sink=") {
        let read = lines.read_line(&mut seen).expect("dhow prints UTF-8");
        assert_ne!(read, 0, "the run ended before it was disturbed: {seen}");
    }
    (child, lines)
}

/// Waits for the end of a run whose standard error is read elsewhere.
fn finished(child: Child, mut lines: BufReader<std::process::ChildStderr>) -> Ended {
    let mut err = String::new();
    std::io::Read::read_to_string(&mut lines, &mut err).expect("dhow prints UTF-8");
    let output = child.wait_with_output().expect("dhow ends");
    Ended { err, ..Ended::of(output) }
}

fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).expect("a process id");
    kill_process(Pid::from_raw(id).expect("a process id"), signal).expect("the process is there");
}

/// The only load in a report for programs.
fn load(ended: &Ended) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("a report in JSON");
    report["loads"][0].clone()
}

#[test]
fn of_two_processes_on_one_pipeline_one_is_sent_away_and_the_other_does_its_work() {
    let project = slow();
    let (first, lines) = begun(&project, &[]);
    // Stopped, so that it surely still holds the pipeline.
    send(&first, Signal::STOP);
    let second = project.run("", UNDISTURBED);
    let report = format!(
        "error: pipeline `dhow` is being run by another process\n  held by: process {}\n\n\
         hint: wait until it ends, or stop it; a killed process lets go by itself\n",
        first.id()
    );
    assert_eq!((second.code, second.err), (Some(7), report));
    send(&first, Signal::CONT);
    let first = finished(first, lines);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(project.table("out/rows") == expected());
}

#[test]
fn a_process_that_is_stopped_and_then_killed_leaves_its_splits_to_the_next() {
    let project = slow();
    let (first, lines) = begun(&project, &[]);
    send(&first, Signal::STOP);
    send(&first, Signal::KILL);
    assert!(finished(first, lines).was_killed());
    let second = ended(project.command("", &["run", "--quiet", "--output", "json"]));
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert!(load(&second)["kept"].as_u64() > Some(0), "{}", second.out);
    assert!(project.table("out/rows") == expected());
}

#[test]
fn ctrl_c_keeps_the_splits_that_are_finished_and_the_next_run_goes_on_from_them() {
    let project = slow();
    let (first, lines) = begun(&project, &[]);
    send(&first, Signal::INT);
    let first = finished(first, lines);
    assert_eq!(first.code, Some(130), "{}", first.err);
    assert!(first.err.contains("error: the run was interrupted"), "{}", first.err);
    assert_eq!(project.table("out/rows"), Vec::<String>::new());

    let second = ended(project.command("", &["run", "--quiet", "--output", "json"]));
    assert_eq!(second.code, Some(0), "{}", second.err);
    let load = load(&second);
    let (parts, kept) = (load["parts"].as_u64(), load["kept"].as_u64());
    assert!(Some(0) < kept && kept < parts, "{}", second.out);
    assert!(project.table("out/rows") == expected());
}

#[test]
fn sigterm_ends_a_run_like_ctrl_c_with_a_code_of_its_own() {
    let project = slow();
    let (first, lines) = begun(&project, &[]);
    send(&first, Signal::TERM);
    let first = finished(first, lines);
    assert_eq!(first.code, Some(143), "{}", first.err);
    assert_eq!(project.run("", UNDISTURBED).code, Some(0));
    assert!(project.table("out/rows") == expected());
}
