//! What people get wrong with Doris, and what servers in between do: the exit code and the whole of
//! what `dhow` says.

use super::site::sink;
use crate::doris::{Doris, Fault, Layout, When};
use crate::project::Project;

const LOAD: &str = "/_stream_load?";

/// A table that takes the rows below.
const TABLE: &str = "create table target (id bigint not null, name varchar(10)) duplicate key (id) \
     distributed by hash (id) buckets 1 properties ('replication_num' = '1')";

/// What is said of a load of two rows, with the names of this run replaced, and the exit code.
fn told(doris: &Doris, options: &str) -> String {
    told_of(doris, "id,name\n1,a\n2,long name\n", options)
}

fn told_of(doris: &Doris, rows: &str, options: &str) -> String {
    told_by(doris, rows, &sink(doris, options))
}

fn told_by(doris: &Doris, rows: &str, sink: &str) -> String {
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: csv, path: rows.csv, columns: {{ id: bigint, name: text }} }}\n\
         sinks:\n  out: {{ from: rows, {sink} }}\n"
    ));
    std::fs::write(project.path("rows.csv"), rows).expect("a folder");
    let mut command = project.command(&["run", "--quiet", "--tries", "1"]);
    let ended = crate::project::Ended::of(command.output().expect("dhow starts"));
    let folder = project.path("").canonicalize().expect("the folder is there");
    let said = ended
        .err
        .replace(&format!("{}/", folder.display()), "")
        .replace(&doris.fe(), "FE")
        .replace(&doris.be(), "BE")
        .replace(&doris.query(), "QUERY");
    assert!(!said.contains(&doris.password), "the password is shown: {said}");
    format!("{said}exit: {}\n", ended.code.unwrap_or(-1))
}

fn with_table() -> Doris {
    let doris = Doris::start();
    doris.sql(TABLE);
    doris
}

const APPEND: &str = "mode: append";

#[test]
fn a_front_end_that_answers_with_a_page() {
    let doris = with_table();
    doris.fault(When::fe("").always(), Fault::Html);
    insta::assert_snapshot!(told(&doris, APPEND), @"");
}

#[test]
fn a_redirect_that_leads_to_itself() {
    let doris = with_table();
    doris.fault(When::fe(LOAD).always(), Fault::RedirectToSelf);
    insta::assert_snapshot!(told(&doris, APPEND), @"");
}

#[test]
fn a_redirect_to_a_host_that_nobody_named() {
    let doris = with_table();
    let stranger = Doris::start();
    let port = stranger.be().split_once(':').map(|(_, port)| port.to_owned()).expect("a port");
    doris.fault(When::fe(LOAD).always(), Fault::RedirectTo(format!("localhost:{port}")));
    insta::assert_snapshot!(told(&doris, APPEND).replace(&port, "PORT"), @"");
    assert!(stranger.requests().is_empty(), "a stranger was asked");
}

#[test]
fn a_back_end_that_dies_half_way_every_time() {
    let doris = with_table();
    doris.fault(When::be(LOAD).always(), Fault::Die(5, 0));
    insta::assert_snapshot!(told(&doris, APPEND), @"");
    assert_eq!(doris.count("target"), Some(0));
}

#[test]
fn a_wrong_password() {
    let doris = with_table();
    let sink = sink(&doris, APPEND).replace(&doris.password, "wrong");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @"");
}

#[test]
fn a_database_that_is_not_there() {
    let doris = with_table();
    let sink = sink(&doris, APPEND).replace("database: shop", "database: nowhere");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @"");
}

#[test]
fn a_table_that_is_not_there_and_may_not_be_made() {
    let doris = Doris::start();
    insta::assert_snapshot!(told(&doris, "mode: append, create_table: false"), @"");
}

#[test]
fn a_table_that_is_not_there_is_made() {
    let doris = Doris::start();
    assert_eq!(told(&doris, APPEND), "exit: 0\n");
    assert_eq!(doris.rows("target"), [r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":"long name"}"#]);
}

#[test]
fn a_column_that_the_table_does_not_have() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("name varchar(10)", "title varchar(10)"));
    insta::assert_snapshot!(told(&doris, APPEND), @"");
}

#[test]
fn a_text_into_a_number() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("name varchar(10)", "name int"));
    insta::assert_snapshot!(told(&doris, APPEND), @"");
}

#[test]
fn a_text_that_is_too_long() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("varchar(10)", "varchar(8)"));
    insta::assert_snapshot!(told(&doris, APPEND), @"");
    assert_eq!(doris.count("target"), Some(0));
}

#[test]
fn a_text_that_is_too_long_in_bytes_only() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("varchar(10)", "varchar(8)"));
    insta::assert_snapshot!(told_of(&doris, "id,name\n1,ääääa\n", APPEND), @"");
}

#[test]
fn a_null_where_none_may_be() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("varchar(10)", "varchar(10) not null"));
    insta::assert_snapshot!(told_of(&doris, "id,name\n1,\n", APPEND), @"");
}

#[test]
fn a_label_that_is_taken_every_time() {
    let doris = with_table();
    doris.fault(When::be(LOAD).always(), Fault::LabelTaken);
    let said = told(&doris, APPEND);
    assert!(!said.ends_with("exit: 0\n"), "{said}");
    assert_eq!(doris.count("target"), Some(0));
}

#[test]
fn a_cluster_that_is_not_there() {
    let doris = with_table();
    let (fe, query) = (doris.fe(), doris.query());
    let sink = sink(&doris, APPEND).replace(&fe, "127.0.0.1:1").replace(&query, "127.0.0.1:1");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @"");
}

#[test]
fn a_load_that_fails_for_a_reason_of_its_own() {
    let doris = with_table();
    let reason = "[MEM_LIMIT_EXCEEDED]PreCatch error code:11, memory limit exceeded";
    doris.fault(When::be(LOAD).always(), Fault::Fail(reason.to_owned()));
    insta::assert_snapshot!(told(&doris, APPEND), @"");
}

#[test]
fn too_few_back_ends_for_the_copies_of_a_new_table() {
    let doris = Doris::start();
    let sink = sink(&doris, APPEND).replace("replication_num: 1", "replication_num: 3");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @"");
}

#[test]
fn a_key_twice_in_the_rows_of_a_merge() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("duplicate key", "unique key"));
    let said = told_of(&doris, "id,name\n1,a\n1,b\n", "mode: merge, key: [id]");
    insta::assert_snapshot!(said, @"");
}

#[test]
fn a_merge_into_a_table_that_keeps_all_rows() {
    let doris = with_table();
    insta::assert_snapshot!(told(&doris, "mode: merge, key: [id]"), @"");
}

#[test]
fn no_password_and_no_row_is_shown_when_rows_are_filtered_by_the_server() {
    let doris = Doris::with(&Layout::default());
    doris.sql(TABLE);
    // The table changes under the load: what fitted does not fit any more.
    doris.fault(When::be(LOAD), Fault::Fail("[DATA_QUALITY_ERROR]too many filtered rows".into()));
    let said = told(&doris, APPEND);
    assert!(said.contains("too many filtered rows"), "{said}");
}
