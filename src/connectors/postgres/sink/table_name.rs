//! The name of a table: with its schema, always.

use std::fmt;

use crate::connectors::postgres::quote::identifier;

/// The name of a table, as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name within the schema.
    pub name: String,
}

impl TableName {
    /// The longest name in bytes; the server would cut a longer one with nothing but a notice.
    pub(in crate::connectors::postgres) const BYTES: usize = 63;

    /// The table `name` of `schema`.
    pub(in crate::connectors::postgres) fn new(
        schema: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        TableName { schema: schema.into(), name: name.into() }
    }

    /// The name in SQL text.
    pub(in crate::connectors::postgres) fn sql(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// `names` as a list in SQL text.
pub(in crate::connectors::postgres) fn columns<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    names.into_iter().map(identifier).collect::<Vec<_>>().join(", ")
}
