//! The stand-in for Doris, held against what Doris' own documents and clients say: curl, the
//! client `pydoris`, and two clients of the MySQL protocol.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use serde_json::Value as Json;

use crate::doris::{Doris, Fault, Latch, Layout, Side, When};

const TABLE: &str = "create table t (id int not null, name varchar(5), price decimal(5,2), at datetime(3)) \
     duplicate key (id) distributed by hash (id) buckets 1 properties ('replication_num' = '1')";
const UNIQUE: &str = "create table u (id int not null, name varchar(5) not null) unique key (id) \
     distributed by hash (id) buckets auto properties ('replication_num' = '1')";

fn with_tables() -> Doris {
    let doris = Doris::start();
    doris.sql(TABLE);
    doris.sql(UNIQUE);
    doris
}

/// What curl prints, with `body` on its standard input.
fn curl(arguments: &[&str], body: &[u8]) -> String {
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
fn load(doris: &Doris, table: &str, headers: &[&str], body: &str) -> Json {
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
fn told(answer: &Json) -> String {
    let number = |name: &str| answer[name].as_i64().unwrap_or(-1);
    format!(
        "{} {}/{}/{}",
        answer["Status"].as_str().unwrap_or("?"),
        number("NumberTotalRows"),
        number("NumberLoadedRows"),
        number("NumberFilteredRows"),
    )
}

const JSON: &str = "format: json";
const LINES: &str = "read_json_by_line: true";
const STRICT: &str = "strict_mode: true";

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

fn state_of(doris: &Doris, label: &str) -> String {
    let url = format!("http://{}/api/shop/get_load_state?label={label}", doris.fe());
    let user = format!("{}:{}", doris.user, doris.password);
    let said: Json = serde_json::from_str(&curl(&["-u", &user, &url], b"")).expect("JSON");
    said["data"].as_str().expect("a state").to_owned()
}

fn settle(doris: &Doris, headers: &[&str]) -> String {
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
fn create_table_keeps_its_rules() {
    let doris = Doris::start();
    let tail = "distributed by hash (a) buckets 1 properties ('replication_num'='1')";
    for (columns, key, tail, said) in [
        (
            "a string, b int",
            "duplicate key (a)",
            tail,
            "String Type should not be used in key column[a].",
        ),
        ("a double, b int", "unique key (a)", tail, "Float or double can not used as a key"),
        ("b int, a int", "duplicate key (a)", tail, "Key columns should be a ordered prefix"),
        ("a varchar(65534)", "duplicate key (a)", tail, "VARCHAR size must be between 1 and 65533"),
        (
            "a decimal(39,0)",
            "duplicate key (a)",
            tail,
            "Precision of decimal must between 1 and 38",
        ),
        (
            "a int, a int",
            "duplicate key (a)",
            tail,
            "1060 errCode = 2, detailMessage = Duplicate column name",
        ),
        ("a int, b int", "unique key (b)", tail, "Key columns should be"),
        ("a string, b int", "", tail, "The olap table first column could not be"),
        ("a int", "duplicate key (a)", "", "should contain distribution desc"),
        (
            "a int",
            "duplicate key (a)",
            "distributed by hash (a) buckets 1",
            "Failed to find enough backend",
        ),
        ("a time", "duplicate key (a)", tail, "TIME type is not supported"),
    ] {
        let said_it =
            doris.try_sql(&format!("create table x ({columns}) {key} {tail}")).unwrap_err();
        assert!(said_it.contains(said), "{columns}: {said_it}");
    }
    let wrong =
        doris.try_sql(&format!("create table _x (a int) duplicate key (a) {tail}")).unwrap_err();
    assert!(wrong.starts_with("1103 ") && wrong.contains("Incorrect table name '_x'"), "{wrong}");
    let create = format!("create table x (a int) duplicate key (a) {tail}");
    doris.sql(&create);
    assert!(doris.try_sql(&create).unwrap_err().starts_with("1050 "));
    doris.sql(&create.replace("table x", "table if not exists x"));
    assert!(doris.try_sql("drop table y").unwrap_err().starts_with("1051 "));
    let missing = doris.try_sql("select * from y").unwrap_err();
    assert_eq!(
        missing,
        "1105 errCode = 2, detailMessage = Table [y] does not exist in database [shop]."
    );
}

#[test]
fn a_table_is_shown_as_it_was_made() {
    let doris = Doris::start();
    doris.sql(
        "CREATE TABLE `wide` (`k` bigint NOT NULL COMMENT 'the \"key\"', `s` varchar(10) NULL DEFAULT 'x', \
         `a` array<struct<n:int,t:string>>, `m` map<string,decimal(10,2)>, `j` json) ENGINE=OLAP UNIQUE KEY(`k`) \
         COMMENT 'about' DISTRIBUTED BY HASH(`k`) BUCKETS AUTO PROPERTIES (\"replication_num\" = \"1\")",
    );
    assert_eq!(
        doris.definition("wide"),
        "CREATE TABLE `wide` (\n  `k` bigint NOT NULL COMMENT \"the \\\"key\\\"\",\n  \
         `s` varchar(10) NULL DEFAULT \"x\",\n  `a` array<struct<n:int,t:text>> NULL,\n  \
         `m` map<text,decimal(10,2)> NULL,\n  `j` json NULL\n) ENGINE=OLAP\nUNIQUE KEY(`k`)\n\
         COMMENT \"about\"\nDISTRIBUTED BY HASH(`k`) BUCKETS AUTO\nPROPERTIES (\n\
         \"replication_allocation\" = \"tag.location.default: 1\",\n\
         \"enable_unique_key_merge_on_write\" = \"true\"\n);"
    );
    let columns = doris.sql(
        "select column_name, column_type, column_key, is_nullable from information_schema.columns \
         where table_schema = 'shop' and table_name = 'wide' order by ordinal_position limit 2",
    );
    let texts: Vec<String> = columns.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(
        texts,
        [
            r#"[Some("k"), Some("bigint(20)"), Some("UNI"), Some("NO")]"#,
            r#"[Some("s"), Some("varchar(10)"), Some(""), Some("YES")]"#,
        ]
    );
    let comment = "select table_comment from information_schema.tables where table_name = 'wide'";
    assert_eq!(doris.sql(comment), [[Some("about".to_owned())]]);
    assert_eq!(doris.sql("desc wide")[0][1].as_deref(), Some("bigint"));
}

#[test]
fn tables_are_swapped_without_comparing_them() {
    let doris = with_tables();
    doris.sql("insert into t values (1, 'a', 1, null)");
    doris.sql("insert into u values (7, 'seven'), (8, 'eight')");
    doris.sql("alter table t replace with table u properties('swap' = 'true')");
    assert_eq!((doris.count("t"), doris.count("u")), (Some(2), Some(1)));
    doris.sql("alter table t replace with table u properties('swap' = 'false')");
    assert_eq!((doris.count("t"), doris.tables()), (Some(1), vec!["t".to_owned()]));
    doris.sql("alter table t modify comment 'of load 7'");
    assert_eq!(doris.comment("t").as_deref(), Some("of load 7"));
}

#[test]
fn a_changed_type_takes_its_time_and_an_added_column_does_not() {
    let doris = with_tables();
    doris.sql("insert into t (id, name) values (1, 'abc')");
    doris.sql("alter table t add column note varchar(3) default 'new'");
    doris.sql("alter table t modify column name varchar(20)");
    assert_eq!(doris.sql("desc t")[1][1].as_deref(), Some("varchar(5)"));
    let busy = doris.try_sql("alter table t add column more int").unwrap_err();
    assert!(busy.contains("Do not allow doing ALTER ops"), "{busy}");
    let state = || {
        let rows = doris
            .sql("show alter table column where TableName = 't' order by CreateTime desc limit 1");
        rows[0][9].clone().expect("a state")
    };
    assert_eq!([state(), state(), state()], ["RUNNING", "RUNNING", "FINISHED"]);
    assert_eq!(doris.sql("desc t")[1][1].as_deref(), Some("varchar(20)"));
    let row = r#"{"id":1,"name":"abc","price":null,"at":null,"note":"new"}"#;
    assert_eq!(doris.rows("t"), [row]);
    let short = doris.try_sql("alter table t modify column name varchar(2)").unwrap_err();
    assert!(short.contains("Shorten type length is prohibited"), "{short}");
}

#[test]
fn an_insert_is_one_transaction_with_a_label() {
    let doris = with_tables();
    doris.sql("insert into t with label `a-1` values (1, 'a', 1.005, null), (2, null, null, '2026-01-01 00:00:00')");
    let again =
        doris.try_sql("insert into t with label `a-1` select 3, 'c', null, null").unwrap_err();
    assert!(again.contains("Label [a-1] has already been used, relate to txn ["), "{again}");
    let bad = doris
        .try_sql("insert into t with label b values (4, 'ok', 1, null), (5, 'too long', 1, null)");
    assert!(bad.unwrap_err().starts_with("5025 "));
    assert_eq!(doris.labels()["b"], "ABORTED");
    assert_eq!(state_of(&doris, "a-1"), "VISIBLE");
    doris.sql("insert into t with label nothing select * from t where id > 100");
    assert_eq!(state_of(&doris, "nothing"), "UNKNOWN");
    let shown = doris.sql("show load where label = 'a-1'");
    assert_eq!(shown[0][2].as_deref(), Some("FINISHED"));
    assert_eq!(doris.sql("show transaction where label = 'a-1'")[0][3].as_deref(), Some("VISIBLE"));
    assert_eq!(doris.count("t"), Some(2));
}

#[test]
fn update_and_delete_keep_their_rules() {
    let doris = with_tables();
    doris.sql("insert into u values (1, 'a'), (2, 'b'), (3, 'c')");
    doris.sql("insert into t (id) values (1), (2), (3)");
    assert!(
        doris.try_sql("update t set name = 'x' where id = 1").unwrap_err().contains("Only unique")
    );
    assert!(
        doris
            .try_sql("update u set id = 9 where id = 1")
            .unwrap_err()
            .contains("Only value columns")
    );
    doris.sql("update u set name = 'x' where id = 1");
    doris.sql("delete from u where id in (select id from t where id = 2)");
    assert_eq!(doris.rows("u"), [r#"{"id":1,"name":"x"}"#, r#"{"id":3,"name":"c"}"#]);
    assert!(
        doris
            .try_sql("delete from t where id = 1 or id = 2")
            .unwrap_err()
            .contains("duplicate table")
    );
    doris.sql("delete from t where id in (1, 2) and name is null");
    assert_eq!(doris.count("t"), Some(1));
    doris.sql("truncate table t");
    assert_eq!(doris.count("t"), Some(0));
}

#[test]
fn queries_join_group_and_leave_out() {
    let doris = with_tables();
    doris.sql("insert into u values (1, 'a'), (2, 'b'), (3, 'b')");
    doris.sql("insert into t (id, name) values (2, 'b'), (4, 'd')");
    let groups = doris.sql("select `name`, count(*) as n from `shop`.`u` group by name having count(*) > 1 order by n limit 5");
    assert_eq!(groups, [[Some("b".to_owned()), Some("2".to_owned())]]);
    let left =
        doris.sql("select count(*) from u left anti join t on u.id = t.id where u.name <=> 'b'");
    assert_eq!(left, [[Some("1".to_owned())]]);
    let both = doris.sql("with w as (select id from t) select count(*) from shop.u a join w on a.id = w.id where shop.a.name = \"b\"");
    assert_eq!(both, [[Some("1".to_owned())]]);
    doris.sql(r#"insert into u values (9, '''a\\'''), (10, "\"''")"#);
    let texts = doris.sql("select name from u where id > 8 and name <> 'x' order by id").concat();
    assert_eq!(texts, [Some(r"'a\'".to_owned()), Some(r#""''"#.to_owned())]);
    let unknown = doris.try_sql("select nothing from u").unwrap_err();
    assert!(unknown.contains("Unknown column 'nothing'"), "{unknown}");
}

/// A session of the crate that dhow uses.
async fn client(doris: &Doris, password: &str) -> mysql_async::Result<mysql_async::Conn> {
    let (host, port) =
        doris.query().split_once(':').map(|(h, p)| (h.to_owned(), p.parse().unwrap())).unwrap();
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .user(Some(doris.user.clone()))
        .pass(Some(password.to_owned()))
        .db_name(Some("shop"))
        .prefer_socket(false);
    mysql_async::Conn::new(options).await
}

#[tokio::test]
async fn a_client_of_the_mysql_protocol_logs_in_and_asks() {
    let doris = with_tables();
    let denied = client(&doris, "wrong").await.unwrap_err();
    assert!(matches!(&denied, mysql_async::Error::Server(e) if e.code == 1045), "{denied}");
    let mut conn = client(&doris, &doris.password).await.unwrap();
    conn.query_drop("insert into t with label l values (1, 'a', 2.5, '2026-01-01 00:00:00')")
        .await
        .unwrap();
    assert!(conn.info().contains("'label':'l', 'status':'VISIBLE'"), "{}", conn.info());
    assert_eq!(conn.affected_rows(), 1);
    let row: (i64, String, String) =
        conn.query_first("select id, name, price from t").await.unwrap().unwrap();
    assert_eq!(row, (1, "a".to_owned(), "2.50".to_owned()));
    let put = "insert into t (id, name, price) values (?, ?, ?)";
    conn.exec_drop(put, (2_i64, "it's", Option::<String>::None)).await.unwrap();
    let row: Option<(i64, String, Option<String>)> =
        conn.exec_first("select id, name, price from t where id = ?", (2,)).await.unwrap();
    assert_eq!(row, Some((2, "it's".to_owned(), None)));
    let missing = conn.query_drop("select * from nothing").await.unwrap_err();
    assert!(matches!(&missing, mysql_async::Error::Server(e) if e.code == 1105), "{missing}");
    let version: String = conn.query_first("select @@version_comment").await.unwrap().unwrap();
    assert!(version.contains("Doris"), "{version}");
    conn.query_drop("use shop").await.unwrap();
    assert!(conn.query_drop("use nowhere").await.is_err());
}

#[tokio::test]
async fn an_answer_of_the_query_port_is_lost_before_and_after_the_effect() {
    let doris = with_tables();
    for (fault, rows) in [(Fault::LoseBefore, 0), (Fault::LoseAfter, 1)] {
        doris.fault(When::query("insert into"), fault);
        let mut conn = client(&doris, &doris.password).await.unwrap();
        let lost = conn.query_drop("insert into t (id) values (1)").await.unwrap_err();
        assert!(!matches!(lost, mysql_async::Error::Server(_)), "{lost}");
        assert_eq!(doris.count("t"), Some(rows));
    }
    assert_eq!(doris.struck(), 2);
}

#[test]
fn faults_of_a_load_do_what_their_names_say() {
    let doris = with_tables();
    let put = |label: &str| {
        let url = format!("http://{}/api/shop/t/_stream_load", doris.fe());
        let user = format!("{}:{}", doris.user, doris.password);
        let label = format!("label: {label}");
        let arguments = [
            "--location-trusted",
            "-u",
            &user,
            "-H",
            "Expect: 100-continue",
            "-H",
            JSON,
            "-H",
            LINES,
            "-H",
            &label,
            "-T",
            "-",
            &url,
        ];
        curl(&arguments, b"{\"id\":1}\n")
    };
    let at_be = || When::be("_stream_load");
    doris.fault(at_be(), Fault::LoseBefore);
    assert_eq!((put("a").as_str(), state_of(&doris, "a")), ("", "UNKNOWN".to_owned()));
    doris.fault(at_be(), Fault::LoseAfter);
    assert_eq!((put("b").as_str(), state_of(&doris, "b")), ("", "VISIBLE".to_owned()));
    doris.fault(at_be(), Fault::Reset(4));
    assert_eq!((put("c").as_str(), state_of(&doris, "c")), ("", "ABORTED".to_owned()));
    doris.fault(at_be(), Fault::Die(4, 1));
    assert_eq!((put("d").as_str(), state_of(&doris, "d")), ("", "PREPARE".to_owned()));
    let busy: Json = serde_json::from_str(&put("d")).unwrap();
    assert_eq!(
        (busy["Status"].as_str(), busy["ExistingJobStatus"].as_str()),
        (Some("Label Already Exists"), Some("RUNNING"))
    );
    assert_eq!(state_of(&doris, "d"), "ABORTED");
    doris.fault(at_be(), Fault::Truncate(130));
    assert!(put("e").contains("\"TxnId\"") && state_of(&doris, "e") == "VISIBLE");
    doris.fault(at_be(), Fault::PublishTimeout(1));
    assert!(put("f").contains("\"Status\": \"Publish Timeout\""));
    let count = doris.count("t");
    assert_eq!([state_of(&doris, "f"), state_of(&doris, "f")], ["COMMITTED", "VISIBLE"]);
    assert_eq!(doris.count("t"), count.map(|n| n + 1));
    doris.fault(at_be(), Fault::TooManyVersions);
    assert!(put("g").contains("[E-235]"));
    doris.fault(at_be(), Fault::LabelTaken);
    assert!(put("h").contains("FINISHED"));
    doris.fault(When::fe("_stream_load"), Fault::Html);
    assert!(put("i").contains("<html>"));
    doris.fault(When::fe("_stream_load"), Fault::Status(503));
    assert!(put("j").contains("<html>"));
    doris.fault(When::fe("_stream_load").times(3), Fault::RedirectToSelf);
    assert!(put("k").contains("Success"));
    assert_eq!(doris.struck(), 13);
}

#[test]
fn a_request_can_be_held() {
    let doris = with_tables();
    let latch = Latch::default();
    doris.fault(When::be("_stream_load"), Fault::HoldAnswer(latch.clone()));
    std::thread::scope(|scope| {
        let load = scope.spawn(|| load(&doris, "t", &[JSON, LINES], "{\"id\":1}"));
        latch.wait_reached();
        assert_eq!(doris.count("t"), Some(1));
        latch.release();
        assert_eq!(told(&load.join().unwrap()), "Success 1/1/0");
    });
}

#[test]
fn servers_go_down_and_come_back_at_their_ports() {
    let doris = Doris::with(&Layout { fes: 2, bes: 2, ..Layout::default() });
    doris.sql(TABLE);
    let user = format!("{}:{}", doris.user, doris.password);
    let alive = |fe: usize| {
        let url = format!("http://{}/api/backends?is_alive=true", doris.fe_at(fe));
        curl(&["-u", &user, &url], b"").matches("\"ip\"").count()
    };
    assert_eq!((alive(0), alive(1)), (2, 2));
    doris.be_down(0, true);
    doris.fe_down(0);
    assert_eq!((alive(0), alive(1)), (0, 1));
    assert!(std::net::TcpStream::connect(doris.be()).is_err());
    doris.be_up(0);
    doris.fe_up(0);
    assert_eq!((alive(0), alive(1)), (2, 2));
    for _ in 0..2 {
        assert_eq!(told(&load(&doris, "t", &[JSON, LINES], "{\"id\":1}")), "Success 1/1/0");
    }
    let which: Vec<_> =
        doris.requests().iter().filter(|r| r.side == Side::Be).map(|r| r.which).collect();
    assert_eq!(which, [0, 1]);
}

#[test]
fn a_counting_cluster_counts_and_forgets() {
    let doris = Doris::with(&Layout { counting: true, ..Layout::default() });
    doris.sql(TABLE);
    assert_eq!(told(&load(&doris, "t", &[JSON, LINES], "{\"id\":1}\n{}\n")), "Success 2/2/0");
    assert_eq!(doris.count("t"), Some(0));
}

/// `DHOW_TEST_PYTHON`, or the environment that `make` fills from `requirements.txt`.
fn python() -> std::path::PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-tests/bin/python");
    std::env::var_os("DHOW_TEST_PYTHON").map_or(own, Into::into)
}

/// What a Python program prints that is called with the addresses of `doris`.
fn run_python(doris: &Doris, program: &str) -> String {
    let (host, http) =
        doris.fe().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let query = doris.query().split_once(':').map(|(_, p)| p.to_owned()).unwrap();
    let out = Command::new(python())
        .args(["-c", program, &host, &query, &http, &doris.user, &doris.password])
        .output()
        .expect("python is there: run `make test`, or set DHOW_TEST_PYTHON");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

#[test]
fn the_client_pydoris_loads_json_and_csv_and_reads_them() {
    let doris = Doris::start();
    let said = run_python(
        &doris,
        r#"
import sys
from pydoris.doris_client import DorisClient
from pydoris.selectdb.config import WriteOptions
host, query, http, user, password = sys.argv[1:6]
client = DorisClient(host, query, http, user, password, "shop")
client.execute("create table p (id int not null, name varchar(10)) duplicate key(id) "
               "distributed by hash(id) buckets 1 properties('replication_num'='1')")
json = WriteOptions().set_json_format().set_label("l1")
print("=", client.write("shop.p", '{"id":1,"name":"a"}\n{"id":2}\n', json))
print("=", client.write("shop.p", '{"id":3}\n', json))
print("=", client.write("shop.p", '4,d\n', WriteOptions().set_csv_format(",")))
print("=", client.query("select id, name from p order by id"))
print("=", client.list_tables("shop"), client.get_table_columns("shop", "p").fields[1].field_name)
"#,
    );
    let told: Vec<_> = said.lines().filter(|line| line.starts_with("= ")).collect();
    assert_eq!(
        told,
        ["= True", "= False", "= True", "= [(1, 'a'), (2, None), (4, 'd')]", "= ['p'] name"]
    );
    assert_eq!(doris.labels()["l1"], "VISIBLE");
}

#[test]
fn the_client_pymysql_makes_a_table_and_fills_it() {
    let doris = Doris::start();
    let said = run_python(
        &doris,
        r#"
import sys, pymysql
host, query, _, user, password = sys.argv[1:6]
conn = pymysql.connect(host=host, port=int(query), user=user, password=password, database="shop", autocommit=True)
with conn.cursor() as cursor:
    cursor.execute("create table p (id int not null, price decimal(5,2)) unique key(id) "
                   "distributed by hash(id) buckets 1 properties('replication_num'='1')")
    print(cursor.execute("insert into p with label l values (%s, %s), (2, null)", (1, 1.5)))
    cursor.execute("select id, price from p order by id")
    print(cursor.fetchall(), [d[0] for d in cursor.description])
    try:
        cursor.execute("insert into p with label l values (3, 3)")
    except pymysql.err.Error as e:
        print(e.args[0], "has already been used" in e.args[1])
try:
    pymysql.connect(host=host, port=int(query), user=user, password="no")
except pymysql.err.OperationalError as e:
    print(e.args[0])
"#,
    );
    let expected = "2\n((1, '1.50'), (2, None)) ['id', 'price']\n1105 True\n1045\n";
    assert_eq!(said, expected);
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
