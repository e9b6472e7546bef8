//! Where rows land: SQLite in memory, one table for each of BigQuery's.
//!
//! Values are kept so that they compare as in BigQuery: numbers of 64 bits as integers, decimals as
//! text with a collation of their own, bytes as blobs, dates and times as text of one length. A
//! table with more columns than SQLite can have keeps each row as one JSON text, and cannot be
//! asked by SQL.

use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::schema::{Field, Mode, Type};
use super::{functions, values};

/// A row by column names.
pub(crate) type Row = Map<String, Value>;

/// SQLite's own limit is 2,000 columns.
const WIDE: usize = 1_900;

#[derive(Debug)]
pub(crate) struct Store(pub(crate) Connection);

impl Store {
    pub(crate) fn new() -> Self {
        let connection = Connection::open_in_memory().expect("memory for SQLite");
        connection.set_prepared_statement_cache_capacity(64);
        functions::register(&connection).expect("functions can be added to SQLite");
        Store(connection)
    }

    /// The name of table number `id`.
    pub(crate) fn name(id: u64) -> String {
        format!("t{id}")
    }

    pub(crate) fn run(&self, sql: &str) -> Outcome<()> {
        self.0.execute_batch(sql).map_err(refusal)
    }

    pub(crate) fn create(&self, id: u64, fields: &[Field]) -> Outcome<()> {
        let columns = match is_wide(fields) {
            true => "document TEXT".to_owned(),
            false => fields.iter().map(definition).collect::<Vec<_>>().join(", "),
        };
        // SQLite has no table without columns.
        let columns = if fields.is_empty() { "\" nothing\" TEXT" } else { &columns };
        self.run(&format!("CREATE TABLE {} ({columns})", Store::name(id)))
    }

    /// Gives the table other columns; values of those that stay are kept.
    pub(crate) fn reshape(&self, id: u64, old: &[Field], new: &[Field]) -> Outcome<()> {
        let is_same = old.iter().map(|f| &f.name).eq(new.iter().map(|f| &f.name));
        if is_same {
            return Ok(());
        }
        let rows = self.rows(id, old)?;
        self.drop(id)?;
        self.create(id, new)?;
        self.insert(id, new, rows.into_iter())
    }

    pub(crate) fn drop(&self, id: u64) -> Outcome<()> {
        self.run(&format!("DROP TABLE {}", Store::name(id)))
    }

    pub(crate) fn clear(&self, id: u64) -> Outcome<()> {
        self.run(&format!("DELETE FROM {}", Store::name(id)))
    }

    /// Adds rows whose values are in their form.
    pub(crate) fn insert(
        &self,
        id: u64,
        fields: &[Field],
        rows: impl Iterator<Item = Row>,
    ) -> Outcome<()> {
        let count = if is_wide(fields) { 1 } else { fields.len() };
        let marks = vec!["?"; count.max(1)].join(", ");
        let sql = format!("INSERT INTO {} VALUES ({marks})", Store::name(id));
        let mut statement = self.0.prepare_cached(&sql).map_err(refusal)?;
        for mut row in rows {
            let cells = match fields {
                [] => vec![Cell::Null],
                _ if is_wide(fields) => vec![Cell::Text(Value::Object(row).to_string())],
                _ => {
                    let take =
                        |field: &Field| cell(field, row.remove(&field.name).unwrap_or_default());
                    fields.iter().map(take).collect()
                }
            };
            statement.execute(params_from_iter(cells)).map_err(refusal)?;
        }
        Ok(())
    }

    /// All rows, ordered by their columns from left to right.
    pub(crate) fn rows(&self, id: u64, fields: &[Field]) -> Outcome<Vec<Row>> {
        let order: Vec<String> = (1..=fields.len().clamp(1, WIDE)).map(|n| n.to_string()).collect();
        let order = if is_wide(fields) { "1".to_owned() } else { order.join(", ") };
        self.select(&format!("SELECT * FROM {} ORDER BY {order}", Store::name(id)), fields)
    }

    /// Rows in the order in which they came.
    pub(crate) fn page(
        &self,
        id: u64,
        fields: &[Field],
        from: usize,
        most: usize,
    ) -> Outcome<Vec<Row>> {
        let sql = format!(
            "SELECT * FROM {} ORDER BY _rowid_ LIMIT {most} OFFSET {from}",
            Store::name(id)
        );
        self.select(&sql, fields)
    }

