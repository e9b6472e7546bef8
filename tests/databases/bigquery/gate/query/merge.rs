//! MERGE, by statements of our own with the same meaning: the pairs of rows that match are found
//! first, every clause is then read from them, and only then is anything written.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertKind, Statement, TableFactor,
};

use super::super::answer::Outcome;
use super::super::results::Results;
use super::super::schema::Field;
use super::super::store::{Row, Store};
use super::super::world::{TableName, World};
use super::Setting;
use super::dml::{
    assigned, called, carried, changed, check, columns, once, remove, rewrite, rows, writable,
};
use super::select::{Found, execute};
use super::translate::{Translator, unknown};

/// What one clause does.
enum Action {
    Update { columns: Vec<Field>, found: Found },
    Delete(Found),
    Insert(Vec<Row>),
}

/// Names of the statement.
struct Names {
    table: String,
    target: String,
    source: String,
}

/// The kinds of rows that a clause is about, in the order of a MERGE.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Matched,
    SourceOnly,
    TargetOnly,
}

pub(crate) fn run(world: &mut World, setting: &Setting, merge: Merge) -> Outcome<Results> {
    let statement = Statement::Merge(merge.clone());
    let TableFactor::Table { name, alias, .. } = &merge.table else {
        return Err(unknown("MERGE into no table"));
    };
    let target = writable(world, setting, name)?;
    let table = world.table(&target)?.clone();
    let source = match &merge.source {
        TableFactor::Table { name, alias, .. } => {
            called(name, alias.as_ref().map(|alias| &alias.name))
        }
        TableFactor::Derived { alias: Some(alias), .. } => {
            super::super::store::quoted(&alias.name.value)
        }
        _ => "gate_source".to_owned(),
    };
    let target_name = called(name, alias.as_ref().map(|alias| &alias.name));
    let names = Names { table: Store::name(table.id), target: target_name, source };
    let (actions, bytes) = read(world, setting, &statement, merge, &names, &table.fields)?;
    world.store.run("DROP TABLE temp.gate_pairs; DROP TABLE temp.gate_source")?;
    let mut counts = (0, 0, 0);
    for action in actions {
        match action {
            Action::Update { columns, found } => {
                counts.1 += rewrite(world, &target, &columns, &found)?
            }
            Action::Delete(found) => counts.2 += remove(world, &target, &found)?,
            Action::Insert(rows) => counts.0 += append(world, &target, rows)?,
        }
    }
    Ok(changed("MERGE", counts, bytes))
}

fn append(world: &mut World, target: &TableName, rows: Vec<Row>) -> Outcome<u64> {
    let count = rows.len() as u64;
    world.append(target, rows)?;
    Ok(count)
}

/// Finds out what every clause would do.
fn read(
    world: &World,
    setting: &Setting,
    statement: &Statement,
    merge: Merge,
    names: &Names,
    fields: &[Field],
) -> Outcome<(Vec<Action>, u64)> {
    let Names { table, target, source } = names;
    let mut translator = Translator::new(world, setting, statement)?;
    let mut from = merge.source;
    translator.translate(&mut from)?;
    let on = carried(&mut translator, *merge.on)?;
    execute(
        world,
        &format!("CREATE TEMP TABLE gate_source AS SELECT * FROM {from}"),
        &translator.cells,
    )?;
    execute(
        world,
        &format!(
            "CREATE TEMP TABLE gate_pairs AS SELECT {target}._rowid_ AS t, {source}._rowid_ AS s FROM {table} AS {target} JOIN gate_source AS {source} ON {on}"
        ),
        &translator.cells,
    )?;
    let mut actions = Vec::new();
    // For each kind of rows, the conditions of the clauses before: the first that fits is taken.
    let mut taken: Vec<(Side, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    for clause in merge.clauses {
        let side = match clause.clause_kind {
            MergeClauseKind::Matched => Side::Matched,
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => Side::SourceOnly,
            MergeClauseKind::NotMatchedBySource => Side::TargetOnly,
        };
        let condition = match clause.predicate.clone() {
            Some(predicate) => carried(&mut translator, predicate)?,
            None => "true".to_owned(),
        };
        let before: String = taken
            .iter()
            .filter(|(s, _)| *s == side)
            .map(|(_, c)| format!(" AND NOT coalesce(({c}), false)"))
            .collect();
        let rows = match side {
            Side::Matched => format!(
                "gate_pairs AS p JOIN {table} AS {target} ON {target}._rowid_ = p.t JOIN gate_source AS {source} ON {source}._rowid_ = p.s WHERE true"
            ),
            Side::SourceOnly => format!(
                "gate_source AS {source} WHERE {source}._rowid_ NOT IN (SELECT s FROM gate_pairs)"
            ),
            Side::TargetOnly => format!(
                "{table} AS {target} WHERE {target}._rowid_ NOT IN (SELECT t FROM gate_pairs)"
            ),
        };
        let rows = format!("{rows} AND ({condition}){before}");
        let action = action(world, &mut translator, clause, names, fields, &rows)?;
        if let Action::Update { found, .. } | Action::Delete(found) = &action {
            found.rows.iter().try_for_each(|row| once(&mut seen, &row[0]))?;
        }
        actions.push(action);
        taken.push((side, condition));
    }
    Ok((actions, translator.bytes()))
}

fn action(
    world: &World,
    translator: &mut Translator<'_>,
    clause: MergeClause,
    names: &Names,
    fields: &[Field],
    rows_of: &str,
) -> Outcome<Action> {
    let Names { target, source, .. } = names;
    match clause.action {
        MergeAction::Update(update) => {
            let (columns, values) = assigned(translator, fields, update.assignments)?;
            let sql = format!("SELECT {target}._rowid_, {} FROM {rows_of}", values.join(", "));
            Ok(Action::Update { columns, found: execute(world, &sql, &translator.cells)? })
        }
        MergeAction::Delete { .. } => {
            let sql = format!("SELECT {target}._rowid_ FROM {rows_of}");
            Ok(Action::Delete(execute(world, &sql, &translator.cells)?))
        }
        MergeAction::Insert(insert) => {
            let columns = columns(fields, &insert.columns)?;
            let values = match insert.kind {
                MergeInsertKind::Row => columns
                    .iter()
                    .map(|column| format!("{source}.{}", super::super::store::quoted(&column.name)))
                    .collect(),
                MergeInsertKind::Values(values) => {
                    let [row] = values.rows.as_slice() else {
                        return Err(unknown("MERGE with several rows in VALUES"));
                    };
                    let known: Vec<_> =
                        row.iter().map(|expr| translator.scope.infer(expr)).collect();
                    check(&columns, &known)?;
                    let mut values = Vec::new();
                    for expr in row.iter() {
                        values.push(carried(translator, expr.clone())?);
                    }
                    values
                }
            };
            if values.len() != columns.len() {
                return Err(super::super::answer::Refusal::invalid_query(format!(
                    "Inserted row has wrong column count; Has {}, expected {}",
                    values.len(),
                    columns.len()
                )));
            }
            let sql = format!("SELECT {} FROM {rows_of}", values.join(", "));
            let found = execute(world, &sql, &translator.cells)?;
            Ok(Action::Insert(rows(fields, &columns, &found)?))
        }
    }
}
