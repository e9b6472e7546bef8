//! What the server hides from a user is an error, and not fewer rows.

use super::{failure, lines, server, snapshot};
use crate::error::Kind;

#[tokio::test(flavor = "multi_thread")]
async fn masked_values_are_refused_unless_they_are_accepted() {
    let server = server(
        "create table t (id int not null, name nvarchar(9) masked with (function = 'default()') null);
         insert into t values (1, N'secret')",
    );
    let error = failure(&server, &[("table", "t")]).await;
    assert_eq!(error.kind(), Kind::Denied);
    assert_eq!(error.message(), "the values of `name` are masked for this user");
    let other = failure(&server, &[("query", "select name from t")]).await;
    assert_eq!(other.message(), "the values of `name` are masked for this user");
    let accepted = snapshot(&server, &[("table", "t"), ("hidden", "accept")]).await;
    assert_eq!(lines(&accepted).await, ["1|xxxx"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_rows_are_refused() {
    let server = server(
        "create table t (id int not null);
         create security policy p add filter predicate dbo.f(id) on dbo.t",
    );
    let error = failure(&server, &[("table", "t")]).await;
    assert_eq!(error.kind(), Kind::Denied);
    assert_eq!(error.message(), "a security policy may hide rows of `t`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_or_a_table_that_may_not_be_read_is_denied() {
    let server =
        server("create table t (id int not null, c int null); deny select on t (c) to ann");
    assert_eq!(failure(&server, &[("table", "t")]).await.kind(), Kind::Denied);
    server.execute("shop", "deny select on t to ann");
    assert_eq!(failure(&server, &[("table", "t")]).await.kind(), Kind::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_missing_and_what_is_like_it_is_named() {
    let server = server("create table t (id int not null)");
    server.execute("shop", "create schema sales");
    server.execute("shop", "create table sales.orders (id int not null)");
    let error = failure(&server, &[("table", "orders")]).await;
    assert_eq!((error.kind(), error.message()), (Kind::Missing, "`orders` does not exist"));
    assert_eq!(error.advice(), Some("there is sales.orders"));
    let error = failure(&server, &[("table", "t"), ("columns", "no: text")]).await;
    assert_eq!(error.message(), "`columns` names `no`, which is no column");
    let error = failure(&server, &[("query", "select * from nowhere")]).await;
    assert_eq!(error.kind(), Kind::Missing, "{error:?}");
}
