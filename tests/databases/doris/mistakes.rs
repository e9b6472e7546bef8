//! What people get wrong with Doris, and what servers in between do: the exit code and the whole of
//! what `dhow` says.

use super::site::sink;
use crate::doris::stand::{Doris, Fault, When};
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
    let ended = crate::project::Ended::of_call(&mut command);
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

/// The front ends do not tell their back ends, so that loads go by redirect.
fn by_redirect(doris: &Doris) {
    doris.fault(When::fe("/api/backends").always(), Fault::Status(404));
}

#[test]
fn a_front_end_that_answers_with_a_page() {
    let doris = with_table();
    doris.fault(When::fe("").always(), Fault::Html);
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: `FE` answered with a page of HTML
      status: 200 OK
      sink:   out

    hint: something else than Doris may stand there: look at `fe`
    exit: 6
    "#);
}

#[test]
fn a_redirect_that_leads_to_itself() {
    let doris = with_table();
    by_redirect(&doris);
    doris.fault(When::fe(LOAD).always(), Fault::RedirectToSelf);
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: `FE` sends us on and on
      redirects: 3
      sink:      out

    hint: name the servers themselves in `fe`, not something that stands before them
    exit: 6
    "#);
}

#[test]
fn a_redirect_to_a_host_that_nobody_named() {
    let doris = with_table();
    by_redirect(&doris);
    let stranger = Doris::start();
    let port = stranger.be().split_once(':').map(|(_, port)| port.to_owned()).expect("a port");
    doris.fault(When::fe(LOAD).always(), Fault::RedirectTo(format!("localhost:{port}")));
    insta::assert_snapshot!(told(&doris, APPEND).replace(&port, "PORT"), @r#"
    error: `FE` sends us to a host that is not known
      server: localhost:PORT
      sink:   out

    hint: if it is one of yours, name it in `be` or in `allowed_hosts`
    exit: 1
    "#);
    assert!(stranger.requests().is_empty(), "a stranger was asked");
}

#[test]
fn a_page_instead_of_a_redirect() {
    let doris = with_table();
    by_redirect(&doris);
    doris.fault(When::fe(LOAD).always(), Fault::Html);
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: `FE` did not say where to send a load
      status: 200 OK
      sink:   out

    hint: something else than Doris may stand there: look at `fe`, or name `be`
    exit: 6
    "#);
}

#[test]
fn a_front_end_that_only_redirects() {
    let doris = with_table();
    by_redirect(&doris);
    assert_eq!(told(&doris, APPEND), "exit: 0\n");
    assert_eq!(doris.count("target"), Some(2));
}

#[test]
fn a_back_end_that_dies_half_way_every_time() {
    let doris = with_table();
    doris.fault(When::be(LOAD).always(), Fault::Die(5, 0));
    let said = told(&doris, APPEND);
    // How it is noticed is a matter of chance.
    let (before, rest) = said.split_once("broke off: ").expect(&said);
    let said = format!("{before}broke off: …{}", rest.trim_start_matches(|c| c != '\n'));
    insta::assert_snapshot!(said, @r#"
    error: a part of the rows has not arrived
      reason: the connection with `BE` broke off: …
      sink:   out

    hint: nothing was published; run again and finished splits are kept
    exit: 6
    "#);
    assert_eq!(doris.count("target"), Some(0));
}

#[test]
fn a_wrong_password() {
    let doris = with_table();
    let sink = sink(&doris, APPEND).replace(&doris.password, "wrong");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @r#"
    error: no session with `QUERY` could begin
      it says: Access denied for user 'ann@127.0.0.1' (using password: YES)
      server:  QUERY
      table:   shop.target
      sink:    out

    hint: look at `user`, `password` and the privileges of the user
    exit: 1
    "#);
}

#[test]
fn a_database_that_is_not_there() {
    let doris = with_table();
    let sink = sink(&doris, APPEND).replace("database: shop", "database: nowhere");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @r#"
    error: database `nowhere` cannot be used
      it says: errCode = 2, detailMessage = Unknown database 'nowhere'
      server:  QUERY
      table:   nowhere.target
      sink:    out

    hint: create the database, or correct `database`
    exit: 1
    "#);
}

#[test]
fn a_table_that_is_not_there_and_may_not_be_made() {
    let doris = Doris::start();
    insta::assert_snapshot!(told(&doris, "mode: append, create_table: false"), @r#"
    error: there is no table `target`
      table: shop.target
      sink:  out

    hint: create it, or let dhow do it with `create_table: true`
    exit: 1
    "#);
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
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: column `name` is not in its target
      source: rows.name, Utf8
      target: doris shop target
      sink:   out (doris)

    hint: leave it out in a model, add it to the target, or use mode `replace`

    error: column `title` of the target is not in `rows`
      source: rows
      target: doris shop target.title, Utf8
      sink:   out (doris)

    hint: add it in a model, such as `null as title`, or use mode `replace`
    exit: 4
    "#);
}

#[test]
fn a_text_into_a_number() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("name varchar(10)", "name int"));
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: column `name` does not fit its target
      source: rows.name, Utf8
      target: doris shop target.name, Int32
      sink:   out (doris)

    hint: convert it in a model so that it becomes Int32, or use mode `replace`
    exit: 4
    "#);
}

#[test]
fn a_text_that_is_too_long() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("varchar(10)", "varchar(8)"));
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: the text is longer than 8 bytes
      place:  000000-00000 row 2
      column: name
      value:  long name
      sink:   out

    hint: cut it in the model with `substr`, or widen the column in the target
    exit: 1
    "#);
    assert_eq!(doris.count("target"), Some(0));
}

