//! What the gate does beyond what Google's client shows in `proof.py`: faults, the rules of uploads,
//! the lives of jobs, and the checks of rows, dispositions and layouts.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use super::gate::{Fault, Gate, PROJECT, Refusal, When};

/// One request on a connection of its own; none when no whole answer came.
fn ask(
    gate: &Gate,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Option<(u16, String, Value)> {
    let mut stream =
        TcpStream::connect(gate.url().trim_start_matches("http://")).expect("it listens");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    let sent = stream.write_all(&[head.as_bytes(), body].concat());
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = stream.shutdown(Shutdown::Both);
    if sent.is_err() || read.is_err() {
        return None;
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    if body.len() != length.unwrap_or(0) {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head.to_owned(), serde_json::from_str(body).unwrap_or_default()))
}

fn base(path: &str) -> String {
    format!("/bigquery/v2/projects/{PROJECT}{path}")
}

fn get(gate: &Gate, path: &str) -> Option<(u16, Value)> {
    ask(gate, "GET", &base(path), "", b"").map(|(status, _, body)| (status, body))
}

fn reason(body: &Value) -> &str {
    body["error"]["errors"][0]["reason"].as_str().unwrap_or("")
}

fn gate() -> Gate {
    let fields = json!([{ "name": "id", "type": "INT64", "mode": "REQUIRED" }, { "name": "note", "type": "STRING" }]);
    Gate::start().with_dataset("d", "europe-west3").with_table("d.t", &fields)
}

fn insert(gate: &Gate, id: &str, configuration: &Value) -> Option<(u16, Value)> {
    let job = json!({ "jobReference": { "projectId": PROJECT, "jobId": id, "location": "europe-west3" }, "configuration": configuration });
    let said = ask(
        gate,
        "POST",
        &base("/jobs"),
        "Content-Type: application/json\r\n",
        job.to_string().as_bytes(),
    );
    said.map(|(status, _, body)| (status, body))
}

fn reference(table: &str) -> Value {
    json!({ "projectId": PROJECT, "datasetId": "d", "tableId": table })
}

/// Loads lines in one request; answers the job when it is done, or what the request was told.
fn load(gate: &Gate, id: &str, load: &Value, lines: &str) -> Value {
    let mut configuration =
        json!({ "destinationTable": reference("t"), "sourceFormat": "NEWLINE_DELIMITED_JSON" });
    for (key, value) in load.as_object().into_iter().flatten() {
        configuration[key] = value.clone();
    }
    let job = json!({ "jobReference": { "projectId": PROJECT, "jobId": id }, "configuration": { "load": configuration } });
    let body = format!(
        "--b\r\nContent-Type: application/json\r\n\r\n{job}\r\n--b\r\nContent-Type: */*\r\n\r\n{lines}\r\n--b--\r\n"
    );
    let path = format!("/upload{}?uploadType=multipart", base("/jobs"));
    let said = ask(
        gate,
        "POST",
        &path,
        "Content-Type: multipart/related; boundary=b\r\n",
        body.as_bytes(),
    );
    let (status, _, said) = said.expect("an answer");
    if status != 200 {
        return said;
    }
    gate.finish_jobs();
    get(gate, &format!("/jobs/{id}?location=europe-west3")).expect("an answer").1
}

fn failed(job: &Value) -> &str {
    job["status"]["errorResult"]["reason"].as_str().unwrap_or("")
}

#[test]
fn answers_are_lost_before_or_after_the_effect_and_break_off_where_they_are_told_to() {
    let gate = gate();
    let copy = |to: &str| json!({ "copy": { "sourceTables": [reference("t")], "destinationTable": reference(to) } });
    gate.order(When::call("jobs.insert"), Fault::LostBefore);
    assert!(insert(&gate, "one", &copy("a")).is_none());
    assert_eq!(gate.jobs().len(), 0);
    gate.order(When::call("jobs.insert").body("\"b\""), Fault::LostAfter);
    gate.order(When::call("jobs.insert").body("\"c\""), Fault::Truncated(20));
    assert!(insert(&gate, "one", &copy("b")).is_none());
    assert!(insert(&gate, "two", &copy("c")).is_none());
    gate.finish_jobs();
    assert_eq!(gate.tables("d"), ["b", "c", "t"]);
    let again = insert(&gate, "one", &copy("b")).expect("an answer");
    assert_eq!((again.0, reason(&again.1)), (409, "duplicate"));
    gate.order(When::call("tables.get").nth(2).times(2), Fault::rate_limited());
    gate.order(When::call("tables.get").nth(4), Fault::too_many_requests(7));
    let statuses: Vec<_> =
        (0..5).map(|_| get(&gate, "/datasets/d/tables/t").map(|said| said.0)).collect();
    assert_eq!(statuses, [200, 403, 403, 429, 200].map(Some));
    assert_eq!(gate.open_orders(), 0);
    let log: Vec<_> = gate.log().iter().take(3).map(|seen| (seen.call, seen.status)).collect();
    assert_eq!(log, [("jobs.insert", None), ("jobs.insert", None), ("jobs.insert", Some(200))]);
}

#[test]
fn a_held_request_has_its_effect_when_it_is_let_go_although_nobody_waits_any_more() {
    let gate = gate();
    let held = gate.hold(When::call("tables.delete"), false);
    let mut stream =
        TcpStream::connect(gate.url().trim_start_matches("http://")).expect("it listens");
    let request = format!("DELETE {} HTTP/1.1\r\nHost: gate\r\n\r\n", base("/datasets/d/tables/t"));
    stream.write_all(request.as_bytes()).expect("it reads");
    held.wait();
    drop(stream);
    assert_eq!(gate.tables("d"), ["t"]);
    held.release();
    while gate.log().iter().any(|seen| seen.status.is_none()) {
        std::thread::yield_now();
    }
    assert_eq!(gate.tables("d"), Vec::<String>::new());
}

#[test]
fn jobs_have_a_place_a_pace_and_an_end() {
    let gate = gate();
    let query = json!({ "query": { "query": "SELECT 1", "useLegacySql": false } });
    gate.pace(2, 2);
    let state = |said: &(u16, Value)| said.1["status"]["state"].as_str().unwrap_or("").to_owned();
    let mut states = vec![state(&insert(&gate, "slow", &query).expect("an answer"))];
    let place = "/jobs/slow?location=europe-west3";
    states.extend((0..4).map(|_| state(&get(&gate, place).expect("an answer"))));
    assert_eq!(states, ["PENDING", "PENDING", "RUNNING", "RUNNING", "DONE"]);
    let elsewhere = [get(&gate, "/jobs/slow"), get(&gate, "/jobs/slow?location=US")];
    assert!(elsewhere.into_iter().all(|said| said.is_some_and(|(status, _)| status == 404)));
    gate.order(When::call("jobs.insert"), Fault::for_ever());
    insert(&gate, "never", &query).expect("an answer");
    assert_eq!(
        state(&get(&gate, "/jobs/never?location=EUROPE-WEST3").expect("an answer")),
        "PENDING"
    );
    let cancel = ask(&gate, "POST", &base("/jobs/never/cancel?location=europe-west3"), "", b"");
    assert_eq!(cancel.expect("an answer").2["job"]["status"]["errorResult"]["reason"], "stopped");
    gate.order(
        When::call("jobs.insert"),
        Fault::JobFails(Refusal::new(503, "backendError", "later")),
    );
    insert(&gate, "broken", &query).expect("an answer");
    gate.finish_jobs();
    assert_eq!(
        failed(&get(&gate, "/jobs/broken?location=europe-west3").expect("an answer").1),
        "backendError"
    );
    gate.forget_jobs();
    assert_eq!(get(&gate, place).expect("an answer").0, 404);
}

/// A chunk of so many bytes that begins at `at`.
fn put(gate: &Gate, uri: &str, at: usize, length: usize, total: &str) -> Option<(u16, String)> {
    let range = match length {
        0 => format!("Content-Range: bytes */{total}\r\n"),
        _ => format!("Content-Range: bytes {at}-{}/{total}\r\n", at + length - 1),
    };
    let line = b"{\"id\":\"1\"}      \n";
    let data: Vec<u8> = line.iter().copied().cycle().skip(at % line.len()).take(length).collect();
    let (status, head, _) = ask(gate, "PUT", uri, &range, &data)?;
    let range = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("range: ").map(str::to_owned));
    Some((status, range.unwrap_or_default()))
}

