//! Mode `replace`: the table that is filled beside the old one, and finished before the swap.

use super::PostgresSink;
use super::bound::Bound;
use super::ddl;
use super::house;
use super::inspect::may_refill;
use super::mark;
use super::new_types::NewTypes;
use super::parts;
use super::table::{Table, dependents};
use super::work::{Hold, Work};
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::quote::{columns, identifier, literal};
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, LoadId, Receipt};

/// Makes the shadow of `table`, or of a table that is to be.
pub(in crate::connectors::postgres) async fn make(
    work: &Work,
    sink: &PostgresSink,
    load: &Load,
    bound: &Bound,
    table: Option<Table>,
) -> Result<()> {
    let failed = format!("could not make a table to replace `{}`", bound.target);
    for statement in statements(work, sink, load, bound.place(), table).await? {
        work.run(&failed, &statement).await?;
    }
    point("pg.shadow_made").await;
    Ok(())
}

/// The statements that make `stage`: like `table`, but with the columns of the load.
pub(in crate::connectors::postgres) async fn statements(
    work: &Work,
    sink: &PostgresSink,
    load: &Load,
    stage: &TableName,
    table: Option<Table>,
) -> Result<Vec<String>> {
    let target = &sink.options.table;
    let types = NewTypes::find(work, &load.schema).await?;
    let Some(table) = table else {
        return Ok(vec![ddl::create(stage, &load.schema, &[], &types)?]);
    };
    let there = columns_of_table(&work.client, &target.schema, &target.name).await?;
    let dependents = dependents(work, table.oid).await?;
    if !dependents.is_empty() {
        may_refill(sink, load, &dependents, &there)?;
    }
    let mut statements = vec![format!(
        "create table {} (like {} including all excluding indexes excluding statistics)",
        stage.sql(),
        target.sql()
    )];
    statements.extend(ddl::reshape(stage, &load.schema, &there, &types)?);
    Ok(statements)
}

/// Builds on the filled shadow what the table it replaces has, step by step: what is there already
/// is not built again.
pub(in crate::connectors::postgres) async fn finish(
    sink: &PostgresSink,
    load: &Load,
    staged: &[Receipt],
) -> Result<()> {
    let mut client = sink.sessions.take().await?;
    loop {
        let work = Work::begin(client, sink.options.lock_timeout).await?;
        work.lock_load(&load.id, Hold::Alone).await?;
        if mark::of(&work, &load.id).await?.is_some() {
            return Ok(());
        }
        let bound = Bound::open(&work, load).await?;
        // Another load may be about to drop the table that this one looks at.
        work.lock_target(&bound.target).await?;
        parts::settle(&work, &load.id, bound.stage.as_ref(), staged).await?;
        let Some(step) = next(&work, sink, load, &bound).await? else {
            sink.sessions.give(work.end().await?);
            return Ok(());
        };
        work.run(&format!("could not finish the new `{}`", bound.target), &step).await?;
        point("pg.indexing").await;
        client = work.commit("could not finish the new table").await?;
        point("pg.indexed").await;
    }
}

/// The next statement that the shadow needs, if there is one.
pub(in crate::connectors::postgres) async fn next(
    work: &Work,
    sink: &PostgresSink,
    load: &Load,
    bound: &Bound,
) -> Result<Option<String>> {
    let (target, stage) = (&bound.target, bound.place());
    let shadow = shadow(work, stage).await?;
    let table = Table::find(work, target).await?;
    if let Some(table) = table {
        // Where the old table stays, its indexes do too.
        if !dependents(work, table.oid).await?.is_empty() {
            return Ok(None);
        }
        let names = columns_of_table(&work.client, &stage.schema, &stage.name).await?;
        let names: Vec<_> = names.into_iter().map(|column| column.name).collect();
        for index in indexes(work, table.oid).await? {
            if index.fits(&names) && !is_made(work, &index.new_name(&load.id)).await? {
                return index.statement(stage, &load.id).map(Some);
            }
        }
        if let Some(first) = foreign_keys(work, table, stage, &names).await?.into_iter().next() {
            return Ok(Some(first));
        }
    }
    let Some(own) = own_key(sink, load, stage, table.is_some()) else { return Ok(None) };
    let has = "select exists (select from pg_catalog.pg_index \
               where indrelid = $1 and indisprimary)";
    let row = work.row("could not look for a primary key", has, &[&shadow.oid]).await?;
    Ok((!row.is_some_and(|row| row.get(0))).then_some(own))
}

