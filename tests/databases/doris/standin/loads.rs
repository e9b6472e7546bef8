//! Stream loads over HTTP, with curl.

use std::io::Write;
use std::time::Duration;

use serde_json::Value as Json;

use super::{JSON, LINES, STRICT, curl, load, settle, state_of, told, with_tables};
use crate::doris::stand::{Doris, Layout, Side};

#[test]
fn curl_follows_the_redirect_and_its_rows_arrive() {
    let doris = with_tables();
    let body =
        "{\"id\":1,\"name\":\"a\",\"price\":1.5}\n{\"id\":2,\"at\":\"2026-01-02T03:04:05.6789\"}\n";
    let answer = load(&doris, "t", &["label: one", JSON, LINES, STRICT], body);
    assert_eq!(told(&answer), "Success 2/2/0");
    assert_eq!(answer["Label"], "one");
    assert_eq!(
        doris.rows("t"),
        [
            r#"{"id":1,"name":"a","price":1.50,"at":null}"#,
            r#"{"id":2,"name":null,"price":null,"at":"2026-01-02 03:04:05.679"}"#,
        ]
    );
    let requests = doris.requests();
    let sides: Vec<_> = requests.iter().map(|r| (r.side, r.line.as_str())).collect();
    let line = "PUT /api/shop/t/_stream_load?";
    assert_eq!(sides, [(Side::Fe, line), (Side::Be, line)]);
    assert_eq!(requests[1].body_bytes, u64::try_from(body.len()).expect("small"));
}

#[test]
fn a_request_without_expect_is_complained_of_with_status_200() {
    let doris = with_tables();
    let url = format!("http://{}/api/shop/t/_stream_load", doris.fe());
    let user = format!("{}:{}", doris.user, doris.password);
    let out = curl(&["-u", &user, "-H", "Expect:", "-w", " %{http_code}", "-X", "PUT", &url], b"");
    assert!(out.contains("There is no 100-continue header") && out.ends_with(" 200"), "{out}");
}

#[test]
fn a_redirect_carries_user_and_password_and_a_question_mark() {
    let doris = with_tables();
    let url = format!("http://{}/api/shop/t/_stream_load", doris.fe());
    let user = format!("{}:{}", doris.user, doris.password);
    let out = curl(&["-i", "-u", &user, "-H", "Expect: 100-continue", "-X", "PUT", &url], b"");
    let be = doris.be();
    assert!(out.starts_with("HTTP/1.1 307"), "{out}");
    let location = format!("Location: http://ann:s3cret%26%2Fpw@{be}/api/shop/t/_stream_load?\r\n");
    assert!(out.contains(&location), "{out}");
}

#[test]
fn a_wrong_password_is_told_with_status_200() {
    let doris = with_tables();
    let url = format!("http://{}/api/shop/t/_stream_load", doris.fe());
    let expect = "Expect: 100-continue";
    let out = curl(&["-u", "ann:no", "-H", expect, "-w", " %{http_code}", "-X", "PUT", &url], b"");
    assert!(out.contains("\"code\": 401") && out.ends_with(" 200"), "{out}");
}

