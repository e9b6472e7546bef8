//! The table in which the parts of a load are staged, and making ready for them.

use arrow::datatypes::Schema;

use super::DorisSink;
use super::ddl::{self, Definition};
use super::drift;
use super::kind::Kind;
use super::mark;
use super::options::DorisOptions;
use super::query::Session;
use super::quote::{identifier, literals};
use super::table::{self, Column, Model, Table};
use super::types;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, Mode, Receipt};

/// The column of the stage that says which request a row came with.
pub(super) const PLACE: &str = "_dhow_part";

/// Bytes of such a place, at most.
const PLACE_BYTES: usize = 64;

/// Places in one list of a condition; servers limit how long one may be.
const LIST: usize = 1_000;

/// Makes ready for parts of `load`: the target, the table of marks, and the stage.
pub(super) async fn prepare(sink: &DorisSink, load: &Load) -> Result<()> {
    let mut session = sink.session().await?;
    let target = ready_target(sink, load, &mut session).await?;
    mark::ensure(&mut session, &sink.options).await?;
    let (names, stage) = (sink.names(load), sink.names(load).stage(load));
    // What was staged of another snapshot is taken back.
    let new = format!("{}new_", names.prefix());
    for name in table::names(&mut session, &names.prefix()).await? {
        if name != stage && !name.starts_with(&new) {
            table::drop(&mut session, &name).await?;
        }
    }
    let definition = definition(&target, load, &sink.options)?;
    let failed = format!("could not make the stage `{stage}`");
    session.run(&failed, &definition.sql(&stage, &sink.options)).await?;
    point("doris.stage_made").await;
    Ok(())
}

/// The target, made or changed where that is allowed.
async fn ready_target(sink: &DorisSink, load: &Load, session: &mut Session) -> Result<Table> {
    let (options, name) = (&sink.options, &sink.options.table);
    match Table::find(session, name).await? {
        None if !options.new_table.create => Err(missing(name)),
        None => {
            let made = Definition::new(&load.schema, &load.mode, options, None)?;
            let failed = format!("could not make table `{name}`");
            session.run(&failed, &made.sql(name, options)).await?;
            point("doris.target_made").await;
            found(session, name).await
        }
        Some(target) if load.mode == Mode::Replace => Ok(target),
        Some(target) => {
            let changes = drift::changes(&target, &load.schema, options)?;
            if changes.is_empty() {
                return Ok(target);
            }
            drift::apply(session, &target, &changes, options).await?;
            point("doris.target_changed").await;
            found(session, name).await
        }
    }
}

/// The target, which has to be there.
pub(super) async fn found(session: &mut Session, name: &str) -> Result<Table> {
    Table::find(session, name).await?.ok_or_else(|| missing(name))
}

/// The error for a table that is not there.
pub(super) fn missing(name: &str) -> Error {
    Error::missing(format!("there is no table `{name}`"))
        .hint("create it, or let dhow do it with `create_table: true`")
}

/// Whether the columns of the load can go into a table like `target`, so that mode `replace` keeps
/// its layout.
pub(super) fn keeps_layout(target: &Table, schema: &Schema, options: &DorisOptions) -> bool {
    let starrocks = options.cluster.starrocks;
    target.columns.len() == schema.fields().len()
        && schema.fields().iter().all(|field| {
            target.column(field.name()).is_some_and(|column| {
                let fits = types::form(&column.kind, field, options.values()).is_some();
                let wider = types::widened(&column.kind, field, starrocks);
                let is_wide = wider.is_none_or(|wider| wider == column.kind);
                fits && is_wide && (column.nullable || !field.is_nullable())
            })
        })
}

/// The stage: the columns of the load as the target has them, behind the place of each row.
fn definition(target: &Table, load: &Load, options: &DorisOptions) -> Result<Definition> {
    let place = Column {
        name: PLACE.to_owned(),
        kind: Kind::Varchar(PLACE_BYTES),
        nullable: false,
        key: true,
        filled: false,
        comment: None,
    };
    let mut columns = vec![place];
    if load.mode == Mode::Replace && !keeps_layout(target, &load.schema, options) {
        let new = Definition::new(&load.schema, &load.mode, options, None)?;
        // In the order of the load, which is that of its rows.
        for field in load.schema.fields() {
            let column = new.columns.iter().find(|column| column.name == *field.name());
            columns.extend(column.map(|column| Column { key: false, ..column.clone() }));
        }
    } else {
        for field in load.schema.fields() {
            let column =
                target.column(field.name()).ok_or_else(|| not_there(field.name(), target))?;
            columns.push(Column { key: false, comment: None, ..column.clone() });
        }
    }
    Ok(Definition {
        columns,
        model: Model::Duplicate,
        hashed: Vec::new(),
        buckets: None,
        comment: String::new(),
    })
}

fn not_there(column: &str, target: &Table) -> Error {
    Error::drift(format!("column `{column}` is not in table `{}`", target.name))
        .hint("leave it out in a model, or set `on_schema_change: append_new_columns`")
}

/// The columns of the stage but for the place.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when there is no stage.
pub(super) async fn columns(session: &mut Session, stage: &str) -> Result<Vec<Column>> {
    match table::columns(session, stage).await {
        Ok(mut columns) => {
            columns.retain(|column| column.name != PLACE);
            Ok(columns)
        }
        Err(error) if table::is_missing(&error) => Err(gone(stage)),
        Err(error) => Err(error),
    }
}

/// The error for a stage that is no longer there.
pub(super) fn gone(stage: &str) -> Error {
    Error::conflict("what was staged of this load is gone")
        .at("stage", stage)
        .hint("another process has taken over or given up; run again to start the load over")
}

/// The place of a request in the stage.
pub(super) fn place(of_part: &str, request: usize) -> String {
    format!("{of_part}_{request}")
}

/// What a receipt says: the place of the part, and how many requests it took.
pub(super) fn token(of_part: &str, requests: usize) -> String {
    format!("{of_part}:{requests}")
}

/// The places that receipts name.
///
/// # Errors
/// [`crate::error::Kind::Bug`] for a receipt of somebody else.
pub(super) fn places(staged: &[Receipt]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for receipt in staged {
        let parsed = receipt.token.split_once(':');
        let parsed = parsed.and_then(|(place, n)| Some((place, n.parse::<usize>().ok()?)));
        let (of_part, requests) =
            parsed.ok_or_else(|| Error::bug("a receipt was not written by this sink"))?;
        all.extend((0..requests).map(|request| place(of_part, request)));
    }
    Ok(all)
}

/// The condition that a row of the stage, known as `alias`, is at one of these places.
pub(super) fn at_places(alias: &str, places: &[String]) -> String {
    let column = format!("{alias}.{}", identifier(PLACE));
    let list = |places: &[String]| {
        format!("{column} in ({})", literals(places.iter().map(String::as_str)))
    };
    match places {
        [] => "1 = 0".to_owned(),
        places => {
            let lists: Vec<_> = places.chunks(LIST).map(list).collect();
            format!("({})", lists.join(" or "))
        }
    }
}

/// Names of columns, in order.
pub(super) fn names_of(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

/// A statement that makes a table for the columns of the stage, with a comment.
pub(super) fn new_layout(
    load: &Load,
    options: &DorisOptions,
    bytes: u64,
    comment: &str,
) -> Result<ddl::Definition> {
    let made = Definition::new(&load.schema, &load.mode, options, Some(bytes))?;
    Ok(Definition { comment: comment.to_owned(), ..made })
}
