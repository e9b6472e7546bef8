//! What there is to read: columns with their types, and how SQL names it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension};

use super::error;
use super::options::Wanted;
use super::quote::identifier;
use super::types;
use crate::config::suggest;
use crate::connectors::relation_options::Reads;
use crate::error::{Error, Result};

/// A table, view or query as it is read.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The file as the user named it.
    pub file: String,
    /// The name shown to people.
    pub label: String,
    /// What stands after `FROM`.
    pub from: String,
    /// The name of the rowid, for tables that have one.
    pub rowid: Option<&'static str>,
    /// Its columns.
    pub schema: SchemaRef,
    /// Whether text compares byte by byte as in UTF-8.
    pub utf8: bool,
}

/// A column as the database declares it.
#[derive(Debug)]
struct Declared {
    name: String,
    text: String,
    required: bool,
}

impl Table {
    /// What `wanted` names, as `connection` sees it. Values are looked at where types are not
    /// declared.
    pub(super) fn describe(connection: &Connection, wanted: &Wanted) -> Result<Self> {
        let file = &wanted.path;
        let sqlite = |e: rusqlite::Error| error::of(file, &e);
        let (from, rowid, declared) = match &wanted.reads {
            Reads::Table(name) => describe_table(connection, file, name)?,
            Reads::Query(query) => describe_query(connection, file, query)?,
        };
        let encoding: String =
            connection.pragma_query_value(None, "encoding", |row| row.get(0)).map_err(sqlite)?;
        let mut table = Table {
            file: file.clone(),
            label: wanted.reads.label().to_owned(),
            from,
            rowid,
            schema: Arc::new(Schema::empty()),
            utf8: encoding == "UTF-8",
        };
        table.check_names(wanted, &declared)?;
        table.schema = table.typed(connection, wanted, &declared)?;
        Ok(table)
    }

    fn check_names(&self, wanted: &Wanted, declared: &[Declared]) -> Result<()> {
        let names: Vec<&str> = declared.iter().map(|column| column.name.as_str()).collect();
        let asked = wanted.columns.iter().map(|(name, _)| name).chain(&wanted.cursor);
        for name in asked {
            if !names.contains(&name.as_str()) {
                let message = format!("`{}` has no column `{name}`", self.label);
                let error = Error::config(message).at("file", &self.file);
                return Err(error.hint(suggest(name, &names)));
            }
        }
        Ok(())
    }

