//! The source against the stand-in for SQL Server.

mod errors;
mod hidden;
mod kinds_of_tables;
mod long;
mod ranges;
mod sharded;
mod tables;
mod transport;
mod values;
mod variants;
mod views;
mod windows;

use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;

use super::tds::Tds;
use super::{open, options};
use crate::config::{Node, Options, Place, Role, Value};
use crate::connectors::Context;
use crate::error::{Error, Result};
use crate::memory::unlimited;
use crate::source::{Refuse, Refused, Snapshot, Source, Split, Want, Watermark, Window};

/// A server, and a table `t` made of these statements.
fn server(sql: &str) -> Tds {
    let server = Tds::start();
    server.execute("shop", sql);
    server
}

/// The options with the URL of `database`; a value with `: ` is a map.
fn options_of(url: &str, more: &[(&str, &str)]) -> Options {
    let place = Place::without_lines("test");
    let node = |value: &str| {
        let Some((key, inner)) = value.split_once(": ") else {
            return Node::argument(value, &place);
        };
        let entry = (key.to_owned(), place.clone(), Node::argument(inner, &place));
        Node { value: Value::Map(vec![entry]), ..Node::argument("", &place) }
    };
    let url = ("url".to_owned(), place.clone(), Node::argument(url, &place));
    let more = more.iter().map(|(key, value)| ((*key).to_owned(), place.clone(), node(value)));
    Options::new(place.clone(), std::iter::once(url).chain(more).collect())
}

fn source_at(url: &str, more: &[(&str, &str)]) -> Arc<dyn Source> {
    let options = options_of(url, more);
    assert_eq!(options::check(&options, Role::Source), []);
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    open(&options, &context).unwrap()
}

fn source(server: &Tds, more: &[(&str, &str)]) -> Arc<dyn Source> {
    source_at(&server.url("shop"), more)
}

async fn snapshot(server: &Tds, more: &[(&str, &str)]) -> Arc<dyn Snapshot> {
    source(server, more).open(&Window::default()).await.unwrap()
}

/// The error of reading all of it.
async fn failure(server: &Tds, more: &[(&str, &str)]) -> Error {
    let source = source(server, more);
    let read = async {
        let snapshot = source.open(&Window::default()).await?;
        for split in snapshot.splits() {
            read(&snapshot, split, &Want::default()).await?;
        }
        Ok::<_, Error>(())
    };
    read.await.unwrap_err()
}

fn above(position: &str) -> Window {
    Window { above: Some(Watermark(position.to_owned())), memo: None }
}

async fn read(
    snapshot: &Arc<dyn Snapshot>,
    split: &Split,
    want: &Want,
) -> Result<Vec<RecordBatch>> {
    snapshot.read(split, want).await?.try_collect().await
}

/// The rows of all splits, sorted, each cell as text.
async fn lines(snapshot: &Arc<dyn Snapshot>) -> Vec<String> {
    lines_for(snapshot, &Want::default()).await
}

async fn lines_for(snapshot: &Arc<dyn Snapshot>, want: &Want) -> Vec<String> {
    let mut found = Vec::new();
    for split in snapshot.splits() {
        for batch in read(snapshot, split, want).await.unwrap() {
            let columns: Vec<_> = batch.columns().iter().map(texts).collect();
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|column| column[row].as_str());
                found.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
    }
    found.sort();
    found
}

/// Each value as text; bytes as hexadecimal digits.
fn texts(column: &ArrayRef) -> Vec<String> {
    let plain = match column.data_type() {
        // The printer of moments in a zone wants a library of zones.
        DataType::Timestamp(_, Some(_)) => {
            cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).unwrap()
        }
        _ => Arc::clone(column),
    };
    let shown = |row: usize| match column.is_null(row) {
        true => "NULL".to_owned(),
        false => match column.data_type() {
            DataType::Binary => {
                let bytes = column.as_binary::<i32>().value(row);
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            _ => arrow::util::display::array_value_to_string(&plain, row).unwrap(),
        },
    };
    (0..column.len()).map(shown).collect()
}

/// Keeps the rows that are refused.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Refused>>);

impl Refuse for Kept {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

/// The rows that can be read, and those that are refused.
async fn sifted(snapshot: &Arc<dyn Snapshot>) -> (Vec<String>, Vec<Refused>) {
    let kept = Arc::new(Kept::default());
    let want = Want { refuse: kept.clone(), ..Want::default() };
    let lines = lines_for(snapshot, &want).await;
    let refused = kept.0.lock().unwrap().clone();
    (lines, refused)
}
