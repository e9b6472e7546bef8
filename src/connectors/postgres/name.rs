//! The name of a table, with its schema, always; also as a person writes it: `orders`,
//! `sales.orders` or `"odd.name"."Orders"`.

use std::fmt;

use super::quote::identifier;
use crate::connectors::dotted;
use crate::error::{Error, Result};

/// What may stand around a part of a name.
const QUOTES: &[(char, char)] = &[('"', '"')];

/// The name of a table, as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name within the schema.
    pub name: String,
}

impl TableName {
    /// The longest name in bytes; the server would cut a longer one with nothing but a notice.
    pub(super) const BYTES: usize = 63;

    /// The table `name` of `schema`.
    pub(super) fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        TableName { schema: schema.into(), name: name.into() }
    }

    /// The name that `text` is, in `public` when it names no schema: letters stay as they are, and a dot inside of double quotes
    /// belongs to the name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for anything but one or two names.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parts = dotted::parts(text, QUOTES).ok_or_else(|| unclear(text))?;
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(TableName::new("public", name)),
            (Some(schema), Some(name), None) => Ok(TableName { schema, name }),
            _ => Err(unclear(text)),
        }
    }

    /// The name in SQL text.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

fn unclear(text: &str) -> Error {
    Error::config(format!("`{text}` is not the name of a table"))
        .hint("write `name` or `schema.name`, with double quotes around a name that has a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        TableName::parse(text).ok().map(|name| (name.schema, name.name))
    }

    #[test]
    fn a_name_keeps_its_letters_and_a_quoted_one_its_dots() {
        let name = |schema: &str, table: &str| Some((schema.to_owned(), table.to_owned()));
        assert_eq!(parsed("Orders"), name("public", "Orders"));
        assert_eq!(parsed("sales.orders"), name("sales", "orders"));
        assert_eq!(parsed(r#""a.b"."c""d""#), name("a.b", r#"c"d"#));
        assert_eq!(parsed("sales.\"order items\""), name("sales", "order items"));
    }

    #[test]
    fn anything_else_is_no_name() {
        for text in ["", ".", "a.", ".a", "a.b.c", "\"a", "\"a\"b", "\"\""] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
