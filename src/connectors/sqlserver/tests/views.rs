//! What readers see of those who write, and what dhow says of it.

use super::{lines, read, server, snapshot, source, source_at};
use crate::connectors::sqlserver::tds::{Fault, Gate, When};
use crate::error::Kind;
use crate::source::{Want, Window};

const TABLE: &str = "create table t (id int not null primary key);
                     insert into t values (1), (2), (3), (4)";

#[tokio::test(flavor = "multi_thread")]
async fn one_session_reads_one_moment_however_often() {
    let server = server(TABLE);
    server.execute("shop", "alter database shop set allow_snapshot_isolation on");
    let more = [("table", "t"), ("consistency", "snapshot"), ("split_rows", "1")];
    let snapshot = snapshot(&server, &more).await;
    assert_eq!(snapshot.splits().len(), 1);
    server.execute("shop", "insert into t values (5); delete from t where id = 1");
    for _ in 0..2 {
        assert_eq!(lines(&snapshot).await, ["1", "2", "3", "4"]);
    }
    assert!(snapshot.notes()[0].starts_with("one session reads all rows in one moment"));
    assert_eq!(snapshot.memo(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reads_at_once_of_one_moment_wait_for_each_other() {
    let server = server(TABLE);
    server.execute("shop", "alter database shop set allow_snapshot_isolation on");
    let snapshot = snapshot(&server, &[("table", "t"), ("consistency", "snapshot")]).await;
    let split = &snapshot.splits()[0];
    let want = Want::default();
    let (one, two) = futures::join!(read(&snapshot, split, &want), read(&snapshot, split, &want));
    assert_eq!((one.unwrap()[0].num_rows(), two.unwrap()[0].num_rows()), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_the_database_does_not_allow_is_refused() {
    let server = server(TABLE);
    let error = super::failure(&server, &[("table", "t"), ("consistency", "snapshot")]).await;
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(error.message(), "`shop` allows no snapshots");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_is_gone_is_a_conflict_and_no_other_rows() {
    let server = server(TABLE);
    server.execute("shop", "alter database shop set allow_snapshot_isolation on");
    let snapshot = snapshot(&server, &[("table", "t"), ("consistency", "snapshot")]).await;
    let split = &snapshot.splits()[0];
    let gate = Gate::closed();
    server.fault(When::statement("select [id] from [dbo].[t]"), Fault::Hold(gate.clone()));
    drop(snapshot.read(split, &Want::default()).await.unwrap());
    gate.open();
    let error = read(&snapshot, split, &Want::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "the snapshot is gone with the session that kept it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_snapshot_is_read_side_by_side_and_again() {
    let server = server(TABLE);
    server.execute("master", "create database shop_s as snapshot of shop");
    server.execute("shop", "insert into t values (5)");
    let more = [("table", "t"), ("consistency", "snapshot"), ("split_rows", "2")];
    let source = source_at(&server.url("shop_s"), &more);
    let one = source.open(&Window::default()).await.unwrap();
    assert_eq!((one.splits().len(), lines(&one).await.len()), (2, 4));
    assert!(one.notes()[0].starts_with("it is a database snapshot"), "{:?}", one.notes());
    let two = source.open(&Window { above: None, memo: one.memo() }).await.unwrap();
    assert_eq!((one.id(), one.splits()), (two.id(), two.splits()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_how_consistent_the_rows_are() {
    for (setting, expected) in [
        ("allow_snapshot_isolation on", "rows are as they are when each split is read"),
        ("read_committed_snapshot on", "rows are as they are when each split is read"),
        ("read_committed_snapshot off", "the database has neither snapshot isolation"),
    ] {
        let server = server(TABLE);
        server.execute("shop", &format!("alter database shop set {setting}"));
        let notes = snapshot(&server, &[("table", "t")]).await.notes();
        assert!(notes[0].starts_with(expected), "{setting}: {notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_not_committed_is_never_read() {
    let server = server(TABLE);
    server.execute("shop", "alter database shop set allow_snapshot_isolation on");
    let mut open = server.session("shop");
    open.execute("begin transaction; insert into t values (5)");
    assert_eq!(lines(&snapshot(&server, &[("table", "t")]).await).await, ["1", "2", "3", "4"]);
    open.execute("rollback");
    let log = server.log();
    let dirty = |text: &str| text.contains("nolock") || text.contains("uncommitted");
    assert!(!log.iter().any(|statement| dirty(&statement.text.to_lowercase())), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_goes_on_with_the_same_splits() {
    let server = server(TABLE);
    let source = source(&server, &[("table", "t"), ("split_rows", "2")]);
    let one = source.open(&Window::default()).await.unwrap();
    server.execute("shop", "delete from t where id < 3");
    let again = Window { above: None, memo: one.memo() };
    let two = source.open(&again).await.unwrap();
    assert_eq!((one.id(), one.splits()), (two.id(), two.splits()));
    let kept = "the splits that an earlier run has finished are kept";
    assert!(two.notes().contains(&kept.to_owned()), "{:?}", two.notes());
    server.execute("shop", "drop table t; create table t (id bigint not null primary key)");
    let source = super::source(&server, &[("table", "t"), ("split_rows", "2")]);
    let other = source.open(&again).await.unwrap();
    assert_ne!(one.id(), other.id());
    let over = "the snapshot of an earlier run is gone: its load starts over";
    assert!(other.notes().contains(&over.to_owned()), "{:?}", other.notes());
}