    fn select(&self, sql: &str, fields: &[Field]) -> Outcome<Vec<Row>> {
        let mut statement = self.0.prepare(sql).map_err(refusal)?;
        let mut found = statement.query([]).map_err(refusal)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(refusal)? {
            if is_wide(fields) {
                let text: String = row.get(0).map_err(refusal)?;
                rows.push(serde_json::from_str(&text).expect("the gate wrote it"));
                continue;
            }
            let mut values = Map::new();
            for (at, field) in fields.iter().enumerate() {
                values.insert(field.name.clone(), value(field, row.get_ref(at).map_err(refusal)?));
            }
            rows.push(values);
        }
        Ok(rows)
    }

    pub(crate) fn count(&self, id: u64) -> u64 {
        let sql = format!("SELECT count(*) FROM {}", Store::name(id));
        let count: i64 = self.0.query_row(&sql, [], |row| row.get(0)).expect("the table is there");
        count.unsigned_abs()
    }
}

pub(crate) fn is_wide(fields: &[Field]) -> bool {
    fields.len() > WIDE
}

pub(crate) fn refusal(error: rusqlite::Error) -> Refusal {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => Refusal::invalid_query(message),
        rusqlite::Error::SqlInputError { msg, .. } => Refusal::invalid_query(msg),
        error => Refusal::invalid_query(error.to_string()),
    }
}

/// A name for SQLite.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn definition(field: &Field) -> String {
    let affinity = match field.kind {
        _ if field.mode == Mode::Repeated => "TEXT",
        Type::Int64 | Type::Bool => "INTEGER",
        Type::Numeric | Type::BigNumeric => "TEXT COLLATE decimal",
        // A double that is no number is kept as text.
        Type::Float64 | Type::Bytes => "BLOB",
        _ => "TEXT",
    };
    format!("{} {affinity}", quoted(&field.name))
}

/// A value in its form, as SQLite keeps it.
pub(crate) fn cell(field: &Field, value: Value) -> Cell {
    match (field.kind, value) {
        (_, Value::Null) => Cell::Null,
        (_, value) if field.mode == Mode::Repeated => Cell::Text(value.to_string()),
        (Type::Record | Type::Json, value) => Cell::Text(value.to_string()),
        (Type::Bytes, Value::String(text)) => {
            let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text);
            Cell::Blob(bytes.expect("checked before"))
        }
        (_, Value::String(text)) => Cell::Text(text),
        (_, Value::Bool(truth)) => Cell::Integer(truth.into()),
        (Type::Float64, Value::Number(number)) => Cell::Real(number.as_f64().unwrap_or(f64::MAX)),
        (_, Value::Number(number)) => match number.as_i64() {
            Some(whole) => Cell::Integer(whole),
            None => Cell::Real(number.as_f64().unwrap_or(f64::MAX)),
        },
        (_, value) => Cell::Text(value.to_string()),
    }
}

/// What SQLite keeps as a value in its form.
pub(crate) fn value(field: &Field, cell: ValueRef<'_>) -> Value {
    let json = |text: &[u8]| serde_json::from_slice(text).unwrap_or(Value::Null);
    match (field.kind, cell) {
        (_, ValueRef::Null) if field.mode == Mode::Repeated => Value::Array(Vec::new()),
        (_, ValueRef::Null) => Value::Null,
        (_, ValueRef::Text(text)) if field.mode == Mode::Repeated => json(text),
        (Type::Record | Type::Json, ValueRef::Text(text)) => json(text),
        (Type::Bool, ValueRef::Integer(truth)) => Value::Bool(truth != 0),
        (_, cell) => plain(cell),
    }
}

/// A cell as JSON, whatever it is.
pub(crate) fn plain(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(whole) => whole.into(),
        ValueRef::Real(number) if number.is_nan() => "NaN".into(),
        ValueRef::Real(number) if number.is_infinite() => {
            Value::from(if number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => {
            base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes).into()
        }
    }
}

/// A cell that an expression gave, in the form of a column; or why it does not fit.
pub(crate) fn fitted(field: &Field, cell: ValueRef<'_>) -> Outcome<Value> {
    let value = match (field.kind, cell) {
        (Type::Bool, ValueRef::Integer(truth)) => Value::Bool(truth != 0),
        (Type::Record | Type::Json, _) => value(field, cell),
        _ if field.mode == Mode::Repeated => value(field, cell),
        _ => plain(cell),
    };
    values::column(field, Some(&value), false).map_err(Refusal::invalid_query)
}
