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

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::config::{Node, Options, Place, Value as Written};
use crate::connectors::{Context, Role};
use crate::error::Result;
use crate::memory::unlimited;
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink};
use crate::source::{SnapshotId, Stop, Watermark, Watermarks};
use gate::Gate;

use super::BigQuerySink;

/// A row of the table `t`.
type Row = (i64, &'static str);

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

/// Rows of any columns as a part.
fn part_of(id: &str, rows: &RecordBatch) -> Part {
    let batches = stream::iter([Ok(rows.clone())]).boxed();
    Part { id: id.to_owned(), batches, refuse: Arc::new(Stop) }
}

/// Columns by name; those that end in `!` are never NULL.
fn columns(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let named = columns
        .iter()
        .map(|(name, array)| (name.trim_end_matches('!'), array.clone(), !name.ends_with('!')));
    RecordBatch::try_from_iter_with_nullable(named).unwrap()
}

/// A load of the columns of `rows`.
fn load_of(id: &str, mode: Mode, rows: &RecordBatch) -> Load {
    Load { schema: rows.schema(), ..load(id, mode) }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id));
    let words = StringArray::from_iter_values(rows.iter().map(|(_, word)| *word));
    columns(&[("id!", Arc::new(ids)), ("word", Arc::new(words))])
}

/// A load of splits, bound to the snapshot `s1`.
fn load(id: &str, mode: Mode) -> Load {
    Load {
        schema: batch(&[]).schema(),
        snapshot: SnapshotId("s1".to_owned()),
        repeatable: true,
        ..Load::question(id.parse().unwrap(), &mode)
    }
}

fn under(load: &Load, snapshot: &str) -> Load {
    Load { snapshot: SnapshotId(snapshot.to_owned()), ..load.clone() }
}

fn part(id: &str, rows: &[Row]) -> Part {
    part_of(id, &batch(rows))
}

fn high(word: &str) -> Watermarks {
    Watermarks::from([("source".to_owned(), Watermark(word.to_owned()))])
}

fn modes() -> Vec<Mode> {
    let id = || vec!["id".to_owned()];
    vec![Mode::Append, Mode::Truncate, Mode::Replace, Mode::Merge(id()), Mode::DeleteInsert(id())]
}

async fn stage(sink: &Arc<dyn Sink>, load: &Load, parts: &[&[Row]]) -> Result<Vec<Receipt>> {
    let mut staged = Vec::new();
    for (index, rows) in parts.iter().enumerate() {
        staged.push(sink.write(load, part(&format!("p{index}"), rows)).await?);
    }
    Ok(staged)
}

/// What each mode makes of these parts and the two rows before.
const PARTS: &[&[Row]] = &[&[(2, "new")], &[(3, "new"), (4, "new")]];

fn after(mode: &Mode) -> &'static str {
    match mode {
        Mode::Append => "1=old 2=new 2=old 3=new 4=new",
        Mode::Truncate | Mode::Replace => "2=new 3=new 4=new",
        Mode::Merge(_) | Mode::DeleteInsert(_) => "1=old 2=new 3=new 4=new",
    }
}
