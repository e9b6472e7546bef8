//! What is read: a table with its partitions and heirs, a view, or a query; and how its columns
//! arrive.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use tokio_postgres::Client;

use super::options::SourceOptions;
use crate::connectors::postgres::catalog;
use crate::connectors::postgres::decode::{self, Policies, Reading};
use crate::connectors::postgres::error;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::quote::identifier;
use crate::connectors::postgres::row::cell;
use crate::connectors::postgres::server_type::Column;
use crate::connectors::relation_options::Reads;
use crate::error::{Error, Result};

/// A relation as it is in the snapshot.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Relation {
    /// The name shown to people.
    pub label: String,
    /// What stands after `from`, with its own name.
    pub from: String,
    /// Its number; `None` for a query.
    pub oid: Option<u32>,
    /// What it is.
    pub form: Form,
    /// Its columns as the server has them.
    pub columns: Vec<Column>,
    /// How they arrive.
    pub readings: Vec<Reading>,
    /// How they arrive, as a schema.
    pub schema: SchemaRef,
    /// What holds its rows; empty for a view or query.
    pub leaves: Vec<Leaf>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum Form {
    /// Rows in the files of the server: a table, with its partitions and heirs, or a materialized
    /// view.
    Stored,
    /// A view, a foreign table or a query: the server makes its rows when they are read.
    Made,
}

/// What holds rows of a table: itself, a partition or an heir.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::connectors::postgres) struct Leaf {
    /// Its number.
    pub oid: u32,
    /// What stands after `from` to read it alone.
    pub from: String,
    /// Whether its rows have places that ranges can be made of.
    pub has_blocks: bool,
    /// Its size.
    pub bytes: u64,
    /// Its rows as of the last `analyze`; `None` when that never was.
    pub rows: Option<u64>,
    /// Whether it may be read by itself, and not only through its parent.
    pub is_open: bool,
}

impl Relation {
    /// Looks at what `options` name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Missing`] when it is not there, `Denied` when it may not be read,
    /// `Unsupported` for a column that cannot be read.
    pub(in crate::connectors::postgres) async fn describe(
        client: &Client,
        options: &SourceOptions,
    ) -> Result<Self> {
        let label = options.reads.label().to_owned();
        let policies = &options.policies;
        let relation = match &options.reads {
            Reads::Table(name) => table(client, name, policies).await,
            Reads::Query(query) => made_by_query(client, query, policies).await,
        };
        relation.map_err(|e| e.at("relation", label))
    }

    /// Everything that has to be equal for the same rows to arrive in the same way.
    pub(in crate::connectors::postgres) fn fingerprint(&self) -> String {
        let arrives = |reading: &Reading| {
            let field = &reading.field;
            format!("{} {:?} {}", reading.select, field.data_type(), field.is_nullable())
        };
        let arrive: Vec<_> = self.readings.iter().map(arrives).collect();
        format!("{:?} {} {arrive:?} {:?}", self.oid, self.from, self.columns)
    }

    /// The expressions of all columns.
    pub(in crate::connectors::postgres) fn selects(&self) -> Vec<String> {
        self.readings.iter().map(|reading| reading.select.clone()).collect()
    }

    /// Bytes of its rows, as far as that is known.
    pub(in crate::connectors::postgres) fn bytes(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.bytes).sum()
    }

    /// Takes locks that keep everybody from emptying or rewriting what will be read, until the
    /// transaction of `client` ends.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when somebody did so since the snapshot.
    pub(in crate::connectors::postgres) async fn lock(&self, client: &Client) -> Result<()> {
        for sql in self.locking() {
            let done = client.query(&sql, &[]).await;
            done.map_err(|e| error::of(&format!("could not read `{}`", self.label), &e))?;
        }
        unchanged(client, &self.label).await
    }

    /// Statements that read nothing, but take the locks of readers.
    pub(in crate::connectors::postgres) fn locking(&self) -> Vec<String> {
        let whole = format!(
            "select from (select {} from {}) as x limit 0",
            self.selects().join(", "),
            self.from
        );
        let leaves: Vec<_> = self.leaves.iter().filter(|leaf| leaf.is_open).collect();
        let leaves = leaves.chunks(100).map(|some| {
            let each: Vec<_> =
                some.iter().map(|leaf| format!("select from {}", leaf.from)).collect();
            format!("select from ({}) as x limit 0", each.join(" union all "))
        });
        std::iter::once(whole).chain(leaves).collect()
    }
}

/// Makes sure that no table was emptied or rewritten between the snapshot of `client` and the locks
/// that it holds by now.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when one was.
pub(in crate::connectors::postgres) async fn unchanged(client: &Client, label: &str) -> Result<()> {
    let rows = client.query(include_str!("changed.sql"), &[]).await;
    let rows =
        rows.map_err(|e| error::of(&format!("could not look at the locks on `{label}`"), &e))?;
    let Some(row) = rows.first() else { return Ok(()) };
    let table: String = cell(row, 0)?;
    Err(Error::conflict(format!("`{table}` was emptied or rewritten while it was being read"))
        .hint("run again: the load starts over with a new snapshot"))
}

