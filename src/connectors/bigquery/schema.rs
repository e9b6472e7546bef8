//! Whether the columns of a load fit those of a table, and how the table has to change.

use arrow::datatypes::{Field, Schema};
use serde_json::{Value, json};

use super::field::{BIGNUMERIC, Column, Digits, Kind, Mode, NUMERIC, schema_json, shown};
use super::form::form;
use super::name::TableName;
use super::options::Choices;
use super::quote;
use super::types;
use crate::connectors::OnSchemaChange;
use crate::error::{Error, Result};

/// How a table changes before rows go into it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Changes {
    /// Its columns afterwards.
    pub columns: Vec<Column>,
    /// Columns that are added, and those that may be NULL from now on.
    pub loose: Vec<String>,
    /// Columns that get a wider type.
    pub wider: Vec<Column>,
}

impl Changes {
    fn add(&mut self, column: Column) {
        self.loose.push(column.name.clone());
        self.columns.push(column);
    }

    /// Makes the column at `at` one that takes `field`; what is wrong where that cannot be.
    fn adapt(
        &mut self,
        at: usize,
        field: &Field,
        choices: &Choices,
        policy: OnSchemaChange,
    ) -> Result<(), String> {
        let Some(column) = self.columns.get_mut(at) else { return Ok(()) };
        let widens = policy == OnSchemaChange::Widen;
        if let Some(kind) = widened(field, column, choices).filter(|_| widens) {
            column.kind = kind;
            self.wider.push(column.clone());
        } else if form(field, column, choices).is_none() {
            let (load, table) = (field.data_type(), column.shown());
            return Err(format!("{load} in the load, {table} in the table"));
        }
        if widens && column.mode == Mode::Required && field.is_nullable() {
            column.mode = Mode::Nullable;
            self.loose.push(column.name.clone());
        }
        Ok(())
    }

    /// What is sent to the table before columns are made wider; `None` where nothing is added.
    /// Types stay as they are, because only SQL changes them.
    pub(super) fn patch(&self, there: &[Column]) -> Option<Value> {
        if self.loose.is_empty() {
            return None;
        }
        let as_it_is = |column: &Column| {
            let there = there.iter().find(|there| there.is(&column.name));
            let kind = there.map_or(&column.kind, |there| &there.kind);
            Column { kind: kind.clone(), ..column.clone() }
        };
        let columns: Vec<Column> = self.columns.iter().map(as_it_is).collect();
        Some(json!({ "schema": schema_json(&columns) }))
    }

    /// The statements that make columns of `table` wider.
    pub(super) fn statements(&self, table: &TableName) -> Vec<String> {
        let statement = |column: &Column| {
            format!(
                "ALTER TABLE {} ALTER COLUMN {} SET DATA TYPE {}",
                quote::table(table),
                quote::identifier(&column.name),
                column.kind
            )
        };
        self.wider.iter().map(statement).collect()
    }

    /// The changes for people, one sentence each.
    pub(super) fn notes(&self, there: &[Column]) -> Vec<String> {
        let is_there = |name: &str| there.iter().any(|column| column.is(name));
        let loose = self.loose.iter().map(|name| match is_there(name) {
            true => format!("the table changes: column `{name}` may be NULL"),
            false => format!("the table changes: column `{name}` is added"),
        });
        let wider = self.wider.iter().map(|column| {
            format!("the table changes: column `{}` becomes {}", column.name, column.kind)
        });
        loose.chain(wider).collect()
    }
}

