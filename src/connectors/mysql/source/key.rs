//! The columns whose ranges cut a relation, and how their values are written in SQL.
//!
//! The server finds the borders and compares with them; here they are only text, because an order
//! made by another collation would read rows twice or never. `a >= x` and `a < x` are each other's
//! opposite for every value that is not NULL, so that ranges between borders have each row once,
//! whatever the borders are.

use crate::connectors::mysql::catalog::Unique;
use crate::connectors::mysql::quote::{bytes, identifier, literal};
use crate::connectors::mysql::source::relation::Relation;
use crate::connectors::mysql::wire::Column;
use crate::error::{Error, Result};
use mysql_common::constants::ColumnType;

/// The columns whose ranges cut a relation; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Key {
    /// Its columns.
    pub parts: Vec<Part>,
    /// Whether a part may be NULL.
    pub has_nulls: bool,
    /// Whether rows are kept in its order.
    pub is_primary: bool,
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Part {
    /// The column, quoted.
    pub name: String,
    /// How its values are written.
    pub form: Form,
}

/// How values of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum Form {
    /// Whole numbers.
    Whole,
    /// Decimals.
    Decimal,
    /// Floating-point numbers: as doubles, whose text is exact.
    Float,
    /// Bits, years, and labels in the order in which they were declared: by their numbers.
    Numbered,
    /// Bytes.
    Bytes,
    /// Texts, by their bytes; with their encoding and collation where these are known.
    Text(Option<(String, String)>),
    /// Dates, times and the like, as the server writes them.
    Plain,
}

/// A place between two rows: the text of each part.
pub(in crate::connectors::mysql) type Border = Vec<String>;

impl Key {
    /// The key that `names` make, or else the best that `relation` has; `None` when it has none.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] for a name that is no column.
    pub(in crate::connectors::mysql) fn of(
        relation: &Relation,
        names: &[String],
    ) -> Result<Option<Self>> {
        if !names.is_empty() {
            // Whether a column may be NULL is not known of views and queries.
            return Key::from_names(relation, names, true, false).map(Some);
        }
        let Some(table) = &relation.table else { return Ok(None) };
        let Some(Unique { name, columns, has_nulls }) = table.keys.first() else {
            return Ok(None);
        };
        Key::from_names(relation, columns, *has_nulls, name == "PRIMARY").map(Some)
    }

    fn from_names(
        relation: &Relation,
        names: &[String],
        has_nulls: bool,
        is_primary: bool,
    ) -> Result<Self> {
        let part = |name: &String| match relation.columns.iter().find(|c| c.name == *name) {
            Some(column) => Ok(Part::of(relation, column)),
            None => Err(Error::missing(format!("`split_by` names `{name}`, which is no column"))
                .at("relation", &relation.label)),
        };
        Ok(Key { parts: names.iter().map(part).collect::<Result<_>>()?, has_nulls, is_primary })
    }

    /// The condition for rows in which no part is NULL, or some is. `is null` would also find
    /// `0000-00-00` in a column that is declared NOT NULL; `<=>` does not.
    pub(in crate::connectors::mysql) fn without_nulls(&self) -> Vec<String> {
        self.parts.iter().map(|part| format!("not ({} <=> null)", part.name)).collect()
    }

    /// The condition for rows in which some part is NULL.
    pub(in crate::connectors::mysql) fn with_nulls(&self) -> String {
        let nulls: Vec<_> =
            self.parts.iter().map(|part| format!("{} <=> null", part.name)).collect();
        format!("({})", nulls.join(" or "))
    }

    /// Rows at `border` and above.
    pub(in crate::connectors::mysql) fn at_least(&self, border: &Border) -> String {
        self.compared(">", ">=", border)
    }

    /// Rows above `border`.
    pub(in crate::connectors::mysql) fn above(&self, border: &Border) -> String {
        self.compared(">", ">", border)
    }

    /// Rows below `border`.
    pub(in crate::connectors::mysql) fn below(&self, border: &Border) -> String {
        self.compared("<", "<", border)
    }

    /// The comparison of a row with `border`, column by column from the left. Written out, because
    /// the server finds no range in `(a, b) >= (x, y)` and would read the whole table.
    fn compared(&self, strictly: &str, last: &str, border: &Border) -> String {
        let pairs: Vec<_> = self.parts.iter().zip(border).collect();
        let mut sql = String::new();
        for (at, (part, value)) in pairs.iter().enumerate().rev() {
            let (left, right) = (part.ordered(), part.literal(value));
            sql = match at + 1 == pairs.len() {
                true => format!("{left} {last} {right}"),
                false => format!("({left} {strictly} {right} or ({left} = {right} and {sql}))"),
            };
        }
        sql
    }

    /// The columns of the key, as SQL that orders by them.
    pub(in crate::connectors::mysql) fn order(&self) -> String {
        self.parts.iter().map(Part::ordered).collect::<Vec<_>>().join(", ")
    }

