//! What people get wrong with a real server: the exit code and the whole of what `dhow` says.

use crate::cluster::SHARED;
use crate::project::Project;

/// A copy from `source` to `target` in a new database on which `sql` was run first. Answers what
/// is said, with the names of this run replaced, and the exit code.
fn told(sql: &str, source: &str, sink: &str) -> String {
    let (url, database) = SHARED.url("mistakes");
    SHARED.psql(&database, sql);
    told_in(&url, &database, source, sink)
}

fn told_in(url: &str, database: &str, source: &str, sink: &str) -> String {
    let project = Project::of(
        &format!("sources:\n  rows: {{ {source} }}\nsinks:\n  out: {{ from: rows, {sink} }}\n")
            .replace("{at}", &format!("type: postgres, url: \"{url}\"")),
    );
    std::fs::write(project.path("rows.csv"), "id,name\n1,a\n2,b\0c\n3,long name\n")
        .expect("a folder");
    std::fs::write(project.path("empty.csv"), "id,name\n").expect("a folder");
    let ended = project.run(None);
    let folder = project.path("").canonicalize().expect("the folder is there");
    let said = ended
        .err
        .replace(&format!("{}/", folder.display()), "")
        .replace(database, "DATABASE")
        .replace(&SHARED.socket.display().to_string(), "SOCKET")
        .replace(&SHARED.port.to_string(), "PORT");
    format!("{said}exit: {}\n", ended.code.unwrap_or(-1))
}

/// Parts of the pipelines below.
const FROM: &str = "{at}, table: t";
const INTO: &str = "{at}, table: copy, mode: replace";
const TABLE: &str = "create table t (id int primary key, name text); insert into t values (1, 'a')";

#[test]
fn a_table_that_is_not_there() {
    let sql = TABLE;
    let expected = r#"error: `nothing` does not exist
  relation: nothing
  source:   rows

hint: names are taken letter by letter; is it another database?
exit: 1
"#;
    assert_eq!(told(sql, "{at}, table: nothing", INTO), expected);
}

#[test]
fn a_cursor_that_is_no_column() {
    let sql = TABLE;
    let expected = r#"error: the cursor `nothing` is no column
  relation: t
  source:   rows
exit: 1
"#;
    assert_eq!(told(sql, "{at}, table: t, cursor: nothing", INTO), expected);
}

#[test]
fn a_materialized_view_that_was_never_filled() {
    let sql = "create materialized view t as select 1 as id with no data";
    let expected = r#"error: the materialized view `t` has never been filled
  relation: t
  source:   rows

hint: refresh it first: `refresh materialized view`
exit: 1
"#;
    assert_eq!(told(sql, FROM, INTO), expected);
}

#[test]
fn a_table_without_columns_is_copied() {
    let sql = "create table t (); insert into t default values";
    let expected = r#"exit: 0
"#;
    assert_eq!(told(sql, FROM, INTO), expected);
}

#[test]
fn a_nul_byte_in_a_file() {
    let sql = "select 1";
    let expected = r#"error: the row holds a NUL byte
  place: rows.csv:3
  value: 2,b\u{0}c
  sink:  out

hint: the file may be damaged, or UTF-16
exit: 1
"#;
    assert_eq!(told(sql, "type: csv, path: rows.csv", INTO), expected);
}

#[test]
fn a_text_that_is_too_long() {
    let sql = "create table copy (id bigint, name varchar(3)); create table t (id bigint, name text); insert into t values (1, 'longer')";
    let expected = r#"error: the text is longer than 3 characters
  place:  000000 row 1
  column: name
  value:  longer
  sink:   out

hint: widen the column of the target, or cut the text in the model
exit: 1
"#;
    assert_eq!(told(sql, FROM, "{at}, table: copy, mode: append"), expected);
}

#[test]
fn a_number_with_other_digits_than_its_target() {
    let sql = "create table copy (n numeric(4,2)); create table t (n numeric(10,4)); insert into t values (1.2345)";
    let expected = r#"error: column `n` does not fit its target
  source: rows.n, Decimal128(10, 4)
  target: postgres copy.n, Decimal128(4, 2)
  sink:   out (postgres)

hint: convert it in a model so that it becomes Decimal128(4, 2), or use mode `replace`
exit: 4
"#;
    assert_eq!(told(sql, FROM, "{at}, table: copy, mode: append"), expected);
}

#[test]
fn a_view_as_a_target() {
    let sql = "create table t (id int); create view copy as select * from t";
    let expected = r#"error: `public.copy` is a view, not a table
  server: postgres://postgres@SOCKET:PORT/DATABASE
  sink:   out

hint: name the table itself, or another one
exit: 1
"#;
    assert_eq!(told(sql, FROM, "{at}, table: copy, mode: append"), expected);
}

