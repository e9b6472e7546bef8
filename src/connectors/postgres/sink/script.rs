//! What a load would have the server do, as SQL for a person who wants to read it beforehand.

use super::PostgresSink;
use super::ddl;
use super::house;
use super::merge::{delete, insert_select, names, upsert};
use super::new_types::NewTypes;
use super::prepare::{goes_straight, stage_dropped, target_statements};
use super::shadow::{self, Index};
use super::swap;
use super::table::{Table, dependents};
use super::truncate;
use super::work::Work;
use super::write::copy_statement;
use crate::connectors::postgres::catalog::{columns_of_query, columns_of_table};
use crate::connectors::postgres::encode::Encoder;
use crate::connectors::postgres::name::TableName;
use crate::connectors::postgres::server_type::Column;
use crate::error::Result;
use crate::sink::{Load, Mode};

const HOUSE: &str = "-- where dhow keeps its notes, once for a database";
const STAGED: &str = "-- where rows go first; each load has another name for it";
const PARTS: &str = "-- each part of the rows, in a transaction of its own";
const PUBLISHED: &str = "-- what publishes them, in one transaction";
const AFTER: &str = "-- afterwards";
const CARRIED: &str =
    "-- and what gives it owner, grants, comments, storage options and sequences of the old one";

/// The statements by which `load` changes the database, but for dhow's notes in the schema `_dhow`.
pub(in crate::connectors::postgres) async fn statements(
    sink: &PostgresSink,
    load: &Load,
) -> Result<Vec<String>> {
    let work = Work::begin(sink.sessions.take().await?, sink.options.lock_timeout).await?;
    let target = &sink.options.table;
    let table = Table::find(&work, target).await?;
    let there = match table {
        Some(_) => columns_of_table(&work.client, &target.schema, &target.name).await?,
        None => Vec::new(),
    };
    let stage = TableName::new(house::SCHEMA, house::stage_name(&load.id));
    let script = Script { work: &work, sink, load, table, there, stage };
    let lines = script.lines().await?;
    sink.sessions.give(work.end().await?);
    Ok(lines)
}

struct Script<'a> {
    work: &'a Work,
    sink: &'a PostgresSink,
    load: &'a Load,
    /// The target, if it is there, and its columns.
    table: Option<Table>,
    there: Vec<Column>,
    stage: TableName,
}

