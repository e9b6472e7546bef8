//! The cursor of an incremental load: a window that is closed before its first row is read.
//!
//! The upper end is never the greatest value there is: a transaction that began earlier may still
//! add a row below it. It is a *safe horizon*, below which nothing can appear any more.
//!
//! - A column of times is taken to hold the time at which its transaction began, as `now()` gives
//!   it. A row that cannot be seen yet belongs to a transaction that is open now or begins later.
//!   So the horizon is the earliest start of all open transactions, less five seconds for one that
//!   has taken its time but does not show it yet.
//! - A column of numbers is taken to come from a sequence that hands them out in order (`cache 1`),
//!   in the statement that inserts. That statement locks the table first, until its transaction
//!   ends. So the greatest number is safe once everybody who held such a lock when it was seen has
//!   ended.
//!
//! Where neither holds, `overlap` reads the last rows again, and a merge makes them single.

use tokio_postgres::Client;

use super::options::CursorOptions;
use super::piece::clause;
use super::relation::Relation;
use crate::connectors::postgres::error;
use crate::connectors::postgres::quote::{identifier, literal};
use crate::connectors::postgres::row::cell;
use crate::error::{Error, Result};
use crate::source::Watermark;

/// A cursor column and the end of what its last load has read.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Cursor<'a> {
    options: &'a CursorOptions,
    above: Option<&'a Watermark>,
    /// The column, quoted.
    name: String,
    /// Its type, as SQL.
    kind: String,
    class: Class,
    label: &'a str,
    from: &'a str,
}

/// What a position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `timestamptz`.
    Moment,
    /// `timestamp`, in a zone that somebody has to name.
    LocalTime,
    /// `date`, likewise.
    Date,
    /// Whole numbers, and `numeric`.
    Number,
}

/// How often the writers of a table are looked at, a tenth of a second apart, before it is said
/// that they take too long.
const LOOKS: usize = 100;

impl<'a> Cursor<'a> {
    /// The cursor of `relation`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] when there is no such column, and `Config` when its type
    /// has no order in which rows appear.
    pub(in crate::connectors::postgres) fn of(
        relation: &'a Relation,
        options: &'a CursorOptions,
        above: Option<&'a Watermark>,
    ) -> Result<Self> {
        let column = relation.columns.iter().find(|column| column.name == options.column);
        let column = column.ok_or_else(|| {
            Error::missing(format!("the cursor `{}` is no column", options.column))
                .at("relation", &relation.label)
        })?;
        let kind = column.kind.below_domains();
        let class = match kind.name.as_str() {
            _ if !kind.is_built_in() => None,
            "timestamptz" => Some(Class::Moment),
            "timestamp" => Some(Class::LocalTime),
            "date" => Some(Class::Date),
            "int2" | "int4" | "int8" | "numeric" => Some(Class::Number),
            _ => None,
        };
        let class = class.ok_or_else(|| {
            Error::config(format!(
                "`{}` cannot be a cursor: it is {}",
                options.column, column.kind.shown
            ))
            .hint("name a column of times, or of numbers from a sequence")
        })?;
        Ok(Cursor {
            options,
            above,
            name: identifier(&column.name),
            kind: format!("pg_catalog.{}", kind.name),
            class,
            label: &relation.label,
            from: &relation.from,
        })
    }

    /// The conditions of the rows above the last position, up to `high`.
    pub(in crate::connectors::postgres) fn conditions(
        &self,
        high: Option<&Watermark>,
    ) -> Vec<String> {
        let low = self.above.map(|above| {
            let above = self.value(above);
            let low = match &self.options.overlap {
                Some(overlap) => format!("{above} - {}", self.step(overlap)),
                None => above,
            };
            format!("{} > {low}", self.name)
        });
        let high = match high {
            Some(high) => format!("{} <= {}", self.name, self.value(high)),
            // There is nothing yet: the window is empty, and stays so while it is read.
            None => "false".to_owned(),
        };
        low.into_iter().chain([high]).collect()
    }

    /// The upper end; looked for before the snapshot is taken.
    ///
    /// # Errors
    /// When it cannot be known below which value nothing can appear any more.
    pub(in crate::connectors::postgres) async fn horizon(
        &self,
        client: &Client,
        relation: &Relation,
    ) -> Result<Option<Watermark>> {
        match (self.class, &self.options.overlap) {
            (_, Some(_)) => self.greatest(client).await,
            (Class::Number, None) => self.settled_number(client, relation).await,
            (Class::Moment | Class::LocalTime | Class::Date, None) => {
                self.settled_time(client).await
            }
        }
    }

    fn value(&self, position: &Watermark) -> String {
        format!("{}::{}", literal(&position.0), self.kind)
    }

    fn step(&self, overlap: &str) -> String {
        let kind = match self.class {
            Class::Number => "numeric",
            _ => "interval",
        };
        format!("{}::pg_catalog.{kind}", literal(overlap))
    }

