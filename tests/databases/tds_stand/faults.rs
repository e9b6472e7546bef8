//! What tests have happen to statements.

use super::driver::{client, config, connect, number, refusal};
use crate::tds::{Fault, Gate, Tds, When};

fn with_rows() -> Tds {
    let server = Tds::start();
    server.execute("shop", "create table t (id int primary key, b varchar(100))");
    server.execute(
        "shop",
        "insert t select value, replicate('x', 100) from generate_series(1, 5000)",
    );
    server
}

#[tokio::test]
async fn a_statement_is_refused_with_a_number() {
    let server = with_rows();
    let mut client = client(&server).await;
    server.fault(When::statement("FROM t").nth(2).times(2), Fault::error(1205));
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(refusal(&mut client, "select top (1) * from t").await);
    }
    assert_eq!(found, [0, 1205, 1205, 0]);
    server.fault(When::login(), Fault::error(40_613));
    let level = tiberius::EncryptionLevel::On;
    let outside = connect(config(&server, level)).await.unwrap_err();
    assert_eq!((number(&outside), server.struck()), (Some(40_613), 3));
}

#[tokio::test]
async fn an_answer_is_cut_or_ends_with_an_error() {
    let server = with_rows();
    for fault in [Fault::CutAfterRows(2000), Fault::CutAfterBytes(9000), Fault::LoseAnswer] {
        let mut client = client(&server).await;
        server.fault(When::statement("from t"), fault);
        let found =
            async { client.simple_query("select * from t").await?.into_first_result().await };
        assert!(matches!(found.await, Err(tiberius::error::Error::Io { .. })));
    }
    let mut client = client(&server).await;
    server.fault(When::statement("from t"), Fault::ErrorAfter(4000, 701, "memory".to_owned()));
    assert_eq!(refusal(&mut client, "select * from t").await, 701);
    assert_eq!(refusal(&mut client, "select * from t").await, 0);
}

#[tokio::test]
async fn statements_stand_at_a_gate_until_it_is_opened() {
    let server = with_rows();
    let gate = Gate::closed();
    server.fault(When::statement("from t").times(2), Fault::HoldAfter(10, gate.clone()));
    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut client = client(&server).await;
        readers.push(tokio::spawn(async move { refusal(&mut client, "select * from t").await }));
    }
    let waiting = gate.clone();
    tokio::task::spawn_blocking(move || waiting.wait_for(2)).await.unwrap();
    gate.open();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 0);
    }
    let log: Vec<_> = server.log().into_iter().map(|s| (s.text, s.ended)).collect();
    assert_eq!(log, vec![("select * from t".to_owned(), Some(0)); 2]);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_statement_and_its_transaction() {
    let server = with_rows();
    let gate = Gate::closed();
    server.fault(When::statement("select 1"), Fault::Hold(gate.clone()));
    let mut leaver = client(&server).await;
    assert_eq!(refusal(&mut leaver, "begin transaction; delete from t where id = 1").await, 0);
    let held = tokio::spawn(async move { refusal(&mut leaver, "select 1").await });
    let waiting = gate.clone();
    tokio::task::spawn_blocking(move || waiting.wait_for(1)).await.unwrap();
    held.abort();
    // This reader waits for the lock until the transaction is gone.
    let mut reader = client(&server).await;
    let row =
        reader.simple_query("select count(*) from t").await.unwrap().into_row().await.unwrap();
    assert_eq!((row.unwrap().get(0), gate.count()), (Some(5000), 0));
}

#[tokio::test]
async fn a_server_that_is_down_comes_back_at_its_port() {
    let server = with_rows();
    server.stop();
    let address = format!("127.0.0.1:{}", server.port());
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    server.resume();
    assert_eq!(refusal(&mut client(&server).await, "select * from t").await, 0);
}

#[tokio::test]
async fn rights_are_taken_away_from_a_table_or_a_column() {
    let server = with_rows();
    server.execute(
        "shop",
        "create table u (id int, s int); deny select on t (b) to ann; deny select on u to ann",
    );
    let mut client = client(&server).await;
    for (sql, expected) in [
        ("select id from t", 0),
        ("select b from t", 230),
        ("select * from t", 230),
        ("select id from t where b = 'x'", 230),
        ("select * from u", 229),
        ("select * from server.db.dbo.t", 7202),
        ("select * from nothing", 208),
        ("select nothing from t", 207),
        ("selec", 102),
    ] {
        assert_eq!(refusal(&mut client, sql).await, expected, "{sql}");
    }
}
