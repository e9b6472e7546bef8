//! Tests of snapshots that are held, over a real server. The holder is a task here; the real
//! process is in `tests/databases/held.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::holder;
use super::kept::Kept;
use super::open_with;
use super::options;
use super::order::{Answer, Order};
use super::source_tests::{lines, snapshot};
use crate::config::Options;
use crate::connectors::postgres::cluster::{Cluster, SHARED};
use crate::connectors::{Context, Role};
use crate::error::Result;
use crate::memory::unlimited;
use crate::source::{Memo, Snapshot, Window};

/// A table with enough blocks for some splits.
const TABLE: &str = "create table t (id int, name text); \
    insert into t select n, 'old' from generate_series(1, 5000) n; analyze t";
const CHANGE: &str = "update t set name = 'new'; delete from t where id > 4000; \
    insert into t values (0, 'new')";

/// The folder of one project.
struct Site {
    folder: TempDir,
    url: String,
}

impl Site {
    fn new(url: &str) -> Self {
        Site { folder: tempfile::tempdir().unwrap(), url: url.to_owned() }
    }

    /// What a process gets that finds `memo` in the ledger.
    async fn open(&self, more: &[(&str, &str)], memo: Option<Memo>) -> Arc<dyn Snapshot> {
        self.open_in(self.folder.path(), more, memo).await
    }

    async fn open_in(
        &self,
        state: &Path,
        more: &[(&str, &str)],
        memo: Option<Memo>,
    ) -> Arc<dyn Snapshot> {
        let mut entries = vec![("url", self.url.as_str()), ("table", "t"), ("split_rows", "1000")];
        entries.extend_from_slice(more);
        let state = Some(state.to_owned());
        let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state };
        let source = open_with(&Options::of_arguments(&entries), &context, start).unwrap();
        source.open(&Window { above: None, memo }).await.unwrap()
    }
}

/// Starts a holder as a task.
fn start(order: Order) -> BoxFuture<'static, Result<Answer>> {
    let (said, answer) = oneshot::channel();
    tokio::spawn(holder::hold(order, |answer| said.send(answer).unwrap()));
    async move { Ok(answer.await.unwrap()) }.boxed()
}

fn socket(snapshot: &Arc<dyn Snapshot>) -> PathBuf {
    Kept::of(snapshot.memo().as_ref()).unwrap().held.unwrap().socket
}

fn holders(cluster: &Cluster, database: &str) -> String {
    let sql = "select count(*) from pg_stat_activity \
               where application_name = 'dhow/holder' and datname = current_database()";
    cluster.psql(database, sql)
}

fn says(snapshot: &Arc<dyn Snapshot>, what: &str) {
    let notes = snapshot.notes();
    assert!(notes.iter().any(|note| note.contains(what)), "{what}: {notes:?}");
}

