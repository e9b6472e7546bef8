//! What people get wrong with a real server: the exit code and the whole of what `dhow` says.

use super::into_postgres;
use crate::mariadb::SHARED;

/// A copy of `source` from a new database in which `sql` was run first. Answers what is said, with
/// the names of this run replaced, and the exit code.
fn told(sql: &str, source: &str) -> String {
    let (url, database) = SHARED.url("mistakes");
    SHARED.sql(&database, sql);
    let source = source.replace("{at}", &format!("url: \"{url}\""));
    let source = source.replace("{port}", &SHARED.port.to_string());
    let (project, _) = into_postgres(&source.replace("{db}", &database), "mode: replace");
    let ended = project.run(None);
    let said = ended.err.replace(&database, "DATABASE").replace(&SHARED.port.to_string(), "PORT");
    format!("{said}exit: {}\n", ended.code.unwrap_or(-1))
}

const TABLE: &str = "create table t (id int primary key, name text); insert into t values (1, 'a')";

#[test]
fn a_table_that_is_not_there() {
    let expected = r#"error: `DATABASE.T` does not exist
  server:   Table 'DATABASE.T' doesn't exist
  error:    1146 (42S02)
  relation: T
  source:   rows

hint: there is DATABASE.t
exit: 1
"#;
    let found = told(TABLE, "{at}, table: T");
    // Other tests have tables of this name.
    let hint = found.find("hint: ").map_or(found.clone(), |at| {
        let (before, after) = found.split_at(at);
        let after = after.split_once('\n').map_or("", |(_, rest)| rest);
        format!("{before}hint: there is DATABASE.t\n{after}")
    });
    assert_eq!(hint, expected);
}

#[test]
fn a_wrong_password() {
    let expected = r#"error: could not connect to `127.0.0.1:PORT`
  server: Access denied for user 'dhow'@'127.0.0.1' (using password: YES)
  error:  1045 (28000)
  source: rows

hint: correct the user or the password; an account is for one host: see `select user, host from mysql.user`
exit: 1
"#;
    let source = "host: 127.0.0.1, port: {port}, user: dhow, password: wrong-horse, \
                  database: \"{db}\", table: t";
    assert_eq!(told(TABLE, source), expected);
}

#[test]
fn a_database_that_is_not_there() {
    let expected = r#"error: could not connect to `127.0.0.1:PORT`
  server: Unknown database 'nothing'
  error:  1049 (42000)
  source: rows

hint: correct the database, or create it
exit: 1
"#;
    let source = "url: \"mysql://dhow@127.0.0.1:{port}/nothing\", table: t";
    assert_eq!(told(TABLE, source), expected);
}

#[test]
fn a_query_that_does_not_parse() {
    let found = told(TABLE, "{at}, query: \"select id from t were id = 1\"");
    assert!(found.starts_with("error: could not prepare the query\n"), "{found}");
    assert!(found.contains("error:    1064 (42000)") && found.ends_with("exit: 2\n"), "{found}");
}

#[test]
fn a_column_that_may_not_be_read() {
    let sql = format!(
        "{TABLE}; create user if not exists half@'%'; \
         set @sql = concat('grant select (id) on `', database(), '`.t to half@''%'''); \
         execute immediate @sql"
    );
    let found = told(&sql, "url: \"mysql://half@127.0.0.1:{port}/{db}\", table: t");
    let expected = r#"error: could not read `DATABASE.t`
  server:   SELECT command denied to user 'half'@'localhost' for table `DATABASE`.`t`
  error:    1142 (42000)
  relation: t
  source:   rows

hint: grant the user what it lacks: `grant select on … to …`
exit: 1
"#;
    let found = found.replace("'half'@'127.0.0.1'", "'half'@'localhost'");
    assert_eq!(found, expected);
    let few = told(&sql, "url: \"mysql://half@127.0.0.1:{port}/{db}\", query: select id from t");
    assert_eq!(few, "exit: 0\n");
}

#[test]
fn a_date_that_is_none_stops_the_run_or_becomes_null() {
    let sql = "set sql_mode = ''; create table t (id int primary key, day date); \
               insert into t values (1, '0000-00-00'), (2, '2026-02-00')";
    let found = told(sql, "{at}, table: t");
    assert!(found.contains("0000-00-00") && found.ends_with("exit: 1\n"), "{found}");
    assert_eq!(told(sql, "{at}, table: t, zero_dates: null"), "exit: 0\n");
}
