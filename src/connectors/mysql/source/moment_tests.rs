//! Tests of what the readers see together, while others write at full speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use futures::TryStreamExt;
use futures::future::join_all;

use super::moment::{Level, enter};
use super::relation::Relation;
use super::source_tests::{failure, numbers, own, read, snapshot, source, source_of};
use crate::config::Options;
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::connectors::mysql::options::{self, SourceOptions};
use crate::connectors::mysql::wire::Connection;
use crate::error::Kind;
use crate::source::{Snapshot, Want, Window};

/// Accounts between which money is moved: whatever the moment, their sum is the same, and a moment
/// that is none has another one sooner or later.
const ACCOUNTS: &str = "create table t (id int primary key, n bigint not null) engine = innodb; \
     insert into t select seq, 100 from seq_1_to_4000; analyze table t";

/// Somebody who writes until told to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Moves money from the first thousand accounts to the last thousand, over and over.
    fn start(server: &'static MariaDb, db: &str) -> Self {
        use std::io::{BufRead, BufReader, Write};
        let (stop, commits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (over, count) = (Arc::clone(&stop), Arc::clone(&commits));
        let mut client = server.client(db).spawn().unwrap();
        let thread = std::thread::spawn(move || {
            let mut orders = client.stdin.take().unwrap();
            let mut answers = BufReader::new(client.stdout.take().unwrap());
            while !over.load(Ordering::Relaxed) {
                let sql = "begin; set @a = 1 + floor(rand() * 1000); \
                           update t set n = n - 1 where id = @a; \
                           update t set n = n + 1 where id = @a + 3000; commit; select 1;\n";
                orders.write_all(sql.as_bytes()).unwrap();
                answers.read_line(&mut String::new()).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
            drop(orders);
            client.wait().unwrap();
        });
        Writer { stop, commits, thread: Some(thread) }
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What all accounts hold together, read by one reader for each quarter of them.
async fn total(readers: &mut [Connection]) -> i64 {
    let mut total = 0;
    for (at, reader) in readers.iter_mut().enumerate() {
        let (low, high) = (at * 1000 + 1, (at + 1) * 1000);
        let sql = format!("select cast(sum(n) as char) from t where id between {low} and {high}");
        let rows = reader.query(&sql).await.unwrap();
        total += rows[0][0].as_ref().unwrap().parse::<i64>().unwrap();
    }
    total
}

fn wanted(url: &str, options: &[(&str, &str)]) -> SourceOptions {
    let mut all = vec![("url", url), ("table", "t")];
    all.extend_from_slice(options);
    let (options, problems) = options::source(&Options::of_arguments(&all));
    assert!(problems.is_empty(), "{problems:?}");
    options
}

/// What four readers see together, when they begin under a lock and when each begins by itself.
async fn seen(url: &str, rounds: usize, level: &Level) -> (Vec<i64>, Vec<i64>) {
    let options = wanted(url, &[]);
    let mut connection = options.server.connect().await.unwrap();
    let relation = Relation::describe(&mut connection, &options).await.unwrap();
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let moment = enter(&options.server, &relation, 4, options.lock_timeout).await.unwrap();
        assert_eq!(moment.level, *level);
        let mut readers = moment.readers;
        assert_eq!(readers.len(), 4);
        together.push(total(&mut readers).await);
        // The bug that the lock prevents.
        for reader in &mut readers {
            reader.execute("commit").await.unwrap();
            super::sessions::begin(reader).await.unwrap();
            reader.query("select sleep(0.01)").await.unwrap();
        }
        alone.push(total(&mut readers).await);
    }
    (together, alone)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_readers_see_one_moment_while_others_write_and_without_a_lock_they_do_not() {
    let (url, db) = SHARED.url("bank");
    SHARED.sql(&db, ACCOUNTS);
    let writer = Writer::start(&SHARED, &db);
    let (together, alone) = seen(&url, 20, &Level::Server).await;
    assert!(writer.commits() > 100, "{}", writer.commits());
    assert!(together.iter().all(|sum| *sum == 400_000), "{together:?}");
    assert!(alone.iter().any(|sum| *sum != 400_000), "the test sees no difference: {alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_lock_only_tables_gets_one_moment_as_well() {
    let (url, db) = SHARED.url("bank");
    SHARED.sql(&db, ACCOUNTS);
    SHARED.sql(
        &db,
        &format!(
            "create user if not exists tables@'%'; \
             grant select, lock tables on `{db}`.* to tables@'%'"
        ),
    );
    let writer = Writer::start(&SHARED, &db);
    let (together, alone) = seen(&url.replace("dhow@", "tables@"), 20, &Level::Table).await;
    assert!(writer.commits() > 100, "{}", writer.commits());
    assert!(together.iter().all(|sum| *sum == 400_000), "{together:?}");
    assert!(alone.iter().any(|sum| *sum != 400_000), "the test sees no difference: {alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_lock_nothing_reads_one_moment_in_one_session() {
    let (url, db) = SHARED.url("bank");
    SHARED.sql(&db, ACCOUNTS);
    SHARED.sql(
        &db,
        &format!("create user if not exists reader@'%'; grant select on `{db}`.* to reader@'%'"),
    );
    let _writer = Writer::start(&SHARED, &db);
    let options = [("table", "t"), ("split_rows", "500")];
    let snapshot = snapshot(&url.replace("dhow@", "reader@"), &options).await;
    assert!(snapshot.splits().len() > 4);
    let note = &snapshot.notes()[0];
    assert!(note.starts_with("one session reads everything, which is one snapshot"), "{note}");
    assert!(note.contains("the user may not `flush tables with read lock`"), "{note}");
    assert!(note.contains("the user may not `lock tables`"), "{note}");
    assert_eq!(sum(&snapshot).await, 400_000);
}

/// The sum of the second column, all splits read at once.
async fn sum(snapshot: &Arc<dyn Snapshot>) -> i64 {
    let want = Want { columns: Some(vec![1]), ..Want::default() };
    let reads = snapshot.splits().iter().map(|split| read(snapshot, split, &want));
    let batches = join_all(reads).await.into_iter().flat_map(|read| read.unwrap());
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    batches.flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_splits_of_a_snapshot_are_one_moment_and_those_of_their_own_are_said_not_to_be() {
    let (url, db) = SHARED.url("bank");
    SHARED.sql(&db, ACCOUNTS);
    let _writer = Writer::start(&SHARED, &db);
    let options = [("table", "t"), ("split_rows", "300")];
    for _ in 0..10 {
        let snapshot = snapshot(&url, &options).await;
        assert!(snapshot.splits().len() > 8);
        assert!(snapshot.notes()[0].starts_with("all readers see one snapshot of the server"));
        assert_eq!(sum(&snapshot).await, 400_000);
        assert_eq!(sum(&snapshot).await, 400_000);
        snapshot.release().await;
    }
    let options = [("table", "t"), ("split_rows", "300"), ("consistency", "split")];
    let snapshot = snapshot(&url, &options).await;
    assert!(snapshot.notes()[0].starts_with("rows are as they are when each split is read"));
    assert_eq!(numbers(&snapshot, &Want::default()).await.len(), 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_does_not_stop_the_site() {
    let server = own(&[]);
    let (url, db) = server.url("busy");
    server.sql(&db, ACCOUNTS);
    // It holds the table as a writer does, so that `lock tables` has to wait; and commits are let
    // through by the server while a lock on all tables waits.
    let mut busy = server.client(&db).spawn().unwrap();
    use std::io::{BufRead, BufReader, Write};
    let mut orders = busy.stdin.take().unwrap();
    orders.write_all(b"begin; update t set n = n where id = 1; select 1;\n").unwrap();
    BufReader::new(busy.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    server.sql(
        &db,
        &format!(
            "create user if not exists tables@'%'; \
             grant select, lock tables on `{db}`.* to tables@'%'"
        ),
    );
    let options = [("table", "t"), ("split_rows", "500"), ("lock_timeout", "1s")];
    let snapshot = snapshot(&url.replace("dhow@", "tables@"), &options).await;
    let note = snapshot.notes().remove(0);
    assert!(note.contains("`lock tables` was not granted within 1s"), "{note}");
    assert_eq!(sum(&snapshot).await, 400_000);
    let locked = "select count(*) from information_schema.processlist where state like '%lock%'";
    assert_eq!(server.sql(&db, locked), "0");
    drop(orders);
    busy.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_snapshots_is_read_by_one_statement_and_says_so() {
    let (url, db) = SHARED.url("engines");
    for engine in ["MyISAM", "Aria", "MEMORY"] {
        let table = format!("t_{engine}");
        SHARED.sql(
            &db,
            &format!(
                "create table {table} (id int primary key) engine = {engine}; \
                 insert into {table} select seq from seq_1_to_5000; analyze table {table}"
            ),
        );
        let options = [("table", table.as_str()), ("split_rows", "100")];
        let frozen = snapshot(&url, &options).await;
        let notes = frozen.notes();
        assert_eq!(frozen.splits().len(), 1);
        assert!(notes[0].starts_with(&format!("{engine} keeps no snapshots")), "{notes:?}");
        assert_eq!(numbers(&frozen, &Want::default()).await.len(), 5000);
        let options = [("table", table.as_str()), ("split_rows", "100"), ("consistency", "split")];
        assert!(snapshot(&url, &options).await.splits().len() > 10 || engine == "MEMORY");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_replaced_by_the_others_until_the_last_one_is_gone() {
    let server = own(&[]);
    let (url, db) = server.url("killed");
    server.sql(&db, ACCOUNTS);
    let source = source(&url, &[("table", "t"), ("split_rows", "500")]);
    let snapshot = source.open(&Window::default()).await.unwrap();
    let sessions = || {
        let sql = "select id from information_schema.processlist where user = 'dhow'";
        server.sql(&db, sql).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let open = sessions();
    assert_eq!(open.len(), 4);
    server.sql(&db, &format!("kill {}; kill {}", open[0], open[1]));
    assert_eq!(sum(&snapshot).await, 400_000);
    for id in sessions() {
        server.sql(&db, &format!("kill {id}"));
    }
    let error = match snapshot.read(&snapshot.splits()[0], &Want::default()).await {
        Ok(rows) => rows.try_collect::<Vec<_>>().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "the snapshot is gone with the sessions that saw it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_in_the_middle_of_rows_is_worth_another_try() {
    let server = own(&[]);
    let (url, db) = server.url("crash");
    server.sql(
        &db,
        "set global innodb_flush_log_at_trx_commit = 1; \
         create table t (id int primary key, x varchar(2000)); \
         insert into t select seq, repeat('x', 2000) from seq_1_to_20000; analyze table t",
    );
    let options = [("table", "t"), ("consistency", "split"), ("split_rows", "1000000")];
    let snapshot = snapshot(&url, &options).await;
    let want = Want { batch_rows: 10, ..Want::default() };
    let mut rows = snapshot.read(&snapshot.splits()[0], &want).await.unwrap();
    rows.try_next().await.unwrap().unwrap();
    server.order("crash");
    let error = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
    assert_eq!(error.message(), "could not read `t`");
    assert_eq!(numbers(&snapshot, &Want { columns: Some(vec![0]), ..want }).await.len(), 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_a_table_that_is_being_read_and_without_a_snapshot_that_is_found() {
    let (url, db) = SHARED.url("changed");
    SHARED.sql(&db, ACCOUNTS);
    let options = [("table", "t"), ("split_rows", "1000")];
    let kept = snapshot(&url, &options).await;
    for change in ["drop table t", "truncate table t", "alter table t add x int"] {
        let sql = format!("set session lock_wait_timeout = 1; {change}");
        let refused = SHARED.try_sql(&db, &sql).unwrap_err();
        assert!(refused.contains("Lock wait timeout"), "{refused}");
    }
    assert_eq!(sum(&kept).await, 400_000);
    kept.release().await;
    let split = [("table", "t"), ("split_rows", "1000"), ("consistency", "split")];
    for (change, kind) in [
        ("alter table t add x int", Kind::Conflict),
        ("alter table t drop x, modify n int not null", Kind::Conflict),
        ("drop table t", Kind::Missing),
    ] {
        let snapshot = snapshot(&url, &split).await;
        SHARED.sql(&db, change);
        let read = read(&snapshot, &snapshot.splits()[0], &Want::default()).await;
        assert_eq!(read.unwrap_err().kind(), kind, "{change}");
    }
    let error = failure(&url, &options).await;
    assert_eq!(error.kind(), Kind::Missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_the_same_name_only_as_long_as_nothing_was_written() {
    let server = own(&["--log-bin=binlog", "--binlog-format=row"]);
    let (url, db) = server.url("resumed");
    server.sql(&db, ACCOUNTS);
    let options = [("table", "t"), ("split_rows", "500")];
    let source = source(&url, &options);
    let one = source.open(&Window::default()).await.unwrap();
    let again = Window { memo: one.memo(), ..Window::default() };
    let two = source.open(&again).await.unwrap();
    assert_eq!((one.id(), one.splits()), (two.id(), two.splits()));
    let kept = "the splits that an earlier run has finished are kept";
    assert_eq!(two.notes().last().unwrap(), kept);
    assert!(one.notes()[1].starts_with("a run that is killed goes on if nothing at all"));
    server.sql(&db, "update t set n = n + 1 where id = 1");
    let three = source.open(&again).await.unwrap();
    assert_ne!(one.id(), three.id());
    let gone = "the snapshot of an earlier run is gone: its load starts over";
    assert_eq!(three.notes().last().unwrap(), gone);

    // Without a log nobody knows what was written.
    let (url, db) = SHARED.url("resumed");
    SHARED.sql(&db, ACCOUNTS);
    let (one, two) = (snapshot(&url, &options).await, snapshot(&url, &options).await);
    assert_ne!(one.id(), two.id());
    assert_eq!(one.notes()[1], "the snapshot is gone with dhow: a run that is killed starts over");
    let split = [("table", "t"), ("split_rows", "500"), ("consistency", "split")];
    let (one, two) = (snapshot(&url, &split).await, snapshot(&url, &split).await);
    assert_eq!(one.id(), two.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_takes_no_lock() {
    let (url, db) = SHARED.url("look");
    SHARED.sql(&db, ACCOUNTS);
    let source = source_of(&url, &[("table", "t"), ("split_rows", "500")], None);
    let snapshot = source.open(&Window::default()).await.unwrap();
    assert!(snapshot.notes()[0].starts_with("all readers will see one snapshot"));
    assert_eq!(sum(&snapshot).await, 400_000);
}