    fn typed(
        &self,
        connection: &Connection,
        wanted: &Wanted,
        declared: &[Declared],
    ) -> Result<SchemaRef> {
        let chosen = |name: &str| {
            let found = wanted.columns.iter().find(|(column, _)| column == name);
            found.map(|(_, data_type)| data_type.clone())
        };
        let mut fields = Vec::with_capacity(declared.len());
        for column in declared {
            let known = chosen(&column.name).or_else(|| types::of_declared(&column.text));
            let data_type = match known {
                Some(data_type) => data_type,
                None => self.type_of_values(connection, &column.name)?,
            };
            fields.push(Field::new(&column.name, data_type, !column.required));
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The type that fits the storage classes of all values of a column.
    fn type_of_values(&self, connection: &Connection, column: &str) -> Result<DataType> {
        let name = identifier(column);
        let sql = format!("select typeof({name}), count(*) from {} group by 1", self.from);
        let counts = || -> rusqlite::Result<Vec<(String, i64)>> {
            let mut statement = connection.prepare(&sql)?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let mut counts = counts().map_err(|e| error::of(&self.file, &e))?;
        counts.retain(|(class, _)| class != "null");
        let classes: Vec<&str> = counts.iter().map(|(class, _)| class.as_str()).collect();
        match classes.as_slice() {
            [] | ["text"] => Ok(DataType::Utf8),
            ["integer"] => Ok(DataType::Int64),
            // Integers too large for a real are refused one by one.
            ["real"] | ["integer", "real"] => Ok(DataType::Float64),
            ["blob"] => Ok(DataType::Binary),
            _ => {
                let listed: Vec<_> = counts.iter().map(|(c, n)| format!("{n} {c}")).collect();
                Err(Error::data(format!(
                    "column `{column}` has no declared type and holds values of several classes"
                ))
                .at("table", &self.label)
                .at("values", listed.join(", "))
                .hint(format!(
                    "declare its type, such as `columns: {{{column}: text}}`; values of another \
                     class are then refused one by one"
                )))
            }
        }
    }
}

type Described = (String, Option<&'static str>, Vec<Declared>);

fn describe_table(connection: &Connection, file: &str, name: &str) -> Result<Described> {
    let sqlite = |e: rusqlite::Error| error::of(file, &e);
    let sql = "select name, type, wr from pragma_table_list \
               where schema = 'main' and name = ?1 collate nocase";
    let found: Option<(String, String, bool)> = connection
        .query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(sqlite)?;
    let Some((name, kind, without_rowid)) = found else {
        return Err(no_such_table(connection, file, name).unwrap_or_else(sqlite));
    };
    let columns = declared(connection, "main", &name).map_err(sqlite)?;
    let free = |alias: &&str| !columns.iter().any(|c| c.name.eq_ignore_ascii_case(alias));
    // A SELECT has no more columns than a table: with all of them there is no place for the rowid.
    let most = connection.limit(Limit::SQLITE_LIMIT_COLUMN).map_err(sqlite)?;
    let has_place = i32::try_from(columns.len()).is_ok_and(|columns| columns < most);
    let rowid = (kind == "table" && !without_rowid && has_place)
        .then(|| ["rowid", "_rowid_", "oid"].into_iter().find(free))
        .flatten();
    Ok((format!("main.{}", identifier(&name)), rowid, columns))
}

fn no_such_table(connection: &Connection, file: &str, name: &str) -> rusqlite::Result<Error> {
    let sql = "select name from pragma_table_list where schema = 'main' and type <> 'shadow' \
               and name not like 'sqlite\\_%' escape '\\' order by name";
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let error = Error::missing(format!("`{file}` has no table `{name}`"));
    Ok(error.hint(suggest(name, &names)))
}

/// The columns of a query are those of a view that is it; the view lives in a database of its own.
fn describe_query(connection: &Connection, file: &str, query: &str) -> Result<Described> {
    let wrong = |e: rusqlite::Error| {
        Error::config("`query` is not one SELECT that SQLite can run")
            .at("file", file)
            .at("sqlite", e)
            .hint("write one SELECT without parameters")
    };
    check_query(connection, query).map_err(wrong)?.map_or(Ok(()), Err)?;
    // Only the view itself is written, to the temporary database of this connection.
    let view = format!("create temp view dhow_query as {query}\n");
    let describe = || {
        connection.execute_batch("pragma query_only = off")?;
        connection.execute(&view, [])?;
        let columns = declared(connection, "temp", "dhow_query")?;
        connection.execute_batch("drop view temp.dhow_query; pragma query_only = on")?;
        rusqlite::Result::Ok(columns)
    };
    let described = describe();
    let columns = described.map_err(wrong)?;
    Ok((format!("({query}\n)"), None, columns))
}

/// A problem with the query that SQLite would not complain of.
fn check_query(connection: &Connection, query: &str) -> rusqlite::Result<Option<Error>> {
    let statement = connection.prepare(query)?;
    let mut names = HashSet::new();
    let twice = statement.column_names().into_iter().find(|name| !names.insert(*name));
    Ok(twice.map(|name| {
        Error::config(format!("`query` gives two columns the name `{name}`"))
            .hint("name each column with `as`")
    }))
}

fn declared(connection: &Connection, schema: &str, name: &str) -> rusqlite::Result<Vec<Declared>> {
    // `hidden` is 1 for columns of virtual tables that are parameters, not data.
    let sql = "select name, type, \"notnull\", pk, count(*) filter (where pk > 0) over () \
               from pragma_table_xinfo(?1, ?2) where hidden <> 1 order by cid";
    let mut statement = connection.prepare(sql)?;
    let column = |row: &rusqlite::Row<'_>| {
        let text: String = row.get(1)?;
        let (not_null, key, keys): (bool, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        // The one key that is the rowid; every other key may hold NULL.
        let rowid = key == 1 && keys == 1 && text.eq_ignore_ascii_case("integer");
        Ok(Declared { name: row.get(0)?, required: not_null || rowid, text })
    };
    statement.query_map([name, schema], column)?.collect()
}
