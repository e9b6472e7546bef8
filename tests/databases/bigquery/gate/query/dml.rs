//! INSERT, UPDATE and DELETE.

use std::collections::BTreeSet;

use rusqlite::types::Value as Cell;
use serde_json::Value;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Ident, Insert, ObjectName, SetExpr,
    Statement, TableFactor, TableObject, TableWithJoins, Update, UpdateTableFromKind,
};

use super::super::answer::{Outcome, Refusal};
use super::super::results::Results;
use super::super::schema::{Field, Mode};
use super::super::store::{self, Row, Store, quoted};
use super::super::values;
use super::super::world::{TableName, World};
use super::infer::{Known, can_become};
use super::select::{Found, execute, heads};
use super::translate::{Translator, resolve, unknown};
use super::{Setting, reserved};

pub(crate) fn insert(world: &mut World, setting: &Setting, insert: Insert) -> Outcome<Results> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(unknown("INSERT into a function"));
    };
    let target = writable(world, setting, name)?;
    let fields = world.table(&target)?.fields.clone();
    let columns = columns(&fields, &insert.columns)?;
    let mut query = insert.source.ok_or_else(|| unknown("INSERT without rows"))?;
    let mut translator = Translator::new(world, setting, &*query)?;
    match query.body.as_ref() {
        SetExpr::Values(values) => {
            for row in &values.rows {
                let known: Vec<_> = row.iter().map(|expr| translator.scope.infer(expr)).collect();
                check(&columns, &known)?;
            }
        }
        _ => {
            if let Some(known) = heads(&translator, &mut query) {
                check(&columns, &known)?;
            }
        }
    }
    translator.translate(&mut *query)?;
    let bytes = translator.bytes();
    let found = execute(world, &query.to_string(), &translator.cells)?;
    if found.names.len() != columns.len() {
        let (has, expected) = (found.names.len(), columns.len());
        return Err(Refusal::invalid_query(format!(
            "Inserted row has wrong column count; Has {has}, expected {expected}"
        )));
    }
    let count = found.rows.len() as u64;
    let rows = rows(&fields, &columns, &found)?;
    world.append(&target, rows)?;
    Ok(changed("INSERT", (count, 0, 0), bytes))
}

/// The table that a statement writes to.
pub(crate) fn writable(world: &World, setting: &Setting, name: &ObjectName) -> Outcome<TableName> {
    let target = resolve(world, setting, name)?;
    world.permit("bigquery.tables.updateData", &target.to_string())?;
    if store::is_wide(&world.table(&target)?.fields) {
        return Err(unknown("SQL on a table of so many columns"));
    }
    Ok(target)
}

pub(crate) fn changed(statement: &str, changed: (u64, u64, u64), bytes: u64) -> Results {
    Results { statement: statement.to_owned(), changed: Some(changed), bytes, ..Results::default() }
}

/// The columns that are named, or all.
pub(crate) fn columns(fields: &[Field], names: &[ObjectName]) -> Outcome<Vec<Field>> {
    if names.is_empty() {
        return Ok(fields.to_vec());
    }
    names.iter().map(|name| column(fields, name)).collect()
}

fn column(fields: &[Field], name: &ObjectName) -> Outcome<Field> {
    let ident = name.0.last().and_then(|part| part.as_ident());
    ident.map_or(Ok(()), reserved::check)?;
    let last = ident.map_or("", |ident: &Ident| &ident.value);
    let found = fields.iter().find(|field| field.is(last)).cloned();
    found
        .ok_or_else(|| Refusal::invalid_query(format!("Column {last} is not present in the table")))
}

/// Types that are known have to fit.
pub(crate) fn check(columns: &[Field], known: &[Option<Known>]) -> Outcome<()> {
    for (at, (column, known)) in columns.iter().zip(known).enumerate() {
        if let Some(known) = known
            && !can_become(known, column)
        {
            let (from, to) = (known.field.kind.name(), column.kind.name());
            return Err(Refusal::invalid_query(format!(
                "Query column {} has type {from} which cannot be inserted into column {}, which has type {to}",
                at + 1,
                column.name
            )));
        }
    }
    Ok(())
}

/// Whole rows of the target.
pub(crate) fn rows(fields: &[Field], columns: &[Field], found: &Found) -> Outcome<Vec<Row>> {
    found
        .rows
        .iter()
        .map(|cells| {
            let mut given = Row::new();
            for (column, cell) in columns.iter().zip(cells) {
                given.insert(column.name.clone(), fitted(column, cell)?);
            }
            let row = values::row(fields, &given, false);
            row.map_err(Refusal::invalid_query)
        })
        .collect()
}

pub(crate) fn fitted(column: &Field, cell: &Cell) -> Outcome<Value> {
    if *cell == Cell::Null && column.mode == Mode::Required {
        return Err(Refusal::invalid_query(format!(
            "Required field {} cannot be null",
            column.name
        )));
    }
    store::fitted(column, cell.into())
}

