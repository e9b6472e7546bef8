//! Round trips: into the gate, and into a real account where one is named.
//!
//! Without more said these tests run at the gate. With
//!
//! - `DHOW_TEST_BIGQUERY_PROJECT`, a project that may be billed for a few jobs,
//! - `DHOW_TEST_BIGQUERY_DATASET`, a dataset in it, whose tables named `dhow_test_…` are theirs,
//! - `DHOW_TEST_BIGQUERY_CREDENTIALS`, the key file of a service account with the roles BigQuery Data
//!   Editor on the dataset and BigQuery Job User on the project (mode 0600),
//!
//! the same tests run there: `cargo test --test databases bigquery::account`. Rows are read back with
//! Google's own client for Python in either case. Tables are removed in the end, but for
//! `_dhow_mark`, in which dhow notes what it has published.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::gate::{Gate, PROJECT, python};
use crate::patience;
use crate::project::Project;

/// Where tables are made.
struct Account {
    /// The stand-in, unless a real account is meant.
    gate: Option<Gate>,
    project: String,
    dataset: String,
    credentials: Option<String>,
    table: String,
}

impl Account {
    /// A table that is not there yet.
    fn table() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let variable = |name: &str| std::env::var(format!("DHOW_TEST_BIGQUERY_{name}")).ok();
        let now = jiff::Timestamp::now().as_millisecond();
        let table = format!("dhow_test_{now}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        match variable("PROJECT") {
            None => Account {
                gate: Some(Gate::start().with_dataset("round_trips", "europe-west3")),
                project: PROJECT.to_owned(),
                dataset: "round_trips".to_owned(),
                credentials: None,
                table,
            },
            Some(project) => {
                let dataset = variable("DATASET");
                let dataset = dataset.expect("DHOW_TEST_BIGQUERY_DATASET goes with the project");
                Account {
                    gate: None,
                    project,
                    dataset,
                    credentials: variable("CREDENTIALS"),
                    table,
                }
            }
        }
    }

    fn endpoint(&self) -> &str {
        self.gate.as_ref().map_or("-", Gate::url)
    }

    /// Loads what `model` makes of two rows, `n` 1 and 2, and answers the table afterwards.
    fn load(&self, model: &str, options: &str) -> Value {
        let endpoint = match &self.gate {
            Some(gate) => format!("endpoint: \"{}\", ", gate.url()),
            None => String::new(),
        };
        let credentials = match &self.credentials {
            Some(path) => format!("credentials_file: \"{path}\", "),
            None => String::new(),
        };
        let project = Project::of(&format!(
            "sources:\n  rows: {{ type: csv, path: rows.csv }}\nmodels:\n  m: {{ sql: m.sql }}\n\
             sinks:\n  out: {{ from: m, type: bigquery, project: {}, dataset: {}, table: {}, {endpoint}{credentials}{options} }}\n",
            self.project, self.dataset, self.table
        ));
        std::fs::write(project.path("rows.csv"), "n\n1\n2\n").expect("files can be written");
        std::fs::write(project.path("m.sql"), model).expect("files can be written");
        let ended = project.run(None);
        assert_eq!(ended.code, Some(0), "{options}: {}", ended.err);
        self.call("show")
    }

    fn call(&self, what: &str) -> Value {
        let script: PathBuf =
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/databases/bigquery/account.py").into();
        let mut command = Command::new(python());
        command
            .arg(script)
            .args([what, self.endpoint(), self.credentials.as_deref().unwrap_or("-")])
            .args([&self.project, &self.dataset, &self.table]);
        let out = patience::output(&mut command);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap_or_default()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.gate.is_none() {
            self.call("drop");
        }
    }
}

#[test]
fn every_mode_leaves_the_rows_that_it_says() {
    let first =
        "select n as id, n as day, 1 as version from rows union all select n + 2, n, 1 from rows";
    let second = "select n + 1 as id, n - n + 1 as day, 2 as version from rows";
    let row = |id: i64, day: i64, version: i64| json!({ "id": id, "day": day, "version": version });
    let one = [row(1, 1, 1), row(2, 2, 1), row(3, 1, 1), row(4, 2, 1)];
    let two = [row(2, 1, 2), row(3, 1, 2)];
    let [a, b, _, d] = one.clone();
    let expected = [
        ("append", "", [&one[..], &two[..]].concat()),
        ("truncate", "", two.to_vec()),
        ("replace", "", two.to_vec()),
        ("merge", ", key: [id]", [&[a, d.clone()][..], &two[..]].concat()),
        ("delete+insert", ", key: [day]", [&[b, d][..], &two[..]].concat()),
    ];
    for (mode, key, mut rows) in expected {
        let account = Account::table();
        account.load(first, "mode: append");
        let found = account.load(second, &format!("mode: {mode}{key}"));
        rows.sort_by_key(|row| {
            (row["day"].to_string(), row["id"].to_string(), row["version"].to_string())
        });
        assert_eq!(found["rows"], Value::Array(rows), "{mode}");
        assert_eq!(
            found["columns"],
            json!(["id INTEGER", "day INTEGER", "version INTEGER REQUIRED"])
        );
    }
}

