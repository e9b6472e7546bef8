//! The name of a table, as a person writes it: `orders`, `sales.orders` or `[odd.name]."Orders"`.

use std::fmt;

use super::quote::identifier;
use crate::connectors::dotted;
use crate::error::{Error, Result};

/// What may stand around a part of a name.
const QUOTES: &[(char, char)] = &[('[', ']'), ('"', '"')];

/// The name of a table, with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name within the schema.
    pub name: String,
}

impl TableName {
    /// The name that `text` is, in `dbo` when it names no schema.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for anything but one or two names.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut parts = dotted::parts(text, QUOTES).ok_or_else(|| unclear(text))?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(TableName { schema: "dbo".to_owned(), name }),
            (Some(schema), Some(name), None) => Ok(TableName { schema, name }),
            (_, _, Some(_)) => {
                let message = format!("`{text}` names another database or another server");
                Err(Error::config(message).hint(
                    "give the database as `database`, and read another server as a source of its own",
                ))
            }
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
        .hint("write `name` or `schema.name`, with brackets around a name that has a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_letter_by_letter() {
        let sql = |text: &str| TableName::parse(text).map(|name| name.sql()).ok();
        for (text, expected) in [
            ("orders", "[dbo].[orders]"),
            ("sales.Orders", "[sales].[Orders]"),
            ("[odd.name].[a]]b]", "[odd.name].[a]]b]"),
            ("\"a\"\"b\"", "[dbo].[a\"b]"),
            (" x ", "[dbo].[ x ]"),
            ("x'; drop table t; --", "[dbo].[x'; drop table t; --]"),
        ] {
            assert_eq!(sql(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", ".", "a.", "[a", "[a]b", "\"a"] {
            assert_eq!(sql(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_of_another_database_or_server_is_refused() {
        for text in ["shop.dbo.orders", "other.shop.dbo.orders"] {
            let error = TableName::parse(text).unwrap_err();
            assert!(error.message().contains("names another database"), "{error:?}");
        }
    }
}
