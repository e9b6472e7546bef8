//! `dhow run` into BigQuery, killed at every named point and in the middle of every job, and run
//! again. The oracle is the table: every row is there exactly once, as the mode says.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;

use dhow::faults::{BIGQUERY, POINTS};

use super::gate::{Fault, Held, Refusal, When};
use super::site::{LARGE, MISSING, MODES, NARROW, SMALL, Setup, Site};
use crate::project::{Ended, Project, is_long, side_by_side};

/// Once the ledger knows that the rows are published, running again is another load.
const AFTERWARDS: [&str; 5] =
    ["ledger.published", "bq.sweeping", "bq.swept", "load.swept", "run.finished"];

/// Points that only other connectors pass.
fn is_passed(point: &str) -> bool {
    !point.starts_with("sink.")
}

/// Runs the load killed at each of `faults`, then undisturbed; answers where a process died.
fn tell(site: &Site, faults: &[&str]) -> BTreeSet<String> {
    let mut deaths = BTreeSet::new();
    let told = format!("killed at {faults:?}");
    for fault in faults {
        let ended = site.project.run(Some(fault));
        site.assert_not_half(&told);
        let point = fault.split(':').next().unwrap_or(fault);
        if !ended.was_killed() {
            assert_eq!(ended.code, Some(0), "{}: {told}, now at {fault}: {}", site.mode, ended.err);
            site.assert_whole(&told);
            return deaths;
        }
        deaths.insert(point.to_owned());
        // What was inserted goes on by itself.
        site.gate.finish_jobs();
        if point == "run.finished" || site.mode == "append" && AFTERWARDS.contains(&point) {
            site.assert_whole(&told);
            return deaths;
        }
    }
    let ended = site.project.run(None);
    assert_eq!(ended.code, Some(0), "{}: {told}, then: {}", site.mode, ended.err);
    site.assert_whole(&told);
    site.assert_tidy(&told);
    deaths
}

/// Points that a load passes only under special circumstances, and those.
fn special(point: &str) -> Option<Setup> {
    match point {
        "bq.piece_sent" => Some(LARGE),
        "bq.target_made" => Some(MISSING),
        "bq.target_changed" => Some(NARROW),
        _ => None,
    }
}

/// Every point in two modes, and what only comes after another death; the long form takes every
/// mode, later passes, and pairs.
fn cases() -> Vec<((&'static str, &'static str), Setup, Vec<String>)> {
    let points: Vec<&str> =
        POINTS.iter().chain(BIGQUERY).copied().filter(|p| is_passed(p)).collect();
    let mut cases = Vec::new();
    for (n, point) in points.iter().enumerate() {
        for (m, mode) in MODES.into_iter().enumerate() {
            if is_long() || m == n % MODES.len() || m == (n + 2) % MODES.len() {
                cases.push((mode, special(point).unwrap_or(SMALL), vec![(*point).to_owned()]));
            }
        }
    }
    for mode in MODES {
        let both = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
        cases.push((mode, SMALL, both("bq.job_done:2", "bq.publish_inserted")));
        cases.push((mode, SMALL, both("load.committed", "load.settled")));
    }
    if is_long() {
        let at = |n: usize| points[n % points.len()].to_owned();
        for (m, mode) in MODES.into_iter().enumerate() {
            for (n, point) in points.iter().enumerate() {
                cases.push((mode, SMALL, vec![format!("{point}:3")]));
                cases.push((mode, SMALL, vec![at(n + m), at(n * 7 + 3 + m)]));
            }
        }
    }
    cases
}

#[test]
fn killed_at_every_point_and_run_again_every_row_is_there_exactly_once() {
    let deaths = Mutex::new(BTreeSet::new());
    side_by_side(&cases(), |(mode, setup, faults)| {
        let site = Site::of(*mode, *setup);
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        deaths.lock().expect("no thread panicked").extend(tell(&site, &faults));
    });
    let deaths = deaths.into_inner().expect("no thread panicked");
    // That one has a test of its own.
    let is_rare = |point: &str| point == "bq.bound";
    let missed: Vec<_> = BIGQUERY.iter().filter(|p| !deaths.contains(**p) && !is_rare(p)).collect();
    assert_eq!(missed, Vec::<&&str>::new(), "points of BigQuery at which nobody was killed");
}