/// One column of each type: a row of values at its limits, and one of NULLs.
const TYPES: &str = "
select
  n,
  case when n = 1 then -9223372036854775808 end as least,
  case when n = 1 then 9223372036854775807 end as most,
  case when n = 1 then cast('NaN' as double) end as nan,
  case when n = 1 then cast('-Infinity' as double) end as infinite,
  case when n = 1 then cast(0.1 as double) end as tenth,
  case when n = 1 then cast('-99999999999999999999999999999.999999999' as decimal(38, 9)) end as exact,
  case when n = 1 then cast('0.0000000000000000001' as decimal(38, 19)) end as tiny,
  case when n = 1 then true end as truth,
  case when n = 1 then 'ä\u{1F980}\"\\\\ and a tab\t' end as text,
  case when n = 1 then decode('AP8K', 'base64') end as raw,
  case when n = 1 then date '0001-01-01' end as first_day,
  case when n = 1 then date '9999-12-31' end as last_day,
  case when n = 1 then arrow_cast('2026-02-28T23:59:59.123456', 'Timestamp(Microsecond, None)') end as civil,
  arrow_cast(case when n = 1 then 1772323199123456 end, 'Timestamp(Microsecond, Some(\"UTC\"))') as moment,
  case when n = 1 then arrow_cast('23:59:59.999999', 'Time64(Microsecond)') end as clock,
  case when n = 1 then make_array('x', 'y') else make_array() end as tags,
  case when n = 1 then named_struct('city', 'Kiel', 'zip', 24103) end as home
from rows";

#[test]
fn every_type_comes_back_as_it_was_in_either_format() {
    let full = json!({
        "n": 1, "least": i64::MIN, "most": i64::MAX, "nan": "nan", "infinite": "-inf", "tenth": 0.1,
        "exact": "-99999999999999999999999999999.999999999", "tiny": "0.0000000000000000001", "truth": true,
        "text": "ä🦀\"\\\\ and a tab\t", "raw": "AP8K", "first_day": "0001-01-01", "last_day": "9999-12-31",
        "civil": "2026-02-28T23:59:59.123456", "moment": "2026-02-28T23:59:59.123456+00:00",
        "clock": "23:59:59.999999", "tags": ["x", "y"], "home": { "city": "Kiel", "zip": 24103 },
    });
    let mut empty = full.clone();
    for (name, value) in empty.as_object_mut().expect("an object") {
        *value = match name.as_str() {
            "n" => json!(2),
            "tags" => json!([]),
            _ => Value::Null,
        };
    }
    for format in ["json", "parquet"] {
        let account = Account::table();
        let found = account.load(TYPES, &format!("mode: append, format: {format}"));
        let mut rows = found["rows"].as_array().expect("rows").clone();
        rows.sort_by_key(|row| row["n"].as_i64());
        assert_eq!(rows, [full.clone(), empty.clone()], "{format}");
        let columns = [
            "n INTEGER",
            "least INTEGER",
            "most INTEGER",
            "nan FLOAT",
            "infinite FLOAT",
            "tenth FLOAT",
            "exact NUMERIC",
            "tiny BIGNUMERIC",
            "truth BOOLEAN",
            "text STRING",
            "raw BYTES",
            "first_day DATE",
            "last_day DATE",
            "civil DATETIME",
            "moment TIMESTAMP",
            "clock TIME",
            "tags STRING REPEATED",
            "home RECORD",
        ];
        assert_eq!(found["columns"], json!(columns), "{format}");
    }
}

#[test]
fn a_new_table_is_laid_out_as_the_options_say_and_stays_so() {
    let account = Account::table();
    let layout = "partition_by: day, partition_type: month, cluster_by: [n, name], \
                  labels: { team: tests }, description: \"of a test\"";
    let model = "select n, 'a' as name, date '2026-02-28' as day from rows";
    for mode in ["append", "truncate", "replace"] {
        let found = account.load(model, &format!("mode: {mode}, {layout}"));
        assert_eq!(found["partitioning"], json!(["MONTH", "day"]), "{mode}");
        assert_eq!(found["clustering"], json!(["n", "name"]), "{mode}");
        assert_eq!(found["labels"], json!({ "team": "tests" }), "{mode}");
        assert_eq!(found["description"], "of a test", "{mode}");
        assert_eq!(found["rows"].as_array().map(Vec::len), Some(2), "{mode}");
    }
    let found = account.load(model, "mode: merge, key: [n]");
    assert_eq!(found["partitioning"], json!(["MONTH", "day"]));
}
