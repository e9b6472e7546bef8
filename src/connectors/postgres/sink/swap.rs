//! Mode `replace`: puts the shadow in place of the old table, or its rows in place of the old rows.

use super::PostgresSink;
use super::bound::Bound;
use super::inspect::may_refill;
use super::merge::{equal, insert_select, names, upsert};
use super::shadow::{self, indexes, is_made, key_name};
use super::table::{Dependent, Table, dependents};
use super::work::Work;
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::quote::{identifier, literal};
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::Load;

/// Replaces the table, in the transaction that publishes.
pub(in crate::connectors::postgres) async fn apply(
    work: &Work,
    sink: &PostgresSink,
    load: &Load,
    bound: &Bound,
) -> Result<()> {
    let (target, stage) = (&bound.target, bound.place());
    let shadow = shadow::shadow(work, stage).await?;
    let Some(old) = Table::find(work, target).await? else {
        work.run(&failed(target), &analyze(stage)).await?;
        run_all(work, target, &move_in(target, stage)).await?;
        return name_own_key(work, load, target).await;
    };
    let found = dependents(work, old.oid).await?;
    if !found.is_empty() {
        return refill(work, sink, load, bound, &found).await;
    }
    work.run(&failed(target), &analyze(stage)).await?;
    work.run(&format!("could not lock `{target}`"), &lock(target)).await?;
    // What came between the last look and the lock: the next try finishes it.
    let is_behind = shadow::next(work, sink, load, bound).await?.is_some();
    if is_behind || !dependents(work, old.oid).await?.is_empty() {
        return Err(Error::unavailable(format!("`{target}` is changing just now")));
    }
    let after = renames(work, load, bound, old.oid, shadow.oid).await?;
    let carried = carried(work, old.oid, shadow.oid).await?;
    let mut statements = identities(work, old.oid, shadow.oid).await?;
    statements.push(set_aside(target, stage));
    statements.extend(move_in(target, stage));
    statements.extend(carried.first);
    statements.push(part_with(target, stage, sink.options.replace_keep_old));
    statements.extend(after);
    statements.extend(carried.rest);
    run_all(work, target, &statements).await?;
    point("pg.swapped").await;
    name_own_key(work, load, target).await
}

fn failed(target: &TableName) -> String {
    format!("could not replace `{target}`")
}

async fn run_all(work: &Work, target: &TableName, statements: &[String]) -> Result<()> {
    for statement in statements {
        work.run(&failed(target), statement).await.map_err(|e| e.at("statement", statement))?;
    }
    Ok(())
}

/// The statement that makes statistics of the shadow, before anybody asks for its rows.
pub(in crate::connectors::postgres) fn analyze(stage: &TableName) -> String {
    format!("analyze {}", stage.sql())
}

/// The statement that keeps everybody else away from `target`, for the moment of the swap.
pub(in crate::connectors::postgres) fn lock(target: &TableName) -> String {
    format!("lock table {} in access exclusive mode", target.sql())
}

/// The statement that keeps everybody else from changing rows of `target`.
pub(in crate::connectors::postgres) fn lock_rows(target: &TableName) -> String {
    format!("lock table {} in share row exclusive mode", target.sql())
}

/// What the old table is called between the swap and its end.
fn away(target: &TableName, stage: &TableName) -> TableName {
    TableName::new(&target.schema, format!("{}_old", stage.name))
}

/// The statement that gives the old table another name.
pub(in crate::connectors::postgres) fn set_aside(target: &TableName, stage: &TableName) -> String {
    format!("alter table {} rename to {}", target.sql(), identifier(&away(target, stage).name))
}

/// The statement that drops the old table, or keeps it in the schema `_dhow`.
pub(in crate::connectors::postgres) fn part_with(
    target: &TableName,
    stage: &TableName,
    keep: bool,
) -> String {
    let away = away(target, stage).sql();
    if keep { format!("alter table {away} set schema _dhow") } else { format!("drop table {away}") }
}

/// The statements that give the shadow the schema and the name of the target.
pub(in crate::connectors::postgres) fn move_in(
    target: &TableName,
    stage: &TableName,
) -> [String; 2] {
    let moved = TableName::new(&target.schema, &stage.name);
    [
        format!("alter table {} set schema {}", stage.sql(), identifier(&target.schema)),
        format!("alter table {} rename to {}", moved.sql(), identifier(&target.name)),
    ]
}

/// Statements that give the new table what the old one has.
struct Carried {
    /// Before the old one is dropped.
    first: Vec<String>,
    /// Afterwards.
    rest: Vec<String>,
}

