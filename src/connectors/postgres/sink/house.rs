//! The schema `_dhow` in the target database: where loads are bound, staged and marked.

use std::time::Duration;

use tokio_postgres::Client;

use super::work::{Hold, Work};
use crate::error::Result;
use crate::sink::LoadId;

/// Its name.
pub(in crate::connectors::postgres) const SCHEMA: &str = "_dhow";

/// The statements that make them.
pub(in crate::connectors::postgres) const MADE: &str = include_str!("house.sql");

/// Whether the schema and its tables are there.
pub(in crate::connectors::postgres) async fn exists(work: &Work) -> Result<bool> {
    let sql = "select pg_catalog.to_regclass('_dhow.mark') is not null";
    let row = work.row("could not look for the schema `_dhow`", sql, &[]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}

/// Makes the schema and its tables unless they are there.
pub(in crate::connectors::postgres) async fn make(
    client: Client,
    lock_timeout: Duration,
) -> Result<Client> {
    let work = Work::begin(client, lock_timeout).await?;
    if exists(&work).await? {
        return work.end().await;
    }
    // `if not exists` alone fails when two do it at once.
    work.lock(Hold::Alone, "house").await?;
    work.run("could not make the schema `_dhow`", MADE).await?;
    work.commit("could not make the schema `_dhow`").await
}

/// The name of the table in which `load` is staged.
pub(in crate::connectors::postgres) fn stage_name(load: &LoadId) -> String {
    format!("s_{}", &blake3::hash(load.as_str().as_bytes()).to_hex()[..16])
}