    /// The columns of the key, as SQL that shows the text of a border.
    pub(in crate::connectors::mysql) fn shown(&self) -> String {
        self.parts.iter().map(Part::shown).collect::<Vec<_>>().join(", ")
    }
}

impl Part {
    fn of(relation: &Relation, column: &Column) -> Self {
        let declared = relation.table.iter().flat_map(|table| &table.columns);
        let declared = declared.filter(|declared| declared.name == column.name);
        let text = declared.filter_map(|declared| declared.text.clone()).next();
        Part { name: identifier(&column.name), form: Form::of(column, text) }
    }

    /// What is ordered and compared.
    fn ordered(&self) -> String {
        match self.form {
            Form::Numbered => format!("{} + 0", self.name),
            _ => self.name.clone(),
        }
    }

    /// What shows its value as text.
    fn shown(&self) -> String {
        let name = &self.name;
        match &self.form {
            Form::Whole | Form::Decimal => name.clone(),
            Form::Numbered => format!("{name} + 0"),
            Form::Float => format!("{name} + 0e0"),
            Form::Bytes | Form::Text(Some(_)) => format!("hex({name})"),
            Form::Text(None) => format!("hex(convert({name} using utf8mb4))"),
            Form::Plain => format!("cast({name} as char)"),
        }
    }

    /// A value, from the text that [`Part::shown`] gave.
    fn literal(&self, text: &str) -> String {
        match &self.form {
            Form::Whole | Form::Decimal | Form::Numbered if is_number(text) => text.to_owned(),
            // An exponent makes a double of it, and not a decimal.
            Form::Float if is_number(text) => match text.contains('e') {
                true => text.to_owned(),
                false => format!("{text}e0"),
            },
            Form::Bytes => bytes(text),
            Form::Text(Some((encoding, collation))) => {
                format!("_{encoding} {} collate {}", bytes(text), identifier(collation))
            }
            Form::Text(None) => format!("_utf8mb4 {}", bytes(text)),
            Form::Plain | Form::Whole | Form::Decimal | Form::Numbered | Form::Float => {
                literal(text)
            }
        }
    }
}

impl Form {
    fn of(column: &Column, text: Option<(String, String)>) -> Self {
        use ColumnType as T;
        const BYTES: u16 = 63;
        if column.is_enum || column.is_set {
            return Form::Numbered;
        }
        match column.kind {
            T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG => Form::Whole,
            T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => Form::Decimal,
            T::MYSQL_TYPE_FLOAT | T::MYSQL_TYPE_DOUBLE => Form::Float,
            T::MYSQL_TYPE_BIT | T::MYSQL_TYPE_YEAR | T::MYSQL_TYPE_ENUM | T::MYSQL_TYPE_SET => {
                Form::Numbered
            }
            T::MYSQL_TYPE_STRING
            | T::MYSQL_TYPE_VAR_STRING
            | T::MYSQL_TYPE_VARCHAR
            | T::MYSQL_TYPE_TINY_BLOB
            | T::MYSQL_TYPE_BLOB
            | T::MYSQL_TYPE_MEDIUM_BLOB
            | T::MYSQL_TYPE_LONG_BLOB => match text {
                Some(text) => Form::Text(Some(text)),
                None if has_own_order(column) => Form::Plain,
                None if column.charset == BYTES => Form::Bytes,
                None => Form::Text(None),
            },
            _ => Form::Plain,
        }
    }
}

/// Types of MariaDB that come as texts, but are ordered in a way of their own.
fn has_own_order(column: &Column) -> bool {
    let declared = column.declared.as_deref().unwrap_or_default();
    ["uuid", "inet4", "inet6"].contains(&declared)
}

/// Whether `text` is a number as the server writes it, and nothing else.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(forms: [Form; 2]) -> Key {
        let names = ["`a`", "`b`"].map(str::to_owned);
        let part = |(name, form)| Part { name, form };
        let parts = names.into_iter().zip(forms).map(part).collect();
        Key { parts, has_nulls: true, is_primary: false }
    }

    #[test]
    fn a_row_is_compared_column_by_column_from_the_left() {
        let key = key([Form::Whole, Form::Text(Some(("latin1".into(), "latin1_bin".into())))]);
        let border = vec!["-7".to_owned(), "4A".to_owned()];
        let text = "_latin1 X'4A' collate `latin1_bin`";
        assert_eq!(key.at_least(&border), format!("(`a` > -7 or (`a` = -7 and `b` >= {text}))"));
        assert_eq!(key.below(&border), format!("(`a` < -7 or (`a` = -7 and `b` < {text}))"));
        assert_eq!(key.above(&border), format!("(`a` > -7 or (`a` = -7 and `b` > {text}))"));
        assert_eq!(key.with_nulls(), "(`a` <=> null or `b` <=> null)");
    }

    #[test]
    fn what_is_no_number_is_never_written_as_one() {
        let key = key([Form::Whole, Form::Float]);
        let border = vec!["1; drop".to_owned(), "1.5".to_owned()];
        assert_eq!(key.above(&border), "(`a` > '1; drop' or (`a` = '1; drop' and `b` > 1.5e0))");
    }
}
