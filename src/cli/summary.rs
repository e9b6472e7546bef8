//! What a run did, as a table for people and as JSON for programs. Pure functions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::show;
use super::table::{Side, Table};
use crate::engine::{LoadReport, Report};

/// The lines that end a run.
pub(super) fn text(pipeline: &str, report: &Report) -> String {
    let verb = if report.resumed { "resumed and finished" } else { "finished" };
    let elapsed = show::duration(report.elapsed);
    let mut text = format!("{pipeline} {verb} in {elapsed}, run {}\n", report.run);
    if !report.loads.is_empty() {
        text.push_str(&format!("\n{}\n", loads(&report.loads)));
    }
    let notes = notes(report);
    if !notes.is_empty() {
        text.push_str(&format!("\n{}\n", notes.join("\n")));
    }
    text.push_str(&format!("\npeak memory {}", show::bytes(report.peak_memory)));
    text
}

/// Whether rows are missing, as the pipeline allows: refused, or of a shard that is left for later.
pub(super) fn is_partial(report: &Report) -> bool {
    report.loads.iter().any(|load| load.rows_refused > 0 || !load.late.is_empty())
}

fn loads(loads: &[LoadReport]) -> Table {
    use Side::{Left, Right};
    let mut table = Table::new(&[
        ("load", Left),
        ("mode", Left),
        ("rows read", Right),
        ("written", Right),
        ("refused", Right),
        ("bytes", Right),
        ("time", Right),
        ("rows/s", Right),
        ("parts", Left),
    ]);
    for load in loads {
        let rate = show::per_second(load.rows_read, load.elapsed).map(show::count);
        table.row([
            load.sink.clone(),
            load.mode.name().to_owned(),
            show::count(load.rows_read),
            show::count(load.rows_written),
            show::count(load.rows_refused),
            show::bytes(load.bytes),
            show::duration(load.elapsed),
            rate.unwrap_or_default(),
            parts(load),
        ]);
    }
    table
}

fn parts(load: &LoadReport) -> String {
    if load.skipped {
        return "published before".to_owned();
    }
    let mut parts = show::plural(load.parts, "part");
    if load.kept > 0 {
        parts.push_str(&format!(", {} kept", load.kept));
    }
    if load.retried > 0 {
        parts.push_str(&format!(", {} tried again", load.retried));
    }
    parts
}

fn notes(report: &Report) -> Vec<String> {
    let targets =
        report.loads.iter().filter(|load| !load.skipped).map(|load| {
            format!("{}: {} in {}", load.sink, show::rows(load.rows_written), load.target)
        });
    let refused = report.loads.iter().filter(|load| load.rows_refused > 0).map(|load| {
        let place = load.rejects.as_deref().unwrap_or("nowhere");
        format!("{}: {} refused, see {place}", load.sink, show::rows(load.rows_refused))
    });
    let warnings = report.warnings.iter().map(|(check, rows)| {
        format!("check {check} returned {}; it only warns", show::rows(*rows))
    });
    let shards = report.loads.iter().filter(|load| !load.shards.is_empty()).map(|load| {
        let rows = load.shards.iter().map(|(shard, rows)| format!("{shard} {}", show::rows(*rows)));
        format!("{}: {}", load.sink, rows.collect::<Vec<_>>().join(", "))
    });
    // A source that feeds several loads says the same for each.
    let said: BTreeSet<_> = report.loads.iter().flat_map(|load| load.notes.clone()).collect();
    targets.chain(shards).chain(refused).chain(warnings).chain(said).collect()
}

/// The report for programs; durations are in seconds, memory in bytes.
pub(super) fn json(pipeline: &str, report: &Report) -> Value {
    let loads: Vec<_> = report.loads.iter().map(load_json).collect();
    let warnings: Vec<_> = report
        .warnings
        .iter()
        .map(|(check, rows)| json!({ "check": check, "rows": rows }))
        .collect();
    json!({
        "pipeline": pipeline,
        "run": report.run,
        "resumed": report.resumed,
        "loads": loads,
        "warnings": warnings,
        "seconds": report.elapsed.as_secs_f64(),
        "peak_memory": report.peak_memory,
    })
}

fn load_json(load: &LoadReport) -> Value {
    json!({
        "sink": load.sink,
        "mode": load.mode.name(),
        "key": load.mode.key(),
        "target": load.target,
        "rows_read": load.rows_read,
        "rows_written": load.rows_written,
        "rows_refused": load.rows_refused,
        "rejects": load.rejects,
        "bytes": load.bytes,
        "parts": load.parts,
        "kept": load.kept,
        "shards": load.shards,
        "late": load.late,
        "notes": load.notes,
        "retried": load.retried,
        "skipped": load.skipped,
        "seconds": load.elapsed.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::sink::Mode;

    fn report() -> Report {
        let load = LoadReport {
            sink: "orders".into(),
            mode: Mode::Append,
            target: "parquet out/orders".into(),
            rows_read: 12_483_115,
            rows_written: 12_483_112,
            rows_refused: 3,
            rejects: Some("rejects/orders".into()),
            bytes: 1_900_000_000,
            parts: 40,
            kept: 31,
            shards: [("eu", 200), ("us", 1)].map(|(s, n)| (s.to_owned(), n)).into(),
            late: vec![],
            notes: vec!["orders: all readers see one snapshot".into()],
            retried: 2,
            skipped: false,
            elapsed: Duration::from_secs(92),
        };
        let skipped = LoadReport {
            sink: "ports".into(),
            mode: Mode::Merge(vec!["id".into()]),
            target: "parquet out/ports".into(),
            rows_read: 0,
            rows_written: 12,
            rows_refused: 0,
            rejects: None,
            bytes: 0,
            parts: 1,
            kept: 1,
            shards: BTreeMap::new(),
            late: vec![],
            notes: vec![],
            retried: 0,
            skipped: true,
            elapsed: Duration::ZERO,
        };
        Report {
            run: "7f3a".into(),
            resumed: true,
            loads: vec![load, skipped],
            warnings: vec![("late_ships".into(), 1)],
            elapsed: Duration::from_secs(93),
            peak_memory: 512_000_000,
        }
    }

    #[test]
    fn the_end_of_a_run_is_a_table_that_a_person_can_paste() {
        let expected = "\
nightly resumed and finished in 1m 33s, run 7f3a

load    mode     rows read     written  refused   bytes    time   rows/s  parts
orders  append  12,483,115  12,483,112        3  1.9 GB  1m 32s  135,686  40 parts, 31 kept, 2 tried again
ports   merge            0          12        0     0 B   0.00s           published before

orders: 12,483,112 rows in parquet out/orders
orders: eu 200 rows, us 1 row
orders: 3 rows refused, see rejects/orders
check late_ships returned 1 row; it only warns
orders: all readers see one snapshot

peak memory 512.0 MB";
        assert_eq!(text("nightly", &report()), expected);
    }

    #[test]
    fn a_run_is_partial_when_rows_were_refused_or_a_shard_is_late() {
        let mut report = report();
        assert!(is_partial(&report));
        report.loads[0].rows_refused = 0;
        assert!(!is_partial(&report));
        report.loads[0].late = vec!["logins/us".into()];
        assert!(is_partial(&report));
    }

    #[test]
    fn programs_get_the_same_numbers() {
        let json = json("nightly", &report());
        assert_eq!(json["loads"][0]["rows_written"], 12_483_112);
        assert_eq!(json["loads"][1]["key"], json!(["id"]));
        assert_eq!(json["warnings"], json!([{ "check": "late_ships", "rows": 1 }]));
        assert_eq!(json["peak_memory"], 512_000_000);
    }
}
