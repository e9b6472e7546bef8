//! Puts many stage tables together, where one job cannot take them all.

use serde_json::{Value, json};

use super::BigQuerySink;
use super::job::{Jobs, Standing};
use super::name::{LoadNames, TableName, hash};
use super::target::Planned;
use crate::error::{Error, Result};

/// Tables that one copy job takes, with some room.
const TOGETHER: usize = 1000;

/// A stage table, and the rows that are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    /// Where.
    pub table: TableName,
    /// How many.
    pub rows: u64,
}

/// The configuration of a job that copies the rows of `from`; copies cost nothing.
pub(super) fn copy(
    sink: &BigQuerySink,
    from: &[TableName],
    to: &TableName,
    disposition: &str,
) -> Value {
    let sources: Vec<Value> = from.iter().map(|table| sink.reference(table)).collect();
    json!({ "copy": {
        "sourceTables": sources,
        "destinationTable": sink.reference(to),
        "createDisposition": "CREATE_NEVER",
        "writeDisposition": disposition,
    } })
}

/// The tables themselves, or as few as they make together where they are more than `most`.
pub(super) async fn gathered(
    sink: &BigQuerySink,
    (jobs, names): (&Jobs<'_>, &LoadNames),
    planned: &Planned,
    stages: &[Staged],
    most: usize,
) -> Result<Vec<TableName>> {
    if stages.len() <= most {
        return Ok(stages.iter().map(|stage| stage.table.clone()).collect());
    }
    let mut gathered = Vec::new();
    for chunk in stages.chunks(TOGETHER) {
        let tables: Vec<TableName> = chunk.iter().map(|stage| stage.table.clone()).collect();
        let part = format!("gathered {}", hash(tables.iter().map(|table| &table.table), 32));
        let into = sink.staging(names.stage(&part, true));
        sink.api.make_table(&into, &planned.columns, &planned.shape, true).await?;
        let rows = chunk.iter().map(|stage| stage.rows).sum();
        let configuration = copy(sink, &tables, &into, "WRITE_TRUNCATE");
        fill(sink, (jobs, names), &into, rows, &configuration).await?;
        gathered.push(into);
    }
    Ok(gathered)
}

/// Fills the table by a job, unless one has done so and its rows are still there.
async fn fill(
    sink: &BigQuerySink,
    (jobs, names): (&Jobs<'_>, &LoadNames),
    into: &TableName,
    rows: u64,
    configuration: &Value,
) -> Result<()> {
    let mut from = 0;
    loop {
        let there = sink.api.table(into).await?.and_then(|table| table.rows());
        if there == Some(rows) {
            return Ok(());
        }
        let id = |attempt| names.load_job(&into.table, attempt);
        let attempt = match jobs.standing(from, id).await? {
            Standing::Done(attempt, _) => {
                from = attempt + 1;
                continue;
            }
            Standing::Free(attempt) => attempt,
        };
        let id = id(attempt);
        let body = jobs.body(&id, configuration.clone(), &[]);
        let job = jobs.insert(&id, &body).await?;
        if let Some(refusal) = jobs.done(&id, job).await?.failure() {
            return Err(refusal.into_error("could not put parts together").at("job", &id));
        }
        let there = sink.api.table(into).await?.and_then(|table| table.rows());
        if there != Some(rows) {
            return Err(Error::data("parts that were put together do not have all their rows")
                .at("job", &id)
                .at("expected", format!("{rows} rows"))
                .at("found", format!("{} rows", there.unwrap_or(0)))
                .hint("nothing was published; look at the job in BigQuery"));
        }
        return Ok(());
    }
}
