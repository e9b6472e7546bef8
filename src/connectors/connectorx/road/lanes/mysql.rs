//! MySQL and MariaDB, in the binary protocol.

use ::connectorx::prelude::{
    MySQLArrowStreamTransport, MySQLArrowStreamTransportError, MySQLSource, Source,
};
use ::connectorx::sources::mysql::{BinaryProtocol, MySQLSourceError, build_opts};
use ::mysql::consts::{ColumnFlags, ColumnType};
use ::mysql::prelude::Queryable;
use ::mysql::{Conn, Error as ServerError};

use super::{Place, Statement, ended};
use crate::connectors::connectorx::road::pull::{Give, pull};
use crate::connectors::connectorx::road::quote::literal;
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Kind, Result};

/// The character set that stands for bytes.
const BYTES: u16 = 63;

fn connected(place: &Place<'_>) -> Result<Conn> {
    let options = build_opts(place.url()?.conn.as_str())
        .map_err(|_| Error::config("`url` cannot be understood by connectorx"))?;
    Conn::new(options).map_err(|e| of_server(place, &e))
}

/// The columns of `sql`, as the server describes them.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let mut session = connected(place)?;
    let statement = session.prep(sql).map_err(|e| of_server(place, &e))?;
    let column =
        |c: &::mysql::Column| Column { name: c.name_str().into_owned(), native: native(c) };
    Ok(statement.columns().iter().map(column).collect())
}

/// The names are those of `types`: texts and bytes of all lengths are one each.
fn native(column: &::mysql::Column) -> Native {
    use ColumnType::*;
    let flags = column.flags();
    let is_bytes = column.character_set() == BYTES;
    let name = match column.column_type() {
        MYSQL_TYPE_TINY => "tinyint",
        MYSQL_TYPE_SHORT => "smallint",
        MYSQL_TYPE_INT24 => "mediumint",
        MYSQL_TYPE_LONG => "int",
        MYSQL_TYPE_LONGLONG => "bigint",
        MYSQL_TYPE_YEAR => "year",
        MYSQL_TYPE_FLOAT => "float",
        MYSQL_TYPE_DOUBLE => "double",
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => return decimal(column),
        MYSQL_TYPE_DATE => "date",
        MYSQL_TYPE_TIME => "time",
        MYSQL_TYPE_DATETIME => "datetime",
        MYSQL_TYPE_TIMESTAMP => "timestamp",
        MYSQL_TYPE_BIT => "bit",
        MYSQL_TYPE_JSON => "json",
        MYSQL_TYPE_STRING
        | MYSQL_TYPE_VAR_STRING
        | MYSQL_TYPE_VARCHAR
        | MYSQL_TYPE_ENUM
        | MYSQL_TYPE_SET
        | MYSQL_TYPE_TINY_BLOB
        | MYSQL_TYPE_BLOB
        | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB => {
            if is_bytes {
                "blob"
            } else {
                "text"
            }
        }
        MYSQL_TYPE_GEOMETRY => "geometry",
        other => return Native::plain(format!("{other:?}").to_lowercase()),
    };
    let whole = ["tinyint", "smallint", "mediumint", "int", "bigint"].contains(&name);
    match whole && flags.contains(ColumnFlags::UNSIGNED_FLAG) {
        true => Native::plain(format!("{name} unsigned")),
        false => Native::plain(name),
    }
}

/// The length of a decimal counts its sign and its point.
fn decimal(column: &::mysql::Column) -> Native {
    let scale = i32::from(column.decimals());
    let signs = i32::from(!column.flags().contains(ColumnFlags::UNSIGNED_FLAG));
    let length = i32::try_from(column.column_length()).unwrap_or(i32::MAX);
    let digits = length.saturating_sub(signs + i32::from(scale > 0));
    Native { name: "decimal".to_owned(), arguments: vec![digits, scale] }
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let source = MySQLSource::<BinaryProtocol>::new(place.url()?.conn.as_str(), 1);
    let mut source = source.map_err(|e| of_source(place, &e))?;
    source.set_pre_execution_queries(Some(&["set time_zone = '+00:00'".to_owned()]));
    let sql = format!("{} {}", comment(read.mark), read.sql);
    let read = Statement { sql: &sql, ..read };
    let pulled = pull::<_, MySQLArrowStreamTransport<BinaryProtocol>>(source, read, give);
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

/// What the statement begins with.
fn comment(mark: &str) -> String {
    format!("/* dhow {mark} */")
}

/// Ends the statement with this mark.
pub(super) fn cancel(place: &Place<'_>, mark: &str) -> Result<()> {
    let mut session = connected(place)?;
    let sql = format!(
        "select id from information_schema.processlist where info like {}",
        literal(&format!("{} %", comment(mark)))
    );
    let found: Option<u64> = session.query_first(sql).map_err(|e| of_server(place, &e))?;
    match found {
        Some(id) => {
            session.query_drop(format!("kill query {id}")).map_err(|e| of_server(place, &e))
        }
        None => Ok(()),
    }
}

fn of_transport(place: &Place<'_>, error: &MySQLArrowStreamTransportError) -> Error {
    match error {
        MySQLArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &MySQLSourceError) -> Error {
    match error {
        MySQLSourceError::MySQLError(error) => of_server(place, error),
        MySQLSourceError::MySQLPoolError(error) => place.refused(Kind::Unavailable, error),
        _ => place.broken(),
    }
}

/// By the numbers of MySQL's manual, "Server Error Message Reference".
fn of_server(place: &Place<'_>, error: &ServerError) -> Error {
    let ServerError::MySqlError(answer) = error else {
        let is_value =
            matches!(error, ServerError::FromValueError(_) | ServerError::FromRowError(_));
        return if is_value { place.broken() } else { place.refused(Kind::Unavailable, error) };
    };
    let kind = match answer.code {
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => Kind::Denied,
        1049 | 1054 | 1109 | 1146 => Kind::Missing,
        1040 | 1203 | 1226 => Kind::Limit,
        1053 | 1158..=1161 | 1205 | 1213 | 1317 => Kind::Unavailable,
        1064 => Kind::Config,
        _ => Kind::Data,
    };
    place.refused(kind, &answer.message).at("code", answer.code)
}