#[test]
fn a_file_that_has_changed_in_between_is_loaded_as_it_is_now() {
    for mode in MODES {
        for points in [["bq.job_done:2", "bq.bound"], ["load.staged", "bq.stage_made"]] {
            let mut site = Site::of(mode, SMALL);
            site.die_at(points[0]);
            site.gate.finish_jobs();
            site.grow();
            let told = format!("a row more after {}, and killed at {}", points[0], points[1]);
            let ended = site.project.run(Some(points[1]));
            assert!(ended.was_killed(), "{}: {told}: {}", mode.0, ended.err);
            site.run_until_well(1, &told);
            site.assert_whole(&told);
            site.assert_tidy(&told);
        }
    }
}

/// Kills a run while it waits for an answer to this request, and lets the request go on.
fn killed_during(site: &Site, held: &Held) {
    let mut child = site.project.begin();
    held.wait();
    child.kill().expect("it waits for an answer");
    let ended = Ended::of_run(child);
    assert!(ended.was_killed(), "{}", ended.err);
    held.release();
}

#[test]
fn killed_while_a_request_is_on_its_way_the_next_run_finds_out_what_became_of_it() {
    let load = When::call("upload.multipart");
    let publish = |kind: &str| When::call("jobs.insert").path("/jobs").body(kind);
    for mode in MODES {
        let kind = publishes(mode.0);
        for (when, after) in [
            (load.clone(), false),
            (load.clone(), true),
            (publish(kind), false),
            (publish(kind), true),
            (publish("'intended'"), true),
            (publish("'published'"), false),
        ] {
            let site = Site::of(mode, SMALL);
            let held = site.gate.hold(when.clone(), after);
            killed_during(&site, &held);
            site.run_until_well(3, &format!("killed during {when:?}, after its effect: {after}"));
            site.gate.finish_jobs();
            let told = format!("killed during {when:?}, after its effect: {after}");
            site.assert_whole(&told);
        }
    }
}

#[test]
fn jobs_that_take_their_time_are_waited_for_and_taken_over() {
    for mode in MODES {
        for point in ["bq.job_inserted", "bq.publish_inserted"] {
            let site = Site::of(mode, SMALL);
            site.gate.pace(1, 2);
            site.die_at(point);
            // They go on as fast as they are asked for.
            site.run_until_well(1, point);
            site.assert_whole(point);
            site.assert_tidy(point);
            let load_jobs = site
                .gate
                .jobs()
                .iter()
                .filter(|job| job.json["configuration"]["load"].is_object())
                .count();
            assert_eq!(load_jobs, 4, "one for each part: {} {point}", mode.0);
        }
    }
}

#[test]
fn what_bigquery_has_forgotten_is_done_again_and_not_doubled() {
    for mode in MODES {
        for point in ["bq.job_done:2", "load.staged", "load.committing"] {
            let site = Site::of(mode, SMALL);
            site.die_at(point);
            site.gate.finish_jobs();
            site.gate.forget_jobs();
            site.run_until_well(1, point);
            site.assert_whole(&format!("jobs forgotten at {point}"));
            site.assert_tidy(point);
        }
        // The mark outlives the job.
        let site = Site::of(mode, SMALL);
        site.die_at("bq.noted");
        site.gate.forget_jobs();
        site.run_until_well(1, "forgotten after the mark");
        site.assert_whole("jobs forgotten after the mark");
    }
}