    async fn settled_time(&self, client: &Client) -> Result<Option<Watermark>> {
        let row = client.query_one(include_str!("horizon.sql"), &[]).await;
        let row = row.map_err(|e| error::of("could not look at the open transactions", &e))?;
        let stands_against = if cell::<bool>(&row, 0)? {
            Some((
                "the server is a standby, which does not know the open transactions",
                "read from the primary",
            ))
        } else if cell::<i64>(&row, 1)? > 0 {
            Some((
                "there are prepared transactions, which do not say when they began",
                "end them: `select * from pg_prepared_xacts`",
            ))
        } else if !cell::<bool>(&row, 2)? {
            Some((
                "the role may not see the transactions of others",
                "grant it: `grant pg_read_all_stats to …`",
            ))
        } else if cell::<i64>(&row, 3)? > 0 {
            Some((
                "a session does not say when its transaction began",
                "turn on `track_activities` everywhere",
            ))
        } else {
            None
        };
        if let Some((reason, hint)) = stands_against {
            return Err(Error::denied(format!(
                "the horizon of the cursor `{}` cannot be known",
                self.options.column
            ))
            .at("reason", reason)
            .hint(format!("{hint}; or set `overlap: 10m` and merge")));
        }
        let horizon: String = cell(&row, 4)?;
        let horizon = format!("{}::pg_catalog.timestamptz", literal(&horizon));
        let local = format!("({horizon} at time zone {})", literal(&self.options.zone));
        let below = match self.class {
            Class::LocalTime => format!("{local} - '1 microsecond'::pg_catalog.interval"),
            Class::Date => format!("{local}::pg_catalog.date - 1"),
            Class::Moment | Class::Number => {
                format!("{horizon} - '1 microsecond'::pg_catalog.interval")
            }
        };
        self.not_below_the_last(client, &format!("({below})::{}", self.kind)).await
    }

    /// The greatest value that can be seen.
    async fn greatest(&self, client: &Client) -> Result<Option<Watermark>> {
        let highest =
            format!("(select pg_catalog.max({}) from {}{})", self.name, self.from, clause(&[]));
        self.not_below_the_last(client, &highest).await
    }

    async fn not_below_the_last(&self, client: &Client, value: &str) -> Result<Option<Watermark>> {
        let last = self.above.map(|above| format!(", {}", self.value(above))).unwrap_or_default();
        let sql = format!("select greatest({value}{last})::pg_catalog.text");
        let row = client.query_one(&sql, &[]).await;
        let row =
            row.map_err(|e| error::of(&format!("could not find the end of `{}`", self.label), &e))?;
        Ok(cell::<Option<String>>(&row, 0)?.map(Watermark))
    }

    async fn settled_number(
        &self,
        client: &Client,
        relation: &Relation,
    ) -> Result<Option<Watermark>> {
        let tables = tables(client, relation).await?;
        let high = self.greatest(client).await?;
        let seen = writers(client, &tables).await?;
        for _ in 0..LOOKS {
            let now = writers(client, &tables).await?;
            if !seen.iter().any(|writer| now.contains(writer)) {
                return Ok(high);
            }
            // The server waits, so that an interrupted run has nothing to wait for.
            let wait = client.batch_execute("select pg_catalog.pg_sleep(0.1)").await;
            wait.map_err(|e| error::of("could not wait for writers", &e))?;
        }
        Err(Error::unavailable(format!("a transaction has been writing to `{}` for too long", self.label))
            .at("cursor", &self.options.column)
            .hint("nobody knows which numbers it still adds: run again when it has ended, or set `overlap`"))
    }

    /// What a person should know.
    pub(in crate::connectors::postgres) fn notes(&self) -> Vec<String> {
        let column = &self.options.column;
        let how = match (&self.options.overlap, self.class) {
            (Some(overlap), _) => {
                format!("rows up to {overlap} below the last `{column}` are read again: merge them")
            }
            (None, Class::Number) => format!(
                "numbers in `{column}` must come from a sequence in order, in the statement that inserts"
            ),
            (None, _) => format!(
                "`{column}` must be the time at which its transaction began, as now() gives it"
            ),
        };
        vec![how, format!("rows that are deleted, or whose `{column}` is NULL, are not seen")]
    }
}

/// The tables behind `relation`.
async fn tables(client: &Client, relation: &Relation) -> Result<Vec<u32>> {
    let failed =
        |e| error::of(&format!("could not look at the tables of `{}`", relation.label), &e);
    client.batch_execute("begin").await.map_err(failed)?;
    for sql in relation.locking() {
        client.query(&sql, &[]).await.map_err(failed)?;
    }
    let rows = client.query(include_str!("locked.sql"), &[]).await.map_err(failed)?;
    client.batch_execute("commit").await.map_err(failed)?;
    rows.iter().map(|row| cell(row, 0)).collect()
}

/// The transactions that may have written to `tables` and have not ended.
async fn writers(client: &Client, tables: &[u32]) -> Result<Vec<String>> {
    let rows = client.query(include_str!("writers.sql"), &[&tables]).await;
    let rows = rows.map_err(|e| error::of("could not look at the locks of writers", &e))?;
    rows.iter().map(|row| cell(row, 0)).collect()
}
