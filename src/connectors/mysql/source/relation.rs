//! What is read: a table, a view or a query; and how its columns arrive.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use crate::connectors::mysql::catalog::{self, Table};
use crate::connectors::mysql::decode::{self, Policies, Reading};
use crate::connectors::mysql::error;
use crate::connectors::mysql::name::TableName;
use crate::connectors::mysql::options::SourceOptions;
use crate::connectors::mysql::quote::identifier;
use crate::connectors::mysql::wire::{Column, Connection};
use crate::connectors::relation_options::Reads;
use crate::error::{Error, Result};

/// A relation as it is at the server.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Relation {
    /// The name shown to people.
    pub label: String,
    /// What stands after `from`.
    pub from: String,
    /// What the catalog has of it; `None` for a query.
    pub table: Option<Table>,
    /// Its columns as the server has them.
    pub columns: Vec<Column>,
    /// How they arrive.
    pub readings: Vec<Reading>,
    /// How they arrive, as a schema.
    pub schema: SchemaRef,
}

impl Relation {
    /// Looks at what `options` name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] when it is not there, `Denied` when it may not be read,
    /// `Unsupported` for a column that cannot be read.
    pub(in crate::connectors::mysql) async fn describe(
        connection: &mut Connection,
        options: &SourceOptions,
    ) -> Result<Self> {
        let label = options.reads.label().to_owned();
        let relation = match &options.reads {
            Reads::Table(name) => {
                let name = TableName::parse(name, options.server.database())?;
                of_table(connection, label.clone(), &name, &options.policies).await
            }
            Reads::Query(query) => of_query(connection, query, &options.policies).await,
        };
        relation.map_err(|e| e.at("relation", label))
    }

    /// Everything that has to be equal for the same rows to arrive in the same way.
    pub(in crate::connectors::mysql) fn fingerprint(&self) -> String {
        let arrives = |(column, reading): (&Column, &Reading)| {
            let field = &reading.field;
            let select = reading.select(&identifier(&column.name));
            format!("{select} {:?} {}", field.data_type(), field.is_nullable())
        };
        let arrive: Vec<_> = self.columns.iter().zip(&self.readings).map(arrives).collect();
        let kept = self.table.as_ref().map(|table| (&table.kind, &table.engine, &table.keys));
        let collations: Vec<_> =
            self.table.iter().flat_map(|table| &table.columns).map(|c| &c.text).collect();
        format!("{} {kept:?} {arrive:?} {collations:?} {:?}", self.from, self.columns)
    }

    /// The expression for the column at `index` in the list of a SELECT, with its name.
    pub(in crate::connectors::mysql) fn select(&self, index: usize) -> Option<String> {
        let name = identifier(&self.columns.get(index)?.name);
        let expression = self.readings.get(index)?.select(&name);
        Some(if expression == name { name } else { format!("{expression} as {name}") })
    }

    /// Whether its rows are stored as they are read, by an engine that keeps snapshots of them.
    pub(in crate::connectors::mysql) fn is_stored(&self) -> bool {
        self.table.as_ref().is_some_and(|table| table.engine.is_some() && table.has_snapshots)
    }

    /// The engine of a table that shows its rows only as they are.
    pub(in crate::connectors::mysql) fn engine_without_snapshots(&self) -> Option<&str> {
        let table = self.table.as_ref().filter(|table| !table.has_snapshots)?;
        table.engine.as_deref()
    }

    /// A statement that reads nothing, but keeps everybody from changing the tables themselves
    /// until the transaction ends.
    pub(in crate::connectors::mysql) fn touching(&self) -> String {
        format!("select 1 from {} limit 0", self.from)
    }
}

async fn of_table(
    connection: &mut Connection,
    label: String,
    name: &TableName,
    policies: &Policies,
) -> Result<Relation> {
    let table = catalog::table(connection, name).await?;
    let from = table.name.sql();
    let names: Vec<_> = table.columns.iter().map(|column| identifier(&column.name)).collect();
    let sql = format!("select {} from {from}", names.join(", "));
    let columns = connection.describe(&sql).await;
    let mut columns = columns.map_err(|e| error::of(&format!("could not look at `{label}`"), e))?;
    if columns.len() != table.columns.len() {
        return Err(Error::conflict(format!("`{label}` changed while it was looked at")));
    }
    for (column, declared) in columns.iter_mut().zip(&table.columns) {
        column.declared = Some(declared.shown.clone());
        column.comment.clone_from(&declared.comment);
    }
    relation(label, from, Some(table), columns, policies)
}

async fn of_query(
    connection: &mut Connection,
    query: &str,
    policies: &Policies,
) -> Result<Relation> {
    let columns = connection.describe(query).await;
    let columns = columns.map_err(|e| error::of("could not prepare the query", e))?;
    if columns.is_empty() {
        return Err(Error::config("the query gives no rows").hint("write one SELECT"));
    }
    let mut names: Vec<_> = columns.iter().map(|column| column.name.to_lowercase()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair.first() == pair.last()) {
        let name = pair.first().map(String::as_str).unwrap_or_default();
        return Err(Error::config(format!("two columns of the query are called `{name}`"))
            .hint("give each a name of its own: `select a as b`"));
    }
    // The line end closes a comment at the end of the query.
    let from = format!("({query}\n) as `query`");
    relation("query".to_owned(), from, None, columns, policies)
}

fn relation(
    label: String,
    from: String,
    table: Option<Table>,
    columns: Vec<Column>,
    policies: &Policies,
) -> Result<Relation> {
    let readings = columns.iter().map(|column| decode::reading(column, policies));
    let readings = readings.collect::<Result<Vec<_>>>()?;
    let is_unknown = |name: &&String| columns.iter().all(|column| column.name != **name);
    if let Some(name) = policies.columns.keys().find(is_unknown) {
        return Err(Error::missing(format!("`columns` names `{name}`, which is no column")));
    }
    let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
    let schema = Arc::new(Schema::new(fields));
    Ok(Relation { label, from, table, columns, readings, schema })
}