#[test]
fn a_stage_table_that_has_expired_is_loaded_again() {
    for mode in MODES {
        for point in ["bq.job_done:3", "bq.intended"] {
            let site = Site::of(mode, SMALL);
            site.die_at(point);
            site.gate.finish_jobs();
            site.gate.expire_tables();
            let ended = site.project.run(None);
            let told = format!("{}: expired at {point}: {}", mode.0, ended.err);
            if ended.code == Some(0) {
                site.assert_whole(&told);
            } else {
                // What is staged in the ledger and gone in BigQuery is said, and nothing is lost.
                assert!(ended.err.contains("no longer staged"), "{told}");
                site.assert_not_half(&told);
                let again = site.project.dhow(&["run", "--quiet", "--full-refresh"]);
                assert_eq!(again.code, Some(0), "{told}: {}", again.err);
                site.assert_whole(&told);
            }
        }
    }
}

#[test]
fn a_job_that_failed_for_a_while_is_followed_by_one_with_another_id() {
    let failures = [
        Refusal::new(
            503,
            "backendError",
            "Error encountered during execution. Retrying may solve the problem.",
        ),
        Refusal::new(
            500,
            "internalError",
            "An internal error occurred and the request could not be completed.",
        ),
        Refusal::new(
            400,
            "jobBackendError",
            "The job encountered an internal error during execution.",
        ),
        Refusal::new(400, "jobRateLimitExceeded", "Exceeded rate limits for jobs"),
        Refusal::new(
            403,
            "rateLimitExceeded",
            "Exceeded rate limits: too many table update operations for this table.",
        ),
    ];
    for (n, failure) in failures.into_iter().enumerate() {
        let site = Site::of(MODES[n % MODES.len()], SMALL);
        let fails = Fault::JobFails(failure.clone());
        site.gate.order(When::call("upload.multipart").nth(2).times(2), fails.clone());
        let publishing = When::call("jobs.insert").body(publishes(site.mode));
        site.gate.order(publishing, fails);
        site.run_until_well(3, &failure.reason);
        site.assert_whole(&failure.reason);
        site.assert_tidy(&failure.reason);
        assert_eq!(site.gate.open_orders(), 0);
        let failed: Vec<_> =
            site.gate.jobs().into_iter().filter(|job| job.error.is_some()).collect();
        assert_eq!(failed.len(), 3, "each under an id of its own");
    }
}

#[test]
fn a_quota_that_is_used_up_stops_the_run_and_keeps_what_is_staged() {
    let site = Site::of(MODES[0], SMALL);
    site.gate.order(When::call("upload.").nth(3).always(), Fault::quota_exceeded());
    let ended = site.project.run(None);
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.to_lowercase().contains("quota"), "{}", ended.err);
    site.assert_not_half("no quota");
    site.gate.calm();
    let before = site.gate.calls("upload.multipart");
    site.run_until_well(1, "quota is back");
    site.assert_whole("quota is back");
    assert!(site.gate.calls("upload.multipart") - before <= 2, "two parts were staged before");
}

#[test]
fn two_processes_with_the_same_ledger_publish_a_load_once() {
    for mode in MODES {
        let site = Site::of(mode, SMALL);
        site.die_at("load.staged");
        // The same project restored elsewhere: it knows of the same load.
        let twin = Project::of("");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(format!("{}/.", site.project.path("").display()))
            .arg(twin.path(""))
            .status();
        assert!(copied.expect("cp starts").success());
        // One is held before it publishes, and the other one publishes meanwhile.
        let held = site.gate.hold(When::call("jobs.insert").body(publishes(mode.0)), false);
        let child = site.project.begin();
        held.wait();
        let other = twin.run(None);
        held.release();
        let one = Ended::of_run(child);
        let told = format!("{:?} {}, and {:?} {}", one.code, one.err, other.code, other.err);
        assert_eq!(other.code, Some(0), "{}: {told}", mode.0);
        site.gate.finish_jobs();
        site.assert_whole(&told);
    }
}

/// What the job that publishes has in its body, and no other.
fn publishes(mode: &str) -> &'static str {
    match mode {
        "merge" => "MERGE INTO",
        "delete+insert" => "BEGIN TRANSACTION",
        _ => "\"copy\"",
    }
}