fn open(gate: &Gate, id: &str) -> String {
    let load =
        json!({ "destinationTable": reference("t"), "sourceFormat": "NEWLINE_DELIMITED_JSON" });
    let job = json!({ "jobReference": { "projectId": PROJECT, "jobId": id }, "configuration": { "load": load } });
    let path = format!("/upload{}?uploadType=resumable", base("/jobs"));
    let (status, head, _) =
        ask(gate, "POST", &path, "", job.to_string().as_bytes()).expect("an answer");
    assert_eq!(status, 200);
    let uri = head.lines().find_map(|line| line.strip_prefix("location: ")).expect("a session");
    uri.trim_start_matches(gate.url()).to_owned()
}

#[test]
fn an_upload_goes_by_the_rules_of_google() {
    const UNIT: usize = 262_144;
    let gate = gate();
    let uri = open(&gate, "up");
    let told = |status: u16, range: &str| Some((status, range.to_owned()));
    assert_eq!(put(&gate, &uri, 0, 0, "*"), told(308, ""), "nothing is there");
    assert_eq!(put(&gate, &uri, 0, UNIT + 1, "*"), told(400, ""), "no multiple of 256 KiB");
    assert_eq!(put(&gate, &uri, UNIT, UNIT, "*"), told(400, ""), "a gap");
    assert_eq!(put(&gate, &uri, 0, UNIT, "*"), told(308, "bytes=0-262143"));
    gate.order(When::call("upload.put"), Fault::ResetAfter(UNIT + 5));
    assert_eq!(put(&gate, &uri, UNIT, 2 * UNIT, "*"), None);
    assert_eq!(put(&gate, &uri, 0, 0, "*"), told(308, "bytes=0-524287"), "whole units are kept");
    gate.order(When::call("upload.put"), Fault::KeepOnly(0));
    assert_eq!(put(&gate, &uri, 2 * UNIT, UNIT, "*"), told(308, "bytes=0-524287"));
    assert_eq!(gate.jobs().len(), 0, "a job begins when all is there");
    gate.order(When::call("upload.put"), Fault::LostAfter);
    let total = 2 * UNIT + 26;
    assert_eq!(put(&gate, &uri, 2 * UNIT, 26, &total.to_string()), None);
    assert_eq!(
        put(&gate, &uri, 0, 0, &total.to_string()),
        told(200, ""),
        "the answer that was missed"
    );
    gate.finish_jobs();
    assert_eq!(gate.count("d.t"), u64::try_from(total / 17).expect("few"));
    let gone = open(&gate, "gone");
    gate.order(When::call("upload.ask"), Fault::SessionGone(410));
    assert_eq!(put(&gate, &gone, 0, 0, "*"), told(410, ""));
    assert_eq!(put(&gate, &gone, 0, UNIT, "*"), told(410, ""));
    // Whoever learns of the end only there says it in a request of its own.
    let late = open(&gate, "late");
    assert_eq!(put(&gate, &late, 0, UNIT, "*"), told(308, "bytes=0-262143"));
    assert_eq!(put(&gate, &late, 0, 0, &UNIT.to_string()), told(200, ""));
}

