//! Stages one part: one load job into a table of its own.

use tokio::sync::mpsc::{Receiver, channel};

use super::BigQuerySink;
use super::encode::Encoder;
use super::field::schema_json;
use super::house::{self, taken_over};
use super::job::{Job, Jobs, Standing};
use super::name::{LoadNames, TableName};
use super::options::Format;
use super::table::Made;
use super::target::Planned;
use super::upload::{Piece, upload};
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, Part, Receipt};

/// Stages `part`, unless that has been done: then its rows are looked at again, because whoever
/// staged it may not have told anybody which of them it refused.
pub(super) async fn write(sink: &BigQuerySink, load: &Load, part: Part) -> Result<Receipt> {
    let planned = Planned::of(sink, load).await?;
    let options = &sink.options;
    let how = (options.format, &options.choices);
    let memory = &*sink.context.memory;
    let encoder = Encoder::new(load, &part.id, &planned.columns, how, memory)?;
    let names = sink.names(load);
    let stage = sink.staging(names.stage(&part.id, load.repeatable));
    let staging = Staging { sink, load, names, stage, planned, jobs: sink.jobs().await? };
    let id = part.id.clone();
    let (pieces, taken) = channel(1);
    let (encoded, stored) = futures::join!(encoder.run(part, pieces), staging.store(taken));
    let (rows, stored) = (encoded?, stored?);
    let Some(stored) = stored else {
        // Nothing was encoded, so there is nothing to load.
        return Ok(Receipt { part: id, rows: 0, bytes: 0, token: String::new() });
    };
    if stored.rows != rows {
        return Err(other_rows(&id, rows, &stored).at("load", &load.id));
    }
    let token = staging.stage.table;
    Ok(Receipt { part: id, rows, bytes: stored.bytes, token })
}

/// A load job that has succeeded.
#[derive(Debug)]
struct Stored {
    rows: u64,
    bytes: u64,
    /// Whether the job was there before.
    is_found: bool,
}

fn other_rows(part: &str, encoded: u64, stored: &Stored) -> Error {
    let (message, hint) = match stored.is_found {
        true => (
            format!("part `{part}` has other rows than before"),
            "the source gave two answers for one snapshot; run with `--full-refresh`",
        ),
        false => (
            format!("BigQuery did not take every row of part `{part}`"),
            "nothing was published; look at the load job in BigQuery",
        ),
    };
    let error = if stored.is_found { Error::conflict(message) } else { Error::data(message) };
    let rows = |rows: u64| format!("{rows} rows");
    error.at("encoded", rows(encoded)).at("staged", rows(stored.rows)).hint(hint)
}

/// A part on its way.
struct Staging<'a> {
    sink: &'a BigQuerySink,
    load: &'a Load,
    names: LoadNames,
    stage: TableName,
    planned: Planned,
    jobs: Jobs<'a>,
}

impl Staging<'_> {
    /// Loads what `pieces` are together; `None` when there are none, or when they end early.
    async fn store(&self, mut pieces: Receiver<Piece>) -> Result<Option<Stored>> {
        let Some(first) = pieces.recv().await else { return Ok(None) };
        let api = &self.sink.api;
        let (columns, shape) = (&self.planned.columns, &self.planned.shape);
        let made = api.make_table(&self.stage, columns, shape, true).await?;
        point("bq.stage_made").await;
        // In this order: whoever ends the load removes the house first and then the stage tables.
        if let Err(error) = house::check(self.sink, self.load, &self.names).await {
            api.remove_table(&self.stage).await?;
            return Err(error);
        }
        let attempt = match self.standing(made).await? {
            Standing::Done(_, job) => {
                while pieces.recv().await.is_some() {}
                return stored(&job, true).map(Some);
            }
            Standing::Free(attempt) => attempt,
        };
        let id = self.names.load_job(&self.stage.table, attempt);
        let body = self.body(&id);
        let project = &self.stage.project;
        let said = match upload(api, project, &body, first, &mut pieces).await {
            Ok(None) => return Ok(None),
            Ok(Some(said)) => Ok(said),
            Err(lost) => Err(lost),
        };
        point("bq.uploaded").await;
        let job = self.jobs.settled(&id, said).await?;
        point("bq.job_inserted").await;
        let job = self.jobs.done(&id, job).await?;
        point("bq.job_done").await;
        match job.failure() {
            None => stored(&job, false).map(Some),
            Some(refusal) if refusal.is_missing() => {
                Err(taken_over("the place of a part is gone", self.load))
            }
            Some(refusal) => Err(refusal.into_error("a load job failed").at("job", &id)),
        }
    }

    /// The job that has loaded this part, if its rows are still there; otherwise the number of the
    /// next one.
    async fn standing(&self, made: Made) -> Result<Standing> {
        if !self.load.repeatable {
            return Ok(Standing::Free(0));
        }
        let (mut from, mut made) = (0, made);
        loop {
            let id = |attempt| self.names.load_job(&self.stage.table, attempt);
            let (attempt, job) = match self.jobs.standing(from, id).await? {
                Standing::Done(attempt, job) => (attempt, job),
                free => return Ok(free),
            };
            let there = match made {
                Made::New => None,
                Made::Found => self.sink.api.table(&self.stage).await?,
            };
            let rows = there.and_then(|table| table.rows());
            if rows.is_some() && rows == job.number("load", "outputRows") {
                return Ok(Standing::Done(attempt, job));
            }
            // Its rows went with the table that it filled.
            (from, made) = (attempt + 1, Made::Found);
        }
    }

    fn body(&self, id: &str) -> serde_json::Value {
        let format = match self.sink.options.format {
            Format::Json { .. } => "NEWLINE_DELIMITED_JSON",
            Format::Parquet => "PARQUET",
        };
        // Keys that the target declares are taken from what it is copied from, and would be lost.
        let has_keys = self.planned.shape.0.contains_key("tableConstraints");
        let disposition = if has_keys { "WRITE_TRUNCATE_DATA" } else { "WRITE_TRUNCATE" };
        let mut load = serde_json::json!({
            "destinationTable": self.sink.reference(&self.stage),
            "sourceFormat": format,
            "schema": schema_json(&self.planned.columns),
            "createDisposition": "CREATE_NEVER",
            "writeDisposition": disposition,
            "autodetect": false,
        });
        // What WRITE_TRUNCATE would take away otherwise.
        for key in ["timePartitioning", "rangePartitioning", "clustering"] {
            if let Some(value) = self.planned.shape.0.get(key) {
                load[key] = value.clone();
            }
        }
        match self.sink.options.format {
            Format::Json { .. } => {
                load["maxBadRecords"] = 0.into();
                load["ignoreUnknownValues"] = false.into();
            }
            Format::Parquet => {
                load["parquetOptions"] = serde_json::json!({ "enableListInference": true });
            }
        }
        self.jobs.body(id, serde_json::json!({ "load": load }), &[])
    }
}

fn stored(job: &Job, is_found: bool) -> Result<Stored> {
    let rows = job.number("load", "outputRows").ok_or_else(|| {
        Error::unsupported("a load job does not say how many rows it has loaded")
            .hint("something else than BigQuery may answer there")
    })?;
    let bytes = job.number("load", "outputBytes").unwrap_or(0);
    Ok(Stored { rows, bytes, is_found })
}
