//! What the server would hide without a word: rows that a policy filters, values that a mask
//! replaces, and values that only a client with a key can read.
//!
//! The columns of a table are known by its number. Those of a view or a query are followed to the
//! tables that they come from, under whatever name; one that is computed may show the mask of any
//! column, and is refused where there is a masked one.

use std::collections::HashMap;

use super::quote::literal;
use super::reading::Column;
use super::session::{Session, cell, named};
use super::table::Table;
use crate::error::{Error, Result};

/// Where a column of a view or a query comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// A column of this database: schema, table, column.
    Here(String, String, String),
    /// Another database.
    Elsewhere,
    /// It is computed, or the server does not say.
    Computed,
}

/// A column that is masked or encrypted.
#[derive(Debug)]
struct Veiled {
    schema: String,
    table: String,
    column: String,
    is_encrypted: bool,
}

/// Refuses what is hidden in `select`, which gives `columns`: all of `table`, or a view or a query.
/// Gives the columns that come from other databases, where nobody has looked.
pub(super) async fn refuse(
    session: &mut Session,
    label: &str,
    table: Option<&Table>,
    select: &str,
    columns: &[Column],
) -> Result<Vec<String>> {
    let veiled = veiled(session, label, table).await?;
    let origins = match table {
        Some(_) => HashMap::new(),
        None => origins(session, label, select).await?,
    };
    for column in columns {
        let name = &column.name;
        let found = match (table, origins.get(name)) {
            (Some(_), _) => veiled.iter().find(|veiled| veiled.column == *name),
            (None, Some(Origin::Here(schema, table, column))) => veiled.iter().find(|veiled| {
                (&veiled.schema, &veiled.table, &veiled.column) == (schema, table, column)
            }),
            (None, Some(Origin::Elsewhere)) => None,
            (None, Some(Origin::Computed) | None) => {
                match veiled.iter().find(|v| !v.is_encrypted) {
                    Some(masked) => return Err(may_be_masked(name, masked)),
                    None => None,
                }
            }
        };
        if let Some(found) = found {
            return Err(is_veiled(name, found));
        }
    }
    let elsewhere = columns.iter().filter(|c| origins.get(&c.name) == Some(&Origin::Elsewhere));
    Ok(elsewhere.map(|column| column.name.clone()).collect())
}

/// The columns of `table`, or of the whole database, that are masked for this user or encrypted.
///
/// # Errors
/// [`crate::error::Kind::Denied`] where a policy filters rows.
async fn veiled(session: &mut Session, label: &str, table: Option<&Table>) -> Result<Vec<Veiled>> {
    let id = table.map_or(0, |table| table.id);
    let what = format!("could not look at what is hidden in `{label}`");
    let rows = session.rows_with(&what, include_str!("hidden.sql"), &[&id]).await?;
    let mut all = Vec::new();
    for row in &rows {
        let text = |at| Ok::<_, Error>(cell::<&str>(row, at)?.unwrap_or_default().to_owned());
        let (column, how) = (text(0)?, text(1)?);
        if how == "filtered" {
            let message = format!("a security policy may hide rows of `{label}`");
            return Err(Error::denied(message)
                .at("policy", column)
                .hint("read as a user whom it hides nothing from, and set `hidden: accept`"));
        }
        let is_encrypted = how == "encrypted";
        all.push(Veiled { schema: text(2)?, table: text(3)?, column, is_encrypted });
    }
    Ok(all)
}

/// Where each column of `select` comes from, through all views and synonyms.
async fn origins(
    session: &mut Session,
    label: &str,
    select: &str,
) -> Result<HashMap<String, Origin>> {
    let what = format!("could not look at where the columns of `{label}` come from");
    let ask = literal(select);
    let sql = format!(
        "exec sys.sp_describe_first_result_set @tsql = {ask}, @params = null, \
         @browse_information_mode = 1"
    );
    let rows = match session.rows(&what, &sql).await {
        // What the server cannot follow is as if it were computed.
        Err(error) if !error.kind().is_transient() => return Ok(HashMap::new()),
        rows => rows?,
    };
    let row = session.row(&what, "select db_name()").await?;
    let own = cell::<&str>(&row, 0)?.unwrap_or_default();
    let mut all = HashMap::new();
    for row in rows.iter().filter(|row| !matches!(named(row, "is_hidden"), Ok(Some(true)))) {
        let text = |name| Ok::<_, Error>(named::<&str>(row, name)?.map(str::to_owned));
        let (server, database) = (text("source_server")?, text("source_database")?);
        let parts = (text("source_schema")?, text("source_table")?, text("source_column")?);
        // A column that is computed of masked ones is masked, too.
        let is_computed = named::<bool>(row, "is_computed_column")? == Some(true);
        let origin = match (server, database, parts) {
            _ if is_computed => Origin::Computed,
            (None, database, (Some(schema), Some(table), Some(column)))
                if database.as_deref().is_none_or(|database| database == own) =>
            {
                Origin::Here(schema, table, column)
            }
            (_, _, (_, Some(_), Some(_))) => Origin::Elsewhere,
            _ => Origin::Computed,
        };
        all.insert(text("name")?.unwrap_or_default(), origin);
    }
    Ok(all)
}

fn is_veiled(name: &str, found: &Veiled) -> Error {
    let error = match found.is_encrypted {
        false => Error::denied(format!("the values of `{name}` are masked for this user"))
            .hint("`grant unmask` to the user; or set `hidden: accept` to copy the masks"),
        true => Error::unsupported(format!("the values of `{name}` are always encrypted"))
            .hint("leave the column out with a `query`; `hidden: accept` copies its bytes"),
    };
    error.at("column", found.shown())
}

fn may_be_masked(name: &str, masked: &Veiled) -> Error {
    Error::denied(format!("the values of `{name}` may be masked for this user: it is computed"))
        .at("masked", masked.shown())
        .hint("`grant unmask` to the user; or set `hidden: accept` where it shows no masks")
}

impl Veiled {
    fn shown(&self) -> String {
        format!("{}.{}.{}", self.schema, self.table, self.column)
    }
}