const GONE: &str = "the snapshot of an earlier run is gone: its load starts over";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_reads_the_old_rows_in_the_same_splits_until_it_is_released() {
    let (url, db) = SHARED.url("held");
    SHARED.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open(&[], None).await;
    let (id, splits, memo) = (first.id().clone(), first.splits().to_vec(), first.memo());
    let rows = lines(&first).await;
    assert!(splits.len() > 2 && rows.len() == 5000);
    drop(first);
    SHARED.psql(&db, CHANGE);
    SHARED.psql(&db, "vacuum analyze t");
    for _ in 0..2 {
        let again = site.open(&[], memo.clone()).await;
        assert_eq!(
            (again.id(), again.splits(), again.memo()),
            (&id, splits.as_slice(), memo.clone())
        );
        assert!(lines(&again).await == rows);
        says(&again, "it goes on in the snapshot of 20");
    }
    let last = site.open(&[], memo.clone()).await;
    let socket = socket(&last);
    assert!(socket.exists());
    last.release().await;
    assert!(!socket.exists());
    while holders(&SHARED, &db) != "0" {}
    let fresh = site.open(&[], memo).await;
    assert_ne!(fresh.id(), &id);
    says(&fresh, GONE);
    assert_eq!(lines(&fresh).await.len(), 4001);
    fresh.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_ends_by_itself_some_time_after_the_last_who_was_there() {
    let (url, db) = SHARED.url("limit");
    SHARED.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open(&[("hold_snapshot", "50ms")], None).await;
    let (socket, memo) = (socket(&first), first.memo());
    // Longer than its limit.
    SHARED.psql(&db, "select pg_sleep(0.3)");
    assert_eq!((holders(&SHARED, &db).as_str(), socket.exists()), ("1", true));
    drop(first);
    SHARED.psql(&db, CHANGE);
    while holders(&SHARED, &db) != "0" || socket.exists() {}
    says(&site.open(&[("hold_snapshot", "50ms")], memo).await, GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_ends_with_the_server_and_leaves_no_socket() {
    let own = Cluster::start(&[]);
    let (url, db) = own.url("crash");
    own.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open(&[], None).await;
    let (socket, memo) = (socket(&first), first.memo());
    own.order("crash");
    while socket.exists() {}
    says(&site.open(&[("hold_snapshot", "0")], memo).await, GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_was_killed_has_left_a_socket_that_is_removed() {
    let (url, db) = SHARED.url("stale");
    SHARED.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open(&[], None).await;
    let mut kept = Kept::of(first.memo().as_ref()).unwrap();
    let stale = site.folder.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    first.release().await;
    kept.held.as_mut().unwrap().socket = stale.clone();
    SHARED.psql(&db, CHANGE);
    let fresh = site.open(&[], kept.memo()).await;
    says(&fresh, GONE);
    assert!(!stale.exists());
    fresh.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_something_else_ends_the_holder_and_gets_a_snapshot_of_its_own() {
    let (url, db) = SHARED.url("other");
    SHARED.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open(&[], None).await;
    let (id, socket, memo) = (first.id().clone(), socket(&first), first.memo());
    drop(first);
    let other = site.open(&[("split_by", "id")], memo).await;
    assert_ne!(other.id(), &id);
    assert!(!socket.exists());
    says(&other, GONE);
    other.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_whose_path_would_be_too_long_has_a_private_folder_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let (url, db) = SHARED.url("long");
    SHARED.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open_in(&site.folder.path().join("x".repeat(100)), &[], None).await;
    let folder = socket(&first).parent().unwrap().to_owned();
    assert!(!folder.starts_with(site.folder.path()));
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    first.release().await;
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_held_is_read_all_the_same_and_says_why() {
    let (url, db) = SHARED.url("unheld");
    SHARED.psql(&db, TABLE);
    let site = Site::new(&url);
    let first = site.open_in(&site.folder.path().join("missing"), &[], None).await;
    says(&first, "the snapshot cannot be held, ");
    assert_eq!(lines(&first).await.len(), 5000);
    assert_eq!(holders(&SHARED, &db), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_says_what_a_run_will_have_and_holds_nothing() {
    let (url, db) = SHARED.url("look");
    SHARED.psql(&db, TABLE);
    SHARED.psql(&db, "create view v as select * from t");
    let note = async |more: &[(&str, &str)]| snapshot(&url, more).await.notes()[1].clone();
    assert_eq!(
        note(&[("table", "t"), ("split_rows", "1000")]).await,
        "a run that is killed goes on in this snapshot: it is held for 15m after dhow is gone, and \
         holds back vacuum as long as it lives; `hold_snapshot: 0` does without"
    );
    assert_eq!(
        note(&[("table", "t"), ("split_rows", "1000"), ("hold_snapshot", "0")]).await,
        "the snapshot is not held: a run that is killed starts over"
    );
    assert_eq!(
        note(&[("table", "t")]).await,
        "it is read in one piece: a run that is killed starts over"
    );
    assert_eq!(
        note(&[("table", "v"), ("split_by", "id"), ("split_rows", "1000")]).await,
        "the server makes its rows anew when they are read: a run that is killed starts over"
    );
    assert_eq!(holders(&SHARED, &db), "0");
}

#[test]
fn without_a_snapshot_there_is_nothing_to_hold() {
    let entries = [("url", "postgres://h/d"), ("table", "t"), ("consistency", "split")];
    let check = |more: &[(&str, &str)]| {
        let options = Options::of_arguments(&[&entries, more].concat());
        options::check(&options, Role::Source).into_iter().map(|p| p.message).collect::<Vec<_>>()
    };
    assert_eq!(check(&[]), Vec::<String>::new());
    let problems = check(&[("hold_snapshot", "1m")]);
    assert_eq!(problems, ["`hold_snapshot` needs `consistency: snapshot`"]);
}
