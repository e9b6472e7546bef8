//! The name of a table, with its database; also as a person writes it: `orders`, `shop.orders` or
//! `` `odd.name`.`Orders` ``.

use std::fmt;

use super::quote::identifier;
use crate::connectors::dotted;
use crate::error::{Error, Result};

/// What may stand around a part of a name.
const QUOTES: &[(char, char)] = &[('`', '`')];

/// The name of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    /// Its database.
    pub schema: String,
    /// Its name within the database.
    pub name: String,
}

impl TableName {
    /// The name that `text` is, in `database` when it names none: letters stay as they are, and a
    /// dot inside of backticks belongs to the name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for anything but one or two names, or without a database.
    pub(super) fn parse(text: &str, database: Option<&str>) -> Result<Self> {
        let mut parts = dotted::parts(text, QUOTES).ok_or_else(|| unclear(text))?.into_iter();
        match (parts.next(), parts.next(), parts.next(), database) {
            (Some(name), None, None, Some(schema)) => {
                Ok(TableName { schema: schema.to_owned(), name })
            }
            (Some(schema), Some(name), None, _) => Ok(TableName { schema, name }),
            (Some(_), None, None, None) => {
                Err(Error::config(format!("`{text}` is in no database, and none is given"))
                    .hint("give a `database`, or write `database.table`"))
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
        .hint("write `name` or `database.name`, with backticks around a name that has a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        TableName::parse(text, Some("shop")).ok().map(|name| (name.schema, name.name))
    }

    #[test]
    fn a_name_keeps_its_letters_and_a_quoted_one_its_dots() {
        let name = |schema: &str, table: &str| Some((schema.to_owned(), table.to_owned()));
        assert_eq!(parsed("Orders"), name("shop", "Orders"));
        assert_eq!(parsed("sales.orders"), name("sales", "orders"));
        assert_eq!(parsed("`a.b`.`c``d`"), name("a.b", "c`d"));
        assert_eq!(parsed("sales.`order items`"), name("sales", "order items"));
        assert_eq!(parsed("\"x\""), name("shop", "\"x\""));
    }

    #[test]
    fn anything_else_is_no_name() {
        for text in ["", ".", "a.", ".a", "a.b.c", "`a", "`a`b", "``"] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert!(TableName::parse("a", None).is_err());
    }
}
