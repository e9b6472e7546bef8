//! Two servers, one table: side by side, each with its own watermark, and one of them down.

use super::{add, with_rows};
use crate::cluster::SHARED;
use crate::project::{Ended, Project};
use crate::tds::{Fault, Gate, Tds, When};

fn pipeline(servers: &[Tds; 2], target: &str, more: &str) -> Project {
    let [eu, us] = servers;
    Project::of(&format!(
        "sources:\n  rows:\n    type: sqlserver\n    table: t\n    tls: require\n    {more}\n    shards:\n      \
         eu: \"{}\"\n      us: \"{}\"\n\
         sinks:\n  out: {{ from: rows, type: postgres, url: \"{target}\", table: copy, mode: merge, key: [shard, id] }}\n",
        eu.url("shop"),
        us.url("shop")
    ))
}

fn counts(target: &str) -> String {
    SHARED.psql(target, "select shard, count(*) from copy group by shard order by shard")
}

/// The rows that each shard gave, as the report says.
fn report(project: &Project) -> serde_json::Value {
    let ended = project.dhow(&["run", "--output", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    report["loads"][0]["shards"].clone()
}

#[test]
fn both_shards_are_read_side_by_side() {
    let servers = [with_rows(100), with_rows(50)];
    let gate = Gate::closed();
    // Neither shard gives a row before both are asked for theirs.
    for server in &servers {
        let when =
            When::statement("select [id], cast([name] as varbinary(100)), [rv] from [dbo].[t]");
        server.fault(when, Fault::Hold(gate.clone()));
    }
    let (url, target) = SHARED.url("side_by_side");
    let project = pipeline(&servers, &url, "");
    let child = project.command(&["run", "--quiet", "--jobs", "2"]).spawn().expect("dhow starts");
    gate.wait_for(2);
    gate.open();
    assert_eq!(Ended::of_run(child).code, Some(0));
    assert_eq!(counts(&target), "eu|100\nus|50");
}

#[test]
fn each_shard_goes_on_from_its_own_position() {
    let servers = [with_rows(20), with_rows(10)];
    let (url, target) = SHARED.url("positions");
    let project = pipeline(&servers, &url, "cursor: rv");
    assert_eq!(report(&project), serde_json::json!({ "eu": 20, "us": 10 }));
    let nothing = report(&project);
    assert!(nothing.as_object().is_none_or(|all| all.values().all(|rows| rows == 0)), "{nothing}");
    add(&servers[1], 10..13);
    let some = report(&project);
    assert_eq!((some["us"].as_u64(), some["eu"].as_u64().unwrap_or(0)), (Some(3), 0));
    assert_eq!(counts(&target), "eu|20\nus|13");
}

#[test]
fn a_shard_that_is_down_is_late_and_the_other_is_published() {
    let servers = [with_rows(20), with_rows(10)];
    let (url, target) = SHARED.url("one_down");
    let project = pipeline(&servers, &url, "cursor: rv\n    shard_down: skip");
    servers[0].stop();
    let some = project.dhow(&["run", "--output", "json"]);
    assert_eq!(some.code, Some(3), "{}", some.err);
    let told: serde_json::Value = serde_json::from_str(&some.out).expect("JSON");
    assert_eq!(told["loads"][0]["late"], serde_json::json!(["rows/eu"]), "{told:#}");
    assert!(some.out.contains("`eu` is left for a later run"), "{}", some.out);
    assert_eq!(counts(&target), "us|10");
    servers[0].resume();
    add(&servers[0], 20..25);
    assert_eq!(project.run(None).code, Some(0));
    assert_eq!(counts(&target), "eu|25\nus|10");
}

#[test]
fn a_shard_that_breaks_is_named_and_the_parts_of_the_other_are_kept() {
    let servers = [with_rows(1_000), with_rows(1_000)];
    let (url, target) = SHARED.url("broken_shard");
    let project = pipeline(&servers, &url, "split_rows: 100");
    let when = When::statement("cast([name] as varbinary(100))").nth(3).always();
    servers[1].fault(when, Fault::error(40_613));
    let run = ["run", "--output", "json", "--tries", "1", "--jobs", "1"];
    let broken = project.dhow(&run);
    assert_eq!(broken.code, Some(6), "{}", broken.err);
    let told: serde_json::Value = serde_json::from_str(&broken.out).expect("JSON");
    assert_eq!(told["error"]["places"]["shard"], "us", "{told:#}");
    servers[1].heal();
    let whole = project.dhow(&run);
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let told: serde_json::Value = serde_json::from_str(&whole.out).expect("JSON");
    assert!(told["loads"][0]["kept"].as_u64() >= Some(10), "{told:#}");
    assert_eq!(counts(&target), "eu|1000\nus|1000");
}
