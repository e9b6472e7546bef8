//! What the name of a relation stands for: a table with what is special of it, a view, or through a
//! synonym one of these.

use super::name::TableName;
use super::session::{Session, cell};
use crate::error::{Error, Result};

/// A table of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// Its number.
    pub id: i32,
    /// Where its rows are.
    pub storage: Storage,
    /// Columns of periods and ledgers that `select *` leaves out.
    pub hidden: Vec<String>,
    /// Its sparse columns.
    pub sparse: Vec<String>,
    /// The column that `select *` gives in place of the sparse ones.
    pub column_set: Option<String>,
}

/// Where the rows of a table are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Storage {
    /// In the files of the database, in rows or columns.
    #[default]
    Disk,
    /// In memory: a statement sees one moment of it, and a SNAPSHOT transaction none.
    Memory,
    /// Outside of the database, which only fetches them.
    External,
}

/// The table `name`, which the user wrote as `text`; `None` for a view.
///
/// # Errors
/// [`crate::error::Kind::Missing`] when there is nothing of this name, and `Config` for a synonym of
/// something in another database.
pub(super) async fn find(
    session: &mut Session,
    text: &str,
    name: &TableName,
) -> Result<Option<Table>> {
    let what = format!("could not look at `{text}`");
    let names: [&dyn tiberius::ToSql; 2] = [&name.schema, &name.name];
    let found = session.rows_with(&what, include_str!("relation.sql"), &names).await?;
    let Some(row) = found.first() else { return Err(missing(session, text, name).await) };
    let kind = |at| Ok::<_, Error>(cell::<&str>(row, at)?.unwrap_or_default().trim());
    let is_synonym = kind(1)? == "SN";
    if is_synonym && cell::<i32>(row, 3)? != Some(0) {
        return Err(elsewhere(text, cell(row, 2)?.unwrap_or_default()));
    }
    let (id, kind) = match is_synonym {
        false => (cell::<i32>(row, 0)?, kind(1)?),
        true => (cell(row, 4)?, kind(5)?),
    };
    match (id, kind) {
        (Some(id), "U" | "ET") => table(session, &what, id).await.map(Some),
        // A user may read through a synonym what else it does not see: it is as a view.
        _ => Ok(None),
    }
}

/// The error for a synonym of what another database has.
fn elsewhere(text: &str, base: &str) -> Error {
    Error::config(format!("`{text}` is a synonym of `{base}`, in another database or server"))
        .hint("read it there, as a source of its own with that `host` and `database`")
}

/// What is special of the table with this number.
async fn table(session: &mut Session, what: &str, id: i32) -> Result<Table> {
    let mut table = Table { id, ..Table::default() };
    if !session.can_hide() {
        return Ok(table);
    }
    for row in &session.rows_with(what, include_str!("traits.sql"), &[&id]).await? {
        let how: &str = cell(row, 0)?.unwrap_or_default();
        let name = cell::<&str>(row, 1)?.unwrap_or_default().to_owned();
        match how {
            "memory" => table.storage = Storage::Memory,
            "external" => table.storage = Storage::External,
            "hidden" => table.hidden.push(name),
            "sparse" => table.sparse.push(name),
            _ => table.column_set = Some(name),
        }
    }
    Ok(table)
}

async fn missing(session: &mut Session, text: &str, name: &TableName) -> Error {
    let error = Error::missing(format!("`{text}` does not exist"));
    let what = "could not look for tables of this name";
    let rows = session.rows_with(what, include_str!("similar.sql"), &[&name.name]).await;
    let shown = |row: &tiberius::Row| {
        let (schema, name): (&str, &str) = (cell(row, 0).ok()??, cell(row, 1).ok()??);
        Some(TableName { schema: schema.to_owned(), name: name.to_owned() }.to_string())
    };
    let names: Vec<_> = rows.iter().flatten().filter_map(shown).collect();
    match names.is_empty() {
        true => error.hint("is it another database, or may this user not see it?"),
        false => error.hint(format!("there is {}", names.join(", "))),
    }
}