#[test]
fn without_strict_mode_what_does_not_convert_is_null_without_a_word() {
    let doris = with_tables();
    let body = "{\"id\":1,\"price\":\"dear\"}\n";
    assert_eq!(told(&load(&doris, "t", &[JSON, LINES], body)), "Success 1/1/0");
    let answer = load(&doris, "t", &[JSON, LINES, STRICT, "label: l"], body);
    assert_eq!(told(&answer), "Fail 1/0/1");
    assert_eq!(doris.rows("t"), [r#"{"id":1,"name":null,"price":null,"at":null}"#]);
    let url = answer["ErrorURL"].as_str().expect("an address");
    let reason = curl(&[url], b"");
    assert!(
        reason.starts_with("Reason: column(price) value is incorrect while strict"),
        "{reason}"
    );
    assert_eq!(doris.labels()["l"], "ABORTED");
    let good = load(&doris, "t", &[JSON, LINES, STRICT, "label: l"], "{\"id\":2}\n");
    assert_eq!(told(&good), "Success 1/1/0");
}

#[test]
fn strict_mode_lets_pass_what_is_only_out_of_range_or_has_too_many_digits() {
    let doris = with_tables();
    let body = "{\"id\":1.9,\"price\":123456.789,\"at\":\"2026-01-01 00:00:00+08:00\"}\n";
    let headers = [JSON, LINES, STRICT, "timezone: UTC"];
    assert_eq!(told(&load(&doris, "t", &headers, body)), "Success 1/1/0");
    let row = r#"{"id":1,"name":null,"price":123456.79,"at":"2025-12-31 16:00:00.000"}"#;
    assert_eq!(doris.rows("t"), [row]);
}

#[test]
fn long_texts_and_nulls_that_may_not_be_are_filtered_in_any_mode() {
    let doris = with_tables();
    for (table, body, reason) in [
        ("t", "{\"id\":1,\"name\":\"ééé\"}", "the length of input is too long"),
        ("t", "{\"name\":\"a\"}", "null value for not null column, type=INT"),
        ("u", "{\"id\":1}", "null value for not null column, type=VARCHAR(5)"),
        ("t", "{\"id\":", "Parse json data for JsonDoc failed"),
    ] {
        let answer = load(&doris, table, &[JSON, LINES], body);
        assert_eq!(told(&answer), "Fail 1/0/1", "{body}");
        let log = curl(&[answer["ErrorURL"].as_str().expect("an address")], b"");
        assert!(log.contains(reason), "{log}");
    }
    let headers = [JSON, LINES, "max_filter_ratio: 0.5"];
    let answer = load(&doris, "t", &headers, "{\"id\":1}\n{\"name\":\"a\"}\n");
    assert_eq!(told(&answer), "Success 2/1/1");
}

#[test]
fn a_label_is_taken_until_it_is_forgotten() {
    let doris = with_tables();
    let once = |body: &str| load(&doris, "t", &["label: l", JSON, LINES], body);
    assert_eq!(told(&once("{\"id\":1}")), "Success 1/1/0");
    let again = once("{\"id\":2}");
    assert_eq!(again["Status"], "Label Already Exists");
    assert_eq!(again["ExistingJobStatus"], "FINISHED");
    assert_eq!(again["TxnId"], -1);
    let message = again["Message"].as_str().expect("text");
    assert!(message.contains("Label [l] has already been used, relate to txn ["), "{message}");
    doris.pass(Duration::from_secs(12 * 3600 + 1));
    assert_eq!(told(&once("{\"id\":3}")), "Success 1/1/0");
    assert_eq!(doris.count("t"), Some(2));
    doris.configure("label_num_threshold", "1");
    load(&doris, "t", &["label: other", JSON, LINES], "{\"id\":4}");
    assert_eq!(told(&once("{\"id\":5}")), "Success 1/1/0");
}

#[test]
fn two_phases_commit_abort_and_time_out() {
    let doris = with_tables();
    let headers = ["label: a", JSON, LINES, "two_phase_commit: true"];
    let answer = load(&doris, "t", &headers, "{\"id\":1}");
    assert_eq!(
        (told(&answer), answer["TwoPhaseCommit"].clone()),
        ("Success 1/1/0".into(), "true".into())
    );
    assert_eq!((doris.count("t"), state_of(&doris, "a")), (Some(0), "PRECOMMITTED".to_owned()));
    let id = format!("txn_id: {}", answer["TxnId"]);
    let said = settle(&doris, &[&id, "txn_operation: commit"]);
    assert!(said.starts_with("Success: transaction [") && said.ends_with("] commit successfully."));
    assert_eq!(doris.count("t"), Some(1));
    let said = settle(&doris, &[&id, "txn_operation: commit"]);
    assert!(said.ends_with("is already visible, not pre-committed."), "{said}");
    let said = settle(&doris, &[&id, "txn_operation: abort"]);
    assert!(said.ends_with("is already VISIBLE, could not abort."), "{said}");
    let said = settle(&doris, &["txn_id: 7", "txn_operation: commit"]);
    assert!(said.ends_with("transaction [7] not found"), "{said}");
    let headers = ["label: b", JSON, LINES, "two_phase_commit: true"];
    load(&doris, "t", &headers, "{\"id\":1}");
    doris.pass(Duration::from_secs(3_601));
    assert_eq!(state_of(&doris, "b"), "ABORTED");
    load(&doris, "t", &headers, "{\"id\":1}");
    let said = settle(&doris, &["label: b", "txn_operation: abort"]);
    assert_eq!(said, "Success: transaction [b] abort successfully.");
    assert_eq!(state_of(&doris, "never"), "UNKNOWN");
}

#[test]
fn a_unique_table_keeps_the_last_of_a_key_and_deletes_by_sign() {
    let doris = with_tables();
    let rows = "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\n{\"id\":1,\"name\":\"c\"}\n";
    load(&doris, "u", &[JSON, LINES], rows);
    assert_eq!(doris.rows("u"), [r#"{"id":1,"name":"c"}"#, r#"{"id":2,"name":"b"}"#]);
    let sign = "{\"id\":1,\"__DORIS_DELETE_SIGN__\":1}\n{\"id\":3,\"name\":\"d\",\"__DORIS_DELETE_SIGN__\":0}\n";
    let hidden = "hidden_columns: __DORIS_DELETE_SIGN__";
    assert_eq!(told(&load(&doris, "u", &[JSON, LINES, hidden], sign)), "Success 2/2/0");
    assert_eq!(doris.rows("u"), [r#"{"id":2,"name":"b"}"#, r#"{"id":3,"name":"d"}"#]);
    load(&doris, "u", &["merge_type: DELETE", "columns: id", "column_separator: ,"], "2\n");
    assert_eq!(doris.rows("u"), [r#"{"id":3,"name":"d"}"#]);
}

#[test]
fn csv_goes_by_place_and_gz_is_unpacked() {
    let doris = with_tables();
    let headers = ["column_separator: ,", "columns: name,id"];
    assert_eq!(told(&load(&doris, "t", &headers, "a,1\n\\N,2\n")), "Success 2/2/0");
    let answer = load(&doris, "t", &["column_separator: ,"], "1,a\n");
    assert_eq!(told(&answer), "Fail 1/0/1");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"id\":9}\n").unwrap();
    let packed = packed.finish().unwrap();
    let url = format!("http://{}/api/shop/t/_stream_load", doris.be());
    let user = format!("{}:{}", doris.user, doris.password);
    let gz = "compress_type: gz";
    let out = curl(&["-u", &user, "-H", JSON, "-H", LINES, "-H", gz, "-T", "-", &url], &packed);
    assert!(out.contains("\"Status\": \"Success\""), "{out}");
    let names: Vec<_> = doris.rows("t").iter().map(|row| row[..12].to_owned()).collect();
    assert_eq!(names, ["{\"id\":1,\"nam", "{\"id\":2,\"nam", "{\"id\":9,\"nam"]);
}

#[test]
fn a_length_is_given_once() {
    let doris = with_tables();
    let url = format!("http://{}/api/shop/t/_stream_load", doris.be());
    let user = format!("{}:{}", doris.user, doris.password);
    let out = curl(&["-u", &user, "-X", "PUT", &url], b"");
    assert!(out.contains("[INVALID_ARGUMENT]content_length is empty"), "{out}");
    let both = ["-H", "Transfer-Encoding: chunked", "-H", "Content-Length: 5"];
    let out = curl(&[&["-u", &user, "-X", "PUT"][..], &both, &[&url]].concat(), b"");
    assert!(out.contains("please do not set both"), "{out}");
}

#[test]
fn arrow_and_parquet_bodies_come_in_by_the_names_of_their_columns() {
    use arrow::array::{
        ArrayRef, BooleanArray, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;
    let doris = Doris::start();
    doris.sql(
        "create table w (id bigint, ok boolean, name string, price decimal(10,2), at datetime(6), xs array<int>) \
         duplicate key (id) distributed by hash (id) buckets 1 properties ('replication_num' = '1')",
    );
    let columns: [(&str, ArrayRef); 6] = [
        (
            "xs",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some(vec![Some(1), None]),
                None,
            ])),
        ),
        ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("name", Arc::new(StringArray::from(vec![Some("é\n"), None]))),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(-150), None])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
        (
            "at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1_000_001), None]).with_timezone("UTC"),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut arrow = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    arrow.write(&batch).unwrap();
    let mut parquet =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let url = format!("http://{}/api/shop/w/_stream_load", doris.be());
    let user = format!("{}:{}", doris.user, doris.password);
    for (format, body) in
        [("arrow", arrow.into_inner().unwrap()), ("parquet", parquet.into_inner().unwrap())]
    {
        let format = format!("format: {format}");
        let headers =
            ["-u", &user, "-H", &format, "-H", STRICT, "-H", "timezone: UTC", "-T", "-", &url];
        let said: Json = serde_json::from_str(&curl(&headers, &body)).unwrap();
        assert_eq!(told(&said), "Success 2/2/0", "{said}");
        assert_eq!(
            doris.rows("w"),
            [
                r#"{"id":1,"ok":true,"name":"é\n","price":-1.50,"at":"1970-01-01 00:00:01.000001","xs":[1,null]}"#,
                r#"{"id":2,"ok":null,"name":null,"price":null,"at":null,"xs":null}"#,
            ],
            "{format}"
        );
        doris.sql("truncate table w");
    }
}

#[test]
fn starrocks_differs_where_it_does() {
    let rocks = Doris::with(&Layout { starrocks: true, ..Layout::default() });
    rocks.sql(
        "create table p (id int not null, name varchar(5)) primary key (id) \
         distributed by hash (id) buckets 1 properties ('replication_num' = '1')",
    );
    let headers = ["column_separator: ,", "row_delimiter: ;"];
    assert_eq!(told(&load(&rocks, "p", &headers, "1,a;1,b;")), "Success 2/2/0");
    assert_eq!(rocks.rows("p"), [r#"{"id":1,"name":"b"}"#]);
    let answer = load(&rocks, "p", &["format: parquet"], "PAR1");
    assert!(answer["Message"].as_str().unwrap().contains("unknown data format"), "{answer}");
}
