//! The road against real servers: what it carries, what it refuses, and what it says.

mod mysql;
mod oracle;
mod postgres;
mod sqlite;
mod trino;

use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use futures::TryStreamExt;

use super::lanes::{self, Place, Statement};
use super::{open, thread};
use crate::config::{self, Node, Options, Value};
use crate::connectors::Context;
use crate::connectors::connectorx::options;
use crate::error::{Error, Result};
use crate::files::types::type_name;
use crate::memory::unlimited;
use crate::source::{Refuse, Refused, Snapshot, Source, Want, Window};

/// The source with these options; a value with `: ` is a map.
fn source(entries: &[(&str, &str)]) -> Arc<dyn Source> {
    let place = config::Place::without_lines("test");
    let entry = |(key, value): &(&str, &str)| {
        let node = match *key == "columns" {
            true => map(value, &place),
            false => Node::argument(*value, &place),
        };
        ((*key).to_owned(), place.clone(), node)
    };
    let options = Options::new(place.clone(), entries.iter().map(entry).collect());
    let problems =
        (crate::connectors::connectorx::CONNECTOR.check)(&options, crate::connectors::Role::Source);
    assert!(problems.is_empty(), "{problems:?}");
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    open(&options, &context).unwrap()
}

/// `a, b` as `{a: text, b: text}`.
fn map(names: &str, place: &config::Place) -> Node {
    let text = || Node::argument("text", place);
    let entries = names.split(", ").map(|name| (name.to_owned(), place.clone(), text()));
    Node { value: Value::Map(entries.collect()), ..Node::argument("", place) }
}

async fn snapshot(entries: &[(&str, &str)]) -> Result<Arc<dyn Snapshot>> {
    source(entries).open(&Window::default()).await
}

async fn batches(snapshot: &Arc<dyn Snapshot>, want: &Want) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for split in snapshot.splits() {
        batches.extend(snapshot.read(split, want).await?.try_collect::<Vec<_>>().await?);
    }
    Ok(batches)
}

/// Names and types in the first line, then a line for each row.
async fn lines(entries: &[(&str, &str)]) -> Result<Vec<String>> {
    let snapshot = snapshot(entries).await?;
    let rows = batches(&snapshot, &Want::default()).await?;
    let field =
        |f: &arrow::datatypes::FieldRef| format!("{} {}", f.name(), type_name(f.data_type()));
    let mut lines =
        vec![snapshot.schema().fields().iter().map(field).collect::<Vec<_>>().join(", ")];
    lines.extend(rows.iter().flat_map(shown));
    Ok(lines)
}

fn shown(batch: &RecordBatch) -> Vec<String> {
    use arrow::array::Array;
    let cell = |column: &Arc<dyn Array>, row| match column.is_null(row) {
        true => "NULL".to_owned(),
        false => array_value_to_string(column, row).unwrap(),
    };
    let columns: Vec<_> = batch.columns().iter().map(without_zone).collect();
    let line = |row| columns.iter().map(|c| cell(c, row)).collect::<Vec<_>>().join(" | ");
    (0..batch.num_rows()).map(line).collect()
}

/// Arrow prints moments only where it knows time zones, and a lean build does not.
fn without_zone(column: &Arc<dyn arrow::array::Array>) -> Arc<dyn arrow::array::Array> {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, TimestampMicrosecondType};
    match column.data_type() {
        DataType::Timestamp(_, Some(_)) => Arc::new(
            column
                .as_primitive::<TimestampMicrosecondType>()
                .clone()
                .with_timezone_opt::<&str>(None),
        ),
        _ => Arc::clone(column),
    }
}

async fn error(entries: &[(&str, &str)]) -> Error {
    lines(entries).await.unwrap_err()
}

/// The columns that are refused, each with the errors' messages told apart.
async fn refused(entries: &[(&str, &str)]) -> Vec<String> {
    let error = source(entries).schema().await.unwrap_err();
    let of = |e: &Error| {
        let place = |what: &str| e.places().iter().find(|(w, _)| w == what).unwrap().1.clone();
        format!("{}: {}", place("type"), place("reason"))
    };
    std::iter::once(&error).chain(error.others()).map(of).collect()
}

/// What connectorx itself makes of the first column of `sql`, without our looking at its type.
async fn carried(url: &str, sql: &str) -> String {
    let (wanted, _) = options::read(&Options::of_arguments(&[("url", url), ("query", sql)]));
    let sql = sql.to_owned();
    let read = thread::ask(move || {
        let place = Place { wanted: &wanted, base: "/".as_ref() };
        let read = Statement { sql: &sql, batch_rows: 10, mark: "carried" };
        let mut cells = Vec::new();
        lanes::rows(&place, read, &mut |columns, rows| {
            let cell = |row| array_value_to_string(&columns[0], row).unwrap();
            cells.extend((0..rows).map(cell));
            Ok(true)
        })?;
        Ok(cells.join(", "))
    });
    read.await.unwrap_or_else(|_| "error".to_owned())
}

/// Keeps what is refused.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Refused>>);

impl Refuse for Kept {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}
