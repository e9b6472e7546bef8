//! Postgres, in its binary form.

use std::time::Duration;

use ::connectorx::prelude::{
    ArrowStreamDestination, ArrowStreamTypeSystem, PostgresArrowStreamTransport,
    PostgresArrowStreamTransportError, PostgresSource, Source, Transport,
};
use ::connectorx::sources::postgres::{
    BinaryProtocol, PostgresSourceError, PostgresTypeSystem, rewrite_tls_args,
};
use ::postgres::tls::{MakeTlsConnect, TlsConnect};
use ::postgres::types::Kind as Form;
use ::postgres::{Client, NoTls, Socket};

use super::{Place, Statement, ended};
use crate::connectors::connectorx::road::pull::{Ended, Give, Trouble, pull};
use crate::connectors::connectorx::road::quote::literal;
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Kind, Result};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How values are written that are asked for as text.
const SETTINGS: [&str; 3] =
    ["set timezone = 'UTC'", "set datestyle = 'ISO, YMD'", "set intervalstyle = 'postgres'"];

/// A session as connectorx would open it, encrypted or not.
fn connected(place: &Place<'_>) -> Result<Client> {
    let (mut config, tls) = rewrite_tls_args(&place.url()?.conn).map_err(unclear)?;
    config.connect_timeout(PATIENCE);
    let client = match tls {
        Some(tls) => config.connect(tls),
        None => config.connect(NoTls),
    };
    client.map_err(|e| of_server(place, &e))
}

/// The columns of `sql`, as the server describes them.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let mut client = connected(place)?;
    let statement = client.prepare(sql).map_err(|e| of_server(place, &e))?;
    let column = |c: &::postgres::Column| {
        let native = match c.type_().kind() {
            Form::Enum(_) => Native::plain("enum"),
            _ => Native { name: c.type_().name().to_owned(), arguments: digits(c) },
        };
        Column { name: c.name().to_owned(), native }
    };
    Ok(statement.columns().iter().map(column).collect())
}

/// Digits and scale of a numeric: the server puts both into one number, four too high.
fn digits(column: &::postgres::Column) -> Vec<i32> {
    let modifier = column.type_modifier() - 4;
    if column.type_().name() != "numeric" || modifier < 0 {
        return Vec::new();
    }
    vec![(modifier >> 16) & 0xffff, ((modifier & 0x7ff) ^ 1024) - 1024]
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let (config, tls) = rewrite_tls_args(&place.url()?.conn).map_err(unclear)?;
    let pulled = match tls {
        Some(tls) => pulled(PostgresSource::new(config, tls, 1), read, give),
        None => pulled(PostgresSource::new(config, NoTls, 1), read, give),
    };
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

fn pulled<C>(
    source: Result<PostgresSource<BinaryProtocol, C>, PostgresSourceError>,
    read: Statement<'_>,
    give: &mut Give<'_>,
) -> Result<Ended, Trouble<PostgresArrowStreamTransportError>>
where
    C: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    C::TlsConnect: Send,
    C::Stream: Send,
    <C::TlsConnect as TlsConnect<Socket>>::Future: Send,
    PostgresArrowStreamTransport<BinaryProtocol, C>: Transport<
            TSS = PostgresTypeSystem,
            TSD = ArrowStreamTypeSystem,
            S = PostgresSource<BinaryProtocol, C>,
            D = ArrowStreamDestination,
            Error = PostgresArrowStreamTransportError,
        >,
{
    let mut source = source.map_err(PostgresArrowStreamTransportError::from)?;
    let mut before: Vec<String> = SETTINGS.iter().map(|s| (*s).to_owned()).collect();
    before.push(format!("set application_name = {}", literal(&session(read.mark))));
    source.set_pre_execution_queries(Some(&before));
    pull::<_, PostgresArrowStreamTransport<BinaryProtocol, C>>(source, read, give)
}

fn unclear(_: PostgresSourceError) -> Error {
    Error::config("`url` cannot be understood by connectorx")
}

/// The name of the session that reads.
fn session(mark: &str) -> String {
    format!("dhow {mark}")
}

/// Ends the statement of the session with this mark.
pub(super) fn cancel(place: &Place<'_>, mark: &str) -> Result<()> {
    let mut client = connected(place)?;
    let sql = format!(
        "select pg_cancel_backend(pid) from pg_stat_activity where application_name = {}",
        literal(&session(mark))
    );
    client.batch_execute(&sql).map_err(|e| of_server(place, &e))
}

fn of_transport(place: &Place<'_>, error: &PostgresArrowStreamTransportError) -> Error {
    match error {
        PostgresArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &PostgresSourceError) -> Error {
    match error {
        PostgresSourceError::PostgresError(error) => of_server(place, error),
        PostgresSourceError::PostgresPoolError(error) => place.refused(Kind::Unavailable, error),
        _ => place.broken(),
    }
}

/// By SQLSTATE, as Appendix A of PostgreSQL's manual has them.
fn of_server(place: &Place<'_>, error: &::postgres::Error) -> Error {
    let Some(answer) = error.as_db_error() else {
        let said = error.to_string();
        let is_value = said.contains("deserializ") || said.contains("converting");
        return if is_value { place.broken() } else { place.refused(Kind::Unavailable, said) };
    };
    let code = answer.code().code();
    let kind = match (code.get(..2).unwrap_or_default(), code) {
        (_, "42501") | ("28", _) => Kind::Denied,
        (_, "42P01" | "42703" | "42883" | "42704") | ("3D" | "3F", _) => Kind::Missing,
        ("08" | "40" | "57", _) => Kind::Unavailable,
        ("53", _) => Kind::Limit,
        ("42", _) => Kind::Config,
        _ => Kind::Data,
    };
    place.refused(kind, answer.message()).at("sqlstate", code)
}
