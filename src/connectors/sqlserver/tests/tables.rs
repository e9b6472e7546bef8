//! Odd tables: keys that nearly are no keys, very many columns, and tables that go away.

use super::{failure, lines, read, server, snapshot};
use crate::error::Kind;
use crate::source::Want;

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_no_key_cut_without_losing_or_repeating_a_row() {
    let texts = ["''", "' '", "'a'", "'A'", "'a '", "'b'", "null", "'a'"];
    for kind in ["nvarchar(9)", "varchar(9)", "nchar(9)", "varchar(9) collate Latin1_General_CI_AS"]
    {
        let server = server(&format!("create table t (n int not null, a {kind} null)"));
        let rows: Vec<_> = (0..200).map(|n| format!("({n}, {})", texts[n % texts.len()])).collect();
        server.execute("shop", &format!("insert into t values {}", rows.join(", ")));
        let more = [("table", "t"), ("split_by", "a"), ("split_rows", "10")];
        let snapshot = snapshot(&server, &more).await;
        assert!(snapshot.splits().len() > 2, "{kind}: {:?}", snapshot.splits());
        let want = Want { columns: Some(vec![0]), ..Want::default() };
        let mut found: Vec<usize> = super::lines_for(&snapshot, &want)
            .await
            .iter()
            .map(|line| line.parse().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, (0..200).collect::<Vec<_>>(), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_more_is_made_only_for_a_row_more() {
    let server = server("create table t (id int not null primary key)");
    let rows: Vec<_> = (0..10).map(|n| format!("({n})")).collect();
    server.execute("shop", &format!("insert into t values {}", rows.join(", ")));
    for (rows, splits) in [("1", 10), ("3", 4), ("9", 2), ("10", 1), ("11", 1)] {
        let snapshot = snapshot(&server, &[("table", "t"), ("split_rows", rows)]).await;
        assert_eq!((snapshot.splits().len(), lines(&snapshot).await.len()), (splits, 10), "{rows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_columns_of_which_many_are_null_arrive() {
    let columns: Vec<_> = (0..1_000).map(|n| format!("c{n} int null")).collect();
    let server = server(&format!("create table t ({})", columns.join(", ")));
    server.execute("shop", "insert into t (c0, c500, c999) values (1, 2, 3)");
    let found = lines(&snapshot(&server, &[("table", "t")]).await).await;
    let cells: Vec<_> = found[0].split('|').enumerate().filter(|(_, c)| *c != "NULL").collect();
    assert_eq!(cells, [(0, "1"), (500, "2"), (999, "3")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_dropped_before_it_is_read_is_missing() {
    let server = server("create table t (id int not null primary key)");
    let snapshot = snapshot(&server, &[("table", "t")]).await;
    server.execute("shop", "drop table t");
    let error = read(&snapshot, &snapshot.splits()[0], &Want::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Missing, "`t` does not exist"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_left_to_the_server() {
    let server =
        server("create table t (id int not null primary key); insert into t values (1), (2)");
    let snapshot = snapshot(&server, &[("table", "t")]).await;
    let want = Want { limit: Some(1), columns: Some(Vec::new()), ..Want::default() };
    let batches = read(&snapshot, &snapshot.splits()[0], &want).await.unwrap();
    let shape: Vec<_> = batches.iter().map(|b| (b.num_rows(), b.num_columns())).collect();
    assert_eq!(shape, [(1, 0)]);
    let error = failure(&server, &[("table", "shop.dbo.t")]).await;
    assert_eq!(error.message(), "`shop.dbo.t` names another database or another server");
}