/// `policies` with the digits after the point of `money`, where there is such a column.
async fn with_digits(client: &Client, columns: &[Column], policies: &Policies) -> Result<Policies> {
    let digits = catalog::money_digits(client, columns).await?;
    Ok(Policies { money_digits: digits.unwrap_or(policies.money_digits), ..policies.clone() })
}

async fn table(client: &Client, text: &str, policies: &Policies) -> Result<Relation> {
    let name = TableName::parse(text)?;
    let found = client.query_opt(include_str!("relation.sql"), &[&name.schema, &name.name]).await;
    let found = found.map_err(|e| error::of(&format!("could not look at `{text}`"), &e))?;
    let Some(row) = found else { return Err(missing(client, text, &name).await) };
    let (oid, kind): (u32, String) = (cell(&row, 0)?, cell(&row, 1)?);
    if !cell::<bool>(&row, 2)? {
        return Err(Error::data(format!("the materialized view `{text}` has never been filled"))
            .hint("refresh it first: `refresh materialized view`"));
    }
    if !cell::<bool>(&row, 4)? {
        return Err(Error::denied(format!("`{text}` may not be read"))
            .hint("grant it: `grant select on … to …`"));
    }
    let columns = catalog::columns_of_table(client, &name.schema, &name.name).await?;
    let policies = with_digits(client, &columns, policies).await?;
    let leaves = match kind.as_str() {
        "v" | "f" => Vec::new(),
        _ => leaves(client, oid, text).await?,
    };
    let form = if matches!(kind.as_str(), "v" | "f") { Form::Made } else { Form::Stored };
    relation(text, name.sql(), Some(oid), form, columns, leaves, &policies)
}

async fn made_by_query(client: &Client, query: &str, policies: &Policies) -> Result<Relation> {
    let columns = catalog::columns_of_query(client, query).await?;
    let policies = with_digits(client, &columns, policies).await?;
    // The line end closes a comment at the end of the query.
    let from = format!("({query}\n) as \"query\"");
    relation("query", from, None, Form::Made, columns, Vec::new(), &policies)
}

fn relation(
    label: &str,
    from: String,
    oid: Option<u32>,
    form: Form,
    columns: Vec<Column>,
    leaves: Vec<Leaf>,
    policies: &Policies,
) -> Result<Relation> {
    let readings = columns.iter().map(|column| decode::reading(column, policies));
    let readings = readings.collect::<Result<Vec<_>>>()?;
    let is_unknown = |name: &&String| columns.iter().all(|column| column.name != **name);
    if let Some(name) = policies.columns.keys().find(is_unknown) {
        return Err(Error::missing(format!("`columns` names `{name}`, which is no column")));
    }
    let fields: Vec<_> = readings.iter().map(|reading| reading.field.clone()).collect();
    let (label, schema) = (label.to_owned(), Arc::new(Schema::new(fields)));
    Ok(Relation { label, from, oid, form, columns, readings, schema, leaves })
}

async fn missing(client: &Client, text: &str, name: &TableName) -> Error {
    let error = Error::missing(format!("`{text}` does not exist"));
    let similar = client.query(include_str!("similar.sql"), &[&name.name]).await;
    let names: Vec<String> = similar.iter().flatten().filter_map(|row| cell(row, 0).ok()).collect();
    match names.is_empty() {
        true => error.hint("names are taken letter by letter; is it another database?"),
        false => error.hint(format!("there is {}", names.join(", "))),
    }
}

async fn leaves(client: &Client, oid: u32, label: &str) -> Result<Vec<Leaf>> {
    let rows = client.query(include_str!("leaves.sql"), &[&oid]).await;
    let rows = rows.map_err(|e| error::of(&format!("could not look at `{label}`"), &e))?;
    let leaf = |row: &tokio_postgres::Row| {
        let (schema, name): (String, String) = (cell(row, 1)?, cell(row, 2)?);
        let (kind, method): (String, String) = (cell(row, 3)?, cell(row, 4)?);
        let tuples: f64 = cell(row, 6)?;
        Ok(Leaf {
            oid: cell(row, 0)?,
            from: format!("only {}.{}", identifier(&schema), identifier(&name)),
            has_blocks: kind != "f" && method == "heap",
            bytes: u64::try_from(cell::<i64>(row, 5)?).unwrap_or(0),
            rows: format!("{tuples:.0}").parse().ok(),
            is_open: cell(row, 7)?,
        })
    };
    rows.iter().map(leaf).collect()
}
