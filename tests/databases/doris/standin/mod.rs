//! The stand-in for Doris, held against what Doris' own documents and clients say: curl, the
//! client `pydoris`, and two clients of the MySQL protocol.

mod clients;
mod faults;
mod loads;
mod statements;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::doris::stand::Doris;

pub(super) const TABLE: &str = "create table t (id int not null, name varchar(5), price decimal(5,2), at datetime(3)) \
     duplicate key (id) distributed by hash (id) buckets 1 properties ('replication_num' = '1')";
pub(super) const UNIQUE: &str = "create table u (id int not null, name varchar(5) not null) unique key (id) \
     distributed by hash (id) buckets auto properties ('replication_num' = '1')";

pub(super) fn with_tables() -> Doris {
    let doris = Doris::start();
    doris.sql(TABLE);
    doris.sql(UNIQUE);
    doris
}
/// What curl prints, with `body` on its standard input.
pub(super) fn curl(arguments: &[&str], body: &[u8]) -> String {
    let mut child = Command::new("curl")
        .args(["-s", "--max-time", "20"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl starts");
    let mut input = child.stdin.take().expect("piped");
    let _ = input.write_all(body);
    drop(input);
    let out = child.wait_with_output().expect("curl ends");
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// A stream load through the first front end, as the documents show it.
pub(super) fn load(doris: &Doris, table: &str, headers: &[&str], body: &str) -> Json {
    let url = format!("http://{}/api/shop/{table}/_stream_load", doris.fe());
    let user = format!("{}:{}", doris.user, doris.password);
    let mut arguments = vec!["--location-trusted", "-u", &user, "-H", "Expect: 100-continue"];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    arguments.extend(["-T", "-", &url]);
    let said = curl(&arguments, body.as_bytes());
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// Parts of an answer that matter most.
pub(super) fn told(answer: &Json) -> String {
    let number = |name: &str| answer[name].as_i64().unwrap_or(-1);
    format!(
        "{} {}/{}/{}",
        answer["Status"].as_str().unwrap_or("?"),
        number("NumberTotalRows"),
        number("NumberLoadedRows"),
        number("NumberFilteredRows"),
    )
}

pub(super) const JSON: &str = "format: json";
pub(super) const LINES: &str = "read_json_by_line: true";
pub(super) const STRICT: &str = "strict_mode: true";

pub(super) fn state_of(doris: &Doris, label: &str) -> String {
    let url = format!("http://{}/api/shop/get_load_state?label={label}", doris.fe());
    let user = format!("{}:{}", doris.user, doris.password);
    let said: Json = serde_json::from_str(&curl(&["-u", &user, &url], b"")).expect("JSON");
    said["data"].as_str().expect("a state").to_owned()
}

pub(super) fn settle(doris: &Doris, headers: &[&str]) -> String {
    let url = format!("http://{}/api/shop/_stream_load_2pc", doris.fe());
    let user = format!("{}:{}", doris.user, doris.password);
    let mut arguments = vec!["--location-trusted", "-u", &user, "-H", "Expect: 100-continue"];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    arguments.extend(["-X", "PUT", &url]);
    let said: Json = serde_json::from_str(&curl(&arguments, b"")).expect("JSON");
    format!("{}: {}", said["status"].as_str().expect("text"), said["msg"].as_str().expect("text"))
}
