//! What the reader of pipeline files must know of connectors, which stand above it.

use crate::config::{Options, Problem};

/// What options are checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Rows are read.
    Source,
    /// Rows are written.
    Sink,
}

/// The connectors that a pipeline may name.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// All of them, in the order of the manual.
    pub connectors: &'a [KnownConnector],
}

/// A connector, as far as a pipeline file must fit it.
#[derive(Debug, Clone, Copy)]
pub struct KnownConnector {
    /// What a pipeline writes after `type:`.
    pub name: &'static str,
    /// Whether it can be a source.
    pub can_read: bool,
    /// Names of the modes it can write; empty for a connector that cannot be a sink.
    pub modes: &'static [&'static str],
    /// Everything that is wrong with these options of the connector with this name; no I/O.
    pub check: fn(&str, &Options, Role) -> Vec<Problem>,
}

impl Known<'_> {
    /// The connector with this name.
    pub fn named(&self, name: &str) -> Option<&KnownConnector> {
        self.connectors.iter().find(|connector| connector.name == name)
    }

    /// The names of the connectors that can play `role`.
    pub fn names(&self, role: Role) -> Vec<&'static str> {
        self.connectors.iter().filter(|c| c.can(role)).map(|c| c.name).collect()
    }
}

impl KnownConnector {
    /// Whether it can play `role`.
    pub fn can(&self, role: Role) -> bool {
        match role {
            Role::Source => self.can_read,
            Role::Sink => !self.modes.is_empty(),
        }
    }
}
