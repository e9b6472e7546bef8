//! Results on standard output. A reader that goes away, as `head` does, is no error.

use std::io::{ErrorKind, Write};

use serde_json::Value;

use super::exit::Stop;
use crate::config::scrub;
use crate::error::Error;

/// Writes `text` and a line end, without any secret.
pub(super) fn line(text: &str) -> Result<(), Stop> {
    bytes(format!("{}\n", scrub(text)).as_bytes())
}

/// Writes `value` over several lines, as people and programs can both read it.
pub(super) fn json(value: &Value) -> Result<(), Stop> {
    line(&format!("{value:#}"))
}

/// Writes `bytes` as they are: rows that somebody asked for.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Stop::Closed,
        _ => Error::denied("could not write to standard output").at("system", error).into(),
    })
}
