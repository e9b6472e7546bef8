//! A pipeline from a file into a gate of its own, and what must be in the table in the end.

use serde_json::{Value, json};

use super::gate::{Gate, PROJECT};
use crate::project::Project;

pub(super) const MODES: [(&str, &str); 5] = [
    ("append", ""),
    ("truncate", ""),
    ("replace", ""),
    ("merge", ", key: [id]"),
    ("delete+insert", ", key: [day]"),
];

/// The dataset of all of it; jobs have to name the place.
pub(super) const LOCATION: &str = "europe-west3";

/// A gate with a table of older rows, and a project whose file has newer ones, of which some have
/// the ids of older ones.
pub(super) struct Site {
    pub(super) gate: Gate,
    pub(super) mode: &'static str,
    pub(super) project: Project,
    /// What the table holds before.
    old: Vec<Line>,
    rows: std::ops::Range<u32>,
    note: usize,
}

/// The table as it is before the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// With older rows.
    Whole,
    /// With older rows, but without one of the columns.
    Narrow,
    Missing,
}

/// How the sink is set up, beside its mode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    /// Ids of the new rows.
    pub(super) rows: (u32, u32),
    /// Characters of each row's note.
    pub(super) note: usize,
    /// Further options of the sink, each behind a comma.
    pub(super) options: &'static str,
    /// About how many bytes of the file are one part.
    pub(super) part: usize,
    pub(super) target: Target,
}

/// Four parts, and rows that fit one request each.
pub(super) const SMALL: Setup =
    Setup { rows: (22, 142), note: 30, options: "", part: 1_300, target: Target::Whole };

/// One part that is sent in pieces.
pub(super) const LARGE: Setup = Setup {
    rows: (22, 9_022),
    note: 1_100,
    options: ", gzip_level: 0",
    part: 100_000_000,
    target: Target::Whole,
};

/// A table that is made by the load.
pub(super) const MISSING: Setup = Setup { target: Target::Missing, ..SMALL };

/// A table that is given a column by the load.
pub(super) const NARROW: Setup =
    Setup { target: Target::Narrow, options: ", on_schema_change: append_new_columns", ..SMALL };

/// A service account, which asks for tokens.
pub(super) const NAMED: Setup = Setup { options: ", credentials_file: credentials.json", ..SMALL };

type Line = (u32, u32, u32, usize);

/// Four rows to a day, and a version to tell loads apart.
fn lines(ids: std::ops::Range<u32>, version: u32, note: usize) -> Vec<Line> {
    ids.map(|id| (id, id / 4, version, note)).collect()
}

