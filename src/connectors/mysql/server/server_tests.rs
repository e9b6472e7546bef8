//! What a real server answers, and what that means.

use super::{Kill, Server};
use crate::config::Options;
use crate::connectors::mysql::error;
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::connectors::mysql::options;
use crate::error::{Error, Kind};

/// A server with these options.
pub(in crate::connectors::mysql) fn server(options: &[(&str, &str)]) -> Server {
    let all = [options, &[("table", "db.t")]].concat();
    let (wanted, problems) = options::source(&Options::of_arguments(&all));
    assert!(problems.is_empty(), "{problems:?}");
    wanted.server
}

/// Why no session begins.
pub(in crate::connectors::mysql) async fn failure(options: &[(&str, &str)]) -> Error {
    server(options).connect().await.expect_err("no session begins")
}

#[tokio::test]
async fn a_session_that_cannot_begin_says_who_must_act() {
    let own = MariaDb::start(&["--max-connections=10", "--extra-max-connections=1"]);
    let (url, db) = own.url("login");
    own.sql(
        &db,
        "create user canary@'%' identified by 'hunter2'; grant select on *.* to canary@'%'; \
         create user elsewhere@'10.0.0.1'; create user nobody@'%' identified by 'x'; \
         create user one@'%' with max_user_connections 1",
    );
    let with = |user: &str| url.replace("dhow@", user);
    for (url, kind, told) in [
        (with("canary:wrong@"), Kind::Denied, "1045 (28000)"),
        (with("canary@"), Kind::Denied, "1045 (28000)"),
        (with("stranger@"), Kind::Denied, "1045 (28000)"),
        (with("elsewhere@"), Kind::Denied, "1045 (28000)"),
        (with("nobody:x@"), Kind::Denied, "1044 (42000)"),
        (with("dhow@").replace(&db, "nothing"), Kind::Missing, "1049 (42000)"),
    ] {
        let error = failure(&[("url", &url)]).await;
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(error.places().last().unwrap().1, told, "{error:?}");
        assert!(!error.report().contains("hunter2"));
    }
    server(&[("url", &with("canary:hunter2@"))]).connect().await.unwrap();
    let one = server(&[("url", &with("one@").replace(&format!("/{db}"), ""))]);
    let first = one.connect().await.unwrap();
    assert_eq!(one.connect().await.unwrap_err().kind(), Kind::Limit);
    first.close().await;

    let many = server(&[("url", &url)]);
    let mut open = Vec::new();
    let error = loop {
        match many.connect().await {
            Ok(connection) => open.push(connection),
            Err(error) => break error,
        }
        assert!(open.len() < 20);
    };
    assert_eq!((error.kind(), error.advice().is_some()), (Kind::Limit, true), "{error:?}");
    drop(own);
    let error = failure(&[("url", &url)]).await;
    assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn settings_of_the_server_change_nothing() {
    let own = MariaDb::start(&[]);
    let (url, db) = own.url("settings");
    // Whoever may do everything is spared `init_connect`.
    own.sql(&db, "create user plain@'%'; grant select on *.* to plain@'%'");
    own.sql(
        &db,
        "set global time_zone = '-07:30', global init_connect = 'set sql_select_limit = 1, autocommit = 0', \
         global wait_timeout = 5, global net_write_timeout = 5, global max_statement_time = 2, \
         global tx_isolation = 'READ-UNCOMMITTED', global character_set_server = latin1, \
         global sql_auto_is_null = 1, global sql_select_limit = 2, \
         global sql_mode = 'ORACLE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'",
    );
    let server = server(&[("url", &url.replace("dhow@", "plain@"))]);
    let mut session = server.connect().await.unwrap();
    let sql = "select @@time_zone, @@sql_mode, @@sql_select_limit, @@autocommit, \
               @@sql_auto_is_null, @@character_set_results, @@tx_isolation, @@tx_read_only, \
               @@wait_timeout, @@net_write_timeout, cast(@@max_statement_time as int)";
    let found = session.query(sql).await.unwrap().remove(0);
    let found: Vec<_> = found.into_iter().flatten().collect();
    let expected = [
        "+00:00",
        "NO_ENGINE_SUBSTITUTION",
        "18446744073709551615",
        "1",
        "0",
        "utf8mb4",
        "REPEATABLE-READ",
        "1",
        "86400",
        "86400",
        "0",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn each_answer_of_a_server_has_a_kind_and_no_row_in_it() {
    let (url, db) = SHARED.url("answers");
    SHARED.sql(
        &db,
        "create table t (id int primary key, name varchar(3)); insert into t values (4711, 'abc'); \
         create table secret (n int); create user if not exists limited@'%'",
    );
    SHARED.sql(&db, &format!("grant select, insert on `{db}`.t to limited@'%'"));
    let server = server(&[("url", &url.replace("dhow@", "limited@"))]);
    let mut session = server.connect().await.unwrap();
    for (sql, kind, code) in [
        ("insert into t values (4711, 'x')", Kind::Denied, "1792"),
        ("select * from nothing", Kind::Denied, "1142"),
        ("select nothing from t", Kind::Missing, "1054"),
        ("selec 1", Kind::Config, "1064"),
        ("select * from secret", Kind::Denied, "1142"),
        ("select nothing(1)", Kind::Denied, "1370"),
        ("select 1 from t where (1, 2) = 3", Kind::Data, "4078"),
        ("select _utf8mb4'a' collate latin1_bin", Kind::Config, "1253"),
        ("flush tables with read lock", Kind::Denied, "1227"),
        (
            "select json_value('{', '$.x'), cast('4711x' as date), 1 / 0, sleep(nothing)",
            Kind::Missing,
            "1054",
        ),
    ] {
        let failure = session.query(sql).await.expect_err(sql);
        let error = error::of("could not do it", failure);
        let told = error.places().iter().find(|(what, _)| what == "error").unwrap().1.clone();
        assert_eq!((error.kind(), told.split(' ').next()), (kind, Some(code)), "{sql} {error:?}");
        assert!(!error.report().contains("4711"), "{}", error.report());
        assert!(session.is_usable());
    }
}

#[tokio::test]
async fn a_session_that_is_killed_is_worth_another_try_and_one_that_is_stopped_goes_on() {
    let (url, _) = SHARED.url("gone");
    let server = server(&[("url", &url)]);
    let mut session = server.connect().await.unwrap();
    let id = session.id();
    let (stopped, ()) = futures::join!(session.query("select sleep(30)"), async {
        // Not before the statement runs.
        let running = format!(
            "select count(*) from information_schema.processlist where id = {id} and state = 'User sleep'"
        );
        let mut other = server.connect().await.unwrap();
        while other.query(&running).await.unwrap()[0][0].as_deref() != Some("1") {}
        server.kill(Kill::Query, id).await;
    });
    // `sleep` answers 1 when it is stopped.
    assert!(stopped.is_err() || stopped.unwrap()[0][0].as_deref() == Some("1"));
    assert!(session.is_usable());
    server.kill(Kill::Session, id).await;
    let failure = session.query("select 1").await.unwrap_err();
    assert_eq!(error::of("could not read `t`", failure).kind(), Kind::Unavailable);
}
