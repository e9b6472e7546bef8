//! Cuts a relation into ranges of a key.
//!
//! The server finds the borders and compares with them; here they are only text, because it orders
//! by collations, and `uniqueidentifier` in a way of its own. A border has all columns of the key.
//! The first range is open below, the last one above, and rows without a key are a range of their
//! own. A border whose text would not come back as it went is left out: its two ranges are one.

use super::cells::text;
use super::piece::{Piece, clause};
use super::quote::{identifier, literal};
use super::reading::Column;
use super::relation::Relation;
use super::server_type::ServerType;
use super::session::{Session, cell};
use crate::error::{Error, Result};

/// The columns whose ranges cut a relation; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    parts: Vec<Part>,
    /// Whether a part may be NULL.
    has_nulls: bool,
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// The column, quoted.
    name: String,
    kind: ServerType,
}

/// A place between two rows: the text of each part.
type Border = Vec<String>;

impl Key {
    /// The key that `names` make, or else the best that `relation` has; `None` when it has none.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] for a name that is no column, and `Config` for a column
    /// without an order.
    pub(super) async fn of(
        session: &mut Session,
        relation: &Relation,
        names: &[String],
    ) -> Result<Option<Self>> {
        if !names.is_empty() {
            return Key::wanted(relation, names).map(Some);
        }
        let Some(table) = &relation.table else { return Ok(None) };
        let what = "could not look for a key";
        let rows = session.rows_with(what, include_str!("key.sql"), &[&table.id]).await?;
        let mut keys: Vec<(i32, Vec<String>)> = Vec::new();
        for row in &rows {
            let name: &str = cell(row, 0)?.unwrap_or_default();
            let index: i32 = cell(row, 1)?.unwrap_or(0);
            match keys.last_mut() {
                Some((last, names)) if *last == index => names.push(name.to_owned()),
                _ => keys.push((index, vec![name.to_owned()])),
            }
        }
        let found = keys.iter().filter_map(|(_, names)| Key::wanted(relation, names).ok());
        // One without NULL has no range more.
        Ok(found.min_by_key(|key| key.has_nulls))
    }

    fn wanted(relation: &Relation, names: &[String]) -> Result<Self> {
        let columns = names.iter().map(|name| {
            let missing =
                || Error::missing(format!("`split_by` names `{name}`, which is no column"));
            let column = relation.column(name).ok_or_else(missing)?;
            match column.kind.has_order() {
                true => Ok(column),
                false => {
                    Err(Error::config(format!("`{name}` has no order: it is {}", column.kind)))
                }
            }
        });
        let columns: Vec<&Column> = columns.collect::<Result<_>>()?;
        let part =
            |column: &&Column| Part { name: identifier(&column.name), kind: column.kind.clone() };
        let has_nulls = columns.iter().any(|column| column.nullable);
        Ok(Key { parts: columns.iter().map(part).collect(), has_nulls })
    }

    /// The rows of `relation` for which `conditions` hold, in ranges of about `rows` rows.
    pub(super) async fn cut(
        &self,
        session: &mut Session,
        relation: &Relation,
        conditions: &[String],
        rows: u64,
    ) -> Result<Vec<Piece>> {
        let mut conditions = conditions.to_vec();
        let mut pieces = Vec::new();
        if self.has_nulls {
            let nulls: Vec<_> = self.parts.iter().map(|p| format!("{} is null", p.name)).collect();
            let mut without = conditions.clone();
            without.push(format!("({})", nulls.join(" or ")));
            pieces.push(Piece::new(0, None, without));
            conditions.extend(self.parts.iter().map(|p| format!("{} is not null", p.name)));
        }
        let borders = self.borders(session, relation, &conditions, rows).await?;
        let lows = std::iter::once(None).chain(borders.iter().map(Some));
        let highs = borders.iter().map(Some).chain(std::iter::once(None));
        for (low, high) in lows.zip(highs) {
            let mut all = conditions.clone();
            all.extend(low.map(|border| self.from(border)));
            all.extend(high.map(|border| self.below(border)));
            let expected = high.map(|_| rows);
            pieces.push(Piece::new(pieces.len(), expected, all));
        }
        Ok(pieces)
    }

