//! What happens to a table when the columns of a load are not its columns.

use crate::config::Reader;

/// What happens to columns of the load that do not fit the table; each does what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OnSchemaChange {
    /// The load is refused.
    Fail,
    /// New columns are added to the table.
    Append,
    /// New columns are added, and narrow ones are given the wider type.
    Widen,
}

impl OnSchemaChange {
    /// Takes `on_schema_change`.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        match reader.one_of("on_schema_change", &["fail", "append_new_columns", "widen"]) {
            "append_new_columns" => OnSchemaChange::Append,
            "widen" => OnSchemaChange::Widen,
            _ => OnSchemaChange::Fail,
        }
    }
}