impl Site {
    pub(super) fn of((mode, key): (&'static str, &str), setup: Setup) -> Self {
        let gate = Gate::start().with_dataset("d", LOCATION);
        Site::at(gate, (mode, key), setup)
    }

    /// The same at a gate that is there.
    pub(super) fn at(gate: Gate, (mode, key): (&'static str, &str), setup: Setup) -> Self {
        let old = match setup.target {
            Target::Missing => Vec::new(),
            _ => lines(0..40, 1, 1),
        };
        let gate = with_target(gate, setup.target, &old);
        let pipeline = format!(
            "sources:\n  rows: {{ type: csv, path: rows.csv, split_bytes: {part} }}\n\
             sinks:\n  out: {{ from: rows, type: bigquery, project: {PROJECT}, dataset: d, table: target, \
             endpoint: \"{}\", group_bytes: 1KB, mode: {mode}{key}{} }}\n",
            gate.url(),
            setup.options,
            part = setup.part,
        );
        let project = Project::of(&pipeline);
        if setup.options == NAMED.options {
            gate.require_tokens();
            gate.write_credentials(&project.path(""));
        }
        let rows = setup.rows.0..setup.rows.1;
        let site = Site { gate, mode, project, old, rows, note: setup.note };
        site.write();
        site
    }

    fn write(&self) {
        let lines = lines(self.rows.clone(), 2, self.note).into_iter();
        let lines = lines
            .map(|(id, day, version, note)| format!("{id},{day},{version},{}\n", "x".repeat(note)));
        let csv: String =
            std::iter::once("id,day,version,note\n".to_owned()).chain(lines).collect();
        std::fs::write(self.project.path("rows.csv"), csv).expect("files can be written");
    }

    /// The file has a row more.
    pub(super) fn grow(&mut self) {
        self.rows.end += 1;
        self.write();
    }

    /// What must be there in the end: ids and versions.
    fn expected(&self) -> Vec<(u64, u64)> {
        let is_kept = |(id, day, ..): &&Line| match self.mode {
            "append" => true,
            "merge" => !self.rows.contains(id),
            "delete+insert" => !(self.rows.start / 4..=(self.rows.end - 1) / 4).contains(day),
            _ => false,
        };
        let kept = self.old.iter().filter(is_kept).map(|(id, _, version, _)| (*id, *version));
        let new = self.rows.clone().map(|id| (id, 2));
        let mut rows: Vec<_> =
            kept.chain(new).map(|(id, v)| (u64::from(id), u64::from(v))).collect();
        rows.sort_unstable();
        rows
    }

    fn found(&self) -> Vec<(u64, u64)> {
        let number = |row: &Value, name: &str| row[name].as_u64().expect("a number");
        // A table that is not there has no rows.
        let rows =
            self.gate.table("d.target").map(|_| self.gate.rows("d.target")).unwrap_or_default();
        let mut rows: Vec<_> =
            rows.iter().map(|row| (number(row, "id"), number(row, "version"))).collect();
        rows.sort_unstable();
        rows
    }

    #[track_caller]
    pub(super) fn assert_whole(&self, told: &str) {
        let (found, expected) = (self.found(), self.expected());
        let (many, should) = (found.len(), expected.len());
        assert!(found == expected, "{}: {many} rows instead of {should}: {told}", self.mode);
    }

    /// The table is as it was, or as it will be.
    #[track_caller]
    pub(super) fn assert_not_half(&self, told: &str) {
        let found = self.found();
        let before: Vec<_> =
            self.old.iter().map(|(id, _, v, _)| (u64::from(*id), u64::from(*v))).collect();
        assert!(found == before || found == self.expected(), "{}: half a load: {told}", self.mode);
    }

    /// Nothing of dhow's is left but marks.
    #[track_caller]
    pub(super) fn assert_tidy(&self, told: &str) {
        assert_eq!(self.gate.tables("d"), ["_dhow_mark", "target"], "{}: {told}", self.mode);
    }

    /// A run that is killed at this point.
    #[track_caller]
    pub(super) fn die_at(&self, point: &str) {
        let ended = self.project.run(Some(point));
        assert!(ended.was_killed(), "{} at {point}: {:?} {}", self.mode, ended.code, ended.err);
    }

    /// Runs until it ends well, at most `runs` times; only what goes away by itself may stop a run.
    #[track_caller]
    pub(super) fn run_until_well(&self, runs: u32, told: &str) {
        for run in 1..=runs {
            let ended = self.project.run(None);
            if ended.code == Some(0) {
                return;
            }
            assert_eq!(ended.code, Some(6), "{}, run {run}: {told}: {}", self.mode, ended.err);
            assert!(run < runs, "{}, run {run}: {told}: {}", self.mode, ended.err);
        }
    }
}

fn with_target(gate: Gate, target: Target, old: &[Line]) -> Gate {
    if target == Target::Missing {
        return gate;
    }
    let mut fields = vec![
        json!({ "name": "id", "type": "INT64" }),
        json!({ "name": "day", "type": "INT64" }),
        json!({ "name": "version", "type": "INT64" }),
    ];
    if target == Target::Whole {
        fields.push(json!({ "name": "note", "type": "STRING" }));
    }
    let gate = gate.with_table("d.target", &Value::Array(fields));
    let old = old.iter().map(|(id, day, version, _)| format!("({id}, {day}, {version})"));
    let old = old.collect::<Vec<_>>().join(", ");
    gate.sql(&format!("INSERT INTO d.target (id, day, version) VALUES {old}")).expect("old rows");
    gate
}
