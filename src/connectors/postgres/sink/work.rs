//! One transaction of the sink: its locks, its statements, and what each was for.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::connectors::postgres::error;
use crate::connectors::postgres::name::TableName;
use crate::error::Result;
use crate::sink::LoadId;

/// A transaction on a session of its own; when dropped, the session ends and the server rolls back.
pub(in crate::connectors::postgres) struct Work {
    pub(in crate::connectors::postgres) client: Client,
    lock_timeout: Duration,
}

/// Values for `$1`, `$2` and so on.
pub(in crate::connectors::postgres) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How a load is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum Hold {
    /// Beside other writers of the load.
    Shared,
    /// Alone.
    Alone,
}

/// How many times longer than for a table is waited for a load: another process may be in the
/// middle of a part.
const PATIENCE: u32 = 12;

impl Work {
    /// Begins a transaction whose locks on tables are waited for as long as `lock_timeout`.
    pub(in crate::connectors::postgres) async fn begin(
        client: Client,
        lock_timeout: Duration,
    ) -> Result<Self> {
        let work = Work { client, lock_timeout };
        // Hidden rows are an error, not rows that are left standing.
        let begin = "begin; set local row_security = off; set local search_path = ''";
        work.run("could not begin a transaction", begin).await?;
        work.wait_at_most(lock_timeout).await?;
        Ok(work)
    }

    /// Runs statements without values.
    pub(in crate::connectors::postgres) fn run<'x>(
        &'x self,
        failed: &'x str,
        sql: &'x str,
    ) -> BoxFuture<'x, Result<()>> {
        let run =
            async move { self.client.batch_execute(sql).await.map_err(|e| error::of(failed, &e)) };
        run.boxed()
    }

    /// All rows of a query.
    pub(in crate::connectors::postgres) fn rows<'x>(
        &'x self,
        failed: &'x str,
        sql: &'x str,
        values: Values<'x>,
    ) -> BoxFuture<'x, Result<Vec<Row>>> {
        let rows =
            async move { self.client.query(sql, values).await.map_err(|e| error::of(failed, &e)) };
        rows.boxed()
    }

    /// The first row of a query.
    pub(in crate::connectors::postgres) fn row<'x>(
        &'x self,
        failed: &'x str,
        sql: &'x str,
        values: Values<'x>,
    ) -> BoxFuture<'x, Result<Option<Row>>> {
        self.rows(failed, sql, values).map_ok(|rows| rows.into_iter().next()).boxed()
    }

    /// Changes rows and tells how many.
    pub(in crate::connectors::postgres) fn change<'x>(
        &'x self,
        failed: &'x str,
        sql: &'x str,
        values: Values<'x>,
    ) -> BoxFuture<'x, Result<u64>> {
        let change = async move {
            self.client.execute(sql, values).await.map_err(|e| error::of(failed, &e))
        };
        change.boxed()
    }

    /// Locks `load` until the end of the transaction.
    pub(in crate::connectors::postgres) async fn lock_load(
        &self,
        load: &LoadId,
        hold: Hold,
    ) -> Result<()> {
        self.lock(hold, &format!("load {load}")).await
    }

    /// Keeps other loads from publishing to `table` until the end of the transaction.
    pub(in crate::connectors::postgres) async fn lock_target(
        &self,
        table: &TableName,
    ) -> Result<()> {
        self.lock(Hold::Alone, &format!("table {}", table.sql())).await
    }

    /// Transaction-scoped, so that it works behind a pooler and goes with the session.
    pub(in crate::connectors::postgres) async fn lock(&self, hold: Hold, what: &str) -> Result<()> {
        self.wait_at_most(self.lock_timeout * PATIENCE).await?;
        let sql = match hold {
            Hold::Shared => "select pg_catalog.pg_advisory_xact_lock_shared($1)",
            Hold::Alone => "select pg_catalog.pg_advisory_xact_lock($1)",
        };
        let failed = format!("could not lock {what}; another process is at it");
        self.rows(&failed, sql, &[&number(what)]).await?;
        self.wait_at_most(self.lock_timeout).await
    }

    async fn wait_at_most(&self, time: Duration) -> Result<()> {
        let sql = format!("set local lock_timeout = {}", time.as_millis());
        self.run("could not set the lock timeout", &sql).await
    }

    /// Commits, and gives the session back. When the answer is lost the outcome is unknown: whoever
    /// tries again has to ask.
    pub(in crate::connectors::postgres) async fn commit(self, failed: &str) -> Result<Client> {
        self.run(failed, "commit").await?;
        Ok(self.client)
    }

    /// Ends a transaction that changed nothing, and gives the session back.
    pub(in crate::connectors::postgres) async fn end(self) -> Result<Client> {
        self.run("could not end a transaction", "rollback").await?;
        Ok(self.client)
    }
}

/// The number that stands for `what` among the server's advisory locks.
fn number(what: &str) -> i64 {
    let hash = blake3::hash(format!("dhow {what}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(first)
}
