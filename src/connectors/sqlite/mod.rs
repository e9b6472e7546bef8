//! The `sqlite` connector.

use crate::connectors::{Capability, Connector};

/// The `sqlite` connector.
pub static CONNECTOR: Connector = Connector {
    name: "sqlite",
    summary: "",
    can: Capability { endings: &["sqlite"], splits: None, reopen: true, modes: &[] },
    options: &[],
    check: |_, _| Vec::new(),
    source: None,
    sink: None,
};
