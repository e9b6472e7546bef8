//! The `parquet` connector.

use crate::connectors::{Capability, Connector};

/// The `parquet` connector.
pub static CONNECTOR: Connector = Connector {
    name: "parquet",
    summary: "",
    can: Capability { endings: &["parquet"], splits: None, reopen: true, modes: &[] },
    options: &[],
    check: |_, _| Vec::new(),
    source: None,
    sink: None,
};
