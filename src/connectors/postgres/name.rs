//! The name of a table as a person writes it: `orders`, `sales.orders` or `"odd.name"."Orders"`.

use super::quote::identifier;
use crate::error::{Error, Result};

/// A table in its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    /// The schema; `public` when none is written.
    pub schema: String,
    /// The name of the table.
    pub table: String,
}

impl TableName {
    /// The name that `text` is: letters stay as they are, and a dot inside of double quotes
    /// belongs to the name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for anything but one or two names.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parts = parts(text).ok_or_else(|| unclear(text))?;
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(table), None, None) => Ok(TableName { schema: "public".to_owned(), table }),
            (Some(schema), Some(table), None) => Ok(TableName { schema, table }),
            _ => Err(unclear(text)),
        }
    }

    /// As SQL.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }
}

fn unclear(text: &str) -> Error {
    Error::config(format!("`{text}` is not the name of a table"))
        .hint("write `name` or `schema.name`, with double quotes around a name that has a dot")
}

/// The parts between dots; `None` when a part is empty or a quote is not closed.
fn parts(text: &str) -> Option<Vec<String>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (part, after) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                (part.to_owned(), after)
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

/// The name up to its closing quote, and what follows that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                name.push('"');
                rest = next;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        TableName::parse(text).ok().map(|name| (name.schema, name.table))
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
