//! What is in the target before a load, for the plan: columns, rows, and what a person should know.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::DorisSink;
use super::commit::{self, fits_model, published};
use super::ddl::Definition;
use super::drift;
use super::mark::{self, Phase};
use super::publish::Outcome;
use super::query::Session;
use super::quote::identifier;
use super::stage::missing;
use super::table::Table;
use super::types;
use crate::connectors::OnSchemaChange;
use crate::error::{Error, Result};
use crate::sink::{Load, Mark, Mode, Target};

/// Bytes of the source that a part should have: some requests.
const PART_BYTES: u64 = 256_000_000;

/// Looks at the target of `load`; changes nothing.
pub(super) async fn inspect(sink: &DorisSink, load: &Load) -> Result<Target> {
    let mut session = sink.session().await?;
    let table = Table::find(&mut session, &sink.options.table).await?;
    let mut target = Target {
        mark: find_mark(sink, load, &mut session, table.is_some()).await?,
        watermarks: mark::newest(&mut session, &sink.shown()).await?,
        part_bytes: Some(PART_BYTES),
        ..Target::default()
    };
    let is_question = load.schema.fields().is_empty();
    if !is_question && Table::find(&mut session, mark::TABLE).await?.is_none() {
        target.notes.push(format!(
            "tables that begin with `dhow__` are made in database `{}`; the user needs the \
             privileges SELECT, LOAD, ALTER, CREATE and DROP there",
            sink.options.database
        ));
    }
    match table {
        None if is_question => {}
        None => may_create(sink, load)?,
        Some(table) => {
            target.rows = rows(&mut session, &table).await?;
            target.bytes = table.bytes;
            target.schema = Some(Arc::new(Schema::empty()));
            if !is_question {
                fits_model(&load.mode, &table)?;
                target.schema = Some(schema(sink, load, &table)?);
                target.notes.extend(notes(sink, load, &table)?);
            }
        }
    }
    Ok(target)
}

/// The mark of the load, settled when it was only intended as far as is known.
async fn find_mark(
    sink: &DorisSink,
    load: &Load,
    session: &mut Session,
    has_table: bool,
) -> Result<Option<Mark>> {
    let attempts = mark::attempts(session, sink.names(load).key()).await?;
    let last = attempts.last().filter(|last| last.phase == Phase::Intended);
    let (None, Some(last), true) = (published(&attempts), last, has_table) else {
        return Ok(published(&attempts));
    };
    let work = commit::work(sink, load, &[], session).await?;
    let outcome = work.settle(session, last).await?;
    Ok((outcome == Outcome::Published).then(|| last.intent.mark.clone()))
}

fn may_create(sink: &DorisSink, load: &Load) -> Result<()> {
    if !sink.options.new_table.create {
        return Err(missing(&sink.options.table));
    }
    Definition::new(&load.schema, &load.mode, &sink.options, None).map(|_| ())
}

/// Whether there are rows is looked up; how many is what the statistics say, which lag behind.
async fn rows(session: &mut Session, table: &Table) -> Result<Option<u64>> {
    let failed = format!("could not look into `{}`", table.name);
    let sql = format!("select 1 from {} limit 1", identifier(&table.name));
    match session.rows(&failed, &sql).await?.is_empty() {
        true => Ok(Some(0)),
        false => Ok(table.rows.filter(|rows| *rows > 0)),
    }
}

/// The columns as the plan compares them with the load's.
fn schema(sink: &DorisSink, load: &Load, table: &Table) -> Result<SchemaRef> {
    let mut fields = Vec::new();
    for column in &table.columns {
        let field = load
            .schema
            .fields()
            .iter()
            .find(|field| field.name().eq_ignore_ascii_case(&column.name));
        match field {
            Some(field) => fields.push(as_planned(sink, load, table, field)?),
            // The table fills it itself.
            None if column.filled && load.mode.key().is_empty() => {}
            None => {
                fields.push(Field::new(&column.name, types::shown(&column.kind), column.nullable))
            }
        }
    }
    if sink.options.on_schema_change >= OnSchemaChange::Append {
        let is_new = |field: &&Arc<Field>| table.column(field.name()).is_none();
        let new = load.schema.fields().iter().filter(is_new);
        fields.extend(new.map(|field| field.as_ref().clone()));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The load's own field where its values fit, or will after the column is changed.
fn as_planned(sink: &DorisSink, load: &Load, table: &Table, field: &Field) -> Result<Field> {
    let (options, name) = (&sink.options, field.name());
    let Some(column) = table.column(name) else { return Ok(field.clone()) };
    let starrocks = options.cluster.starrocks;
    let fits = types::form(&column.kind, field, options.values()).is_some();
    let widens = options.on_schema_change == OnSchemaChange::Widen
        && types::widened(&column.kind, field, starrocks).is_some();
    if load.mode == Mode::Replace || fits || widens {
        return Ok(field.clone());
    }
    let shown = types::shown(&column.kind);
    if shown == *field.data_type() {
        return Err(Error::drift(format!("column `{name}` takes no such values"))
            .at("source", field.data_type())
            .at("target", &column.kind)
            .hint("convert it in a model, or use mode `replace`"));
    }
    Ok(Field::new(name, shown, column.nullable))
}

fn notes(sink: &DorisSink, load: &Load, table: &Table) -> Result<Vec<String>> {
    let name = &table.name;
    let mut notes = Vec::new();
    match load.mode {
        Mode::DeleteInsert(_) => notes.push(format!(
            "`{name}` is written anew as a whole: the rows that stay are copied into a new table, \
             which takes its place; what others write to it meanwhile is lost or stops the load"
        )),
        Mode::Truncate | Mode::Replace => notes.push(format!(
            "a new table takes the place of `{name}` in one step, and the old one is dropped; \
             privileges are by name and stay, views and materialized views are not looked at"
        )),
        Mode::Append | Mode::Merge(_) => {}
    }
    if load.mode != Mode::Replace {
        let changes = drift::changes(table, &load.schema, &sink.options)?;
        notes.extend(changes.into_iter().map(|sql| format!("the table changes: {sql}")));
    }
    Ok(notes)
}
