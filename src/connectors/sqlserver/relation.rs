//! What is read: a table, a view or a query, with its columns.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::hidden;
use super::name::TableName;
use super::options::SourceOptions;
use super::quote::literal;
use super::reading::{Column, Reading, reading};
use super::server_type::ServerType;
use super::session::{Session, named};
use super::table::{self, Storage, Table};
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
    /// The table that it is, by itself or through a synonym.
    pub table: Option<Table>,
    /// Columns that come from other databases, where nobody has looked for what is hidden.
    pub foreign: Vec<String>,
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
        let (label, from, select, table) = match &options.reads {
            Reads::Table(text) => {
                let name = TableName::parse(text)?;
                let table = table::find(session, text, &name).await?;
                let from = name.sql();
                (text.clone(), from.clone(), format!("select * from {from}"), table)
            }
            // The line end closes a comment at the end of the query.
            Reads::Query(query) => {
                ("query".to_owned(), format!("({query}\n) as [query]"), query.clone(), None)
            }
        };
        let columns = columns(session, &label, &select).await?;
        let foreign = match !options.accepts_hidden && session.can_hide() {
            true => hidden::refuse(session, &label, table.as_ref(), &select, &columns).await?,
            false => Vec::new(),
        };
        let unknown = |name: &&String| columns.iter().all(|column| column.name != **name);
        if let Some(name) = options.policies.columns.keys().find(unknown) {
            return Err(Error::missing(format!("`columns` names `{name}`, which is no column")));
        }
        let readings = columns.iter().map(|column| reading(column, &options.policies));
        let readings = readings.collect::<Result<Vec<_>>>()?;
        let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Relation { label, from, table, foreign, columns, readings, schema })
    }

    /// Changes with everything that matters for reading it again.
    pub(super) fn fingerprint(&self) -> String {
        let columns = self.columns.iter().map(|column| format!("{column:?}"));
        let reads = self.readings.iter().map(|reading| format!("{reading:?}"));
        let object = format!("{} {:?}", self.from, self.table);
        SnapshotId::of(std::iter::once(object).chain(columns).chain(reads)).0
    }

    /// Where its rows are; a view and a query fetch theirs from wherever.
    pub(super) fn storage(&self) -> Storage {
        self.table.as_ref().map_or(Storage::Disk, |table| table.storage)
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
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
