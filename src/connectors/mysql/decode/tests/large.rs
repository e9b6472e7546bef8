//! Values that are longer than a packet, and the limits of the server.

use arrow::array::{Array, BinaryArray, StringArray, UInt64Array};

use super::*;
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::connectors::mysql::wire::tests::login;
use crate::connectors::mysql::wire::{Answer, Login};
use crate::source::Stop;

#[tokio::test]
async fn a_value_of_many_packets_arrives_whole_and_ends_a_batch() {
    let (mut connection, database) = session("large").await;
    connection.execute("create table t (id int, x longblob)").await.unwrap();
    // The server makes rows up to `max_allowed_packet`, which is 16 MiB.
    SHARED.sql(&database, "set global max_allowed_packet = 256 << 20");
    let mut connection = {
        drop(connection);
        let login = Login { database: Some(database), ..login(&SHARED, &[]) };
        Connection::open(&login).await.unwrap()
    };
    let sizes = [5, (16 << 20) - 20, 0xff_ffff, 40 << 20, 3];
    for (id, size) in sizes.iter().enumerate() {
        let sql = format!("insert t values ({id}, repeat('x', {size}))");
        connection.execute(&sql).await.unwrap();
    }
    let read = read(&mut connection, "select * from t order by id", &Policies::default()).await;
    let lengths: Vec<Vec<i32>> = read
        .batches
        .iter()
        .map(|batch| {
            let values = batch.column(1);
            let values: &BinaryArray = values.as_any().downcast_ref().unwrap();
            assert!(values.iter().flatten().all(|value| value.iter().all(|byte| *byte == b'x')));
            (0..values.len()).map(|row| values.value_length(row)).collect()
        })
        .collect();
    assert_eq!(lengths.concat(), sizes);
    assert!(lengths.len() >= 3, "a batch ends after 16 MiB: {lengths:?}");
}

#[tokio::test]
async fn a_statement_above_the_limit_of_the_server_is_its_error() {
    let own = MariaDb::start(&["--max-allowed-packet=1M"]);
    let mut connection = Connection::open(&login(&own, &[])).await.unwrap();
    let sql = format!("select '{}'", "x".repeat(2 << 20));
    match connection.query(&sql).await {
        Err(Failure::Server(Answer { code: 1153, .. }) | Failure::Lost(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_dies_among_the_rows_is_lost_and_never_the_end() {
    let own = MariaDb::start(&[]);
    let mut connection = Connection::open(&login(&own, &[])).await.unwrap();
    let sql = "select seq, repeat('x', 1000) as x from seq_1_to_10000000";
    connection.execute("use mysql").await.unwrap();
    let columns = connection.describe(sql).await.unwrap();
    let readings: Vec<_> =
        columns.iter().map(|c| reading(c, &Policies::default()).unwrap()).collect();
    let mut decoder = Decoder::new(&readings, 1000, "t 0", Arc::new(Stop));
    let mut rows = connection.rows(sql).await.unwrap();
    assert_eq!(rows.next(&mut decoder).await.unwrap().unwrap().num_rows(), 1000);
    own.order("crash");
    let failure = loop {
        match rows.next(&mut decoder).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a crash is not the end of the rows"),
            Err(failure) => break failure,
        }
    };
    assert!(matches!(failure, Failure::Lost(_)), "{failure:?}");
    drop(rows);
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn rows_that_are_given_up_end_the_session_and_those_skipped_do_not() {
    let (mut connection, _) = session("given_up").await;
    let sql = "select seq from seq_1_to_1000000";
    let columns = connection.describe(sql).await.unwrap();
    let readings = [reading(&columns[0], &Policies::default()).unwrap()];
    let mut decoder = Decoder::new(&readings, 1000, "t 0", Arc::new(Stop));
    let mut rows = connection.rows(sql).await.unwrap();
    rows.next(&mut decoder).await.unwrap().unwrap();
    rows.skip().await.unwrap();
    drop(rows);
    assert_eq!(connection.query("select 1").await.unwrap().len(), 1);
    let mut rows = connection.rows(sql).await.unwrap();
    rows.next(&mut decoder).await.unwrap().unwrap();
    drop(rows);
    assert!(!connection.is_usable());
    assert!(matches!(connection.query("select 1").await, Err(Failure::Lost(_))));
}

#[tokio::test]
async fn a_query_that_is_killed_ends_with_the_error_and_the_session_goes_on() {
    let (mut connection, _) = session("query").await;
    let id = connection.id();
    let sql = "select seq, repeat('x', 1000) as x from seq_1_to_10000000";
    let columns = connection.describe(sql).await.unwrap();
    let readings: Vec<_> =
        columns.iter().map(|c| reading(c, &Policies::default()).unwrap()).collect();
    let mut decoder = Decoder::new(&readings, 1000, "t 0", Arc::new(Stop));
    let mut rows = connection.rows(sql).await.unwrap();
    rows.next(&mut decoder).await.unwrap().unwrap();
    SHARED.sql("mysql", &format!("kill query {id}"));
    let failure = rows.skip().await.unwrap_err();
    assert!(matches!(&failure, Failure::Server(answer) if answer.code == 1317), "{failure:?}");
    drop(rows);
    assert_eq!(connection.query("select 1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_read_that_is_given_up_and_begun_again_loses_nothing() {
    let (mut connection, _) = session("again").await;
    let sql = "select seq, repeat('x', 2000000) as x from seq_1_to_40";
    let columns = connection.describe(sql).await.unwrap();
    let readings: Vec<_> =
        columns.iter().map(|c| reading(c, &Policies::default()).unwrap()).collect();
    let mut decoder = Decoder::new(&readings, 3, "t 0", Arc::new(Stop));
    let mut rows = connection.rows(sql).await.unwrap();
    let (mut seen, mut given_up) = (Vec::new(), 0);
    loop {
        // The read is asked once, and dropped where it would have to wait.
        let next = rows.next(&mut decoder);
        let next = std::pin::pin!(next);
        let batch = match futures::poll!(next) {
            std::task::Poll::Ready(batch) => batch.unwrap(),
            std::task::Poll::Pending => {
                given_up += 1;
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Some(batch) = batch else { break };
        let numbers: &UInt64Array = batch.column(0).as_any().downcast_ref().unwrap();
        seen.extend(numbers.values().iter().copied());
        let texts: &StringArray = batch.column(1).as_any().downcast_ref().unwrap();
        assert!(texts.iter().flatten().all(|text| text.len() == 2_000_000));
    }
    assert_eq!(seen, (1..=40).collect::<Vec<u64>>());
    assert!(given_up > 0);
}
