//! Reads tables of a real server.

use arrow::array::RecordBatch;
use futures::{TryStreamExt, pin_mut};
use tokio_postgres::{Client, NoTls};

use super::Basket;
use crate::connectors::postgres::catalog::columns_of_query;
use crate::connectors::postgres::cluster::SHARED;
use crate::connectors::postgres::decode::{Decoder, Intake, Policies, Reading, reading};
use crate::error::Result;
use crate::source::Refused;

/// A session with `database` of the shared server.
pub(super) async fn client(database: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(&SHARED.socket).port(SHARED.port).user("postgres").dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("set search_path = ''; set timezone = 'UTC'").await.unwrap();
    client
}

/// What reading gave.
pub(super) struct Read {
    pub readings: Vec<Reading>,
    pub batches: Vec<RecordBatch>,
    pub refused: Vec<Refused>,
}

/// Reads the columns of `sql` but `without` the order that it has.
pub(super) async fn read(client: &Client, sql: &str, policies: &Policies) -> Result<Read> {
    let columns = columns_of_query(client, sql).await?;
    let readings: Vec<_> =
        columns.iter().map(|column| reading(column, policies)).collect::<Result<_>>()?;
    let selects: Vec<_> = readings.iter().map(|reading| reading.select.as_str()).collect();
    let copy =
        format!("copy (select {} from ({sql}) q) to stdout (format binary)", selects.join(", "));
    let basket = Basket::new();
    let mut decoder = Decoder::new(&readings, 3, "t", basket.clone());
    let stream = client.copy_out(&copy).await.unwrap_or_else(|e| panic!("{copy}: {e:?}"));
    pin_mut!(stream);
    let mut batches = Vec::new();
    while let Some(payload) = stream.try_next().await.unwrap() {
        batches.extend(decoder.push(&mut [&*payload].into_iter())?);
    }
    batches.extend(decoder.finish()?);
    assert!(batches.iter().all(|batch| (1..=3).contains(&batch.num_rows())));
    Ok(Read { readings, batches, refused: basket.taken() })
}