pub(crate) fn update(world: &mut World, setting: &Setting, update: Update) -> Outcome<Results> {
    let statement = Statement::Update(update.clone());
    let (name, alias) = target_of(&update.table)?;
    let target = writable(world, setting, &name)?;
    let mut condition = update
        .selection
        .ok_or_else(|| Refusal::invalid_query("UPDATE must have a WHERE clause"))?;
    let table = world.table(&target)?.clone();
    let mut translator = Translator::new(world, setting, &statement)?;
    let (columns, values) = assigned(&mut translator, &table.fields, update.assignments)?;
    translator.translate(&mut condition)?;
    let mut from = format!("{} AS {alias}", Store::name(table.id));
    if let Some(
        UpdateTableFromKind::BeforeSet(mut more) | UpdateTableFromKind::AfterSet(mut more),
    ) = update.from
    {
        for relation in &mut more {
            translator.translate(relation)?;
            from.push_str(&format!(", {relation}"));
        }
    }
    let sql =
        format!("SELECT {alias}._rowid_, {} FROM {from} WHERE {condition}", values.join(", "));
    let bytes = translator.bytes();
    let found = execute(world, &sql, &translator.cells)?;
    let count = rewrite(world, &target, &columns, &found)?;
    Ok(changed("UPDATE", (0, count, 0), bytes))
}

/// Columns and the new values for them, carried over.
pub(crate) fn assigned(
    translator: &mut Translator<'_>,
    fields: &[Field],
    assignments: Vec<Assignment>,
) -> Outcome<(Vec<Field>, Vec<String>)> {
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for mut assignment in assignments {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            return Err(unknown("SET of a tuple"));
        };
        let column = column(fields, name)?;
        check(std::slice::from_ref(&column), &[translator.scope.infer(&assignment.value)])?;
        translator.translate(&mut assignment.value)?;
        values.push(assignment.value.to_string());
        columns.push(column);
    }
    Ok((columns, values))
}

/// Writes new values into rows; the first cell of each is the row's number.
pub(crate) fn rewrite(
    world: &mut World,
    target: &TableName,
    columns: &[Field],
    found: &Found,
) -> Outcome<u64> {
    let table = world.table(target)?;
    let sets: Vec<String> =
        columns.iter().map(|column| format!("{} = ?", quoted(&column.name))).collect();
    let sql = format!("UPDATE {} SET {} WHERE _rowid_ = ?", Store::name(table.id), sets.join(", "));
    let mut statement = world.store.0.prepare(&sql).map_err(store::refusal)?;
    let mut seen = BTreeSet::new();
    for row in &found.rows {
        once(&mut seen, &row[0])?;
        let mut cells = Vec::new();
        for (column, cell) in columns.iter().zip(&row[1..]) {
            cells.push(store::cell(column, fitted(column, cell)?));
        }
        cells.push(row[0].clone());
        statement.execute(rusqlite::params_from_iter(cells)).map_err(store::refusal)?;
    }
    drop(statement);
    world.touch(target)?;
    Ok(found.rows.len() as u64)
}

/// A row of the target may be changed once only.
pub(crate) fn once(seen: &mut BTreeSet<i64>, row: &Cell) -> Outcome<()> {
    match row {
        Cell::Integer(row) if seen.insert(*row) => Ok(()),
        _ => Err(Refusal::invalid_query(
            "UPDATE/MERGE must match at most one source row for each target row",
        )),
    }
}

pub(crate) fn delete(world: &mut World, setting: &Setting, delete: Delete) -> Outcome<Results> {
    let statement = Statement::Delete(delete.clone());
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let [from] = from.as_slice() else { return Err(unknown("DELETE from several tables")) };
    let (name, alias) = target_of(from)?;
    let target = writable(world, setting, &name)?;
    let mut condition = delete
        .selection
        .ok_or_else(|| Refusal::invalid_query("DELETE must have a WHERE clause"))?;
    let id = world.table(&target)?.id;
    let mut translator = Translator::new(world, setting, &statement)?;
    translator.translate(&mut condition)?;
    let bytes = translator.bytes();
    let sql =
        format!("SELECT {alias}._rowid_ FROM {} AS {alias} WHERE {condition}", Store::name(id));
    let found = execute(world, &sql, &translator.cells)?;
    let count = remove(world, &target, &found)?;
    Ok(changed("DELETE", (0, 0, count), bytes))
}

/// Removes the rows whose numbers were found.
pub(crate) fn remove(world: &mut World, target: &TableName, found: &Found) -> Outcome<u64> {
    let sql = format!("DELETE FROM {} WHERE _rowid_ = ?", Store::name(world.table(target)?.id));
    let mut statement = world.store.0.prepare(&sql).map_err(store::refusal)?;
    for row in &found.rows {
        statement.execute([&row[0]]).map_err(store::refusal)?;
    }
    drop(statement);
    world.touch(target)?;
    Ok(found.rows.len() as u64)
}

/// The name of the table, and what it is called in the statement.
fn target_of(table: &TableWithJoins) -> Outcome<(ObjectName, String)> {
    match &table.relation {
        TableFactor::Table { name, alias, .. } if table.joins.is_empty() => {
            Ok((name.clone(), called(name, alias.as_ref().map(|alias| &alias.name))))
        }
        other => Err(unknown(&format!("a statement that changes {other}"))),
    }
}

/// What a table is called in a statement.
pub(crate) fn called(name: &ObjectName, alias: Option<&Ident>) -> String {
    let last = name.0.last().and_then(|part| part.as_ident()).map_or("", |ident| &ident.value);
    quoted(alias.map_or(last.rsplit('.').next().unwrap_or(last), |alias| &alias.value))
}

/// An expression of which nothing is wanted but to be carried over.
pub(crate) fn carried(translator: &mut Translator<'_>, mut expr: Expr) -> Outcome<String> {
    translator.translate(&mut expr)?;
    Ok(expr.to_string())
}