/// The statements that give `stage`, which has `columns`, the foreign keys of `table` that it lacks.
pub(in crate::connectors::postgres) async fn foreign_keys(
    work: &Work,
    table: Table,
    stage: &TableName,
    columns: &[String],
) -> Result<Vec<String>> {
    let (failed, sql) = ("could not look for foreign keys", include_str!("foreign_keys.sql"));
    let rows = work.rows(failed, sql, &[&table.oid, &stage.sql(), &columns]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The statement that adds the load's own primary key, if it has one; for a shadow that got none from
/// the table it is to replace.
pub(in crate::connectors::postgres) fn own_key(
    sink: &PostgresSink,
    load: &Load,
    stage: &TableName,
    replaces: bool,
) -> Option<String> {
    let key = match replaces {
        true => sink.options.table_key.clone(),
        false => ddl::new_key(load, &sink.options.table_key),
    };
    if key.is_empty() {
        return None;
    }
    let (name, key) = (key_name(&load.id), columns(key.iter().map(String::as_str)));
    let name = identifier(&name);
    Some(format!("alter table {} add constraint {name} primary key ({key})", stage.sql()))
}

/// What the primary key that a load adds is called until the swap.
pub(in crate::connectors::postgres) fn key_name(load: &LoadId) -> String {
    format!("{}_key", house::stage_name(load))
}

/// The shadow, which has been made.
pub(in crate::connectors::postgres) async fn shadow(
    work: &Work,
    stage: &TableName,
) -> Result<Table> {
    let found = Table::find(work, stage).await?;
    found.ok_or_else(|| {
        Error::conflict(format!("the table `{stage}` with the staged rows is gone"))
            .hint("somebody has dropped it; run with `--full-refresh`")
    })
}

/// An index of the old table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Index {
    pub(in crate::connectors::postgres) name: String,
    is_unique: bool,
    definition: String,
    head: String,
    constraint_kind: Option<String>,
    constraint_definition: Option<String>,
    deferred: Option<String>,
    comment: Option<String>,
    columns: Vec<String>,
}

/// The indexes of the table with this number, oldest first.
pub(in crate::connectors::postgres) async fn indexes(work: &Work, oid: u32) -> Result<Vec<Index>> {
    let sql = include_str!("indexes.sql");
    let rows = work.rows("could not look for indexes", sql, &[&oid]).await?;
    let index = |row: &tokio_postgres::Row| Index {
        name: row.get("name"),
        is_unique: row.get("is_unique"),
        definition: row.get("definition"),
        head: row.get("head"),
        constraint_kind: row.get("constraint_kind"),
        constraint_definition: row.get("constraint_definition"),
        deferred: row.get("deferred"),
        comment: row.get("comment"),
        columns: row.get("columns"),
    };
    Ok(rows.iter().map(index).collect())
}

impl Index {
    /// What its twin on the shadow is called until the swap.
    pub(in crate::connectors::postgres) fn new_name(&self, load: &LoadId) -> String {
        // By its name: another load may put a new table in place of the old one meanwhile.
        let hash = blake3::hash(self.name.as_bytes()).to_hex();
        format!("{}_{}", house::stage_name(load), &hash[..16])
    }

    /// Whether a table with these columns can have a twin of it.
    pub(in crate::connectors::postgres) fn fits(&self, columns: &[String]) -> bool {
        self.columns.iter().all(|column| columns.contains(column))
    }

    /// Whether it is the primary key.
    pub(in crate::connectors::postgres) fn is_primary(&self) -> bool {
        self.constraint_kind.as_deref() == Some("p")
    }

    /// The statement that gives its twin on `table`, which has taken the place of the old one, its name.
    pub(in crate::connectors::postgres) fn rename_twin(
        &self,
        table: &TableName,
        load: &LoadId,
    ) -> String {
        let (made, name) = (self.new_name(load), identifier(&self.name));
        match self.constraint_kind {
            Some(_) => {
                let made = identifier(&made);
                format!("alter table {} rename constraint {made} to {name}", table.sql())
            }
            None => {
                let made = TableName::new(&table.schema, made).sql();
                format!("alter index {made} rename to {name}")
            }
        }
    }

    /// The statements that make its twin.
    pub(in crate::connectors::postgres) fn statement(
        &self,
        stage: &TableName,
        load: &LoadId,
    ) -> Result<String> {
        let name = identifier(&self.new_name(load));
        let table = stage.sql();
        let mut sql = match (self.constraint_kind.as_deref(), &self.constraint_definition) {
            (Some("x"), Some(definition)) => {
                format!("alter table {table} add constraint {name} {definition}")
            }
            _ => {
                let rest = self.definition.strip_prefix(&self.head).ok_or_else(|| {
                    Error::unsupported(format!("index `{}` cannot be carried over", self.name))
                        .hint("drop it for the load")
                })?;
                let unique = if self.is_unique { "unique " } else { "" };
                format!("create {unique}index {name} on {table} {rest}")
            }
        };
        let kind = match self.constraint_kind.as_deref() {
            Some("p") => Some("primary key"),
            Some("u") => Some("unique"),
            _ => None,
        };
        if let Some(kind) = kind {
            let deferred = self.deferred.as_deref().unwrap_or("");
            let using = format!("{kind} using index {name}{deferred}");
            sql.push_str(&format!("; alter table {table} add constraint {name} {using}"));
        }
        if let Some(comment) = &self.comment {
            let schema = identifier(&stage.schema);
            sql.push_str(&format!("; comment on index {schema}.{name} is {}", literal(comment)));
        }
        Ok(sql)
    }
}

/// Whether the schema `_dhow` has something called `name`.
pub(in crate::connectors::postgres) async fn is_made(work: &Work, name: &str) -> Result<bool> {
    let sql = "select exists (select from pg_catalog.pg_class c \
               join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = '_dhow' and c.relname = $1)";
    let row = work.row("could not look for an index", sql, &[&name]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}
