//! The `parquet` connector.

mod folder;
mod footer;
mod prune;
mod read;
mod source;
#[cfg(test)]
mod source_tests;

use crate::connectors::{Capability, Connector};

/// The `parquet` connector.
pub static CONNECTOR: Connector = Connector {
    name: "parquet",
    summary: "",
    can: Capability { endings: &["parquet"], splits: Some("row group"), reopen: true, modes: &[] },
    options: &[],
    check: |options, _| source::check(options),
    source: Some(source::open),
    sink: None,
};
