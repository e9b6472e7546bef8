//! Makes tables, and changes their columns when the load's have changed.

use arrow::datatypes::{Field, Schema};

use super::new_types::NewTypes;
use crate::connectors::OnSchemaChange;
use crate::connectors::postgres::encode::{fits, widened};
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::quote::{columns, identifier, literal};
use crate::connectors::postgres::server_type::{Column, Filled};
use crate::error::{Error, Result};
use crate::sink::{Key, Load, Mode};

/// The comment of a column travels in the metadata of its field under this key.
const COMMENT: &str = "dhow.comment";

/// The statements that make `table` for rows of `schema`, with a primary key over `key` if it is
/// not empty.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type that no column holds, or a name that the server
/// would cut; [`crate::error::Kind::Config`] for a key that is not in the schema.
pub(in crate::connectors::postgres) fn create(
    table: &TableName,
    schema: &Schema,
    key: &[String],
    types: &NewTypes,
) -> Result<String> {
    let mut lines = Vec::new();
    for field in schema.fields() {
        let not_null = !field.is_nullable() || key.contains(field.name());
        let not_null = if not_null { " not null" } else { "" };
        lines.push(format!("{}{not_null}", column(field, types)?));
    }
    for name in key {
        if schema.field_with_name(name).is_err() {
            return Err(Error::config(format!("key column `{name}` is not in the load"))
                .at("table", table)
                .hint("name columns of the load in `table_key`"));
        }
    }
    if !key.is_empty() {
        lines.push(format!("primary key ({})", columns(key.iter().map(String::as_str))));
    }
    let mut sql = format!("create table {} ({});\n", table.sql(), lines.join(", "));
    sql.extend(schema.fields().iter().filter_map(|field| comment(table, field)));
    Ok(sql)
}

/// The statement that makes `stage` for rows that go into the columns `names` of `table` later.
pub(in crate::connectors::postgres) fn stage(
    stage: &TableName,
    table: &TableName,
    names: &[&str],
) -> String {
    let names = columns(names.iter().copied());
    format!("create table {} as select {names} from {} with no data", stage.sql(), table.sql())
}

/// The primary key of a new table: what tells its rows apart. Rows with the same key of
/// `delete+insert` are a slice, so that its key is none; a row that is appended may be there already,
/// so that only a load of the whole table has the key that its source had.
pub(in crate::connectors::postgres) fn new_key(load: &Load, table_key: &[String]) -> Key {
    match &load.mode {
        Mode::Merge(key) => key.clone(),
        Mode::Replace | Mode::Truncate if table_key.is_empty() => load.source_key.clone(),
        _ => table_key.to_vec(),
    }
}

fn column(field: &Field, types: &NewTypes) -> Result<String> {
    let name = field.name();
    if name.len() > TableName::BYTES || name.is_empty() || name.contains('\0') {
        let message = format!("a column cannot be called `{}`", name.escape_debug());
        return Err(Error::unsupported(message).at("bytes", name.len()).hint(format!(
            "rename it in a model: names have 1 to {} bytes, and no NUL",
            TableName::BYTES
        )));
    }
    Ok(format!("{} {}", identifier(name), types.of(field)?))
}

fn comment(table: &TableName, field: &Field) -> Option<String> {
    let comment = field.metadata().get(COMMENT)?;
    let column = identifier(field.name());
    Some(format!("comment on column {}.{column} is {};\n", table.sql(), literal(comment)))
}

/// How `table` with `there` has to change for columns of `schema` under this policy: one
/// statement for each. What still does not fit afterwards is for the plan to refuse.
pub(in crate::connectors::postgres) fn changes(
    table: &TableName,
    schema: &Schema,
    there: &[Column],
    policy: OnSchemaChange,
    types: &NewTypes,
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for field in schema.fields() {
        match there.iter().find(|column| column.name == *field.name()) {
            None if policy >= OnSchemaChange::Append => {
                statements.push(format!(
                    "alter table {} add column {}",
                    table.sql(),
                    column(field, types)?
                ));
                statements.extend(comment(table, field));
            }
            Some(found) if policy == OnSchemaChange::Widen && !fits(field, found) => {
                let name = identifier(field.name());
                let wider = widened(field, found);
                statements.extend(wider.map(|wider| {
                    format!("alter table {} alter column {name} type {wider}", table.sql())
                }));
            }
            _ => {}
        }
    }
    Ok(statements)
}

/// How a new, empty `table` made like another one, with columns `there`, becomes one for `schema`:
/// columns that do not fit are made anew, those that nobody fills are dropped.
pub(in crate::connectors::postgres) fn reshape(
    table: &TableName,
    schema: &Schema,
    there: &[Column],
    types: &NewTypes,
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    let alter = |what: String| format!("alter table {} {what}", table.sql());
    for found in there.iter().filter(|found| !stays(schema, found)) {
        let name = identifier(&found.name);
        statements.push(alter(format!("drop column {name} cascade")));
    }
    for field in schema.fields() {
        let found = there.iter().find(|column| column.name == *field.name());
        if found.is_none_or(|found| !takes(field, found)) {
            let not_null = if field.is_nullable() { "" } else { " not null" };
            statements.push(alter(format!("add column {}{not_null}", column(field, types)?)));
            statements.extend(comment(table, field));
        }
    }
    Ok(statements)
}

/// Whether a table that is made anew for `schema` has this column as it was.
pub(in crate::connectors::postgres) fn stays(schema: &Schema, column: &Column) -> bool {
    match schema.field_with_name(&column.name) {
        Ok(field) => takes(field, column),
        Err(_) => column.filled != Filled::Never,
    }
}

/// Whether values of `field` can go into `column` as it is.
pub(in crate::connectors::postgres) fn takes(field: &Field, column: &Column) -> bool {
    column.filled != Filled::Always && fits(field, column)
}
