//! The server, as far as snapshots go.

use tokio_postgres::Client;

use crate::connectors::postgres::error;
use crate::connectors::postgres::row::cell;
use crate::connectors::postgres::server::session::BYTES;
use crate::error::Result;

/// The server, as far as snapshots go.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Instance {
    /// Which cluster and which database.
    pub database: String,
    /// Since when it runs: after a crash, numbers of transactions may be given out again.
    pub since: String,
    /// `150018` is 15.18.
    pub version: i32,
    /// Bytes in a block.
    pub block: u64,
    /// Whether the database has texts of an encoding, and not just bytes.
    pub has_encoding: bool,
}

impl Instance {
    /// The server of `client`.
    pub(in crate::connectors::postgres) async fn of(client: &Client) -> Result<Self> {
        let row = client.query_one(include_str!("instance.sql"), &[]).await;
        let row = row.map_err(|e| error::of("could not look at the server", &e))?;
        Ok(Instance {
            database: cell(&row, 0)?,
            since: cell(&row, 1)?,
            version: cell(&row, 2)?,
            block: u64::try_from(cell::<i64>(&row, 3)?).unwrap_or(8192),
            has_encoding: cell::<String>(&row, 4)? != BYTES,
        })
    }
}
