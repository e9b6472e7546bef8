//! The cursor of an incremental load: positions as text, and the rows between two of them.
//!
//! SQLite orders values by storage class first, so that a position keeps its class: `i:17`,
//! `r:1.5`, `t:2026-03-01`, `b:00ff`. Text compares byte by byte, whatever the column declares.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::error;
use super::quote::identifier;
use super::table::Table;
use crate::error::{Error, Result};
use crate::source::Watermark;

/// The rows of a window: SQL that is true for them, and its parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    /// Conditions, each of which must hold; parameters are `?`.
    pub conditions: Vec<String>,
    /// The parameters of the conditions, in order.
    pub values: Vec<Value>,
    /// The upper end.
    pub high: Option<Watermark>,
}

/// The rows above `above`, up to the greatest there is now.
///
/// # Errors
/// When a row has no position, since it would be in no window; when `above` is no position.
pub(super) fn window(
    connection: &Connection,
    table: &Table,
    cursor: Option<&str>,
    above: Option<&Watermark>,
) -> Result<Window> {
    let Some(cursor) = cursor else { return Ok(Window::default()) };
    check_nulls(connection, table, cursor)?;
    let mut window = Window::default();
    let position = format!("(+{} collate binary)", identifier(cursor));
    if let Some(above) = above {
        window.conditions.push(format!("{position} > ?"));
        window.values.push(parse(above)?);
    }
    let condition = window.conditions.first().map_or(String::new(), |c| format!(" where {c}"));
    let sql = format!("select max({position}) from {}{condition}", table.from);
    let highest =
        connection.query_row(&sql, params_from_iter(&window.values), |row| row.get::<_, Value>(0));
    let highest = highest.map_err(|e| error::of(&table.file, &e))?;
    window.high = print(&highest).or_else(|| above.cloned());
    window.conditions.push(format!("{position} <= ?"));
    window.values.push(highest);
    Ok(window)
}

fn check_nulls(connection: &Connection, table: &Table, cursor: &str) -> Result<()> {
    let name = identifier(cursor);
    let sql = format!("select count(*) from {} where {name} is null", table.from);
    let nulls: i64 =
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|e| error::of(&table.file, &e))?;
    if nulls == 0 {
        return Ok(());
    }
    Err(Error::data(format!("the cursor column `{cursor}` is NULL in {nulls} rows"))
        .at("table", &table.label)
        .hint("such rows would never be loaded; fill the column, or leave them out by a `query`"))
}

/// The position that `value` is; `None` for NULL.
fn print(value: &Value) -> Option<Watermark> {
    let text = match value {
        Value::Null => return None,
        Value::Integer(n) => format!("i:{n}"),
        Value::Real(x) => format!("r:{x:?}"),
        Value::Text(text) => format!("t:{text}"),
        Value::Blob(bytes) => {
            format!("b:{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
        }
    };
    Some(Watermark(text))
}

fn parse(position: &Watermark) -> Result<Value> {
    let (class, rest) = position.0.split_once(':').unwrap_or(("", ""));
    let value = match class {
        "i" => rest.parse().ok().map(Value::Integer),
        "r" => rest.parse().ok().map(Value::Real),
        "t" => Some(Value::Text(rest.to_owned())),
        "b" => bytes(rest).map(Value::Blob),
        _ => None,
    };
    value.ok_or_else(|| {
        Error::data(format!("`{position}` is not a position of a SQLite cursor"))
            .hint("run with --full-refresh to begin anew")
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_keeps_its_class_and_every_digit() {
        let values = [
            Value::Integer(i64::MIN),
            Value::Real(0.1 + 0.2),
            Value::Real(f64::NEG_INFINITY),
            Value::Text("t:1".to_owned()),
            Value::Blob(vec![0, 255]),
        ];
        for value in values {
            assert_eq!(parse(&print(&value).unwrap()).unwrap(), value);
        }
        assert!(parse(&Watermark("17".to_owned())).is_err());
    }
}