#[test]
fn rows_that_bigquery_refuses_are_refused_and_the_table_stays_as_it_was() {
    let gate = gate();
    let good = r#"{"ID":"1","note":"a"}"#;
    assert_eq!(load(&gate, "good", &json!({}), good)["statistics"]["load"]["outputRows"], "1");
    gate.limit_rows(60);
    let long = format!(r#"{{"id":"2","note":"{}"}}"#, "x".repeat(60));
    let bad = [
        "{}",
        r#"{"id":null}"#,
        r#"{"id":"x"}"#,
        r#"{"id":"9223372036854775808"}"#,
        r#"{"id":"2","other":1}"#,
        r#"{"id":"2","note":{}}"#,
        r#"{"id":"2""#,
        "[]",
        &long,
    ];
    for (n, line) in bad.into_iter().enumerate() {
        for write in ["WRITE_APPEND", "WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA"] {
            let job = load(
                &gate,
                &format!("bad_{n}_{write}"),
                &json!({ "writeDisposition": write }),
                &format!("{good}\n{line}"),
            );
            assert_eq!(
                (failed(&job), job["status"]["errors"].as_array().map(Vec::len)),
                ("invalid", Some(2)),
                "{line}"
            );
            assert_eq!(gate.rows("d.t"), [json!({ "id": 1, "note": "a" })], "{line}");
        }
    }
    let tolerant = json!({ "maxBadRecords": 1, "ignoreUnknownValues": true });
    let job = load(&gate, "tolerant", &tolerant, "{\"id\":\"2\",\"other\":1}\n{}");
    assert_eq!(job["statistics"]["load"]["badRecords"], "1");
    assert_eq!(gate.count("d.t"), 2);
}

#[test]
fn dispositions_mean_what_google_says() {
    let gate = gate();
    let row = r#"{"id":"1"}"#;
    let more = json!([{ "name": "id", "type": "INTEGER", "mode": "REQUIRED" }, { "name": "note", "type": "STRING" }, { "name": "more", "type": "DATE" }]);
    load(&gate, "first", &json!({}), row);
    let cases = [
        (json!({ "writeDisposition": "WRITE_EMPTY" }), "duplicate"),
        (
            json!({ "destinationTable": reference("new"), "createDisposition": "CREATE_NEVER" }),
            "notFound",
        ),
        (json!({ "destinationTable": reference("new") }), "invalid"),
        (json!({ "schema": { "fields": more } }), "invalid"),
        (json!({ "schema": { "fields": [{ "name": "id", "type": "STRING" }] } }), "invalid"),
        (json!({ "timePartitioning": { "type": "DAY" } }), "invalid"),
        (
            json!({ "clustering": { "fields": ["none"] }, "schema": { "fields": more }, "destinationTable": reference("new") }),
            "invalid",
        ),
    ];
    for (n, (configuration, expected)) in cases.into_iter().enumerate() {
        let job = load(&gate, &format!("case_{n}"), &configuration, row);
        assert_eq!(failed(&job), expected, "{configuration}");
    }
    assert_eq!((gate.count("d.t"), gate.tables("d").len()), (1, 1));
    let added =
        json!({ "schema": { "fields": more }, "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"] });
    assert_eq!(failed(&load(&gate, "added", &added, r#"{"id":"2","more":"2026-01-01"}"#)), "");
    assert_eq!(gate.columns("d.t"), ["id INTEGER NOT NULL", "note STRING", "more DATE"]);
    assert_eq!(
        failed(&load(&gate, "kept", &json!({ "writeDisposition": "WRITE_TRUNCATE" }), row)),
        ""
    );
    assert_eq!((gate.count("d.t"), gate.columns("d.t").len()), (1, 3));
    let none = json!({ "projectId": PROJECT, "datasetId": "none", "tableId": "t" });
    load(&gate, "none", &json!({ "destinationTable": none }), row);
    let none = get(&gate, "/jobs/none").expect("it ran in the United States");
    assert_eq!(failed(&none.1), "notFound");
    let query = json!({ "query": { "query": "SELECT 1" } });
    insert(&gate, "legacy", &query).expect("an answer");
    gate.finish_jobs();
    let legacy = get(&gate, "/jobs/legacy?location=europe-west3").expect("an answer");
    assert_eq!(
        failed(&legacy.1),
        "invalidQuery",
        "legacy SQL is what Google takes when nothing is said"
    );
}

#[test]
fn a_transaction_is_carried_out_whole_or_not_at_all() {
    let gate = gate();
    gate.sql("INSERT INTO d.t (id) VALUES (1), (2)").expect("rows");
    let script = |last: &str| {
        format!(
            "BEGIN TRANSACTION; DELETE FROM d.t WHERE id = 1; INSERT INTO d.t (id) VALUES ({last}); COMMIT TRANSACTION;"
        )
    };
    assert_eq!(gate.sql(&script("NULL")), Err("Required field id cannot be null".to_owned()));
    assert_eq!(gate.count("d.t"), 2);
    gate.sql(&script("3")).expect("a script");
    assert_eq!(
        gate.sql("SELECT id FROM d.t ORDER BY id DESC"),
        Ok(vec![vec![json!(3)], vec![json!(2)]])
    );
    // Outside of a transaction each statement stands for itself.
    assert!(gate.sql("DELETE FROM d.t WHERE id = 2; INSERT INTO d.t (id) VALUES (NULL);").is_err());
    assert_eq!(gate.count("d.t"), 1);
    assert!(gate.sql("BEGIN TRANSACTION; DELETE FROM d.t WHERE true;").is_err());
    assert_eq!(gate.count("d.t"), 1);
}

#[test]
fn time_passes_when_a_test_says_so() {
    let gate = gate();
    let end = jiff::Timestamp::now().as_millisecond() + 60_000;
    gate.make_table("d.short", &json!({ "expirationTime": end.to_string(), "schema": { "fields": [{ "name": "a", "type": "STRING" }] } }));
    assert_eq!(get(&gate, "/datasets/d/tables/short").expect("an answer").0, 200);
    gate.advance(Duration::from_secs(120));
    assert_eq!(get(&gate, "/datasets/d/tables/short").expect("an answer").0, 404);
    gate.require_tokens();
    assert_eq!(get(&gate, "/datasets/d/tables/t").expect("an answer").0, 401);
    gate.deny("bigquery.tables.get");
    let machine = ask(
        &gate,
        "GET",
        "/computeMetadata/v1/instance/service-accounts/default/token",
        "Metadata-Flavor: Google\r\n",
        b"",
    );
    let token = machine.expect("an answer").2["access_token"].as_str().expect("a token").to_owned();
    let header = format!("Authorization: Bearer {token}\r\n");
    let with = |path: &str| ask(&gate, "GET", &base(path), &header, b"").map(|(status, ..)| status);
    assert_eq!(with("/datasets/d"), Some(200));
    assert_eq!(with("/datasets/d/tables/t"), Some(403));
    gate.expire_tokens();
    assert_eq!(with("/datasets/d"), Some(401));
}

#[test]
fn a_gate_that_counts_throws_rows_away() {
    let gate = Gate::counting()
        .with_dataset("d", "US")
        .with_table("d.t", &json!([{ "name": "id", "type": "INT64" }]));
    let said = |job: Value| job["statistics"]["load"]["outputRows"].clone();
    let load = |id: &str| load(&gate, id, &json!({}), "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    load("counted");
    let job = get(&gate, "/jobs/counted").expect("an answer").1;
    assert_eq!((said(job), gate.count("d.t"), gate.rows("d.t")), (json!("2"), 2, vec![]));
}
