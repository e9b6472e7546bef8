//! What a failure of the server or of the way to it means: the one place that looks at SQLSTATE.

use crate::error::Error;

/// The error for `error`, without any row data; `what` was tried: "could not read `orders`".
pub(super) fn of(what: &str, error: &tokio_postgres::Error) -> Error {
    Error::unavailable(what).at("server", error)
}
