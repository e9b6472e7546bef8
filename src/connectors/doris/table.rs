//! Tables as the server has them: columns, model, comment and size.

use super::kind::Kind;
use super::query::{Session, Texts};
use super::quote::{identifier, literal};
use crate::error::{Error, Kind as ErrorKind, Result};

/// What happens to rows of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// All of them stay.
    Duplicate,
    /// The last one stays: `UNIQUE KEY`, or `PRIMARY KEY` in StarRocks.
    Unique,
    /// They are put together.
    Aggregate,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name, as the table has it.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Whether it is a part of the key.
    pub key: bool,
    /// Whether it has a value of its own where none is given.
    pub filled: bool,
    /// Its comment; only known of new columns.
    pub comment: Option<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// What happens to rows of one key.
    pub model: Model,
    /// Its comment.
    pub comment: String,
    /// Rows as the statistics have them, which may lag behind.
    pub rows: Option<u64>,
    /// Bytes as the statistics have them.
    pub bytes: Option<u64>,
}

impl Table {
    /// The table `name`, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a view.
    pub(super) async fn find(session: &mut Session, name: &str) -> Result<Option<Self>> {
        let failed = format!("could not look for table `{name}`");
        let sql = format!(
            "select TABLE_TYPE, TABLE_COMMENT, TABLE_ROWS, DATA_LENGTH \
             from information_schema.tables where TABLE_SCHEMA = {} and TABLE_NAME = {}",
            literal(&session.database),
            literal(name)
        );
        let found = session.rows(&failed, &sql).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let text = |at: usize| row.get(at).cloned().flatten();
        if text(0).is_some_and(|kind| kind.to_ascii_uppercase().contains("VIEW")) {
            return Err(Error::unsupported(format!("`{name}` is a view, and takes no rows"))
                .hint("name the table below it"));
        }
        let columns = columns(session, name).await?;
        let number = |at: usize| text(at).and_then(|text| text.parse().ok());
        Ok(Some(Table {
            name: name.to_owned(),
            model: model(session, name).await?,
            columns,
            comment: text(1).unwrap_or_default(),
            rows: number(2),
            bytes: number(3),
        }))
    }

    /// The column with this name, whatever its case.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Names of the key's columns, in order.
    pub(super) fn key(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.key).map(|column| column.name.as_str())
    }

    /// Whether its key is just these columns, in any order.
    pub(super) fn has_key(&self, names: &[String]) -> bool {
        let is_named = |key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        self.key().count() == names.len() && self.key().all(is_named)
    }
}

/// The columns of a table, in order.
pub(super) async fn columns(session: &mut Session, name: &str) -> Result<Vec<Column>> {
    let failed = format!("could not look up the columns of `{name}`");
    let rows = session.rows(&failed, &format!("desc {}", identifier(name))).await?;
    rows.iter().map(column).collect()
}

/// `Field, Type, Null, Key, Default, Extra`.
fn column(row: &Texts) -> Result<Column> {
    let [Some(name), Some(kind), nullable, key, default, extra @ ..] = row.as_slice() else {
        return Err(Error::unsupported("the server describes columns in a way that is not known"));
    };
    let is_yes = |text: &Option<String>| {
        text.as_deref()
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "yes" | "true"))
    };
    let extra = extra.iter().flatten().map(|text| text.to_ascii_uppercase()).collect::<String>();
    let is_own = ["AUTO_INCREMENT", "GENERATED"].iter().any(|word| extra.contains(word));
    let default = default.as_deref().is_some_and(|text| !text.eq_ignore_ascii_case("null"));
    Ok(Column {
        name: name.clone(),
        kind: Kind::read(kind),
        nullable: is_yes(nullable),
        key: is_yes(key),
        filled: is_own || default,
        comment: None,
    })
}

async fn model(session: &mut Session, name: &str) -> Result<Model> {
    let failed = format!("could not look up how `{name}` was made");
    let sql = format!("show create table {}", identifier(name));
    let rows = session.rows(&failed, &sql).await?;
    let text = rows.first().and_then(|row| row.get(1)).and_then(Option::as_deref);
    Ok(model_of(text.unwrap_or_default()))
}

/// The model in the text of a `CREATE TABLE`: the clause stands at the beginning of a line, where
/// no comment of a column can be.
fn model_of(text: &str) -> Model {
    let clause = text.lines().find_map(|line| {
        let line = line.trim_start_matches(|c: char| c == ')' || c.is_whitespace());
        let line = line.strip_prefix("ENGINE=OLAP").unwrap_or(line).trim_start();
        let (model, rest) = line.split_once(' ')?;
        rest.trim_start().starts_with("KEY").then_some(model)
    });
    match clause {
        Some("UNIQUE" | "PRIMARY") => Model::Unique,
        Some("AGGREGATE") => Model::Aggregate,
        _ => Model::Duplicate,
    }
}

/// Names of the tables that begin with `prefix`.
pub(super) async fn names(session: &mut Session, prefix: &str) -> Result<Vec<String>> {
    let sql = format!(
        "select TABLE_NAME from information_schema.tables where TABLE_SCHEMA = {}",
        literal(&session.database)
    );
    let rows = session.rows("could not look for tables of the load", &sql).await?;
    let names = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    Ok(names.filter(|name| name.starts_with(prefix)).collect())
}

/// Drops a table, if it is there.
pub(super) async fn drop(session: &mut Session, name: &str) -> Result<()> {
    let sql = format!("drop table if exists {} force", identifier(name));
    session.run(&format!("could not drop `{name}`"), &sql).await
}

/// Rows of a table, counted, as far as `condition` asks for them.
pub(super) async fn count(session: &mut Session, name: &str, condition: &str) -> Result<u64> {
    let sql = format!("select count(*) from {}{condition}", identifier(name));
    session.number(&format!("could not count the rows of `{name}`"), &sql).await
}

/// Whether an error says that there is no such table.
pub(super) fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::Missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_where_it_is_declared_and_nowhere_else() {
        let text = |clause: &str| {
            format!(
                "CREATE TABLE `t` (\n  `a` int NULL COMMENT \"UNIQUE KEY(a)\"\n) ENGINE=OLAP\n\
                 {clause}(`a`)\nCOMMENT \"AGGREGATE KEY\"\nDISTRIBUTED BY HASH(`a`) BUCKETS 1"
            )
        };
        assert_eq!(model_of(&text("UNIQUE KEY")), Model::Unique);
        assert_eq!(model_of(&text("PRIMARY KEY")), Model::Unique);
        assert_eq!(model_of(&text("AGGREGATE KEY")), Model::Aggregate);
        assert_eq!(model_of(&text("DUPLICATE KEY")), Model::Duplicate);
        assert_eq!(model_of(") ENGINE=OLAP PRIMARY KEY(a)"), Model::Unique);
    }
}
