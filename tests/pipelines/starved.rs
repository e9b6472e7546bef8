//! Too little of something: disk, permission, memory.

use std::path::PathBuf;
use std::process::Command;

use crate::{Ended, Project, UNDISTURBED, ended};

const COPY: &str = "\
sources:
  rows: { type: csv, path: rows.csv }
sinks:
  out: { from: rows, type: parquet, path: out/rows, mode: replace }
";

const SORT: &str = "\
sources:
  rows: { type: csv, path: rows.csv }
models:
  best: { select: 'select name, count(*) as n, max(score) as best from rows group by name order by name' }
sinks:
  out: { from: best, type: parquet, path: out/best, mode: replace }
";

/// Rows with names and scores that no encoding makes small.
fn csv(rows: u32) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = "id,name,score\n".to_owned();
    for id in 0..rows {
        let name = format!("{:016x}{:016x}{:016x}", next(), next(), next());
        text.push_str(&format!("{id},{name},{}\n", next() >> 12));
    }
    text
}

/// Runs `dhow` where no file may have more than 512 KiB: a full disk that needs no rights.
fn with_little_room(project: &Project) -> Ended {
    let dhow = project.command("", &["run", "--quiet"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""]);
    shell.arg(dhow.get_program()).args(dhow.get_args()).current_dir(project.path(""));
    ended(shell)
}

#[test]
fn a_target_without_room_is_one_clear_error_and_the_run_goes_on_when_there_is_some() {
    let project = Project::of(&[("dhow.yaml", COPY), ("rows.csv", &csv(30_000))]);
    let starved = with_little_room(&project);
    assert_eq!(starved.code, Some(1), "{}", starved.err);
    assert!(starved.err.contains("would be larger than the system lets files be"), "{starved:?}");
    assert_eq!(starved.err.matches("error:").count(), 1, "{starved:?}");
    assert!(!project.path("out/rows").exists());
    let ended = project.run("", UNDISTURBED);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(project.table("out/rows").len(), 30_000);
}

/// A small file system of its own at `out`, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where one may not mount.
    fn at(project: &Project) -> Option<Self> {
        let folder = project.path("out");
        std::fs::create_dir(&folder).expect("folders can be made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&folder);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then_some(SmallDisk(folder))
    }

    fn grow(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,size=64m"]).arg(&self.0);
        assert!(mount.status().is_ok_and(|status| status.success()));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nothing can be done about a mount that stays.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_one_clear_error_and_the_run_goes_on_when_there_is_room() {
    let project = Project::of(&[("dhow.yaml", COPY), ("rows.csv", &csv(30_000))]);
    let Some(disk) = SmallDisk::at(&project) else {
        eprintln!("NOT TESTED: a full disk, because this process may not mount one");
        return;
    };
    let starved = project.run("", UNDISTURBED);
    assert_eq!(starved.code, Some(1), "{}", starved.err);
    assert!(starved.err.starts_with("error: the disk is full; could not write"), "{starved:?}");
    assert!(!project.path("out/rows").exists());
    disk.grow();
    let ended = project.run("", UNDISTURBED);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(project.table("out/rows").len(), 30_000);
}

#[test]
fn a_target_that_cannot_be_written_is_one_clear_error() {
    // Nobody may make folders there, not even root.
    let pipeline = COPY.replace("out/rows", "/proc/dhow/rows");
    let project = Project::of(&[("dhow.yaml", &pipeline), ("rows.csv", &csv(3))]);
    let ended = project.run("", UNDISTURBED);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let told = ["could not create", "no permission to create"];
    assert!(told.iter().any(|told| ended.err.contains(told)), "{}", ended.err);
    assert!(ended.err.contains("/proc/dhow/_dhow/rows"), "{}", ended.err);

    project.write("dhow.yaml", COPY);
    assert_eq!(project.run("", UNDISTURBED).code, Some(0));
    assert_eq!(project.table("out/rows").len(), 3);
}

#[test]
fn little_memory_is_made_up_for_by_spilling_and_the_result_is_the_same() {
    let project = Project::of(&[("dhow.yaml", SORT), ("rows.csv", &csv(300_000))]);
    let run = |arguments: &[&str]| {
        let run = ["run", "--quiet", "--output", "json", "--tries", "1", "--memory"];
        ended(project.command("", &[&run, arguments].concat()))
    };
    // The limit of spilled data shows that it does spill.
    let starved = run(&["64MB", "--spill-limit", "1MB"]);
    assert_eq!(starved.code, Some(6), "{}", starved.err);
    assert!(starved.err.contains("error: the limit of spilled data is reached"), "{starved:?}");
    assert!(!project.path("out/best").exists());

    let little = run(&["64MB"]);
    assert_eq!(little.code, Some(0), "{}", little.err);
    let report: serde_json::Value = serde_json::from_str(&little.out).expect("a report in JSON");
    let peak = report["peak_memory"].as_u64().expect("a number of bytes");
    assert!(peak < 64_000_000 + (150 << 20), "{peak} bytes");
    let with_little = project.table("out/best");
    assert_eq!(with_little.len(), 300_000);

    let much = run(&["2GB"]);
    assert_eq!(much.code, Some(0), "{}", much.err);
    assert!(with_little == project.table("out/best"), "the results differ");
}