/// How the table `name` with the columns `there` has to change for rows of `schema`.
///
/// # Errors
/// [`crate::error::Kind::Drift`] when it may not, or cannot: it names every such column and shows
/// both schemas.
pub(super) fn changes(
    name: &TableName,
    there: &[Column],
    schema: &Schema,
    choices: &Choices,
    policy: OnSchemaChange,
) -> Result<Changes> {
    let mut changes = Changes { columns: there.to_vec(), ..Changes::default() };
    let mut misfits = Vec::new();
    for field in schema.fields() {
        let fitted = match there.iter().position(|column| column.is(field.name())) {
            None => added(field, choices, policy).map(|column| changes.add(column)),
            Some(at) => changes.adapt(at, field, choices, policy),
        };
        misfits.extend(fitted.err().map(|what| (field.name().clone(), what)));
    }
    let lacks = |column: &&Column| schema.fields().iter().all(|f| !column.is(f.name()));
    let lacking = there.iter().filter(lacks);
    misfits.extend(lacking.map(|column| (column.name.clone(), "not in the load".to_owned())));
    match misfits.is_empty() {
        true => Ok(changes),
        false => Err(drift(name, there, schema, &misfits)),
    }
}

/// A column that the table gets for `field`; it is NULL in the rows that are there.
fn added(field: &Field, choices: &Choices, policy: OnSchemaChange) -> Result<Column, String> {
    if policy == OnSchemaChange::Fail {
        return Err("not in the table".to_owned());
    }
    let column = types::column(field, choices).map_err(|(what, _)| what)?;
    let mode = if column.mode == Mode::Required { Mode::Nullable } else { column.mode };
    Ok(Column { mode, ..column })
}

/// The wider type of `column` that takes all of `field`, where its own does not and BigQuery can
/// change it to that.
fn widened(field: &Field, column: &Column, choices: &Choices) -> Option<Kind> {
    /// Digits that every INT64 has room for.
    const INT64: Digits = Digits { integer: 18, fraction: 0 };
    if column.mode == Mode::Repeated {
        return None;
    }
    let wanted = types::column(field, choices).ok()?.kind;
    let (has, most) = match &column.kind {
        Kind::Int64 if wanted == Kind::Float64 => return Some(Kind::Float64),
        // All that an INT64 holds must go into what takes its place.
        Kind::Int64 => (INT64, Digits { integer: 19, fraction: 0 }),
        Kind::Numeric(given) => (given.unwrap_or(NUMERIC), given.unwrap_or(NUMERIC)),
        _ => return None,
    };
    let (Kind::Numeric(Some(asked)) | Kind::BigNumeric(Some(asked))) = wanted else { return None };
    let needed = Digits {
        integer: most.integer.max(asked.integer),
        fraction: most.fraction.max(asked.fraction),
    };
    match (has.hold(asked), &column.kind) {
        (true, _) => None,
        (false, Kind::Numeric(Some(_))) if NUMERIC.hold(needed) => {
            Some(Kind::Numeric(Some(needed)))
        }
        (false, _) if NUMERIC.hold(needed) => Some(Kind::Numeric(None)),
        (false, _) => BIGNUMERIC.hold(needed).then_some(Kind::BigNumeric(None)),
    }
}

fn drift(
    name: &TableName,
    there: &[Column],
    schema: &Schema,
    misfits: &[(String, String)],
) -> Error {
    const SHOWN: usize = 5;
    let error = Error::drift(format!("the columns of the load are not those of `{name}`"));
    let error = misfits.iter().take(SHOWN).fold(error, |error, (column, what)| {
        error.at(format!("`{}`", column.escape_debug()), what)
    });
    both(error, there, schema).hint(
        "fit the columns in a model, set `on_schema_change: append_new_columns` or `widen`, or \
         use mode `replace`",
    )
}

fn both(error: Error, there: &[Column], schema: &Schema) -> Error {
    let column = |field: &Field| {
        let null = if field.is_nullable() { "" } else { " not NULL" };
        format!("{} {}{null}", field.name(), field.data_type())
    };
    let load = schema.fields().iter().map(|field| column(field)).collect::<Vec<_>>().join(", ");
    error.at("load", load).at("table", shown(there))
}

