//! Modes with a key: `merge`, and `delete+insert`; applied from the stage in the transaction that
//! publishes.

use super::bound::Bound;
use super::work::Work;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::quote::{columns, identifier};
use crate::error::{Error, Result};
use crate::sink::Load;
use crate::source::Refused;

/// Updates the rows with the same key that differ, and adds the others.
pub(in crate::connectors::postgres) async fn merge(
    work: &Work,
    load: &Load,
    bound: &Bound,
    key: &[String],
) -> Result<()> {
    check_keys(work, bound.place(), key, true).await?;
    let failed = format!("could not merge into `{}`", bound.target);
    work.run(&failed, &upsert(&names(load), bound.place(), &bound.target, key)).await
}

/// Deletes all rows whose key occurs in the load, and adds its rows.
pub(in crate::connectors::postgres) async fn delete_insert(
    work: &Work,
    load: &Load,
    bound: &Bound,
    key: &[String],
) -> Result<()> {
    check_keys(work, bound.place(), key, false).await?;
    let sql = delete(bound.place(), &bound.target, key);
    work.run(&format!("could not delete from `{}`", bound.target), &sql).await?;
    insert(work, load, bound).await
}

/// The statement that deletes the rows of `target` whose key occurs in `stage`.
pub(in crate::connectors::postgres) fn delete(
    stage: &TableName,
    target: &TableName,
    key: &[String],
) -> String {
    let names = columns(key.iter().map(String::as_str));
    let same = equal(key, "t", "s");
    let (target, stage) = (target.sql(), stage.sql());
    format!("delete from {target} t using (select distinct {names} from {stage}) s where {same}")
}

/// Adds the staged rows to the table.
pub(in crate::connectors::postgres) async fn insert(
    work: &Work,
    load: &Load,
    bound: &Bound,
) -> Result<()> {
    let sql = insert_select(&names(load), bound.place(), &bound.target);
    work.run(&format!("could not insert into `{}`", bound.target), &sql).await
}

/// The columns of a load, in its order.
pub(in crate::connectors::postgres) fn names(load: &Load) -> Vec<&str> {
    load.schema.fields().iter().map(|field| field.name().as_str()).collect()
}

/// The statement that adds the columns `names` of `stage` to `target`.
pub(in crate::connectors::postgres) fn insert_select(
    names: &[&str],
    stage: &TableName,
    target: &TableName,
) -> String {
    let names = columns(names.iter().copied());
    let (target, stage) = (target.sql(), stage.sql());
    // Of use where an identity is generated always; else it changes nothing.
    format!(
        "insert into {target} as t ({names}) overriding system value select {names} from {stage}"
    )
}

/// The statement that merges the columns `names` of `stage` into `target`.
pub(in crate::connectors::postgres) fn upsert(
    names: &[&str],
    stage: &TableName,
    target: &TableName,
    key: &[String],
) -> String {
    let insert = insert_select(names, stage, target);
    let others: Vec<&str> =
        names.iter().copied().filter(|name| !key.iter().any(|k| k == name)).collect();
    let key = columns(key.iter().map(String::as_str));
    if others.is_empty() {
        return format!("{insert} on conflict ({key}) do nothing");
    }
    let list = |of: fn(&str) -> String| {
        others.iter().map(|name| of(&identifier(name))).collect::<Vec<_>>().join(", ")
    };
    // Rows are compared as they are stored: there are types without an equality, and numbers that
    // are equal with other digits.
    format!(
        "{insert} on conflict ({key}) do update set {} \
         where row({})::pg_catalog.record operator(pg_catalog.*<>) row({})::pg_catalog.record",
        list(|name| format!("{name} = excluded.{name}")),
        list(|name| format!("t.{name}")),
        list(|name| format!("excluded.{name}")),
    )
}

/// The condition under which rows of two tables have the same key.
pub(in crate::connectors::postgres) fn equal(key: &[String], left: &str, right: &str) -> String {
    let same = |name: &String| {
        let name = identifier(name);
        format!("{left}.{name} = {right}.{name}")
    };
    key.iter().map(same).collect::<Vec<_>>().join(" and ")
}

/// No key of the load is NULL and, with `unique`, no two are the same.
pub(in crate::connectors::postgres) async fn check_keys(
    work: &Work,
    stage: &TableName,
    key: &[String],
    unique: bool,
) -> Result<()> {
    let failed = "could not check the keys of the load";
    for name in key {
        let column = identifier(name);
        let sql = format!("select pg_catalog.count(*) from {} where {column} is null", stage.sql());
        let row = work.row(failed, &sql, &[]).await?;
        let nulls: i64 = row.map_or(0, |row| row.get(0));
        if nulls > 0 {
            return Err(Error::data(format!("the key column `{name}` is NULL in some rows"))
                .at("rows", nulls)
                .hint(format!("add `where {name} is not null` to the model")));
        }
    }
    if !unique {
        return Ok(());
    }
    let names = columns(key.iter().map(String::as_str));
    let texts = key.iter().map(|name| format!("{}::pg_catalog.text", identifier(name)));
    let sql = format!(
        "select array[{}], pg_catalog.count(*) from {} group by {names} \
         having pg_catalog.count(*) > 1 limit 1",
        texts.collect::<Vec<_>>().join(", "),
        stage.sql()
    );
    match work.row(failed, &sql, &[]).await? {
        None => Ok(()),
        Some(row) => Err(twice(key, &row.get::<_, Vec<Option<String>>>(0), row.get(1))),
    }
}

fn twice(key: &[String], values: &[Option<String>], rows: i64) -> Error {
    let error = Error::data("two rows of the load have the same key");
    let shown = |value: &Option<String>| Refused::shown(value.as_deref().unwrap_or("").as_bytes());
    let named = key.iter().zip(values);
    named
        .fold(error, |error, (name, value)| error.at(name, shown(value)))
        .at("rows", rows)
        .hint("keep one row per key in the model, or use mode `delete+insert`")
}
