//! Makes ready for parts: binds the load to its snapshot, and makes the table they go to.

use super::PostgresSink;
use super::bound::{Bound, State};
use super::ddl;
use super::house;
use super::merge::names;
use super::new_types::NewTypes;
use super::parts;
use super::shadow;
use super::table::Table;
use super::work::{Hold, Work};
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::name::TableName;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, LoadId, Mode};

/// Binds `load`; what was staged under another snapshot is taken back first. Waits for parts of it
/// that are being written.
pub(in crate::connectors::postgres) async fn prepare(
    sink: &PostgresSink,
    load: &Load,
) -> Result<()> {
    let client = house::make(sink.sessions.take().await?, sink.options.lock_timeout).await?;
    point("pg.house_made").await;
    let work = Work::begin(client, sink.options.lock_timeout).await?;
    work.lock_load(&load.id, Hold::Alone).await?;
    match Bound::read(&work, &load.id).await? {
        Some(bound) if bound.state == State::Published || fits(&bound, sink, load) => {
            sink.sessions.give(work.end().await?);
            return Ok(());
        }
        Some(bound) if bound.state == State::Swept => {
            return Err(Error::conflict("the load has been given up")
                .at("load", &load.id)
                .hint("another process has taken over; run again"));
        }
        Some(bound) => {
            take_back(&work, &load.id, &bound).await?;
            point("pg.taken_back").await;
        }
        None => {}
    }
    let bound = make(&work, sink, load).await?;
    bound.save(&work, &load.id).await?;
    point("pg.binding").await;
    let client = work.commit("could not bind the load to its snapshot").await?;
    point("pg.bound").await;
    sink.sessions.give(client);
    Ok(())
}

fn fits(bound: &Bound, sink: &PostgresSink, load: &Load) -> bool {
    bound.state == State::Open
        && bound.snapshot == load.snapshot.0
        && bound.target == sink.options.table
        && bound.mode == load.mode.name()
}

/// Undoes everything that parts of `load` did.
pub(in crate::connectors::postgres) async fn take_back(
    work: &Work,
    load: &LoadId,
    bound: &Bound,
) -> Result<()> {
    match &bound.stage {
        Some(stage) => {
            drop_stage(work, stage).await?;
            parts::forget(work, load).await
        }
        // Where the table is gone, its rows are too.
        None if Table::find(work, &bound.target).await?.is_none() => {
            parts::forget(work, load).await
        }
        None => parts::take_back(work, load, &bound.target).await,
    }
}

/// Drops the table that `stage` names, if it is there.
pub(in crate::connectors::postgres) async fn drop_stage(
    work: &Work,
    stage: &TableName,
) -> Result<()> {
    work.run("could not drop what was staged", &stage_dropped(stage)).await
}

/// The statement that drops the table `stage`, if it is there.
pub(in crate::connectors::postgres) fn stage_dropped(stage: &TableName) -> String {
    format!("drop table if exists {}", stage.sql())
}

/// Makes what the parts of `load` need, and says where they go.
async fn make(work: &Work, sink: &PostgresSink, load: &Load) -> Result<Bound> {
    let target = sink.options.table.clone();
    let mut bound = Bound {
        mode: load.mode.name().to_owned(),
        snapshot: load.snapshot.0.clone(),
        stage: Some(TableName::new(house::SCHEMA, house::stage_name(&load.id))),
        state: State::Open,
        target,
    };
    if load.mode == Mode::Replace {
        let table = Table::find(work, &bound.target).await?;
        shadow::make(work, sink, load, &bound, table).await?;
        return Ok(bound);
    }
    let table = target_table(work, sink, load).await?;
    if goes_straight(load, table.logged) {
        bound.stage = None;
        return Ok(bound);
    }
    let sql = ddl::stage(bound.place(), &bound.target, &names(load));
    work.run("could not make a table for the parts", &sql).await?;
    Ok(bound)
}

/// Whether parts of `load` go straight into their table. One that is not `logged` is empty after a crash
/// of the server, and could not hold what its notes say.
pub(in crate::connectors::postgres) fn goes_straight(load: &Load, logged: bool) -> bool {
    load.mode == Mode::Append && load.repeatable && logged
}

/// The table that the load changes, made or changed as the options say.
async fn target_table(work: &Work, sink: &PostgresSink, load: &Load) -> Result<Table> {
    let name = &sink.options.table;
    let table = Table::find(work, name).await?;
    for statement in target_statements(work, sink, load, table.is_some()).await? {
        work.run(&format!("could not make or change table `{name}`"), &statement).await?;
    }
    let table = Table::find(work, name).await?;
    table.ok_or_else(|| Error::bug("a table is gone that was made just now"))
}

/// The statements that make the table or, where it `exists`, change its columns.
pub(in crate::connectors::postgres) async fn target_statements(
    work: &Work,
    sink: &PostgresSink,
    load: &Load,
    exists: bool,
) -> Result<Vec<String>> {
    let (name, options) = (&sink.options.table, &sink.options);
    let types = NewTypes::find(work, &load.schema).await?;
    if exists {
        let there = columns_of_table(&work.client, &name.schema, &name.name).await?;
        return ddl::changes(name, &load.schema, &there, options.on_schema_change, &types);
    }
    if !options.create_table {
        return Err(missing(name));
    }
    let key = ddl::new_key(load, &options.table_key);
    Ok(vec![ddl::create(name, &load.schema, &key, &types)?])
}

/// The error for a table that is not there and may not be made.
pub(in crate::connectors::postgres) fn missing(name: &TableName) -> Error {
    Error::missing(format!("there is no table `{name}`"))
        .hint("create it, or let dhow do it with `create_table: true`")
}
