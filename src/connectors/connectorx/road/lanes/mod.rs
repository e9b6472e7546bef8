//! One way to each database: how it describes a statement, and how connectorx is made to read it.
//!
//! What connectorx holds beside the batch: 32 rows of Postgres, MySQL and SQL Server, 1024 of
//! Oracle, one page of Trino, and the whole answer of ClickHouse.

mod clickhouse;
mod failure;
mod mysql;
mod oracle;
mod postgres;
mod sqlite;
mod sqlserver;
mod trino;

use std::path::Path;

use ::connectorx::prelude::SourceConn;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int64Type};

use super::pull::{Ended, Give, Trouble};
use super::source::Column;
use crate::connectors::connectorx::options::Wanted;
use crate::connectors::connectorx::server::Server;
use crate::error::{Error, Result};

/// Where rows are.
#[derive(Debug, Clone, Copy)]
pub(in crate::connectors::connectorx::road) struct Place<'a> {
    /// The options.
    pub wanted: &'a Wanted,
    /// The folder that relative paths start from.
    pub base: &'a Path,
}

impl Place<'_> {
    /// The URL taken apart, as connectorx does it.
    fn url(&self) -> Result<SourceConn> {
        // The message may quote the URL.
        SourceConn::try_from(self.wanted.url.reveal()).map_err(|_| {
            Error::config("`url` cannot be taken apart")
                .at("server", &self.wanted.shown)
                .hint("write `:`, `/`, `@`, `?`, `#` and `%` in a password as `%3A` and so on")
        })
    }
}

/// The columns of `sql`.
pub(in crate::connectors::connectorx::road) fn columns(
    place: &Place<'_>,
    sql: &str,
) -> Result<Vec<Column>> {
    match place.wanted.server {
        Server::ClickHouse => clickhouse::columns(place, sql),
        Server::MySql => mysql::columns(place, sql),
        Server::Oracle => oracle::columns(place, sql),
        Server::Postgres => postgres::columns(place, sql),
        Server::SqlServer => sqlserver::columns(place, sql),
        Server::Sqlite => sqlite::columns(place, sql),
        Server::Trino => trino::columns(place, sql),
    }
}

/// A statement that is read, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::connectors::connectorx::road) struct Statement<'a> {
    /// The statement.
    pub sql: &'a str,
    /// Rows in a batch.
    pub batch_rows: usize,
    /// A name that no other statement has, by which the server finds this one.
    pub mark: &'a str,
}

/// Gives away the rows of `read`.
pub(in crate::connectors::connectorx::road) fn rows(
    place: &Place<'_>,
    read: Statement<'_>,
    give: &mut Give<'_>,
) -> Result<()> {
    match place.wanted.server {
        Server::ClickHouse => clickhouse::rows(place, read, give),
        Server::MySql => mysql::rows(place, read, give),
        Server::Oracle => oracle::rows(place, read, give),
        Server::Postgres => postgres::rows(place, read, give),
        Server::SqlServer => sqlserver::rows(place, read, give),
        Server::Sqlite => sqlite::rows(place, read, give),
        Server::Trino => trino::rows(place, read, give),
    }
}

/// Ends the statement with this mark, where the driver would read it to its end before it lets go;
/// the others end with their connection.
pub(in crate::connectors::connectorx::road) fn cancel(place: &Place<'_>, mark: &str) -> Result<()> {
    match place.wanted.server {
        Server::MySql => mysql::cancel(place, mark),
        Server::Postgres => postgres::cancel(place, mark),
        _ => Ok(()),
    }
}

/// The two whole numbers that `sql` gives; `None` where they are NULL.
pub(in crate::connectors::connectorx::road) fn bounds(
    place: &Place<'_>,
    sql: &str,
) -> Result<Option<(i64, i64)>> {
    let mut found = None;
    rows(place, Statement { sql, batch_rows: 1, mark: "bounds" }, &mut |columns, _| {
        if let [low, high] = columns.as_slice() {
            found = whole(place, low)?.zip(whole(place, high)?);
        }
        Ok(true)
    })?;
    Ok(found)
}

fn whole(place: &Place<'_>, column: &ArrayRef) -> Result<Option<i64>> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let is_number = column.data_type().is_integer();
    let cast = cast_with_options(column, &DataType::Int64, &options).ok().filter(|_| is_number);
    let Some(cast) = cast else {
        let name = place.wanted.split_by.as_deref().unwrap_or_default();
        return Err(Error::config(format!("`split_by: {name}` is no column of whole numbers"))
            .hint("name another column, or leave out `split_by` and `partitions`"));
    };
    let numbers = cast.as_primitive::<Int64Type>();
    Ok((!numbers.is_empty() && numbers.is_valid(0)).then(|| numbers.value(0)))
}

/// One text after another of each row of `sql`: for what a database is asked about a statement.
fn texts(place: &Place<'_>, sql: &str) -> Result<Vec<Vec<String>>> {
    let mut lines = Vec::new();
    rows(place, Statement { sql, batch_rows: 256, mark: "types" }, &mut |columns, count| {
        let cast = |column: &ArrayRef| arrow::compute::cast(column, &DataType::Utf8);
        let columns: std::result::Result<Vec<_>, _> = columns.iter().map(cast).collect();
        let columns = columns.map_err(|e| Error::bug("a type has no name").at("arrow", e))?;
        let text = |column: &ArrayRef, row: usize| match column.is_valid(row) {
            true => column.as_string::<i32>().value(row).to_owned(),
            false => String::new(),
        };
        let line = |row| columns.iter().map(|column| text(column, row)).collect();
        lines.extend((0..count).map(line));
        Ok(true)
    })?;
    Ok(lines)
}

/// How a pull ended, its trouble made our error by `failure`.
fn ended<E>(pulled: Result<Ended, Trouble<E>>, failure: impl Fn(&E) -> Error) -> Result<Ended> {
    pulled.map_err(|trouble| match trouble {
        Trouble::Ours(error) => error,
        Trouble::Theirs(error) => failure(&error),
    })
}
