//! Tests of windows: what a load reads that only wants what is new.

use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;

use super::source_tests::{lines, numbers, own, source};
use crate::connectors::mysql::mariadb::SHARED;
use crate::error::Kind;
use crate::source::{Snapshot, Source, Want, Watermark, Window};

async fn after(source: &Arc<dyn Source>, above: Option<&str>) -> Arc<dyn Snapshot> {
    let above = above.map(|text| Watermark(text.to_owned()));
    source.open(&Window { above, memo: None }).await.unwrap()
}

fn high(snapshot: &Arc<dyn Snapshot>) -> Option<&str> {
    snapshot.high().map(|high| high.0.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_overlap_a_window_ends_with_the_snapshot_and_begins_before_the_last_one() {
    let (url, db) = SHARED.url("overlap");
    SHARED.sql(
        &db,
        "create table t (id int primary key, at datetime(3), n decimal(20,4), d date, \
           s timestamp(6) null); \
         insert into t select seq, '2026-01-01 00:00:00' + interval seq minute, seq / 4, \
           '2026-01-01' + interval seq day, '2026-01-01 00:00:00' + interval seq second \
           from seq_1_to_100; insert into t (id) values (500)",
    );
    for (cursor, overlap, last, rows, end) in [
        (
            "at",
            "10m",
            "2026-01-01 01:30:00.000000",
            (81..=100).collect::<Vec<i64>>(),
            "2026-01-01 01:40:00.000000",
        ),
        ("id", "5", "95", (91..=100).chain([500]).collect(), "500"),
        ("n", "2", "24.5", (91..=100).collect(), "25"),
        ("d", "2d", "2026-04-10", (98..=100).collect(), "2026-04-11"),
        ("s", "30s", "2026-01-01 00:01:30", (61..=100).collect(), "2026-01-01 00:01:40.000000"),
    ] {
        let options = [("table", "t"), ("cursor", cursor), ("overlap", overlap)];
        let source = source(&url, &options);
        let all = after(&source, None).await;
        assert_eq!(high(&all), Some(end), "{cursor}");
        let some = after(&source, Some(last)).await;
        assert_eq!(high(&some), Some(end), "{cursor}");
        let mut found = numbers(&some, &Want::default()).await;
        found.sort_unstable();
        assert_eq!(found, rows, "{cursor}");
        let notes = some.notes();
        assert!(notes.iter().any(|note| note.starts_with("best effort")), "{notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_commits_late_is_in_the_next_window() {
    // A server of its own: whoever else is at work moves the horizon.
    let server = own(&[]);
    let (url, db) = server.url("late");
    server.sql(
        &db,
        "create table t (id int primary key auto_increment, \
           at timestamp(6) default current_timestamp(6)); \
         insert into t select seq, now(6) - interval 1 hour from seq_1_to_10",
    );
    let mut late = server.client(&db).spawn().unwrap();
    let mut orders = late.stdin.take().unwrap();
    let mut answers = BufReader::new(late.stdout.take().unwrap());
    orders.write_all(b"begin; insert into t () values (); select last_insert_id();\n").unwrap();
    answers.read_line(&mut String::new()).unwrap();
    server.sql(&db, "insert into t () values ()");

    let source = source(&url, &[("table", "t"), ("cursor", "at")]);
    let one = after(&source, None).await;
    assert_eq!(numbers(&one, &Want::default()).await, (1..=10).collect::<Vec<_>>());
    let last = high(&one).unwrap().to_owned();
    orders.write_all(b"commit; select 1;\n").unwrap();
    answers.read_line(&mut String::new()).unwrap();
    // The horizon is five seconds behind the clock of the server: it is asked until it has come.
    let mut two = after(&source, Some(&last)).await;
    while numbers(&two, &Want::default()).await.len() < 2 {
        two = after(&source, Some(&last)).await;
    }
    assert_eq!(numbers(&two, &Want::default()).await, [11, 12]);
    assert!(high(&two).unwrap() > last.as_str());
    drop(orders);
    late.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_wait_for_whoever_is_at_work() {
    let server = own(&[]);
    let (url, db) = server.url("ids");
    server.sql(
        &db,
        "create table t (id int primary key auto_increment, n int); insert into t (n) values (1)",
    );
    let mut late = server.client(&db).spawn().unwrap();
    let mut orders = late.stdin.take().unwrap();
    let mut answers = BufReader::new(late.stdout.take().unwrap());
    orders.write_all(b"begin; insert into t (n) values (2); select 1;\n").unwrap();
    answers.read_line(&mut String::new()).unwrap();
    server.sql(&db, "insert into t (n) values (3)");
    let source = source(&url, &[("table", "t"), ("cursor", "id")]);
    // It commits while the source waits for it.
    let committed = tokio::task::spawn_blocking({
        let socket = server.socket.clone();
        move || {
            let waits = "select count(*) from information_schema.processlist \
                         where state = 'User sleep'";
            loop {
                let out = std::process::Command::new("mariadb")
                    .args(["--no-defaults", "-N", "-u", "root", "-S"])
                    .arg(&socket)
                    .args(["-e", waits])
                    .output()
                    .unwrap();
                if String::from_utf8_lossy(&out.stdout).trim() == "1" {
                    break;
                }
            }
            orders.write_all(b"commit;\n").unwrap();
        }
    });
    let one = after(&source, None).await;
    committed.await.unwrap();
    late.wait().unwrap();
    assert_eq!(high(&one), Some("3"));
    assert_eq!(lines(&one).await, ["1|1", "2|2", "3|3"]);
    let two = after(&source, Some("3")).await;
    assert_eq!((high(&two), lines(&two).await.len()), (Some("3"), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_without_a_horizon_or_an_order_is_refused() {
    let (url, db) = SHARED.url("denied");
    SHARED.sql(
        &db,
        &format!(
            "create table t (id int, name text, at datetime); \
             create user if not exists blind@'%'; grant select on `{db}`.* to blind@'%'"
        ),
    );
    for (user, cursor, overlap, kind, message) in [
        ("blind@", "at", None, Kind::Denied, "the horizon of the cursor `at` cannot be known"),
        ("dhow@", "name", None, Kind::Config, "`name` cannot be a cursor: it is text"),
        ("dhow@", "nothing", None, Kind::Missing, "the cursor `nothing` is no column"),
        ("dhow@", "id", Some("10m"), Kind::Config, "`overlap` must be a number, as the cursor is"),
        (
            "dhow@",
            "at",
            Some("10"),
            Kind::Config,
            "`overlap` must be a duration such as 10m, as the cursor is a time",
        ),
    ] {
        let mut options = vec![("table", "t"), ("cursor", cursor)];
        options.extend(overlap.map(|overlap| ("overlap", overlap)));
        let source = source(&url.replace("dhow@", user), &options);
        let error = source.open(&Window::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message));
    }
    let options = [("table", "t"), ("cursor", "at"), ("overlap", "10m")];
    let empty = after(&source(&url.replace("dhow@", "blind@"), &options), None).await;
    assert_eq!((high(&empty), lines(&empty).await.len()), (None, 0));
}
