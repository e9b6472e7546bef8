//! Who sees what while others write.

use super::driver::{client, refusal};
use crate::tds::Tds;

async fn count(client: &mut super::driver::Driver) -> i32 {
    let answer = client.simple_query("select count(*) from t").await.expect("it is answered");
    let row = answer.into_row().await.expect("it is answered").expect("a count is a row");
    row.get(0).expect("a count is not NULL")
}

fn with_rows() -> Tds {
    let server = Tds::start();
    server.execute(
        "shop",
        "create table t (id int primary key, v rowversion); insert t (id) values (1), (2)",
    );
    server
}

#[tokio::test]
async fn a_transaction_at_snapshot_sees_one_moment() {
    let server = with_rows();
    let mut reader = client(&server).await;
    let level = "set transaction isolation level snapshot; begin transaction";
    assert_eq!(refusal(&mut reader, level).await, 0);
    assert_eq!(refusal(&mut reader, "select * from t").await, 3952);
    server.execute("shop", "alter database shop set allow_snapshot_isolation on");
    assert_eq!(count(&mut reader).await, 2);
    server.execute("shop", "insert t (id) values (3)");
    let mut writer = server.session("shop");
    writer.execute("begin transaction; delete from t");
    assert_eq!(count(&mut reader).await, 2);
    assert_eq!(refusal(&mut reader, "commit transaction").await, 0);
    assert_eq!(count(&mut reader).await, 3);
    writer.execute("rollback");
    server
        .execute("shop", "create database shop_then as snapshot of shop; insert t (id) values (4)");
    assert_eq!(server.rows("shop_then", "select count(*) from t"), [[Some("3".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_waits_for_a_writer_unless_versions_are_kept() {
    let server = with_rows();
    let mut writer = server.session("shop");
    writer.execute("begin transaction; insert t (id) values (3)");
    let mut reader = client(&server).await;
    assert_eq!(refusal(&mut reader, "set lock_timeout 0; select * from t").await, 1222);
    server.execute("shop", "alter database shop set read_committed_snapshot on");
    assert_eq!(count(&mut reader).await, 2);
    server.execute("shop", "alter database shop set read_committed_snapshot off");
    assert_eq!(refusal(&mut reader, "set lock_timeout -1").await, 0);
    let waiting = tokio::spawn(async move { count(&mut reader).await });
    tokio::task::block_in_place(|| server.wait_for_blocked(1));
    writer.execute("commit");
    assert_eq!(waiting.await.unwrap(), 3);
}

#[tokio::test]
async fn rowversions_grow_and_an_open_transaction_holds_the_horizon() {
    let server = with_rows();
    let number = |sql: &str| {
        let sql = format!("select cast({sql} as bigint)");
        server.rows("shop", &sql)[0][0].clone().unwrap().parse::<i64>().unwrap()
    };
    let before = number("min_active_rowversion()");
    assert_eq!(number("@@dbts"), before - 1);
    let mut early = server.session("shop");
    early.execute("begin transaction; insert t (id) values (3)");
    server.execute("shop", "create table other (v rowversion); insert other default values");
    assert_eq!(number("min_active_rowversion()"), before);
    server.execute("shop", "insert t (id) values (4)");
    let mut late = server.session("shop");
    late.execute("begin transaction; insert t (id) values (5)");
    assert_eq!(late.rows("select count(*) from sys.columns where name = 'id'").len(), 1);
    early.execute("commit");
    late.execute("commit");
    assert_eq!(number("min_active_rowversion()"), before + 4);
    server.execute("shop", "update t set id = id where id = 1");
    assert_eq!(number("(select max(v) from t)"), before + 4);
}

#[tokio::test]
async fn what_is_not_committed_is_not_read() {
    let server = with_rows();
    let mut client = client(&server).await;
    for sql in [
        "select * from t with (nolock)",
        "select * from t (nolock)",
        "set transaction isolation level read uncommitted",
    ] {
        assert_eq!(refusal(&mut client, sql).await, 50_001, "{sql}");
    }
    assert_eq!(server.forgive_dirty_reads().len(), 3);
}

#[test]
fn two_transactions_add_rows_to_one_table() {
    let server = with_rows();
    let (mut one, mut two) = (server.session("shop"), server.session("shop"));
    one.execute("begin transaction; insert t (id) values (10)");
    two.execute("begin transaction; insert t (id) values (11); insert t (id) values (12)");
    server.execute("shop", "insert t (id) values (13)");
    two.execute("commit");
    one.execute("insert t (id) values (14); commit");
    let found = server.rows("shop", "select string_agg(cast(id as varchar(9)), ' ') from (select top (99) id from t order by id) as q");
    assert_eq!(found, [[Some("1 2 10 11 12 13 14".to_owned())]]);
}
