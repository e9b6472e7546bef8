//! What the catalog knows of the target: what kind of thing it is, its keys, who depends on it.

use super::bound::Bound;
use super::work::Work;
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::server_type::{Column, Filled, Form, ServerType};
use crate::error::{Error, Result};
use crate::sink::Load;

/// A table that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Table {
    /// Its number in the catalog.
    pub oid: u32,
    /// Whether its rows survive a crash of the server, in all its partitions.
    pub logged: bool,
    /// Whether policies may hide rows of it.
    pub row_security: bool,
    /// Rows, as the server last counted them.
    pub estimate: Option<u64>,
    /// Bytes with indexes.
    pub bytes: Option<u64>,
    /// Whether this role owns it.
    pub own: bool,
    /// What this role may do with it.
    pub may: May,
}

/// What a role may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct May {
    pub(in crate::connectors::postgres) insert: bool,
    pub(in crate::connectors::postgres) select: bool,
    pub(in crate::connectors::postgres) update: bool,
    pub(in crate::connectors::postgres) delete: bool,
    pub(in crate::connectors::postgres) truncate: bool,
}

impl Table {
    /// The table `name`, if it is there.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for anything else with that name.
    pub(in crate::connectors::postgres) async fn find(
        work: &Work,
        name: &TableName,
    ) -> Result<Option<Self>> {
        let failed = format!("could not look for table `{name}`");
        let row = work.row(&failed, include_str!("table.sql"), &[&name.schema, &name.name]).await?;
        let Some(row) = row else { return Ok(None) };
        let kind = match row.get("kind") {
            "r" | "p" => None,
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            "f" => Some("a foreign table"),
            "S" => Some("a sequence"),
            "c" => Some("a type"),
            _ => Some("an index"),
        };
        if let Some(kind) = kind {
            return Err(Error::unsupported(format!("`{name}` is {kind}, not a table"))
                .hint("name the table itself, or another one"));
        }
        let number = |name: &str| row.get::<_, Option<i64>>(name).and_then(|n| n.try_into().ok());
        Ok(Some(Table {
            oid: row.get("oid"),
            logged: row.get("logged"),
            row_security: row.get("row_security"),
            estimate: number("estimate"),
            bytes: number("bytes"),
            own: row.get("own"),
            may: May {
                insert: row.get("may_insert"),
                select: row.get("may_select"),
                update: row.get("may_update"),
                delete: row.get("may_delete"),
                truncate: row.get("may_truncate"),
            },
        }))
    }

    /// Whether a unique index is over exactly the columns of `key`, in any order.
    pub(in crate::connectors::postgres) async fn has_key(
        &self,
        work: &Work,
        key: &[String],
    ) -> Result<bool> {
        let sorted = |mut names: Vec<String>| {
            names.sort_unstable();
            names
        };
        let wanted = sorted(key.to_vec());
        let sql = include_str!("keys.sql");
        let keys = work.rows("could not look for keys", sql, &[&self.oid]).await?;
        Ok(keys.iter().any(|row| sorted(row.get("names")) == wanted))
    }
}

/// Something that stays with a table when another one takes its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Dependent {
    /// It, as people say it: `view app.totals`.
    pub what: String,
    /// The columns that a foreign key of another table needs.
    pub key: Option<Vec<String>>,
    /// Whether that foreign key changes rows of its own table when rows of this one go.
    pub cascades: bool,
}

/// What depends on the table with this number, in the order of names.
pub(in crate::connectors::postgres) async fn dependents(
    work: &Work,
    oid: u32,
) -> Result<Vec<Dependent>> {
    let sql = include_str!("dependents.sql");
    let rows = work.rows("could not look for what depends on the table", sql, &[&oid]).await?;
    let dependent = |row: &tokio_postgres::Row| Dependent {
        what: row.get("what"),
        key: row.get("key"),
        cascades: row.get("cascades"),
    };
    Ok(rows.iter().map(dependent).collect())
}

/// The columns that take those of `load`, in its order: of the table that will be in place.
///
/// # Errors
/// [`crate::error::Kind::Drift`] when the table has no such column, or fills it by itself.
pub(in crate::connectors::postgres) async fn columns_of_load(
    work: &Work,
    load: &Load,
    bound: &Bound,
) -> Result<Vec<Column>> {
    let replaces = load.mode == crate::sink::Mode::Replace;
    let table = if replaces { bound.place() } else { &bound.target };
    let columns = columns_of_table(&work.client, &table.schema, &table.name).await?;
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        let name = field.name();
        let drift = |message: String| Error::drift(message).at("table", &bound.target);
        match columns.iter().find(|column| column.name == *name) {
            None => Err(drift(format!("column `{name}` is no longer in the table"))),
            Some(column) if column.filled == Filled::Always => {
                Err(drift(format!("column `{name}` is generated, and takes no value"))
                    .hint("leave it out in a model"))
            }
            Some(column) => Ok(column.clone()),
        }
    };
    load.schema.fields().iter().map(column).collect()
}

/// The labels of the enums among `columns`, by the number of their type.
pub(in crate::connectors::postgres) async fn labels(
    work: &Work,
    columns: &[Column],
) -> Result<Vec<(u32, Vec<String>)>> {
    let enums: Vec<u32> = columns.iter().filter_map(|column| enum_of(&column.kind)).collect();
    if enums.is_empty() {
        return Ok(Vec::new());
    }
    let sql = include_str!("labels.sql");
    let rows = work.rows("could not look for the labels of enums", sql, &[&enums]).await?;
    Ok(rows.iter().map(|row| (row.get("type"), row.get("labels"))).collect())
}

/// The enum below domains and arrays.
fn enum_of(kind: &ServerType) -> Option<u32> {
    match &kind.form {
        Form::Enum => Some(kind.oid),
        Form::Domain(of) | Form::Array(of, _) => enum_of(of),
        Form::Base | Form::Composite | Form::Range => None,
    }
}
