//! What is in the target before a load, for the plan: columns, rows, and what a person should know.

use std::sync::Arc;

use arrow::datatypes::Schema;

use super::BigQuerySink;
use super::mark::Marks;
use super::options::Format;
use super::target::{Planned, missing};
use crate::error::{Error, Result};
use crate::sink::{Load, Mode, Target};

/// Looks at the target of `load`; changes nothing.
pub(super) async fn inspect(sink: &BigQuerySink, load: &Load) -> Result<Target> {
    let mut target = Target { part_bytes: Some(sink.options.group_bytes), ..Target::default() };
    let jobs = sink.jobs().await?;
    let marks = Marks::of(sink, &jobs);
    if marks.exist().await? {
        let noted = marks.of_load(&load.id).await?;
        target.mark = marks.settled(&noted).await?;
        target.watermarks = marks.newest().await?.map(|mark| mark.watermarks).unwrap_or_default();
    }
    let table = sink.api.table(&sink.options.target).await?;
    target.rows = table.as_ref().and_then(|table| table.rows());
    target.bytes = table.as_ref().and_then(|table| table.bytes());
    if load.schema.fields().is_empty() {
        target.schema = table.map(|_| Arc::new(Schema::empty()));
        return Ok(target);
    }
    if table.is_none() && !sink.options.create_table {
        return Err(missing(sink));
    }
    let planned = Planned::with(sink, load, table)?;
    sink.encodes(load, &planned.columns)?;
    if let Some(table) = &planned.table {
        if !load.mode.key().is_empty() && table.asks_for_partitions() {
            return Err(partitions(sink, load));
        }
        // Whatever differs has been refused, or will be changed.
        target.schema = Some(Arc::clone(&load.schema));
    }
    target.notes = notes(sink, load, &planned);
    Ok(target)
}

fn partitions(sink: &BigQuerySink, load: &Load) -> Error {
    let name = &sink.options.target;
    Error::unsupported(format!("`{name}` takes no query without partitions"))
        .at("mode", load.mode.name())
        .hint("turn `require_partition_filter` of the table off, or use another mode")
}

fn notes(sink: &BigQuerySink, load: &Load, planned: &Planned) -> Vec<String> {
    let options = &sink.options;
    let (project, dataset) = (&options.target.project, &options.target.dataset);
    let mut datasets = format!("`{dataset}`");
    if options.staging_dataset != *dataset {
        datasets = format!("{datasets} and `{}`", options.staging_dataset);
    }
    let mut notes = vec![
        format!(
            "BigQuery asks for roles/bigquery.jobUser on project `{project}`, and for \
             roles/bigquery.dataEditor on dataset {datasets}"
        ),
        format!(
            "each part is one load job into a table of its own, and one more job publishes them; \
             quotas allow 100,000 load jobs of the project and 1,500 changes of `{}` a day",
            options.target.table
        ),
    ];
    let how = match load.mode {
        Mode::Append | Mode::Truncate | Mode::Replace => {
            "a copy job publishes the parts, which costs nothing and is seen all at once"
        }
        Mode::Merge(_) => "one MERGE query publishes the parts, and is billed as a query",
        Mode::DeleteInsert(_) => "one transaction publishes the parts, and is billed as queries",
    };
    notes.push(how.to_owned());
    if let Format::Json { gzip: 1.. } = options.format
        && options.group_bytes > 2_000_000_000
    {
        notes.push(
            "a job takes up to 4 GB of compressed lines: lower `group_bytes` if parts come near"
                .to_owned(),
        );
    }
    if let Some(table) = &planned.table {
        notes.extend(planned.changes.notes(&table.columns()));
    }
    notes
}
