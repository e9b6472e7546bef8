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
    let project = Project::of(&format!(
        "sources:\n  rows: {{ {source} }}\nsinks:\n  out: {{ from: rows, {sink} }}\n"
    ).replace("{at}", &format!("type: postgres, url: \"{url}\"")));
    std::fs::write(project.path("rows.csv"), "id,name\n1,a\n2,b\0c\n3,long name\n").expect("a folder");
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
fn zz_print() {
    let role = "create role reader login; grant connect on database postgres to reader;";
    let _ = SHARED.try_psql("postgres", role);
    let reader = "type: postgres, url: \"URL\", table: t";
    let _ = reader;
    for (what, sql, source, sink) in [
        ("table", TABLE, "{at}, table: nothing", INTO),
        ("cursor", TABLE, "{at}, table: t, cursor: nothing", INTO),
        ("unpopulated", "create materialized view t as select 1 as id with no data", FROM, INTO),
        ("no columns", "create table t (); insert into t default values", FROM, INTO),
        ("nul", "select 1", "type: csv, path: rows.csv", INTO),
        ("varchar", "create table copy (id bigint, name varchar(3)); create table t (id bigint, name text); insert into t values (1, 'longer')", FROM, "{at}, table: copy, mode: append"),
        ("numeric", "create table copy (n numeric(4,2)); create table t (n numeric(10,4)); insert into t values (1.2345)", FROM, "{at}, table: copy, mode: append"),
        ("view", "create table t (id int); create view copy as select * from t", FROM, "{at}, table: copy, mode: append"),
        ("view replaced", "create table t (id int); insert into t values (1); create view copy as select * from t", FROM, INTO),
        ("empty", "create table t (id int); create table copy (id int); insert into copy values (1)", FROM, INTO),
        ("names", "create table \"x'; DROP TABLE t; --\" (\"order\" int, \"a\"\"b\" int, \"😀\" int); insert into \"x'; DROP TABLE t; --\" values (1,2,3)", "{at}, table: \"x'; DROP TABLE t; --\"", INTO),
        ("overlap", "create table t (id int primary key, at timestamptz not null)", "{at}, table: t, cursor: at, overlap: 10m", "{at}, table: copy, mode: append"),
    ] {
        println!("=== {what}\n{}", told(sql, source, sink));
    }
}
