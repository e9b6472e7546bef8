//! What the server says of a table: what it is, its columns with their types, its keys.
//!
//! Every statement asks for one table by name, so that the server opens no other one. Names are
//! compared there without regard to case, so that the answers are looked through again here.

use super::error;
use super::name::TableName;
use super::quote::{identifier, literal};
use super::wire::{Connection, Flavour};
use crate::error::{Error, Result};

/// A table or view, as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name, letter by letter.
    pub name: TableName,
    /// `BASE TABLE`, `VIEW`, `SYSTEM VERSIONED` and the like.
    pub kind: String,
    /// Who keeps its rows: `InnoDB`; nobody for a view.
    pub engine: Option<String>,
    /// Whether that engine keeps snapshots of its rows.
    pub has_snapshots: bool,
    /// Its rows, about.
    pub rows: u64,
    /// The bytes of its rows, about.
    pub bytes: u64,
    /// When it was changed last, as far as the server remembers.
    pub updated: Option<String>,
    /// Its columns, in their order.
    pub columns: Vec<Declared>,
    /// Its unique keys, the best one for reading in ranges first.
    pub keys: Vec<Unique>,
}

/// A column as it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// Its name.
    pub name: String,
    /// Its type: `decimal(12,2) unsigned`; `json` also for MariaDB's, which is a text with a
    /// constraint.
    pub shown: String,
    /// The encoding and the collation of a text.
    pub text: Option<(String, String)>,
    /// What was said of it with COMMENT.
    pub comment: Option<String>,
}

/// A unique key whose order the server can walk in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unique {
    /// Its name: `PRIMARY`.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<String>,
    /// Whether one of them may be NULL.
    pub has_nulls: bool,
}

type Row = Vec<Option<String>>;

/// The table or view `name`.
///
/// # Errors
/// [`crate::error::Kind::Missing`] when it is not there, `Denied` when not all of it may be read.
pub(super) async fn table(connection: &mut Connection, name: &TableName) -> Result<Table> {
    // Columns without a right are missing in the catalog: only the server's own `*` tells.
    let all = format!("select * from {}", name.sql());
    let failed = |failure| error::of(&format!("could not read `{name}`"), failure);
    if let Err(failure) = connection.describe(&all).await {
        let error = failed(failure);
        return Err(match error.kind() {
            crate::error::Kind::Missing => missing(connection, name, error).await,
            _ => error,
        });
    }
    let found = described(connection, name).await?;
    let name = &found.name;
    let columns = columns(connection, name).await?;
    let keys = keys(connection, name).await?;
    Ok(Table { columns, keys, ..found })
}

async fn described(connection: &mut Connection, name: &TableName) -> Result<Table> {
    let sql = format!(
        "select table_schema, table_name, table_type, engine, table_rows, data_length, update_time \
         from information_schema.tables where table_schema = {} and table_name = {}",
        literal(&name.schema),
        literal(&name.name)
    );
    let rows = ask(connection, name, &sql).await?;
    let row = exact(rows, [&name.schema, &name.name]).into_iter().next();
    let row = row.ok_or_else(|| Error::missing(format!("`{name}` is not in the catalog")))?;
    let kind = text(&row, 2);
    if kind == "SEQUENCE" {
        return Err(Error::unsupported(format!("`{name}` is a sequence, not a table"))
            .hint("read what it gave: `query: select * from …`"));
    }
    let engine = optional(&row, 3);
    let has_snapshots = match &engine {
        Some(engine) => has_snapshots(connection, name, engine).await?,
        None => true,
    };
    Ok(Table {
        name: TableName { schema: text(&row, 0), name: text(&row, 1) },
        kind,
        has_snapshots,
        engine,
        rows: number(&row, 4),
        bytes: number(&row, 5),
        updated: optional(&row, 6),
        columns: Vec::new(),
        keys: Vec::new(),
    })
}

/// Engines with transactions have snapshots; the others show their rows as they are.
async fn has_snapshots(
    connection: &mut Connection,
    name: &TableName,
    engine: &str,
) -> Result<bool> {
    let sql = format!(
        "select transactions from information_schema.engines where engine = {}",
        literal(engine)
    );
    let rows = ask(connection, name, &sql).await?;
    Ok(rows.first().is_some_and(|row| text(row, 0) == "YES"))
}