#[test]
fn a_text_that_is_too_long_in_bytes_only() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("varchar(10)", "varchar(8)"));
    insta::assert_snapshot!(told_of(&doris, "id,name\n1,ääääa\n", APPEND), @r#"
    error: the text is longer than 8 bytes
      place:  000000-00000 row 1
      column: name
      value:  ääääa
      sink:   out

    hint: cut it in the model with `substr`, or widen the column in the target
    exit: 1
    "#);
}

#[test]
fn a_null_where_none_may_be() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("varchar(10)", "varchar(10) not null"));
    insta::assert_snapshot!(told_of(&doris, "id,name\n1,\n", APPEND), @r#"
    error: the column takes no NULL
      place:  000000-00000 row 1
      column: name
      value:  NULL
      sink:   out

    hint: fill it in the model with `coalesce`, or drop the column's `not null` in the target
    exit: 1
    "#);
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
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @r#"
    error: no session with `127.0.0.1:1` could begin
      server: 127.0.0.1:1
      reason: Connection refused (os error 111)
      table:  shop.target
      sink:   out

    hint: nothing was published; run again and finished splits are kept
    exit: 6
    "#);
}

#[test]
fn a_load_that_fails_for_a_reason_of_its_own() {
    let doris = with_table();
    let reason = "[MEM_LIMIT_EXCEEDED]PreCatch error code:11, memory limit exceeded";
    doris.fault(When::be(LOAD).always(), Fault::Fail(reason.to_owned()));
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: `BE` refused a load
      it says: [MEM_LIMIT_EXCEEDED]PreCatch error code:11, memory limit exceeded
      sink:    out

    hint: the back end is out of memory: use a smaller `request_bytes`
    exit: 6
    "#);
}

#[test]
fn too_few_back_ends_for_the_copies_of_a_new_table() {
    let doris = Doris::start();
    let sink = sink(&doris, APPEND).replace("replication_num: 1", "replication_num: 3");
    insta::assert_snapshot!(told_by(&doris, "id,name\n1,a\n", &sink), @r#"
    error: could not make table `target`
      it says: errCode = 2, detailMessage = Failed to find enough backend, please check the replication num,replication tag and storage medium and avail capacity of backends or maybe all be on same host.\nCreate fail…
      server:  QUERY
      table:   shop.target
      sink:    out

    hint: set `replication_num` to the number of back ends, at most
    exit: 2
    "#);
}

#[test]
fn a_key_twice_in_the_rows_of_a_merge() {
    let doris = Doris::start();
    doris.sql(&TABLE.replace("duplicate key", "unique key"));
    let said = told_of(&doris, "id,name\n1,a\n1,b\n", "mode: merge, key: [id]");
    insta::assert_snapshot!(said, @r#"
    error: two rows of the load have the same key
      key:   id=1
      table: shop.target
      sink:  out

    hint: keep one row of each key in a model
    exit: 1
    "#);
}

#[test]
fn a_merge_into_a_table_that_keeps_all_rows() {
    let doris = with_table();
    insta::assert_snapshot!(told(&doris, "mode: merge, key: [id]"), @r#"
    error: `target` keeps every row of a key, so none can be merged
      table: shop.target
      sink:  out

    hint: merge needs a table made with UNIQUE KEY (id); or use mode `delete+insert`
    exit: 2
    "#);
}

#[test]
fn rows_that_the_server_filters_all_the_same() {
    let doris = with_table();
    let reason = "column_name[name], the length of input is too long than schema";
    let lines: Vec<_> = (0..40).map(|n| format!("Reason: {reason}. src line [{n}]; \n")).collect();
    doris.fault(When::be(LOAD), Fault::Filter(lines.concat()));
    insta::assert_snapshot!(told(&doris, APPEND), @r#"
    error: `BE` refused a load
      it says:     [DATA_QUALITY_ERROR]too many filtered rows
      refused row: Reason: column_name[name], the length of input is too long than schema. src line [0];
      refused row: Reason: column_name[name], the length of input is too long than schema. src line [1];
      refused row: Reason: column_name[name], the length of input is too long than schema. src line [2];
      sink:        out

    hint: the server minds values that should fit: please report it
    exit: 1
    "#);
    assert_eq!(doris.count("target"), Some(0));
}