    /// The key of every row that begins a range, except the first.
    async fn borders(
        &self,
        session: &mut Session,
        relation: &Relation,
        conditions: &[String],
        rows: u64,
    ) -> Result<Vec<Border>> {
        let what = format!("could not find the borders of splits in `{}`", relation.label);
        let found = session.rows(&what, &self.walk(relation, conditions, rows)).await?;
        let mut borders: Vec<Border> = Vec::new();
        for row in &found {
            let mut border = Border::new();
            for (at, part) in self.parts.iter().enumerate() {
                let bytes: &[u8] = cell(row, at)?.unwrap_or_default();
                border.extend(text(bytes).ok().filter(|text| part.comes_back(text)));
            }
            if border.len() == self.parts.len() && borders.last() != Some(&border) {
                borders.push(border);
            }
        }
        Ok(borders)
    }

    fn walk(&self, relation: &Relation, conditions: &[String], rows: u64) -> String {
        let keys: Vec<_> = self.parts.iter().map(|p| p.name.as_str()).collect();
        let named: Vec<_> =
            keys.iter().enumerate().map(|(n, key)| format!("{key} as k{n}")).collect();
        let text = |(n, part): (usize, &Part)| {
            format!("cast({} as varbinary(8000))", part.kind.as_text(&format!("k{n}")))
        };
        let texts: Vec<_> = self.parts.iter().enumerate().map(text).collect();
        format!(
            "select {} from (select {}, row_number() over (order by {}) as number from {}{}) as walk \
             where number > 1 and number % {rows} = {} order by number",
            texts.join(", "),
            named.join(", "),
            keys.join(", "),
            relation.from,
            clause(conditions),
            1 % rows
        )
    }

    /// That a row is at `border` or above: SQL Server has no comparison of rows.
    fn from(&self, border: &Border) -> String {
        self.compared(border, ">", ">=")
    }

    /// That a row is below `border`.
    fn below(&self, border: &Border) -> String {
        self.compared(border, "<", "<")
    }

    /// `a > x or (a = x and (b > y or (b = y and c >= z)))`, column by column from the left; the
    /// first column by itself is said beside it, for an index.
    fn compared(&self, border: &Border, strictly: &str, last: &str) -> String {
        let pairs: Vec<_> = self
            .parts
            .iter()
            .zip(border)
            .map(|(part, text)| (&part.name, part.kind.of_text(&literal(text))))
            .collect();
        let mut pairs = pairs.iter().rev();
        let Some((name, value)) = pairs.next() else { return "1 = 1".to_owned() };
        let mut all = format!("{name} {last} {value}");
        let mut first = None;
        for (name, value) in pairs {
            all = format!("({name} {strictly} {value} or ({name} = {value} and {all}))");
            first = Some(format!("{name} {strictly}= {value}"));
        }
        first.into_iter().chain([all]).collect::<Vec<_>>().join(" and ")
    }
}

impl Part {
    /// Whether a literal of `text` is the value that it was made of: one of a code page other than
    /// that of the database may not be.
    fn comes_back(&self, text: &str) -> bool {
        !text.contains('\0') && (text.is_ascii() || !self.kind.is_of_code_page())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kinds: &[&str]) -> Key {
        let part = |(n, kind): (usize, &&str)| Part {
            name: identifier(&format!("c{n}")),
            kind: ServerType::parse(kind),
        };
        Key { parts: kinds.iter().enumerate().map(part).collect(), has_nulls: false }
    }

    #[test]
    fn a_border_of_several_columns_is_compared_column_by_column() {
        let border = vec!["1".to_owned(), "b'c".to_owned(), "0x0a".to_owned()];
        let key = key(&["int", "nvarchar(10)", "binary(1)"]);
        assert_eq!(
            key.from(&border),
            "[c0] >= cast(N'1' as int) and ([c0] > cast(N'1' as int) or ([c0] = cast(N'1' as int) \
             and ([c1] > N'b''c' or ([c1] = N'b''c' and [c2] >= convert(varbinary(8000), \
             N'0x0a', 1)))))"
        );
        let one = super::Key { parts: key.parts[..1].to_vec(), has_nulls: false };
        assert_eq!(one.below(&vec!["7".to_owned()]), "[c0] < cast(N'7' as int)");
    }

    #[test]
    fn a_border_that_no_literal_brings_back_is_none() {
        let comes_back = |kind: &str, text: &str| key(&[kind]).parts[0].comes_back(text);
        assert!(comes_back("varchar(9)", "abc") && comes_back("nvarchar(9)", "жук"));
        assert!(!comes_back("varchar(9)", "жук") && !comes_back("nvarchar(9)", "a\0"));
    }
}
