//! Trino through connectorx, played by a few lines of HTTP: the first answer has no rows, then comes
//! a page after the other, and the last one is empty, as Trino's own answers are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{error, lines};
use crate::error::Kind;

/// The types of the columns of `visits`, which has `rows`.
struct Stand {
    types: Vec<(&'static str, &'static str)>,
    rows: Vec<Value>,
}

impl Stand {
    /// Answers in the background, and gives the URL.
    fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                self.answer(stream.unwrap(), port, &sent);
            }
        });
        format!("trino://ann@127.0.0.1:{port}/memory")
    }

    fn answer(&self, mut stream: TcpStream, port: u16, sent: &Mutex<Vec<String>>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (statement, page): (usize, usize) =
            match first.split('/').collect::<Vec<_>>().as_slice() {
                ["GET ", "v1", "statement", id, page, ..] => {
                    (id.parse().unwrap(), page.split(' ').next().unwrap().parse().unwrap())
                }
                _ => {
                    let mut sent = sent.lock().unwrap();
                    sent.push(String::from_utf8(body).unwrap());
                    (sent.len() - 1, 0)
                }
            };
        let sql = sent.lock().unwrap()[statement].clone();
        let (columns, rows) = self.result(&sql);
        let mut answer = json!({
            "id": statement.to_string(), "infoUri": "", "warnings": [],
            "stats": {"state": "RUNNING", "queued": false, "scheduled": true, "nodes": 1,
                "totalSplits": 1, "queuedSplits": 0, "runningSplits": 1, "completedSplits": 0,
                "cpuTimeMillis": 0, "wallTimeMillis": 0, "queuedTimeMillis": 0,
                "elapsedTimeMillis": 0, "processedRows": 0, "processedBytes": 0,
                "peakMemoryBytes": 0, "spilledBytes": 0},
        });
        if page > 0 {
            answer["columns"] = columns;
        }
        if let Some(row) = rows.get(page.wrapping_sub(1)) {
            answer["data"] = json!([row]);
        }
        if page <= rows.len() {
            let next = page + 1;
            answer["nextUri"] =
                json!(format!("http://127.0.0.1:{port}/v1/statement/{statement}/{next}"));
        }
        let text = answer.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len()).unwrap();
    }

    /// The columns and the rows of a statement.
    fn result(&self, sql: &str) -> (Value, Vec<Value>) {
        let columns = self.types.iter().map(|(name, kind)| column(name, kind)).collect();
        if sql.contains("typeof(") {
            let names = (0..self.types.len()).map(|n| column(&format!("_col{n}"), "varchar"));
            let kinds: Vec<_> = self.types.iter().map(|(_, kind)| *kind).collect();
            return (names.collect(), vec![json!(kinds)]);
        }
        let is_empty = sql.to_lowercase().contains("limit 0");
        (columns, if is_empty { Vec::new() } else { self.rows.clone() })
    }
}

fn column(name: &str, kind: &str) -> Value {
    let raw = kind.split('(').next().unwrap();
    let numbers = kind.split(['(', ')', ',']).skip(1).filter_map(|n| n.parse::<u64>().ok());
    let arguments: Vec<_> = numbers.map(|n| json!({"kind": "LONG", "value": n})).collect();
    let arguments = if raw == "decimal" { arguments } else { Vec::new() };
    json!({"name": name, "type": kind, "typeSignature": {"rawType": raw, "arguments": arguments}})
}

#[tokio::test]
async fn pages_are_read_one_after_another() {
    let stand = Stand {
        types: vec![("id", "bigint"), ("name", "varchar"), ("seen", "timestamp(3)")],
        rows: vec![json!([1, "ä", "2026-11-21 10:00:00.123"]), json!([2147483647, null, null])],
    };
    let found = lines(&[("url", &stand.start()), ("table", "s.visits")]).await.unwrap();
    assert_eq!(
        found,
        [
            "id bigint, name text, seen timestamp",
            "1 | ä | 2026-11-21T10:00:00.123",
            "2147483647 | NULL | NULL"
        ]
    );
}

#[tokio::test]
async fn a_number_that_connectorx_cannot_carry_ends_the_load_and_is_not_shown() {
    let stand = Stand { types: vec![("id", "bigint")], rows: vec![json!([9876543210_u64])] };
    let error = error(&[("url", &stand.start()), ("table", "visits")]).await;
    assert_eq!(error.kind(), Kind::Data, "{}", error.report());
    assert!(!error.report().contains("9876543210"), "{}", error.report());
}

#[tokio::test]
async fn doubles_and_decimals_are_refused() {
    let stand = Stand { types: vec![("id", "bigint"), ("price", "double")], rows: Vec::new() };
    let found = super::refused(&[("url", &stand.start()), ("table", "visits")]).await;
    assert_eq!(found, ["double of Trino: connectorx may miss the last digit"]);
}
