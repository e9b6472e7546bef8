//! Trino, over HTTP, one page after another.

use std::sync::Arc;

use ::connectorx::prelude::{
    CXQuery, Source, TrinoArrowStreamTransport, TrinoArrowStreamTransportError, TrinoSource,
};
use ::connectorx::sources::trino::TrinoSourceError;

use super::{Place, Statement, ended, sqlserver, texts};
use crate::connectors::connectorx::road::pull::{Give, pull};
use crate::connectors::connectorx::road::quote::identifier;
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Result};

/// The columns of `sql`. connectorx tells their names, and decimals as doubles: Trino itself is
/// asked for the types, with a row that is there whatever `sql` gives.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let mut source = opened(place)?;
    source.set_queries(&[CXQuery::Naked(sql.to_owned())]);
    source.fetch_metadata().map_err(|e| of_source(place, &e))?;
    let names = source.names();
    let server = place.wanted.server;
    let kinds: Vec<String> =
        names.iter().map(|name| format!("typeof(r.{})", identifier(server, name))).collect();
    let question = format!(
        "select {} from (select 1 as one) o left join ({sql}\n) r on false",
        kinds.join(", ")
    );
    let kinds = texts(place, &question)?.into_iter().next().unwrap_or_default();
    if kinds.len() != names.len() {
        return Err(place.in_words("it did not tell the types of the columns"));
    }
    let columns = names.into_iter().zip(kinds);
    Ok(columns.map(|(name, kind)| Column { name, native: Native::parse(&kind) }).collect())
}

fn opened(place: &Place<'_>) -> Result<TrinoSource> {
    let runtime = Arc::new(sqlserver::runtime()?);
    TrinoSource::new(runtime, place.url()?.conn.as_str()).map_err(|e| of_source(place, &e))
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let pulled = pull::<_, TrinoArrowStreamTransport>(opened(place)?, read, give);
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

fn of_transport(place: &Place<'_>, error: &TrinoArrowStreamTransportError) -> Error {
    match error {
        TrinoArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &TrinoSourceError) -> Error {
    match error {
        TrinoSourceError::PrustoError(error) => place.in_words(error),
        TrinoSourceError::InferTypeFromNull => {
            Error::unsupported("connectorx does not know the type of a column of Trino")
                .at("server", &place.wanted.shown)
                .hint("cast it to varchar in a `query`")
        }
        _ => place.broken(),
    }
}
