//! What an incremental load reads: everything once, whoever commits late.

use super::{above, lines, server, snapshot, source};
use crate::error::Kind;
use crate::source::Window;

#[tokio::test(flavor = "multi_thread")]
async fn a_rowversion_window_ends_below_the_first_change_that_is_not_committed() {
    let server = server(
        "create table t (id int not null primary key, rv rowversion not null);
         alter database shop set read_committed_snapshot on;
         insert into t (id) values (1)",
    );
    let source = source(&server, &[("table", "t"), ("cursor", "rv"), ("columns", "id: bigint")]);
    let ids = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split('|').next().unwrap().to_owned()).collect()
    };
    let first = source.open(&Window::default()).await.unwrap();
    assert_eq!(ids(lines(&first).await), ["1"]);

    // A change that is not committed has a lower number than one that is.
    let mut late = server.session("shop");
    late.execute("begin transaction; insert into t (id) values (2)");
    server.execute("shop", "insert into t (id) values (3)");
    let second = source.open(&above(&first.high().unwrap().0)).await.unwrap();
    assert_eq!(ids(lines(&second).await), Vec::<String>::new());
    late.execute("commit");
    let third = source.open(&above(&second.high().unwrap().0)).await.unwrap();
    assert_eq!(ids(lines(&third).await), ["2", "3"]);

    server.execute("shop", "update t set id = 4 where id = 1");
    let fourth = source.open(&above(&third.high().unwrap().0)).await.unwrap();
    assert_eq!(ids(lines(&fourth).await), ["4"]);
    let fifth = source.open(&above(&fourth.high().unwrap().0)).await.unwrap();
    assert_eq!(ids(lines(&fifth).await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_closed_before_its_first_row_is_read() {
    let server = server(
        "create table t (id int not null primary key, rv rowversion not null);
         insert into t (id) values (1)",
    );
    let snapshot = snapshot(&server, &[("table", "t"), ("cursor", "rv")]).await;
    server.execute("shop", "insert into t (id) values (2)");
    assert_eq!(lines(&snapshot).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_gone_back_is_a_conflict() {
    let server = server("create table t (id int not null primary key, rv rowversion not null)");
    let source = source(&server, &[("table", "t"), ("cursor", "rv")]);
    let error = source.open(&above("0x00FFFFFFFFFFFFFF")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "the database has gone back behind the last position of `rv`");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_read_again_as_far_as_the_author_says() {
    let server = server(
        "create table t (id int not null primary key, at datetime2(7) null);
         insert into t values (1, '2026-01-02 10:00:00'), (2, '2026-01-02 10:09:00.0000001'), (3, null)",
    );
    let ten = [("table", "t"), ("cursor", "at"), ("overlap", "10m"), ("fraction", "truncate")];
    let none = [("table", "t"), ("cursor", "at"), ("overlap", "0"), ("fraction", "truncate")];
    let first = snapshot(&server, &ten).await;
    assert_eq!(first.high().unwrap().0, "2026-01-02 10:09:00.0000001");
    assert_eq!(lines(&first).await.len(), 2);
    let again = source(&server, &ten).open(&above(&first.high().unwrap().0)).await.unwrap();
    assert_eq!(lines(&again).await.len(), 2);
    let nothing = source(&server, &none).open(&above(&first.high().unwrap().0)).await.unwrap();
    assert_eq!((lines(&nothing).await.len(), nothing.high()), (0, first.high()));
    server.execute("shop", "insert into t values (4, '2026-01-02 11:00:00')");
    let new = source(&server, &none).open(&above(&first.high().unwrap().0)).await.unwrap();
    assert_eq!(lines(&new).await, ["4|2026-01-02T11:00:00"]);
    let note = "a row that is committed later with a lower `at` is never read: `overlap: 0` says \
                that there is none";
    assert!(new.notes().contains(&note.to_owned()), "{:?}", new.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundredths_of_a_second_are_neither_lost_nor_read_twice() {
    let server = server(
        "create table t (id int not null primary key, at datetime not null);
         insert into t values (1, '2026-01-02 10:00:00.003'), (2, '2026-01-02 10:00:00.007')",
    );
    let more = [("table", "t"), ("cursor", "at"), ("overlap", "0")];
    let first = snapshot(&server, &more).await;
    assert_eq!(lines(&first).await.len(), 2);
    server.execute("shop", "insert into t values (3, '2026-01-02 10:00:00.010')");
    let second = source(&server, &more).open(&above(&first.high().unwrap().0)).await.unwrap();
    assert_eq!(lines(&second).await, ["3|2026-01-02T10:00:00.010"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_nobody_can_close_is_refused_before_anything_is_read() {
    let server = server("create table t (id int not null primary key, at datetime not null)");
    let error = super::failure(&server, &[("table", "t"), ("cursor", "at")]).await;
    assert_eq!(error.kind(), Kind::Config);
    let message = "nobody can know which rows below the greatest `at` are still to come";
    assert_eq!(error.message(), message);
    let error = super::failure(&server, &[("table", "t"), ("cursor", "no")]).await;
    assert_eq!((error.kind(), error.message()), (Kind::Missing, "the cursor `no` is no column"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_has_no_position_yet() {
    let server = server("create table t (id int not null primary key)");
    let more = [("table", "t"), ("cursor", "id"), ("overlap", "0")];
    let empty = snapshot(&server, &more).await;
    assert_eq!((empty.high(), lines(&empty).await.len()), (None, 0));
    server.execute("shop", "insert into t values (1)");
    // The window stays closed for as long as it is read, and for a process that goes on.
    assert_eq!(lines(&empty).await.len(), 0);
    let window = Window { above: None, memo: empty.memo() };
    let again = source(&server, &more).open(&window).await.unwrap();
    assert_eq!((again.id(), lines(&again).await.len()), (empty.id(), 0));
}
