//! The types of new columns: where the target database has the source's enum, domain or type of an
//! extension, its name is taken.

use std::collections::BTreeMap;

use arrow::datatypes::{Field, Schema};

use super::work::Work;
use crate::connectors::postgres::catalog::columns_of_query;
use crate::connectors::postgres::encode::{fits, new_type, wished_type};
use crate::error::Result;

/// The types that this database has and others may not, by the columns that get them.
#[derive(Debug, Default)]
pub(in crate::connectors::postgres) struct NewTypes(BTreeMap<String, String>);

impl NewTypes {
    /// Looks up what the columns of `schema` had at their source.
    pub(in crate::connectors::postgres) async fn find(
        work: &Work,
        schema: &Schema,
    ) -> Result<Self> {
        let mut found = BTreeMap::new();
        for field in schema.fields() {
            if let Some(wished) = wished_type(field)
                && let Some(kind) = known(work, field, wished).await?
            {
                found.insert(field.name().clone(), kind);
            }
        }
        Ok(NewTypes(found))
    }

    /// The type of a new column for `field`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for a type that no column holds.
    pub(in crate::connectors::postgres) fn of(&self, field: &Field) -> Result<String> {
        match self.0.get(field.name()) {
            Some(kind) => Ok(kind.clone()),
            None => new_type(field),
        }
    }
}

/// `wished` as this server writes it, if it has it and the values of `field` fit.
async fn known(work: &Work, field: &Field, wished: &str) -> Result<Option<String>> {
    let Some((name, modifier)) = parted(wished) else { return Ok(None) };
    // The server's own text of the type: that of the source may come from a file of a stranger.
    let sql = "select pg_catalog.format_type(t.oid, null) from pg_catalog.pg_type t \
               where t.oid = pg_catalog.to_regtype($1)::pg_catalog.oid";
    let row = work.row("could not look for the type of a column", sql, &[&name]).await?;
    let Some(shown) = row.map(|row| row.get::<_, String>(0)) else { return Ok(None) };
    let (element, dimensions) = match shown.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (shown.as_str(), ""),
    };
    let kind = format!("{element}{modifier}{dimensions}");
    let columns = columns_of_query(&work.client, &format!("select null::{kind}")).await?;
    Ok(columns.first().is_some_and(|column| fits(field, column)).then_some(kind))
}

/// A type without its modifier, and the modifier with its parentheses. `None` for what is not
/// surely the name of a type: the server fails on that.
fn parted(wished: &str) -> Option<(String, &str)> {
    let (name, modifier) = match (wished.find('('), wished.rfind(')')) {
        (Some(open), Some(close)) if open < close => {
            (format!("{}{}", &wished[..open], &wished[close + 1..]), &wished[open..=close])
        }
        _ => (wished.to_owned(), ""),
    };
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || ",()".contains(c);
    let is_name = is_name(name.trim_end_matches("[]"));
    (is_name && modifier.chars().all(is_harmless)).then_some((name, modifier))
}

/// Whether `text` is one name, or two with a dot; each as it is or in quotes.
fn is_name(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..2 {
        let length = match rest.strip_prefix('"') {
            Some(quoted) => match quoted.find('"') {
                Some(0) | None => return false,
                Some(end) => end + 2,
            },
            None => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            }
        };
        match (length, rest.get(length..)) {
            (0, _) | (_, None) => return false,
            (_, Some("")) => return true,
            (_, Some(after)) => match after.strip_prefix('.') {
                Some(after) => rest = after,
                None => return false,
            },
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn only_what_is_surely_a_type_is_asked_for() {
        let some = |name: &str, modifier| Some((name.to_owned(), modifier));
        assert_eq!(parted("app.mood"), some("app.mood", ""));
        assert_eq!(parted("\"My App\".\"Mood\"[]"), some("\"My App\".\"Mood\"[]", ""));
        assert_eq!(parted("public.geometry(Point,4326)"), some("public.geometry", "(Point,4326)"));
        for odd in ["", ".", "a.b.c", "a; drop", "\"a", "\"\"", "a b", "a('x')", "a(1);--)"] {
            assert_eq!(parted(odd), None, "{odd}");
        }
    }
}