async fn carried(work: &Work, old: u32, new: u32) -> Result<Carried> {
    let sql = include_str!("carried.sql");
    let rows = work.rows("could not look up what is carried over", sql, &[&old, &new]).await?;
    let (first, rest): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get("is_first"));
    let statements = |rows: Vec<&tokio_postgres::Row>| {
        rows.into_iter().map(|row| row.get("statement")).collect()
    };
    Ok(Carried { first: statements(first), rest: statements(rest) })
}

/// Statements that let the sequences of identity columns go on where the old ones are.
async fn identities(work: &Work, old: u32, new: u32) -> Result<Vec<String>> {
    let sql = include_str!("identities.sql");
    let rows = work.rows("could not look for identities", sql, &[&old, &new]).await?;
    let statement = |row: &tokio_postgres::Row| {
        let old = TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("old"));
        let new = TableName::new(row.get::<_, String>("new_schema"), row.get::<_, String>("new"));
        let new = literal(&new.sql());
        format!(
            "select pg_catalog.setval({new}::pg_catalog.regclass, last_value, is_called) from {}",
            old.sql()
        )
    };
    Ok(rows.iter().map(statement).collect())
}

/// Statements that give indexes, constraints and sequences of the new table the names that those
/// of the old one have now.
async fn renames(
    work: &Work,
    load: &Load,
    bound: &Bound,
    old: u32,
    new: u32,
) -> Result<Vec<String>> {
    let schema = &bound.target.schema;
    let mut statements = Vec::new();
    for index in indexes(work, old).await? {
        if is_made(work, &index.new_name(&load.id)).await? {
            statements.push(index.rename_twin(&bound.target, &load.id));
        }
    }
    let sql = include_str!("identities.sql");
    for row in work.rows("could not look for identities", sql, &[&old, &new]).await? {
        let new = TableName::new(schema, row.get::<_, String>("new")).sql();
        let old = identifier(row.get("old"));
        statements.push(format!("alter sequence {new} rename to {old}"));
    }
    Ok(statements)
}

/// Names the primary key that the load has added, if it has added one.
async fn name_own_key(work: &Work, load: &Load, target: &TableName) -> Result<()> {
    let name = key_name(&load.id);
    let sql = "select exists (select from pg_catalog.pg_constraint k \
               join pg_catalog.pg_class c on c.oid = k.conrelid \
               join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = $1 and c.relname = $2 and k.conname = $3)";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&target.schema, &target.name, &name];
    let row = work.row("could not look for the primary key", sql, &values).await?;
    if !row.is_some_and(|row| row.get(0)) {
        return Ok(());
    }
    work.run("could not name the primary key", &rename_own_key(load, target)).await
}

/// The statement that gives the primary key of `target`, which `load` has added, the name that the server
/// would have chosen.
pub(in crate::connectors::postgres) fn rename_own_key(load: &Load, target: &TableName) -> String {
    let short = &target.name[..target.name.floor_char_boundary(TableName::BYTES - "_pkey".len())];
    let (made, name) = (identifier(&key_name(&load.id)), identifier(&format!("{short}_pkey")));
    format!("alter table {} rename constraint {made} to {name}", target.sql())
}

/// Replaces the rows of the table and leaves the table: readers with an older snapshot keep seeing
/// the old rows. Where foreign keys of other tables reference it, rows with the same key stay.
async fn refill(
    work: &Work,
    sink: &PostgresSink,
    load: &Load,
    bound: &Bound,
    found: &[Dependent],
) -> Result<()> {
    let (target, stage) = (&bound.target, bound.place());
    let there = columns_of_table(&work.client, &target.schema, &target.name).await?;
    may_refill(sink, load, found, &there)?;
    work.run(&format!("could not lock `{target}`"), &lock_rows(target)).await?;
    for statement in refills(&names(load), stage, target, found) {
        let done = work.run(&failed(target), &statement).await;
        done.map_err(|error| error.at("kept because of", &found[0].what))?;
    }
    point("pg.refilled").await;
    Ok(())
}

/// The statements that put the rows of `stage` in place of those of `target`, which `found` depend on.
pub(in crate::connectors::postgres) fn refills(
    names: &[&str],
    stage: &TableName,
    target: &TableName,
    found: &[Dependent],
) -> [String; 2] {
    let (target_sql, stage_sql) = (target.sql(), stage.sql());
    match found.iter().find_map(|dependent| dependent.key.as_deref()) {
        None => [format!("delete from {target_sql}"), insert_select(names, stage, target)],
        Some(key) => {
            let same = equal(key, "s", "t");
            [
                format!(
                    "delete from {target_sql} t \
                     where not exists (select from {stage_sql} s where {same})"
                ),
                upsert(names, stage, target, key),
            ]
        }
    }
}
