//! ClickHouse, over HTTP.

use std::sync::Arc;

use ::connectorx::prelude::{
    ClickHouseArrowStreamTransport, ClickHouseArrowStreamTransportError, ClickHouseSource,
};
use ::connectorx::sources::clickhouse::ClickHouseSourceError;
use serde::Deserialize;

use super::{Place, Statement, ended, sqlserver};
use crate::connectors::connectorx::road::pull::{Give, pull};
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Result};

/// The answer to `describe`.
#[derive(Deserialize)]
struct Described {
    data: Vec<Vec<String>>,
}

/// The columns of `sql`, as the server describes them: connectorx would take every type that it
/// does not know for text.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let runtime = Arc::new(sqlserver::runtime()?);
    let source = opened(place, &runtime)?;
    let question = format!("describe table ({sql}\n)");
    let answer = source.client.query(&question).fetch_bytes("JSONCompact");
    let mut answer = answer.map_err(|e| place.in_words(e))?;
    let answer = runtime.block_on(answer.collect()).map_err(|e| place.in_words(e))?;
    let described: Described = serde_json::from_slice(&answer)
        .map_err(|e| place.in_words(format!("its answer is no description of columns: {e}")))?;
    let column = |line: Vec<String>| {
        let mut texts = line.into_iter();
        let (name, kind) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        Column { name, native: native(&kind) }
    };
    Ok(described.data.into_iter().map(column).collect())
}

/// `LowCardinality(Nullable(String))` is read as `String`.
fn native(text: &str) -> Native {
    let inner =
        |text: &str, outer: &str| text.strip_prefix(outer)?.strip_suffix(')').map(str::to_owned);
    let text = inner(text, "LowCardinality(").unwrap_or_else(|| text.to_owned());
    let text = inner(&text, "Nullable(").unwrap_or(text);
    Native::parse(&text)
}

fn opened(place: &Place<'_>, runtime: &Arc<tokio::runtime::Runtime>) -> Result<ClickHouseSource> {
    let url = place.url()?.conn;
    ClickHouseSource::new(Arc::clone(runtime), url.as_str()).map_err(|e| of_source(place, &e))
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let source = opened(place, &Arc::new(sqlserver::runtime()?))?;
    let pulled = pull::<_, ClickHouseArrowStreamTransport>(source, read, give);
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

fn of_transport(place: &Place<'_>, error: &ClickHouseArrowStreamTransportError) -> Error {
    match error {
        ClickHouseArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &ClickHouseSourceError) -> Error {
    let said = error.to_string();
    // The server's own words; those of connectorx about a value are not shown.
    if said.starts_with("ClickHouse error") { place.in_words(said) } else { place.broken() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_looked_for_within_what_wraps_it() {
        assert_eq!(native("LowCardinality(Nullable(String))"), Native::plain("string"));
        assert_eq!(native("Nullable(Decimal(10, 2))").shown(), "decimal(10,2)");
        assert_eq!(native("Array(Int8)").name, "array");
    }
}