#[test]
fn a_view_to_be_replaced() {
    let sql =
        "create table t (id int); insert into t values (1); create view copy as select * from t";
    let expected = r#"error: `public.copy` is a view, not a table
  server: postgres://postgres@SOCKET:PORT/DATABASE
  sink:   out

hint: name the table itself, or another one
exit: 1
"#;
    assert_eq!(told(sql, FROM, INTO), expected);
}

#[test]
fn nothing_in_place_of_rows() {
    let sql = "create table t (id int); create table copy (id int); insert into copy values (1)";
    let expected = r#"error: `postgres copy` would become empty
  sink: out
  now:  has rows

hint: nothing was changed; set `allow_empty: true` if no rows is what you mean
exit: 7
"#;
    assert_eq!(told(sql, FROM, INTO), expected);
}

#[test]
fn names_that_look_like_sql_are_copied() {
    let sql = "create table \"x'; DROP TABLE t; --\" (\"order\" int, \"a\"\"b\" int, \"😀\" int); insert into \"x'; DROP TABLE t; --\" values (1,2,3)";
    let expected = r#"exit: 0
"#;
    assert_eq!(told(sql, "{at}, table: \"x'; DROP TABLE t; --\"", INTO), expected);
}

#[test]
fn an_overlap_into_append() {
    let sql = "create table t (id int primary key, at timestamptz not null)";
    let expected = r#"error: `overlap` of `rows` reads rows again, and `append` keeps both
  sink: out (postgres)

hint: set `mode: merge` and a `key`, or leave `overlap` out
exit: 2
"#;
    assert_eq!(
        told(sql, "{at}, table: t, cursor: at, overlap: 10m", "{at}, table: copy, mode: append"),
        expected
    );
}

/// As a user who may log in and do nothing else but what `sql` grants.
fn told_to_reader(sql: &str) -> String {
    static ROLE: std::sync::Once = std::sync::Once::new();
    ROLE.call_once(|| {
        SHARED.psql("postgres", "create role dhow_reader login");
    });
    let (url, database) = SHARED.url("mistakes");
    SHARED.psql(&database, sql);
    let reader = url.replace("postgres@", "dhow_reader@");
    let source = format!("type: postgres, url: \"{reader}\", table: t");
    told_in(&url, &database, &source, INTO)
}

#[test]
fn a_table_without_a_grant() {
    let sql = TABLE;
    let expected = r#"error: `t` may not be read
  relation: t
  source:   rows

hint: grant it: `grant select on … to …`
exit: 1
"#;
    assert_eq!(told_to_reader(sql), expected);
}

#[test]
fn a_column_without_a_grant() {
    let sql =
        "create table t (id int primary key, name text); grant select (id) on t to dhow_reader";
    let expected = r#"error: could not read `t`
  server:   permission denied for table t
  sqlstate: 42501
  source:   rows

hint: grant the user what it lacks
exit: 1
"#;
    assert_eq!(told_to_reader(sql), expected);
}

#[test]
fn rows_that_a_policy_hides() {
    let sql = "create table t (id int primary key); insert into t values (1), (2);
         grant select on t to dhow_reader; alter table t enable row level security;
         create policy own on t using (id = 1)";
    let expected = r#"error: could not read `t`
  server:   query would be affected by row-level security policy for table "t"
  sqlstate: 42501
  source:   rows

hint: a policy hides rows from this user, and a copy would lack them: read as a user with `bypassrls`, or as the owner of the table
exit: 1
"#;
    assert_eq!(told_to_reader(sql), expected);
}

#[test]
fn a_database_that_is_not_there() {
    let (url, database) = SHARED.url("mistakes");
    let source = format!("type: postgres, url: \"{url}_no\", table: t");
    let expected = r#"error: could not connect to `SOCKET:PORT`
  server:   database "DATABASE_no" does not exist
  sqlstate: 3D000
  source:   rows

hint: correct the database, or create it
exit: 1
"#;
    assert_eq!(told_in(&url, &database, &source, INTO), expected);
}

#[test]
fn a_server_that_is_not_there() {
    let (url, database) = SHARED.url("mistakes");
    let source = "type: postgres, url: \"postgres://ann@127.0.0.1:1/shop\", table: t";
    let expected = r#"error: nothing listens at `127.0.0.1:1`
  system: Connection refused (os error 111)
  source: rows

hint: start the server, or correct the host and the port; `wait_for` waits for it
exit: 6
"#;
    assert_eq!(told_in(&url, &database, source, INTO), expected);
}
