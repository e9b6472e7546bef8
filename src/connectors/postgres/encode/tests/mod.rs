//! Tests of the encoder: against a small decoder of its own, and against the server.

mod agree;
mod codec;
mod fits;
mod misfits;
mod nested;
mod server;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use bytes::BytesMut;
use futures::SinkExt;
use tokio_postgres::{Client, NoTls};

use super::{Encoder, Format, source_type};
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::cluster::SHARED;
use crate::connectors::postgres::quote::identifier;
use crate::connectors::postgres::server_type::Column;
use crate::sink::Misfit;

/// A field for `array` that was of the type `source` in the database it was read from.
fn field(name: &str, array: &ArrayRef, source: &str) -> Field {
    let field = Field::new(name, array.data_type().clone(), true);
    if source.is_empty() {
        return field;
    }
    let source = format!("postgres:{source}");
    field.with_metadata(HashMap::from([(source_type::KEY.to_owned(), source)]))
}

/// A batch of columns with their source types.
fn batch(columns: Vec<(&str, ArrayRef, &str)>) -> RecordBatch {
    let fields: Vec<_> = columns.iter().map(|(name, of, source)| field(name, of, source)).collect();
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// The bytes of a whole `COPY`, its rows, and what did not fit.
fn encoded(columns: &[Column], batch: &RecordBatch) -> (Format, BytesMut, u64, Vec<Misfit>) {
    let mut encoder = Encoder::new(&batch.schema(), columns).unwrap();
    encoder.set_money_digits(2);
    let (mut out, mut misfits) = (BytesMut::new(), Vec::new());
    encoder.begin(&mut out);
    let rows = encoder
        .rows(batch, &mut out, &mut |misfit| {
            misfits.push(misfit);
            Ok(())
        })
        .unwrap();
    encoder.end(&mut out);
    (encoder.format, out, rows, misfits)
}

/// A database of the test's own, and a session with it.
struct Database {
    name: String,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Database {
    fn new(what: &str) -> Self {
        let (url, name) = SHARED.url(what);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Database { name, client, runtime }
    }

    fn psql(&self, sql: &str) -> String {
        SHARED.psql(&self.name, sql)
    }

    fn columns(&self, table: &str) -> Vec<Column> {
        self.runtime.block_on(columns_of_table(&self.client, "public", table)).unwrap()
    }

    /// Copies `batch` into `table`, which has a column for each of it in the same order.
    fn copy(&self, table: &str, batch: &RecordBatch) -> (Format, Vec<Misfit>) {
        let (format, bytes, rows, misfits) = encoded(&self.columns(table), batch);
        let word = if format == Format::Binary { "binary" } else { "text" };
        let sql = format!("copy {} from stdin (format {word})", identifier(table));
        let sent = self.runtime.block_on(async {
            let sink = self.client.copy_in(&sql).await?;
            futures::pin_mut!(sink);
            sink.send(bytes.freeze()).await?;
            sink.finish().await
        });
        let sent = sent.unwrap_or_else(|error| panic!("{table}: {error:?}"));
        assert_eq!(sent, rows, "{table}");
        (format, misfits)
    }
}
