//! How a plan is shown: to people as text, to programs as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::plan::{CheckStep, LoadStep, Plan, Step};
use crate::sink::Mode;

impl Plan {
    /// The loads, in order.
    pub fn loads(&self) -> impl Iterator<Item = &LoadStep> {
        self.steps.iter().filter_map(|step| match step {
            Step::Load(load) => Some(load),
            Step::Check(_) => None,
        })
    }

    /// The plan as text for people, with a final line end.
    pub fn shown(&self) -> String {
        let loads = u64::try_from(self.loads().count()).unwrap_or(0);
        let mut tables: Vec<&str> = self.loads().map(|load| load.target.as_str()).collect();
        tables.sort_unstable();
        tables.dedup();
        let tables = u64::try_from(tables.len()).unwrap_or(0);
        let mut text = format!(
            "{} would run {} and change {}\n",
            self.pipeline,
            counted(loads, "load"),
            counted(tables, "table")
        );
        for (index, step) in self.steps.iter().enumerate() {
            let shown = match step {
                Step::Check(check) => check_lines(check),
                Step::Load(load) => load_lines(load),
            };
            let _ = write!(text, "\n{}  {shown}", index + 1);
        }
        if !self.notes.is_empty() {
            let _ = write!(text, "\nnote: {}\n", self.notes.join("\nnote: "));
        }
        text
    }

    /// The plan as JSON.
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(step_json).collect();
        json!({ "pipeline": self.pipeline, "steps": steps, "notes": self.notes })
    }
}

fn check_lines(check: &CheckStep) -> String {
    let then = match check.refused.word() {
        "stop" => "stops the run when it returns rows",
        _ => "warns when it returns rows",
    };
    format!("check {}: {then}\n", check.check)
}

fn load_lines(load: &LoadStep) -> String {
    let mut text = format!("{} → {}    {}; {}\n", load.from, load.target, cut(load), load.mode);
    let _ = writeln!(text, "     reads {}{}", listed(&load.reads), sizes(load.rows, load.bytes));
    let _ = writeln!(text, "     {}", before(load));
    if !load.rejecting.is_empty() {
        let _ = writeln!(text, "     rows are refused by {}", load.rejecting.join(", "));
    }
    let columns = load.schema.fields().iter().map(|field| {
        let null = if field.is_nullable() { "" } else { " not null" };
        format!("{} {}{null}", field.name(), field.data_type())
    });
    let _ = writeln!(text, "     columns: {}", columns.collect::<Vec<_>>().join(", "));
    text
}

fn cut(load: &LoadStep) -> String {
    let number = |number: usize| u64::try_from(number).unwrap_or(0);
    match (&load.by_split_of, load.splits) {
        (Some(source), Some(splits)) => {
            let of = format!("by split: {} of {source}", counted(number(splits), "split"));
            match load.parts.filter(|parts| *parts != splits) {
                Some(parts) => format!("{of} in {}", counted(number(parts), "part")),
                None => of,
            }
        }
        (Some(source), None) => format!("by split of {source}"),
        (None, _) => "whole".to_owned(),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no source".to_owned() } else { names.join(", ") }
}

fn sizes(rows: Option<u64>, bytes: Option<u64>) -> String {
    let rows = rows.map(|rows| format!("about {}", counted(rows, "row")));
    let known: Vec<String> = rows.into_iter().chain(bytes.map(size)).collect();
    if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) }
}

fn before(load: &LoadStep) -> String {
    if !load.before.exists {
        return "makes a new table".to_owned();
    }
    let there = sizes(load.before.rows, load.before.bytes).replace(": about ", ", ");
    let there = there.trim_start_matches([':', ',', ' ']);
    let there = if there.is_empty() { "a table".to_owned() } else { format!("a table of {there}") };
    match &load.mode {
        Mode::Append => format!("adds to {there}"),
        Mode::Truncate => format!("empties {there} first"),
        Mode::Replace => format!("overwrites {there}"),
        Mode::Merge(_) => format!("updates rows of {there} and adds others"),
        Mode::DeleteInsert(_) => format!("deletes rows of {there} and adds others"),
    }
}

/// `1 row`, `12,483,112 rows`.
pub(super) fn counted(number: u64, what: &str) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    let plural = if number == 1 { "" } else { "s" };
    format!("{shown} {what}{plural}")
}

/// `512 bytes`, `1.9 GB`, by thousands.
fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => counted(bytes, "byte"),
    }
}

fn step_json(step: &Step) -> Value {
    match step {
        Step::Check(check) => {
            json!({ "step": "check", "check": check.check, "refused": check.refused.word() })
        }
        Step::Load(load) => load_json(load),
    }
}

fn load_json(load: &LoadStep) -> Value {
    let column = |field: &arrow::datatypes::FieldRef| {
        json!({
            "name": field.name(),
            "type": field.data_type().to_string(),
            "nullable": field.is_nullable(),
        })
    };
    json!({
        "step": "load",
        "sink": load.sink,
        "from": load.from,
        "target": load.target,
        "mode": load.mode.name(),
        "key": load.mode.key(),
        "allow_empty": load.allow_empty,
        "by_split_of": load.by_split_of,
        "reads": load.reads,
        "rejecting": load.rejecting,
        "splits": load.splits,
        "parts": load.parts,
        "rows": load.rows,
        "bytes": load.bytes,
        "before": {
            "exists": load.before.exists,
            "rows": load.before.rows,
            "bytes": load.before.bytes,
        },
        "columns": load.schema.fields().iter().map(column).collect::<Vec<_>>(),
        "fingerprint": load.fingerprint,
    })
}
