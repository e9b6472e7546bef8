//! What is read: a table, a view or a query, with its columns.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::name::TableName;
use super::options::SourceOptions;
use super::quote::literal;
use super::reading::{Column, Reading, reading};
use super::server_type::ServerType;
use super::session::{Session, cell, named};
use crate::connectors::relation_options::Reads;
use crate::error::{Error, Result};
use crate::source::SnapshotId;

/// A table, a view or a query.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// The name shown to people.
    pub label: String,
    /// What stands after `from`.
    pub from: String,
    /// The number of a table, which has a size and may have a key.
    pub table: Option<i32>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// How each of them arrives.
    pub readings: Vec<Reading>,
    /// The same in Arrow.
    pub schema: SchemaRef,
}

impl Relation {
    /// Looks at what `options` name.
    pub(super) async fn describe(session: &mut Session, options: &SourceOptions) -> Result<Self> {
        let (label, from, select, object) = match &options.reads {
            Reads::Table(text) => {
                let name = TableName::parse(text)?;
                let object = object(session, text, &name).await?;
                let from = name.sql();
                (text.clone(), from.clone(), format!("select * from {from}"), Some(object))
            }
            // The line end closes a comment at the end of the query.
            Reads::Query(query) => {
                ("query".to_owned(), format!("({query}\n) as [query]"), query.clone(), None)
            }
        };
        let columns = columns(session, &label, &select).await?;
        if !options.accepts_hidden && session.can_hide() {
            refuse_hidden(session, &label, object.as_ref(), &columns).await?;
        }
        let unknown = |name: &&String| columns.iter().all(|column| column.name != **name);
        if let Some(name) = options.policies.columns.keys().find(unknown) {
            return Err(Error::missing(format!("`columns` names `{name}`, which is no column")));
        }
        let readings = columns.iter().map(|column| reading(column, &options.policies));
        let readings = readings.collect::<Result<Vec<_>>>()?;
        let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        let table = object.filter(|object| object.is_table).map(|object| object.id);
        Ok(Relation { label, from, table, columns, readings, schema })
    }

    /// Changes with everything that matters for reading it again.
    pub(super) fn fingerprint(&self) -> String {
        let columns = self.columns.iter().map(|column| format!("{column:?}"));
        let reads = self.readings.iter().map(|reading| format!("{reading:?}"));
        let object = format!("{} {:?}", self.from, self.table);
        SnapshotId::of(std::iter::once(object).chain(columns).chain(reads)).0
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A table or a view, as the catalog has it.
#[derive(Debug)]
struct Object {
    id: i32,
    is_table: bool,
}

async fn object(session: &mut Session, text: &str, name: &TableName) -> Result<Object> {
    let what = format!("could not look at `{text}`");
    let names: [&dyn tiberius::ToSql; 2] = [&name.schema, &name.name];
    let found = session.rows_with(&what, include_str!("relation.sql"), &names).await?;
    let Some(row) = found.first() else { return Err(missing(session, text, name).await) };
    let kind: Option<&str> = cell(row, 1)?;
    Ok(Object { id: cell(row, 0)?.unwrap_or(0), is_table: kind.map(str::trim) == Some("U") })
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

/// The columns of what `select` gives.
async fn columns(session: &mut Session, label: &str, select: &str) -> Result<Vec<Column>> {
    let ask = literal(select);
    let sql = format!("exec sys.sp_describe_first_result_set @tsql = {ask}");
    let rows = session.rows(&format!("could not look at `{label}`"), &sql).await?;
    let mut columns: Vec<Column> = Vec::new();
    for row in &rows {
        if named::<bool>(row, "is_hidden")? == Some(true) {
            continue;
        }
        let name = named::<&str>(row, "name")?.unwrap_or_default().to_owned();
        if name.is_empty() || columns.iter().any(|column| column.name == name) {
            let message = match name.is_empty() {
                true => format!("column {} of `{label}` has no name", columns.len() + 1),
                false => format!("`{label}` has two columns `{name}`"),
            };
            return Err(Error::config(message).hint("give it a name: `… as name`"));
        }
        let shown = match named::<&str>(row, "system_type_name")? {
            Some(shown) => shown,
            None => named::<&str>(row, "user_type_name")?.unwrap_or("a type without a name"),
        };
        let nullable = named::<bool>(row, "is_nullable")?.unwrap_or(true);
        columns.push(Column { name, kind: ServerType::parse(shown), nullable });
    }
    match columns.is_empty() {
        true => Err(Error::missing(format!("`{label}` has no columns"))),
        false => Ok(columns),
    }
}

/// Refuses what the server would hide without a word: rows that a policy filters, values that a
/// mask replaces; and values that only a client with a key can read.
async fn refuse_hidden(
    session: &mut Session,
    label: &str,
    object: Option<&Object>,
    columns: &[Column],
) -> Result<()> {
    let id = object.filter(|object| object.is_table).map_or(0, |object| object.id);
    let what = format!("could not look at what is hidden in `{label}`");
    let rows = session.rows_with(&what, include_str!("hidden.sql"), &[&id]).await?;
    for row in &rows {
        let name: &str = cell(row, 0)?.unwrap_or_default();
        let how: &str = cell(row, 1)?.unwrap_or_default();
        let is_read = how == "filtered" || columns.iter().any(|column| column.name == name);
        if !is_read {
            continue;
        }
        return Err(match how {
            "filtered" => Error::denied(format!("a security policy may hide rows of `{label}`"))
                .at("policy", name)
                .hint("read as a user whom it hides nothing from, and set `hidden: accept`"),
            "masked" => Error::denied(format!("the values of `{name}` are masked for this user"))
                .hint("`grant unmask` to the user; or set `hidden: accept` to copy the masks"),
            _ => Error::unsupported(format!("the values of `{name}` are always encrypted"))
                .hint("leave the column out with a `query`; `hidden: accept` copies its bytes"),
        });
    }
    Ok(())
}
