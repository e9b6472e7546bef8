//! A session: statements, their rows, and the settings on which the meaning of values depends.

use std::time::Duration;

use futures::TryStreamExt;
use tiberius::{Client, QueryStream, Row, ToSql};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::Compat;

use super::error;
use crate::error::{Error, Result};

/// The settings of every session. Nothing here writes; what a user's own defaults are does not
/// matter.
const SETTINGS: &str = "set ansi_nulls on; set ansi_padding on; set ansi_warnings on; \
    set arithabort on; set concat_null_yields_null on; set quoted_identifier on; \
    set numeric_roundabort off; set nocount on; set implicit_transactions off; \
    set xact_abort on; set language us_english; set dateformat ymd; set datefirst 7; \
    set rowcount 0; set lock_timeout 60000; \
    set transaction isolation level read committed";

/// Bytes of a value, at most, in UTF-16 where it is text. The server keeps to it: of a longer value
/// it sends one byte more and no others, by which the value is known and refused.
pub(super) const VALUE_BYTES: usize = 1 << 30;

/// The oldest version that is spoken to: SQL Server 2012.
const OLDEST: u32 = 11;

/// A session with a server. Dropped, it ends at once: the server stops sending.
pub(super) struct Session {
    client: Client<Compat<TcpStream>>,
    /// The version of the server: 13 is SQL Server 2016.
    version: u32,
    /// How long the server may be silent in an answer; zero for ever.
    patience: Duration,
    /// Bytes of a value, at most.
    longest: usize,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// A session over `client`, its settings made: values of up to `longest` bytes are read.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for a server that is too old, or keeps no settings.
    pub(super) async fn begin(
        client: Client<Compat<TcpStream>>,
        patience: Duration,
        longest: usize,
    ) -> Result<Self> {
        let mut session = Session { client, version: 0, patience, longest };
        let textsize = i32::try_from(longest + 1).unwrap_or(i32::MAX);
        let settings = format!("{SETTINGS}; set textsize {textsize}");
        session.run("could not set up the session", &settings).await?;
        let sql = "select cast(serverproperty('ProductVersion') as nvarchar(128)), @@textsize";
        let row = session.row("could not read the settings of the session", sql).await?;
        let version: &str = cell(&row, 0)?.unwrap_or_default();
        session.version = version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        if session.version < OLDEST {
            let message = "the server is older than SQL Server 2012";
            return Err(Error::unsupported(message).at("version", version));
        }
        // A pooler that swallows settings is found out by it.
        if cell::<i32>(&row, 1)? != Some(textsize) {
            let message = "the server ignores the settings of sessions";
            return Err(Error::unsupported(message).hint("connect to the server itself"));
        }
        Ok(session)
    }

    /// Whether the server can hide rows and values: since SQL Server 2016.
    pub(super) fn can_hide(&self) -> bool {
        self.version >= 13
    }

    /// Bytes of a value, at most; of a longer one only one byte more comes.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Runs statements whose rows, if any, do not matter; `what` is the error if they fail.
    pub(super) async fn run(&mut self, what: &str, sql: &str) -> Result<()> {
        self.rows(what, sql).await.map(|_| ())
    }

    /// The rows of one small statement.
    pub(super) async fn rows(&mut self, what: &str, sql: &str) -> Result<Vec<Row>> {
        let patience = self.patience;
        let answer = async {
            let stream = self.client.simple_query(sql).await?;
            stream.into_first_result().await
        };
        within(patience, what, answer).await
    }

    /// The same, with parameters `@P1` and so on.
    pub(super) async fn rows_with(
        &mut self,
        what: &str,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<Row>> {
        let patience = self.patience;
        let answer = async {
            let stream = self.client.query(sql, parameters).await?;
            stream.into_first_result().await
        };
        within(patience, what, answer).await
    }

    /// The one row of a statement.
    pub(super) async fn row(&mut self, what: &str, sql: &str) -> Result<Row> {
        let rows = self.rows(what, sql).await?;
        rows.into_iter().next().ok_or_else(|| Error::bug("SQL Server gave no row").at("for", what))
    }

    /// The rows of a large statement, as they arrive.
    pub(super) async fn stream(&mut self, what: &str, sql: &str) -> Result<Rows<'_>> {
        let patience = self.patience;
        let stream = within(patience, what, self.client.simple_query(sql)).await?;
        Ok(Rows { stream, patience, what: what.to_owned() })
    }
}

/// Rows as they arrive.
pub(super) struct Rows<'a> {
    stream: QueryStream<'a>,
    patience: Duration,
    what: String,
}

impl Rows<'_> {
    /// The next row; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Row>> {
        loop {
            match within(self.patience, &self.what, self.stream.try_next()).await? {
                Some(item) => match item.into_row() {
                    Some(row) => return Ok(Some(row)),
                    // What columns there are is known.
                    None => continue,
                },
                None => return Ok(None),
            }
        }
    }
}

async fn within<T>(
    patience: Duration,
    what: &str,
    answer: impl Future<Output = tiberius::Result<T>>,
) -> Result<T> {
    let answer = match patience.is_zero() {
        true => answer.await,
        false => match timeout(patience, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                let silent = format!("the server was silent for {patience:?}");
                return Err(Error::unavailable(what)
                    .at("connection", silent)
                    .hint("see what the server waits for, or raise `read_timeout`"));
            }
        },
    };
    answer.map_err(|e| error::of(what, &e))
}

/// The cell of a small answer of the catalog; `None` for NULL.
///
/// # Errors
/// When it has another type: another server than was expected.
pub(super) fn cell<'a, T: tiberius::FromSql<'a>>(row: &'a Row, at: usize) -> Result<Option<T>> {
    row.try_get(at).map_err(|e| error::of("could not understand the catalog", &e))
}

/// The same, by the name of its column.
pub(super) fn named<'a, T: tiberius::FromSql<'a>>(row: &'a Row, name: &str) -> Result<Option<T>> {
    row.try_get(name).map_err(|e| error::of("could not understand the catalog", &e))
}
