//! What is in the target before a load, for the plan: columns, rows, permissions, and what a
//! person should know.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::PostgresSink;
use super::ddl;
use super::house;
use super::mark;
use super::new_types::NewTypes;
use super::prepare::missing;
use super::table::{Dependent, Table, dependents};
use super::work::Work;
use super::write;
use crate::connectors::OnSchemaChange;
use crate::connectors::postgres::catalog::columns_of_table;
use crate::connectors::postgres::decode::{Policies, reading};
use crate::connectors::postgres::encode;
use crate::connectors::postgres::server_type::{Column, Filled};
use crate::error::{Error, Result};
use crate::sink::{Load, Mode, Target};

/// Looks at the target of `load`; changes nothing.
pub(in crate::connectors::postgres) async fn inspect(
    sink: &PostgresSink,
    load: &Load,
) -> Result<Target> {
    let work = Work::begin(sink.sessions.take().await?, sink.options.lock_timeout).await?;
    let looking = Looking { sink, load, work };
    let target = looking.target().await?;
    sink.sessions.give(looking.work.end().await?);
    Ok(target)
}

struct Looking<'a> {
    sink: &'a PostgresSink,
    load: &'a Load,
    work: Work,
}

impl Looking<'_> {
    async fn target(&self) -> Result<Target> {
        let name = &self.sink.options.table;
        let mut target = Target { layout: write::layout(self.load), ..Target::default() };
        if house::exists(&self.work).await? {
            target.mark = mark::of(&self.work, &self.load.id).await?;
            target.watermarks = mark::newest(&self.work, name).await?;
        } else {
            self.may_make_house().await?;
            target.notes.push("the schema `_dhow` is made in the database".to_owned());
        }
        let is_question = self.load.schema.fields().is_empty();
        match Table::find(&self.work, name).await {
            Err(_) if is_question => {}
            Err(error) => return Err(error),
            Ok(None) if is_question => {}
            Ok(None) => {
                self.may_create().await?;
                target.notes.extend(self.note_of_key());
            }
            Ok(Some(table)) => {
                let there = columns_of_table(&self.work.client, &name.schema, &name.name).await?;
                target.rows = self.rows(&table).await?;
                target.bytes = table.bytes;
                if is_question {
                    target.schema = Some(Arc::new(Schema::empty()));
                } else {
                    self.may_change(&table).await?;
                    target.schema = Some(self.schema(&there)?);
                    target.notes.extend(self.notes(&table, &there).await?);
                }
            }
        }
        Ok(target)
    }

    /// The columns as the plan compares them with the load's.
    fn schema(&self, there: &[Column]) -> Result<SchemaRef> {
        let (load, policy) = (&self.load.schema, self.sink.options.on_schema_change);
        let mut fields = Vec::new();
        for column in there {
            match load.field_with_name(&column.name) {
                Ok(field) => fields.push(self.as_planned(field, column)?),
                Err(_) if column.filled != Filled::Never => {}
                Err(_) => fields.push(as_it_is(column)),
            }
        }
        let is_new = |field: &&Arc<Field>| there.iter().all(|column| column.name != *field.name());
        if policy >= OnSchemaChange::Append {
            fields.extend(load.fields().iter().filter(is_new).map(|field| (**field).clone()));
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The load's own field where its values fit, or will after the column is changed.
    fn as_planned(&self, field: &Field, column: &Column) -> Result<Field> {
        if self.load.mode == Mode::Replace || ddl::takes(field, column) {
            return Ok(field.clone());
        }
        let name = &column.name;
        let drift = |message: String| {
            Error::drift(message)
                .at("target", format!("{}.{name}", self.sink.options.table))
                .at("source", field.data_type())
        };
        if column.filled == Filled::Always {
            return Err(drift(format!("column `{name}` is generated, and takes no value"))
                .hint("leave it out in a model"));
        }
        let widens = self.sink.options.on_schema_change == OnSchemaChange::Widen;
        if widens && encode::widened(field, column).is_some() {
            return Ok(field.clone());
        }
        let shown = as_it_is(column);
        if shown.data_type() == field.data_type() {
            let kind = &column.kind.shown;
            return Err(drift(format!("column `{name}` of type {kind} takes no such values"))
                .hint("convert it in a model, or use mode `replace`"));
        }
        Ok(shown)
    }

    /// Whether there are rows is looked up; how many is the server's estimate.
    async fn rows(&self, table: &Table) -> Result<Option<u64>> {
        if !table.may.select {
            return Ok(table.estimate.filter(|rows| *rows > 0));
        }
        let name = &self.sink.options.table;
        let sql = format!("select exists (select from {})", name.sql());
        let row = self.work.row(&format!("could not look into `{name}`"), &sql, &[]).await?;
        match row.is_some_and(|row| row.get(0)) {
            false => Ok(Some(0)),
            true => Ok(table.estimate.filter(|rows| *rows > 0)),
        }
    }

    async fn may_make_house(&self) -> Result<()> {
        let sql =
            "select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";
        let row = self.work.row("could not look up permissions", sql, &[]).await?;
        match row.is_some_and(|row| row.get(0)) {
            true => Ok(()),
            false => Err(Error::denied("this role may not make the schema `_dhow`")
                .hint("grant it `create` on the database, or make the schema and let it own that")),
        }
    }

    async fn may_create(&self) -> Result<()> {
        let (options, load) = (&self.sink.options, self.load);
        if !options.create_table && load.mode != Mode::Replace {
            return Err(missing(&options.table));
        }
        let key = ddl::new_key(load, &options.table_key);
        ddl::create(&options.table, &load.schema, &key, &NewTypes::default())?;
        let schema = &options.table.schema;
        let sql = "select pg_catalog.has_schema_privilege(n.oid, 'CREATE') \
                   from pg_catalog.pg_namespace n where n.nspname = $1";
        let row = self.work.row("could not look up permissions", sql, &[schema]).await?;
        match row.map(|row| row.get(0)) {
            Some(true) => Ok(()),
            Some(false) => {
                Err(Error::denied(format!("this role may not make tables in schema `{schema}`"))
                    .hint(format!("grant it `create` on schema {schema}")))
            }
            None => Err(Error::missing(format!("there is no schema `{schema}`"))
                .hint("create it, or correct the name")),
        }
    }

    /// The primary key of a new table.
    fn note_of_key(&self) -> Option<String> {
        let options = &self.sink.options;
        let key = ddl::new_key(self.load, &options.table_key);
        let told =
            || format!("`{}` is new: its primary key is ({})", options.table, key.join(", "));
        (!key.is_empty()).then(told)
    }

    async fn may_change(&self, table: &Table) -> Result<()> {
        let may = table.may;
        let needs: &[(&str, bool)] = match self.load.mode {
            Mode::Append => &[("insert into", may.insert), ("read", may.select)],
            Mode::Truncate => &[("insert into", may.insert), ("truncate", may.truncate)],
            Mode::Replace => &[("replace", table.own)],
            Mode::Merge(_) => {
                &[("insert into", may.insert), ("read", may.select), ("update", may.update)]
            }
            Mode::DeleteInsert(_) => {
                &[("insert into", may.insert), ("read", may.select), ("delete from", may.delete)]
            }
        };
        let name = &self.sink.options.table;
        if let Some((missing, _)) = needs.iter().find(|(_, has)| !has) {
            let hint = match self.load.mode {
                Mode::Replace => "let it own the table".to_owned(),
                _ => format!("grant it that: mode `{}` needs it", self.load.mode.name()),
            };
            return Err(
                Error::denied(format!("this role may not {missing} table `{name}`")).hint(hint)
            );
        }
        if let Mode::Merge(key) = &self.load.mode
            && !table.has_key(&self.work, key).await?
        {
            let key = key.join(", ");
            return Err(Error::config(format!("`{name}` has no unique key over {key}")).hint(
                format!(
                    "merge needs one: create unique index on {name} ({key}); \
                     or use mode `delete+insert`"
                ),
            ));
        }
        Ok(())
    }

    async fn notes(&self, table: &Table, there: &[Column]) -> Result<Vec<String>> {
        let (name, options) = (&self.sink.options.table, &self.sink.options);
        let mut notes = Vec::new();
        match self.load.mode {
            Mode::Append if table.logged => notes.push(format!(
                "rows of an append that runs split by split can be seen in `{name}` part by part"
            )),
            Mode::Truncate => notes
                .push(format!("`{name}` is locked for everybody while it is emptied and filled")),
            Mode::Replace => notes.extend(self.note_of_replace(table, there).await?),
            _ => {}
        }
        if self.load.mode != Mode::Replace {
            let (schema, policy) = (&self.load.schema, options.on_schema_change);
            let types = NewTypes::find(&self.work, schema).await?;
            let changes = ddl::changes(name, schema, there, policy, &types)?;
            notes.extend(changes.into_iter().map(|sql| format!("the table changes: {sql}")));
        }
        Ok(notes)
    }

    async fn note_of_replace(&self, table: &Table, there: &[Column]) -> Result<Option<String>> {
        let name = &self.sink.options.table;
        let dependents = dependents(&self.work, table.oid).await?;
        if dependents.is_empty() {
            return Ok(Some(format!(
                "a new table takes the place of `{name}` in one short transaction; indexes, \
                 constraints, owner, grants and comments are carried over"
            )));
        }
        may_refill(self.sink, self.load, &dependents, there)?;
        let list: Vec<_> = dependents.iter().map(|dependent| dependent.what.as_str()).collect();
        Ok(Some(format!(
            "`{name}` stays and its rows are replaced in one transaction, because of {}",
            list.join(", ")
        )))
    }
}

/// Whether the rows of the table can be replaced without the table.
///
/// # Errors
/// [`crate::error::Kind::Refused`] when its columns change, or when the rows of other tables
/// would go with its own.
pub(in crate::connectors::postgres) fn may_refill(
    sink: &PostgresSink,
    load: &Load,
    dependents: &[Dependent],
    there: &[Column],
) -> Result<()> {
    let name = &sink.options.table;
    let list: Vec<_> = dependents.iter().map(|dependent| dependent.what.as_str()).collect();
    if !ddl::reshape(name, &load.schema, there, &NewTypes::default())?.is_empty() {
        return Err(Error::refused(format!("`{name}` cannot get other columns"))
            .at("used by", list.join(", "))
            .hint("drop what depends on it, or keep the columns as they are in a model"));
    }
    if let Some(cascading) = dependents.iter().find(|dependent| dependent.cascades) {
        return Err(Error::refused(format!("replacing `{name}` would change other tables"))
            .at("through", &cascading.what)
            .hint("use mode `merge`, or drop the foreign key for the load"));
    }
    Ok(())
}

/// The column as a source would give it.
fn as_it_is(column: &Column) -> Field {
    match reading(column, &Policies::default()) {
        Ok(reading) => reading.field,
        Err(_) => Field::new(&column.name, DataType::Utf8, column.nullable),
    }
}