async fn columns(connection: &mut Connection, name: &TableName) -> Result<Vec<Declared>> {
    let documents = documents(connection, name).await?;
    let sql = format!(
        "select table_schema, table_name, column_name, column_type, character_set_name, \
         collation_name, column_comment from information_schema.columns \
         where table_schema = {} and table_name = {} order by ordinal_position",
        literal(&name.schema),
        literal(&name.name)
    );
    let rows = exact(ask(connection, name, &sql).await?, [&name.schema, &name.name]);
    let column = |row: &Row| {
        let name = text(row, 2);
        Declared {
            shown: match documents.contains(&name) {
                true => "json".to_owned(),
                false => text(row, 3),
            },
            text: optional(row, 4).zip(optional(row, 5)),
            comment: optional(row, 6).filter(|comment| !comment.is_empty()),
            name,
        }
    };
    Ok(rows.iter().map(column).collect())
}

/// The columns that MariaDB keeps as JSON: texts that a constraint holds to it.
async fn documents(connection: &mut Connection, name: &TableName) -> Result<Vec<String>> {
    if connection.server().flavour == Flavour::MySql {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select constraint_schema, table_name, constraint_name, check_clause \
         from information_schema.check_constraints \
         where constraint_schema = {} and table_name = {}",
        literal(&name.schema),
        literal(&name.name)
    );
    let rows = exact(ask(connection, name, &sql).await?, [&name.schema, &name.name]);
    let is_json = |row: &&Row| text(row, 3) == format!("json_valid({})", identifier(&text(row, 2)));
    Ok(rows.iter().filter(is_json).map(|row| text(row, 2)).collect())
}

/// A key of the beginnings of texts, or of expressions, orders other things than rows.
async fn keys(connection: &mut Connection, name: &TableName) -> Result<Vec<Unique>> {
    let sql = format!(
        "select table_schema, table_name, index_name, column_name, sub_part, nullable \
         from information_schema.statistics \
         where table_schema = {} and table_name = {} and non_unique = 0 and index_type = 'BTREE' \
         order by index_name, seq_in_index",
        literal(&name.schema),
        literal(&name.name)
    );
    let rows = exact(ask(connection, name, &sql).await?, [&name.schema, &name.name]);
    let mut keys: Vec<Unique> = Vec::new();
    let mut unusable = Vec::new();
    for row in &rows {
        let key = text(row, 2);
        let Some(column) = optional(row, 3).filter(|_| optional(row, 4).is_none()) else {
            unusable.push(key);
            continue;
        };
        if keys.last().is_none_or(|last| last.name != key) {
            keys.push(Unique { name: key, columns: Vec::new(), has_nulls: false });
        }
        if let Some(last) = keys.last_mut() {
            last.columns.push(column);
            last.has_nulls |= text(row, 5) == "YES";
        }
    }
    keys.retain(|key| !unusable.contains(&key.name));
    keys.sort_by_key(|key| (key.name != "PRIMARY", key.has_nulls, key.columns.len()));
    Ok(keys)
}

/// The error for a table that is not there, with what is called almost so.
async fn missing(connection: &mut Connection, name: &TableName, error: Error) -> Error {
    let sql = format!(
        "select table_schema, table_name from information_schema.tables \
         where lower(table_name) = lower({}) limit 5",
        literal(&name.name)
    );
    let rows = connection.query(&sql).await.unwrap_or_default();
    let names: Vec<_> =
        rows.iter().map(|row| format!("{}.{}", text(row, 0), text(row, 1))).collect();
    let told = Error::missing(format!("`{name}` does not exist"));
    let told = error.places().iter().fold(told, |told, (what, value)| told.at(what, value));
    match names.is_empty() {
        true => told.hint("correct the name or the database; names are taken letter by letter"),
        false => told.hint(format!("there is {}", names.join(", "))),
    }
}

async fn ask(connection: &mut Connection, name: &TableName, sql: &str) -> Result<Vec<Row>> {
    let rows = connection.query(sql).await;
    rows.map_err(|e| error::of(&format!("could not look at `{name}` in the catalog"), e))
}

/// Those of `rows` whose first cells are `names`, letter by letter where there are such, or else
/// all of one table: a server may be made to take names without regard to case.
fn exact(rows: Vec<Row>, names: [&str; 2]) -> Vec<Row> {
    let is = |row: &Row, names: [&str; 2]| [text(row, 0), text(row, 1)] == names;
    let names = match rows.iter().find(|row| is(row, names)).or(rows.first()) {
        Some(row) => [text(row, 0), text(row, 1)],
        None => return rows,
    };
    let names = [names[0].as_str(), names[1].as_str()];
    rows.into_iter().filter(|row| is(row, names)).collect()
}

fn optional(row: &Row, at: usize) -> Option<String> {
    row.get(at).cloned().flatten()
}

fn text(row: &Row, at: usize) -> String {
    optional(row, at).unwrap_or_default()
}

fn number(row: &Row, at: usize) -> u64 {
    text(row, at).parse().unwrap_or(0)
}
