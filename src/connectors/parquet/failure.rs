//! What went wrong in a store or in a Parquet file, as the house's errors.

use std::error::Error as _;
use std::path::Path;

use parquet::errors::ParquetError;

use crate::error::Error;

/// The error for a store that failed while doing `action` (such as "write") to `shown`.
pub(super) fn of_store(error: &object_store::Error, action: &str, shown: &str) -> Error {
    // What the operating system said is more exact than the store's own words.
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Error::io(io, action, Path::new(shown));
        }
        cause = inner.source();
    }
    use object_store::Error as Store;
    match error {
        Store::NotFound { .. } => Error::missing(format!("`{shown}` does not exist")),
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => {
            Error::denied(format!("no permission to {action} `{shown}`"))
        }
        _ => Error::unavailable(format!("could not {action} `{shown}`")),
    }
    .at("system", error)
}

/// The error for a file of ours that cannot be read back.
pub(super) fn of_reading(error: &ParquetError, shown: &str) -> Error {
    Error::data(format!("`{shown}` is not a sound Parquet file")).at("reader", error).hint(
        "something else changed or damaged the file; restore it, or load with `mode: replace`",
    )
}

/// The error for rows that cannot be encoded.
pub(super) fn of_writing(error: &ParquetError, shown: &str) -> Error {
    Error::data(format!("could not encode `{shown}` as Parquet")).at("writer", error)
}
