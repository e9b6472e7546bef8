//! SQL Server.

use std::sync::Arc;

use ::connectorx::prelude::{
    MsSQLArrowStreamTransport, MsSQLArrowStreamTransportError, MsSQLSource,
};
use ::connectorx::sources::mssql::MsSQLSourceError;

use super::{Place, Statement, ended, texts};
use crate::connectors::connectorx::road::pull::{Give, pull};
use crate::connectors::connectorx::road::quote::literal;
use crate::connectors::connectorx::road::source::Column;
use crate::connectors::connectorx::types::Native;
use crate::error::{Error, Kind, Result};

/// The columns of `sql`, as the server describes them without running it.
pub(super) fn columns(place: &Place<'_>, sql: &str) -> Result<Vec<Column>> {
    let question = format!(
        "select name, system_type_name, error_message from \
         sys.dm_exec_describe_first_result_set(N{}, null, 0) order by column_ordinal",
        literal(sql)
    );
    let mut columns = Vec::new();
    for line in texts(place, &question)? {
        let mut texts = line.into_iter();
        let (name, kind, said) = (texts.next(), texts.next(), texts.next());
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            return Err(place.in_words(said));
        }
        let native = Native::parse(&kind.unwrap_or_default());
        columns.push(Column { name: name.unwrap_or_default(), native });
    }
    Ok(columns)
}

/// Gives away the rows of `read`.
pub(super) fn rows(place: &Place<'_>, read: Statement<'_>, give: &mut Give<'_>) -> Result<()> {
    let runtime = Arc::new(runtime()?);
    let source = MsSQLSource::new(runtime, place.url()?.conn.as_str(), 1);
    let source = source.map_err(|e| of_source(place, &e))?;
    let pulled = pull::<_, MsSQLArrowStreamTransport>(source, read, give);
    ended(pulled, |e| of_transport(place, e)).map(drop)
}

/// What the clients of connectorx run on that are asynchronous inside.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|e| {
        Error::limit("no threads could be started to read with connectorx").at("system", e)
    })
}

fn of_transport(place: &Place<'_>, error: &MsSQLArrowStreamTransportError) -> Error {
    match error {
        MsSQLArrowStreamTransportError::Source(error) => of_source(place, error),
        _ => place.broken(),
    }
}

fn of_source(place: &Place<'_>, error: &MsSQLSourceError) -> Error {
    match error {
        // What is wrong with a value quotes it; everything else is the server's.
        MsSQLSourceError::MsSQLError(error) if format!("{error:?}").starts_with("Conversion") => {
            place.broken()
        }
        MsSQLSourceError::MsSQLError(error) => place.in_words(error),
        MsSQLSourceError::MsSQLRuntimeError(_) | MsSQLSourceError::MsSQLPoolError(_) => {
            place.refused(Kind::Unavailable, "no session within 30 seconds")
        }
        _ => place.broken(),
    }
}