impl Script<'_> {
    async fn lines(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        if !house::exists(self.work).await? {
            lines.extend([HOUSE.to_owned(), house::MADE.to_owned()]);
        }
        let is_logged = self.table.is_none_or(|table| table.logged);
        let is_staged = !goes_straight(self.load, is_logged);
        lines.extend(match self.load.mode {
            Mode::Replace => self.replace().await?,
            _ if is_staged => self.change().await?,
            _ => self.append().await?,
        });
        if is_staged {
            lines.extend([AFTER.to_owned(), stage_dropped(&self.stage)]);
        }
        Ok(lines.into_iter().map(ended).collect())
    }

    /// Mode `append` split by split: parts go straight into the table.
    async fn append(&self) -> Result<Vec<String>> {
        let mut lines = self.target().await?;
        lines.extend([PARTS.to_owned(), self.copy(&self.sink.options.table).await?]);
        Ok(lines)
    }

    /// Every other mode but `replace`: the table stays, and gets its rows from the stage.
    async fn change(&self) -> Result<Vec<String>> {
        let (stage, target, names) = (&self.stage, &self.sink.options.table, names(self.load));
        let mut lines = self.target().await?;
        lines.extend([STAGED.to_owned(), ddl::stage(stage, target, &names)]);
        lines.extend([PARTS.to_owned(), self.copy(stage).await?, PUBLISHED.to_owned()]);
        let insert = insert_select(&names, stage, target);
        lines.extend(match &self.load.mode {
            Mode::Merge(key) => vec![upsert(&names, stage, target, key)],
            Mode::DeleteInsert(key) => vec![delete(stage, target, key), insert],
            Mode::Truncate => vec![truncate::statement(target), insert],
            Mode::Append | Mode::Replace => vec![insert],
        });
        Ok(lines)
    }

    /// How the table is made or changed.
    async fn target(&self) -> Result<Vec<String>> {
        target_statements(self.work, self.sink, self.load, self.table.is_some()).await
    }

    /// Mode `replace`: a new table is filled; it takes the place of the old one, or gives that its rows.
    async fn replace(&self) -> Result<Vec<String>> {
        let (work, sink, load, stage) = (self.work, self.sink, self.load, &self.stage);
        let target = &sink.options.table;
        let mut lines = vec![STAGED.to_owned()];
        lines.extend(shadow::statements(work, sink, load, stage, self.table).await?);
        lines.extend([PARTS.to_owned(), self.copy(stage).await?]);
        let dependents = match self.table {
            Some(old) => dependents(work, old.oid).await?,
            None => Vec::new(),
        };
        let published = || PUBLISHED.to_owned();
        match self.table {
            None => {
                let (key, named) = self.own_key(&[]);
                lines.extend(key);
                lines.extend([published(), swap::analyze(stage)]);
                lines.extend(swap::move_in(target, stage));
                lines.extend(named);
            }
            Some(_) if !dependents.is_empty() => {
                lines.extend([published(), swap::lock_rows(target)]);
                lines.extend(swap::refills(&names(load), stage, target, &dependents));
            }
            Some(old) => {
                let indexes = self.indexes(old).await?;
                let (key, named) = self.own_key(&indexes);
                lines.extend(self.twins(old, &indexes).await?);
                lines.extend(key);
                lines.extend([published(), swap::analyze(stage), swap::lock(target)]);
                lines.push(swap::set_aside(target, stage));
                lines.extend(swap::move_in(target, stage));
                lines.push(swap::part_with(target, stage, sink.options.replace_keep_old));
                lines.extend(indexes.iter().map(|index| index.rename_twin(target, &load.id)));
                lines.push(CARRIED.to_owned());
                lines.extend(named);
            }
        }
        Ok(lines)
    }

    /// The indexes of the old table that the new one gets as well.
    async fn indexes(&self, old: Table) -> Result<Vec<Index>> {
        let (columns, mut indexes) = (self.columns(), shadow::indexes(self.work, old.oid).await?);
        indexes.retain(|index| index.fits(&columns));
        Ok(indexes)
    }

    /// The columns of a new table in place of the old one.
    fn columns(&self) -> Vec<String> {
        let schema = &self.load.schema;
        let stays = self.there.iter().filter(|column| ddl::stays(schema, column));
        let own = schema.fields().iter().map(|field| field.name());
        stays.map(|column| &column.name).chain(own).cloned().collect()
    }

    /// What the filled shadow gets of the table that it replaces: `indexes`, and foreign keys.
    async fn twins(&self, old: Table, indexes: &[Index]) -> Result<Vec<String>> {
        let (stage, id) = (&self.stage, &self.load.id);
        let made = indexes.iter().map(|index| index.statement(stage, id));
        let mut lines = made.collect::<Result<Vec<_>>>()?;
        lines.extend(shadow::foreign_keys(self.work, old, stage, &self.columns()).await?);
        Ok(lines)
    }

    /// The load's own primary key, if it has one and `indexes` do not: what adds it to the shadow, and
    /// what names it once that is in its place.
    fn own_key(&self, indexes: &[Index]) -> (Option<String>, Option<String>) {
        let (sink, load) = (self.sink, self.load);
        let key = shadow::own_key(sink, load, &self.stage, self.table.is_some());
        let key = key.filter(|_| !indexes.iter().any(Index::is_primary));
        let named = key.as_ref().map(|_| swap::rename_own_key(load, &sink.options.table));
        (key, named)
    }

    /// The statement that takes the rows of a part into `place`.
    async fn copy(&self, place: &TableName) -> Result<String> {
        let schema = &self.load.schema;
        let types = NewTypes::find(self.work, schema).await?;
        let mut columns = Vec::new();
        for field in schema.fields() {
            let found = self.there.iter().find(|column| column.name == *field.name());
            match found.filter(|column| ddl::takes(field, column)) {
                Some(column) => columns.push(column.clone()),
                // One that is made or changed beforehand.
                None => {
                    let sql = format!("select null::{}", types.of(field)?);
                    columns.extend(columns_of_query(&self.work.client, &sql).await?);
                }
            }
        }
        let format = Encoder::new(schema, &columns)?.format;
        let names: Vec<_> = names(self.load).into_iter().map(str::to_owned).collect();
        Ok(copy_statement(place, &names, format))
    }
}

/// `line` with one `;` at its end, unless it is a comment.
fn ended(line: String) -> String {
    match line.starts_with("--") {
        true => line,
        false => format!("{};", line.trim_end().trim_end_matches(';')),
    }
}