/// Looks whether `replace` may put `new` in the place of the columns `there`.
///
/// # Errors
/// [`crate::error::Kind::Drift`] when columns would go or change their types, and nobody has
/// allowed that.
pub(super) fn check_replacement(
    name: &TableName,
    there: &[Column],
    new: &[Column],
    schema: &Schema,
    is_allowed: bool,
) -> Result<()> {
    let goes = |old: &&Column| match new.iter().find(|new| new.is(&old.name)) {
        Some(new) => !takes(&new.kind, &old.kind) || !takes_mode(new.mode, old.mode),
        None => true,
    };
    let going: Vec<_> = there.iter().filter(goes).collect();
    if is_allowed || going.is_empty() {
        return Ok(());
    }
    let error =
        Error::drift(format!("`replace` would take away columns of `{name}`, or change them"));
    let error = going.iter().take(5).fold(error, |error, old| {
        let new = new.iter().find(|new| new.is(&old.name));
        let new = new.map_or("no longer there".to_owned(), Column::shown);
        error.at(format!("`{}`", old.name), format!("{} becomes {new}", old.shown()))
    });
    Err(both(error, there, schema)
        .hint("nothing was changed; set `allow_table_recreation: true` if that is what you mean"))
}

/// Whether every value of `old` is one of `new`.
fn takes(new: &Kind, old: &Kind) -> bool {
    let digits = |given: &Option<Digits>, most: Digits| given.unwrap_or(most);
    match (new, old) {
        (Kind::String(new), Kind::String(old)) | (Kind::Bytes(new), Kind::Bytes(old)) => {
            match (new, old) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(new), Some(old)) => new >= old,
            }
        }
        (Kind::Numeric(new), Kind::Numeric(old)) => digits(new, NUMERIC).hold(digits(old, NUMERIC)),
        (Kind::BigNumeric(new), Kind::BigNumeric(old)) => {
            digits(new, BIGNUMERIC).hold(digits(old, BIGNUMERIC))
        }
        (Kind::BigNumeric(new), Kind::Numeric(old)) => {
            digits(new, BIGNUMERIC).hold(digits(old, NUMERIC))
        }
        (Kind::Record(new), Kind::Record(old)) => old.iter().all(|old| {
            new.iter().any(|new| {
                new.is(&old.name) && takes(&new.kind, &old.kind) && takes_mode(new.mode, old.mode)
            })
        }),
        (new, old) => new == old,
    }
}

/// Whether readers of the old column can go on: NULL where there was none is no harm.
fn takes_mode(new: Mode, old: Mode) -> bool {
    (new == Mode::Repeated) == (old == Mode::Repeated)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::ndjson::NullList;

    fn wider(column: &str, field: DataType) -> Option<String> {
        let choices =
            Choices { decimals_as_float: false, null_lists: NullList::Refuse, columns: Vec::new() };
        let column = Column::of_option("a", column).unwrap();
        widened(&Field::new("a", field, true), &column, &choices).map(|kind| kind.to_string())
    }

    #[test]
    fn a_column_gets_the_narrowest_type_that_takes_old_and_new_values() {
        let decimal = DataType::Decimal128;
        for (column, field, becomes) in [
            ("INT64", DataType::Int32, None),
            ("INT64", decimal(18, 0), None),
            ("INT64", decimal(19, 0), Some("NUMERIC")),
            ("INT64", decimal(12, 2), Some("NUMERIC")),
            ("INT64", decimal(38, 20), Some("BIGNUMERIC")),
            ("INT64", DataType::UInt64, Some("NUMERIC")),
            ("INT64", DataType::Float64, Some("FLOAT64")),
            ("NUMERIC", decimal(12, 2), None),
            ("NUMERIC(10, 2)", decimal(12, 2), Some("NUMERIC(12, 2)")),
            ("NUMERIC(10, 4)", decimal(12, 2), Some("NUMERIC(14, 4)")),
            ("NUMERIC(10, 2)", decimal(38, 20), Some("BIGNUMERIC")),
            ("BIGNUMERIC", decimal(12, 2), None),
            ("STRING", decimal(12, 2), None),
            ("FLOAT64", decimal(12, 2), None),
        ] {
            assert_eq!(wider(column, field.clone()).as_deref(), becomes, "{column} {field}");
        }
    }
}
