//! The `csv` connector.

use crate::connectors::{Capability, Connector};

/// The `csv` connector.
pub static CONNECTOR: Connector = Connector {
    name: "csv",
    summary: "",
    can: Capability { endings: &["csv"], splits: None, reopen: true, modes: &[] },
    options: &[],
    check: |_, _| Vec::new(),
    source: None,
    sink: None,
};
