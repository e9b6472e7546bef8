//! The `memory` connector.

use crate::connectors::{Capability, Connector};

/// The `memory` connector.
pub static CONNECTOR: Connector = Connector {
    name: "memory",
    summary: "",
    can: Capability { endings: &["memory"], splits: None, reopen: true, modes: &[] },
    options: &[],
    check: |_, _| Vec::new(),
    source: None,
    sink: None,
};
