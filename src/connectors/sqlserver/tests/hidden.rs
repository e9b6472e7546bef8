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

const MASKED: &str = "create table t (id int not null primary key,
       name nvarchar(9) masked with (function = 'default()') null, twice as (id * 2));
     create synonym s for t;
     create view v as select id as n, name as alias from t;
     create view vv as select n, upper(alias) as shout from v;
     create view plain as select id, id as again from s;
     insert into t (id, name) values (1, N'secret')";

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_is_found_behind_synonyms_views_and_other_names() {
    let server = server(MASKED);
    for (key, reads, name) in [
        ("table", "s", "name"),
        ("table", "v", "alias"),
        ("query", "select alias as other from v", "other"),
        ("query", "select x.name as other from s as x", "other"),
        // The server tells of the key `id` beside it, which is no column of the query.
        ("query", "select name as id from t", "id"),
    ] {
        let error = failure(&server, &[(key, reads)]).await;
        assert_eq!(error.kind(), Kind::Denied, "{reads}: {error:?}");
        let message = format!("the values of `{name}` are masked for this user");
        assert_eq!(error.message(), message, "{reads}");
        let place = ("column".to_owned(), "dbo.t.name".to_owned());
        assert!(error.places().contains(&place), "{reads}: {error:?}");
    }
    for (key, reads, name) in [
        ("table", "vv", "shout"),
        ("query", "select id, left(name, 1) as initial from t", "initial"),
        ("query", "select id, twice from t", "twice"),
    ] {
        let error = failure(&server, &[(key, reads)]).await;
        assert_eq!(error.kind(), Kind::Denied, "{reads}: {error:?}");
        let message = format!("the values of `{name}` may be masked for this user: it is computed");
        assert_eq!(error.message(), message, "{reads}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_mask_is_on_is_read_beside_it() {
    let server = server(MASKED);
    for (key, reads) in [("table", "plain"), ("query", "select id, n from t, v")] {
        let found = snapshot(&server, &[(key, reads)]).await;
        assert_eq!(lines(&found).await, ["1|1"], "{reads}");
    }
    server.execute("shop", "grant unmask to ann");
    server.execute("shop", "create table u (id int not null)");
    let computed = snapshot(&server, &[("query", "select n, upper(N'x') as x from v")]).await;
    assert_eq!(lines(&computed).await, ["1|X"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_always_encrypted_is_found_behind_a_view() {
    let server = server(
        "create table t (id int not null, card varbinary(99) encrypted with (column_encryption_key = k) null);
         create view v as select id, card as number from t",
    );
    for (name, column) in [("t", "card"), ("v", "number")] {
        let error = failure(&server, &[("table", name)]).await;
        assert_eq!(error.kind(), Kind::Unsupported, "{error:?}");
        assert_eq!(error.message(), format!("the values of `{column}` are always encrypted"));
    }
    let computed = snapshot(&server, &[("query", "select id + 1 as next from t")]).await;
    assert_eq!(lines(&computed).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_another_database_are_told() {
    let server = server("create table t (id int not null)");
    server.execute("master", "create table far (secret int not null)");
    let query = "select t.id, far.secret from t, master.dbo.far";
    let notes = snapshot(&server, &[("query", query)]).await.notes();
    let note =
        "`secret` come from another database, where dhow has not looked for masks and policies";
    assert!(notes.contains(&note.to_owned()), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_see_definitions_is_told_what_a_view_may_hide() {
    let server = server("create table t (id int not null); create view v as select id from t");
    for (name, end) in [("t", "without a word; `grant"), ("v", "values could be replaced; `grant")]
    {
        let notes = snapshot(&server, &[("table", name)]).await.notes();
        let told = notes.iter().find(|note| note.contains("does not see security policies"));
        assert!(told.is_some_and(|note| note.contains(end)), "{name}: {notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_rows_are_refused_behind_a_synonym_or_a_view() {
    let server = server(
        "create table t (id int not null); create table free (id int not null);
         create synonym s for t; create synonym f for free; create view v as select id from t;
         create security policy p add filter predicate dbo.f(id) on dbo.t",
    );
    for name in ["s", "v"] {
        let error = failure(&server, &[("table", name)]).await;
        assert_eq!(error.message(), format!("a security policy may hide rows of `{name}`"));
    }
    assert_eq!(lines(&snapshot(&server, &[("table", "f")]).await).await.len(), 0);
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
