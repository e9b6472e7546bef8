//! The target of a load: what it is now, and what it will be when the load's rows go in.

use serde_json::Value;

use super::BigQuerySink;
use super::field::{Column, shown};
use super::layout::Shape;
use super::schema::{self, Changes};
use super::table::Table;
use super::types;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::nonce;
use crate::sink::{Load, Mode};

/// The target as the load finds it and will leave it.
#[derive(Debug)]
pub(super) struct Planned {
    /// The table that is there.
    pub table: Option<Table>,
    /// The columns of stage tables, which are those of the target afterwards.
    pub columns: Vec<Column>,
    /// Their partitioning and the like.
    pub shape: Shape,
    /// How the table that is there has to change.
    pub changes: Changes,
}

impl Planned {
    /// Looks at the target of `load`; changes nothing.
    ///
    /// # Errors
    /// Why the load does not fit it.
    pub(super) async fn of(sink: &BigQuerySink, load: &Load) -> Result<Self> {
        let table = sink.api.table(&sink.options.target).await?;
        Self::with(sink, load, table)
    }

    /// The same for a table that has been looked at.
    pub(super) fn with(sink: &BigQuerySink, load: &Load, table: Option<Table>) -> Result<Self> {
        let options = &sink.options;
        let Some(table) = table else {
            let columns = types::columns(&load.schema, &options.choices)?;
            let shape = options.layout.shape(&columns)?;
            return Ok(Planned { table: None, columns, shape, changes: Changes::default() });
        };
        if table.kind() != "TABLE" {
            let message = format!("`{}` is no table that can be written", options.target);
            return Err(Error::unsupported(message).at("it is", table.kind()));
        }
        let there = table.columns();
        if load.mode == Mode::Replace {
            let columns = types::columns(&load.schema, &options.choices)?;
            let is_allowed = options.allow_table_recreation;
            let name = &options.target;
            schema::check_replacement(name, &there, &columns, &load.schema, is_allowed)?;
            let shape = replaced_shape(sink, &table, &columns)?;
            return Ok(Planned { table: Some(table), columns, shape, changes: Changes::default() });
        }
        let policy = options.on_schema_change;
        let changes =
            schema::changes(&options.target, &there, &load.schema, &options.choices, policy)?;
        let (columns, shape) = (changes.columns.clone(), table.shape());
        Ok(Planned { table: Some(table), columns, shape, changes })
    }

    /// Makes the target, or changes it so that the load's rows fit.
    pub(super) async fn make(&self, sink: &BigQuerySink) -> Result<()> {
        let target = &sink.options.target;
        let Some(table) = &self.table else {
            if !sink.options.create_table {
                return Err(missing(sink));
            }
            sink.api.make_table(target, &self.columns, &self.shape, false).await?;
            point("bq.target_made").await;
            return Ok(());
        };
        if let Some(patch) = self.changes.patch(&table.columns()) {
            sink.api.change_table(target, &patch).await?;
            point("bq.target_changed").await;
        }
        let jobs = sink.jobs().await?;
        for sql in self.changes.statements(target) {
            let nonce = nonce();
            let id = |attempt| format!("dhow_alter_{nonce}_{attempt}");
            jobs.run("could not make a column wider", &sql, id).await?;
            point("bq.target_changed").await;
        }
        Ok(())
    }
}

/// The error for a table that is not there and is not to be made.
pub(super) fn missing(sink: &BigQuerySink) -> Error {
    Error::missing(format!("there is no table `{}`", sink.options.target))
        .hint("create it, correct the name, or leave out `create_table: false`")
}

/// A table that is replaced keeps its partitioning, which cannot be changed, and what the options
/// do not say.
fn replaced_shape(sink: &BigQuerySink, table: &Table, columns: &[Column]) -> Result<Shape> {
    let (wanted, mut shape) = (sink.options.layout.shape(columns)?, table.shape());
    for (key, value) in wanted.0 {
        if key == "timePartitioning" {
            let there = shape.0.get(&key).unwrap_or(&Value::Null);
            if ["type", "field"].iter().any(|part| there[*part] != value[*part]) {
                return Err(other_partitions(sink, there));
            }
        } else {
            shape.0.insert(key, value);
        }
    }
    let field = shape.0.get("timePartitioning").and_then(|there| there["field"].as_str());
    match field.filter(|field| !columns.iter().any(|column| column.is(field))) {
        None => Ok(shape),
        Some(field) => Err(Error::drift("the load lacks the column that partitions the table")
            .at("column", field)
            .at("load", shown(columns))
            .hint("add it in a model; or drop the table, and the load makes a new one")),
    }
}

fn other_partitions(sink: &BigQuerySink, there: &Value) -> Error {
    let target = &sink.options.target;
    Error::drift(format!("`{target}` is partitioned otherwise, which BigQuery cannot change"))
        .at("there", if there.is_null() { "not at all".to_owned() } else { there.to_string() })
        .hint("leave out `partition_by`; or drop the table, and the load makes a new one")
}
