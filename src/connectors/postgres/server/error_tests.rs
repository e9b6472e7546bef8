//! What a real server answers, and what that means.

use super::Purpose;
use super::server_tests::server;
use crate::connectors::postgres::cluster::SHARED;
use crate::connectors::postgres::error;
use crate::error::Kind;

const TABLES: &str = "
    create table t(id int primary key, name varchar(3) not null check (name <> 'no'));
    insert into t values (4711, 'abc');
    create table secret(n int);
    create table hidden(n int);
    alter table hidden enable row level security;
    create role limited login;
    grant select, insert on t, hidden to limited;
";

#[tokio::test]
async fn each_answer_of_a_server_has_a_kind_and_no_row_in_it() {
    let (url, name) = SHARED.url("answers");
    SHARED.psql(&name, TABLES);
    let url = url.replace("postgres@", "limited@");
    let server = server(&[("url", &url)]);
    let cases = [
        (Purpose::Write, "insert into public.t values (4711, 'x')", Kind::Data, "23505"),
        (Purpose::Write, "insert into public.t values (1, null)", Kind::Data, "23502"),
        (Purpose::Write, "insert into public.t values (1, 'no')", Kind::Data, "23514"),
        (Purpose::Write, "insert into public.t values (1, 'four')", Kind::Data, "22001"),
        (Purpose::Write, "select 1 / 0", Kind::Data, "22012"),
        (Purpose::Write, "select * from t", Kind::Missing, "42P01"),
        (Purpose::Write, "select nothing from public.t", Kind::Missing, "42703"),
        (Purpose::Write, "selec 1", Kind::Config, "42601"),
        (Purpose::Write, "select * from public.secret", Kind::Denied, "42501"),
        (Purpose::Write, "set role postgres", Kind::Denied, "42501"),
        (Purpose::Read, "insert into public.t values (1, 'x')", Kind::Denied, "25006"),
        (Purpose::Read, "select * from public.hidden", Kind::Denied, "42501"),
        (
            Purpose::Read,
            "select distinct name from public.t for update",
            Kind::Unsupported,
            "0A000",
        ),
        (Purpose::Write, "execute nothing", Kind::Unsupported, "26000"),
        (
            Purpose::Write,
            "select pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())",
            Kind::Unavailable,
            "57P01",
        ),
    ];
    for (purpose, sql, kind, code) in cases {
        let client = server.connect(purpose, "test").await.unwrap();
        let error = client.batch_execute(sql).await.expect_err(sql);
        let error = error::of("could not do it", &error);
        let told = error.places().iter().find(|(what, _)| what == "sqlstate");
        assert_eq!(
            (error.kind(), told.map(|(_, code)| code.as_str())),
            (kind, Some(code)),
            "{sql}"
        );
        assert!(!error.report().contains("4711"), "{}", error.report());
    }
}

#[tokio::test]
async fn a_lock_or_a_limit_of_time_is_worth_another_try() {
    let (url, name) = SHARED.url("locks");
    SHARED.psql(&name, "create table t(n int)");
    let server = server(&[("url", &url)]);
    let holder = server.connect(Purpose::Write, "holder").await.unwrap();
    holder.batch_execute("begin; lock table public.t").await.unwrap();
    let waiter = server.connect(Purpose::Write, "waiter").await.unwrap();
    for (limit, code) in [("lock_timeout", "55P03"), ("statement_timeout", "57014")] {
        let sql = format!("begin; set local {limit} = '10ms'; select * from public.t");
        let error = waiter.batch_execute(&sql).await.unwrap_err();
        waiter.batch_execute("rollback").await.unwrap();
        let error = error::of("could not read `t`", &error);
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.places()[1], ("sqlstate".to_owned(), code.to_owned()));
    }
}

#[tokio::test]
async fn a_session_that_is_gone_is_worth_another_try() {
    let (url, name) = SHARED.url("gone");
    let server = server(&[("url", &url)]);
    let client = server.connect(Purpose::Read, "gone").await.unwrap();
    let pid: i32 =
        client.query_one("select pg_catalog.pg_backend_pid()", &[]).await.unwrap().get(0);
    SHARED.psql(&name, &format!("select pg_terminate_backend({pid}, 10000)"));
    let error = client.batch_execute("select 1").await.unwrap_err();
    assert_eq!(error::of("could not read `t`", &error).kind(), Kind::Unavailable);
}
