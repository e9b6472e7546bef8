//! The sink against a stand-in of the service: see `tests/databases/bigquery`.

mod contract;
mod drift;
mod lost;
mod refused;
mod tokens;
mod uploads;
mod values;

#[path = "../../../../tests/databases/bigquery/gate/mod.rs"]
mod gate;

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::config::{Node, Options, Place, Value as Written};
use crate::connectors::sink_tests::{
    PARTS, Row, after, columns, high, load, load_of, modes, part, part_of, stage, under,
};
use crate::connectors::{Context, Role};
use crate::error::Result;
use crate::memory::unlimited;
use crate::sink::{Load, Mark, Mode, Part, Sink};
use crate::source::Stop;
use gate::Gate;

use super::BigQuerySink;

/// A stand-in of its own for each test, with the dataset `d`, and sinks that write `d.t`.
struct Yard {
    gate: Gate,
    folder: tempfile::TempDir,
    options: Vec<(&'static str, String)>,
}

impl Yard {
    /// A dataset without tables.
    fn empty() -> Self {
        let gate = Gate::start().with_dataset("d", "EU");
        // Jobs end at once, unless a test says otherwise.
        gate.pace(0, 0);
        let options = [("project", gate::PROJECT), ("dataset", "d"), ("table", "t")];
        let mut options: Vec<_> =
            options.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
        options.push(("endpoint", gate.url().to_owned()));
        let folder = tempfile::tempdir().unwrap();
        Yard { gate, folder, options }
    }

    /// With the table `t` of `id` and `word`, and two rows in it.
    fn new() -> Self {
        let yard = Yard::empty();
        yard.make(&json!([
            { "name": "id", "type": "INTEGER", "mode": "REQUIRED" },
            { "name": "word", "type": "STRING" },
        ]));
        yard.sql("INSERT INTO d.t (id, word) VALUES (1, 'old'), (2, 'old')");
        yard
    }

    fn make(&self, fields: &Value) {
        self.gate.make_table("d.t", &json!({ "schema": { "fields": fields } }));
    }

    fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        self.gate.sql(sql).unwrap()
    }

    /// As a table goes at its end.
    fn drop(&self, table: &str) {
        self.sql(&format!("DROP TABLE d.{table}"));
    }

    fn option(mut self, name: &'static str, value: &str) -> Self {
        self.options.retain(|(known, _)| *known != name);
        self.options.push((name, value.to_owned()));
        self
    }

    fn open(&self) -> BigQuerySink {
        let place = Place::without_lines("test");
        let entries = self
            .options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), place.clone(), node(value, &place)));
        let options = Options::new(place.clone(), entries.collect());
        let problems = (super::CONNECTOR.check)(&options, Role::Sink);
        assert!(problems.is_empty(), "{problems:?}");
        let base = self.folder.path().to_owned();
        let context = Context { base, jobs: 2, memory: unlimited(), state: None };
        super::sink(&options, &context).unwrap()
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.open())
    }

    /// The rows of the table `t`, as `1=a 2=b`.
    fn rows(&self) -> String {
        let row = |row: &Value| format!("{}={}", row["id"], row["word"].as_str().unwrap_or("NULL"));
        self.gate.rows("d.t").iter().map(row).collect::<Vec<_>>().join(" ")
    }

    /// The tables beside `t` and the marks.
    fn left(&self) -> Vec<String> {
        let tables = self.gate.tables("d").into_iter();
        tables.filter(|table| table != "t" && table != "_dhow_mark").collect()
    }

    /// One load with `parts`, from `prepare` to `sweep`.
    async fn load(&self, load: &Load, parts: &[&[Row]]) -> Result<Mark> {
        let sink = self.sink();
        sink.prepare(load).await?;
        let staged = stage(&sink, load, parts).await?;
        let mark = sink.commit(load, &staged, &high("w")).await?;
        sink.sweep(load).await?;
        Ok(mark)
    }

    /// Plans and loads `rows` as one part; what the plan says.
    async fn load_rows(&self, id: &str, mode: Mode, rows: &RecordBatch) -> Result<Vec<String>> {
        let (sink, load) = (self.sink(), load_of(id, mode, rows));
        let target = sink.inspect(&load).await?;
        sink.prepare(&load).await?;
        let staged = [sink.write(&load, part_of("p0", rows)).await?];
        sink.commit(&load, &staged, &high("w")).await?;
        sink.sweep(&load).await?;
        Ok(target.notes)
    }
}

/// A value with `: ` in it is a map.
fn node(value: &str, place: &Place) -> Node {
    if value.contains("://") || !value.contains(": ") {
        return Node::argument(value, place);
    }
    let pairs = value.split("; ").map(|pair| pair.split_once(": ").unwrap());
    let entry = |(k, v): (&str, &str)| (k.to_owned(), place.clone(), Node::argument(v, place));
    Node { value: Written::Map(pairs.map(entry).collect()), ..Node::argument("", place) }
}
