//! Oracle, through its own client library.

use ::connectorx::prelude::{
    OracleArrowStreamTransport, OracleArrowStreamTransportError, OracleSource, Source,
};
use ::connectorx::sources::oracle::{OracleSourceError, connect_oracle};

use super::{Place, Statement, ended};
use crate::connectors::connectorx::road::pull::{Give, pull};
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Result};

/// The columns of `sql`, as connectorx asks for them.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let mut source = opened(place)?;
    source.set_queries(&[::connectorx::prelude::CXQuery::Naked(sql.to_owned())]);
    source.fetch_metadata().map_err(|e| of_source(place, &e))?;
    let natives = source.schema().into_iter().map(|kind| variant(&format!("{kind:?}")));
    let columns = source.names().into_iter().zip(natives);
    Ok(columns.map(|(name, native)| Column { name, native }).collect())
}

/// `NumInt(true)` as `numint`.
fn variant(text: &str) -> Native {
    Native::plain(text.split('(').next().unwrap_or_default().to_lowercase())
}

fn opened(place: &Place<'_>) -> Result<OracleSource> {
    let url = place.url()?.conn;
    // connectorx's pool would try for 30 seconds and say less.
    let connector = connect_oracle(&url).map_err(|e| of_source(place, &e))?;
    connector.connect().map_err(|e| of_words(place, &e.to_string()))?;
    OracleSource::new(url.as_str(), 1).map_err(|e| of_source(place, &e))
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let pulled = pull::<_, OracleArrowStreamTransport>(opened(place)?, read, give);
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

fn of_transport(place: &Place<'_>, error: &OracleArrowStreamTransportError) -> Error {
    match error {
        OracleArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &OracleSourceError) -> Error {
    match error {
        OracleSourceError::OracleError(error) => of_words(place, &error.to_string()),
        OracleSourceError::OraclePoolError(error) => of_words(place, &error.to_string()),
        _ => place.broken(),
    }
}

/// Messages of the server begin with `OCI Error` or have an `ORA-` number; all others may be of a
/// value.
fn of_words(place: &Place<'_>, said: &str) -> Error {
    if said.contains("DPI-1047") {
        let said = "DPI-1047: the client library of Oracle was not found";
        return place.in_words(said).hint(
            "install Oracle Instant Client (Basic or Basic Light), and set LD_LIBRARY_PATH to its \
             folder",
        );
    }
    if said.contains("ORA-") || said.contains("DPI-") {
        place.in_words(said)
    } else {
        place.broken()
    }
}
