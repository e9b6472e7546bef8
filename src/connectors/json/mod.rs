//! The `json` connector.

use crate::connectors::{Capability, Connector};

/// The `json` connector.
pub static CONNECTOR: Connector = Connector {
    name: "json",
    summary: "",
    can: Capability { endings: &["json"], splits: None, reopen: true, modes: &[] },
    options: &[],
    check: |_, _| Vec::new(),
    source: None,
    sink: None,
};
