//! Publishes a load: one job, whose id says whether it has been done.

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::BigQuerySink;
use super::field::Column;
use super::house::{self, taken_over};
use super::job::{Jobs, Standing, query};
use super::keys;
use super::mark::{self, INTENT, Marks};
use super::name::{LoadNames, TableName};
use super::statement;
use super::target::Planned;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, Mark, Mode, Receipt};
use crate::source::Watermarks;

/// Stage tables that are looked at side by side.
const LOOKS: usize = 8;

/// Publishes what `staged` names, or answers the mark that is there already.
pub(super) async fn commit(
    sink: &BigQuerySink,
    load: &Load,
    staged: &[Receipt],
    high: &Watermarks,
) -> Result<Mark> {
    let jobs = sink.jobs().await?;
    let (marks, names) = (Marks::of(sink, &jobs), sink.names(load));
    marks.make().await?;
    let noted = marks.of_load(&load.id).await?;
    if let Some(mark) = marks.settled(&noted).await? {
        return note(&marks, &names, &noted, mark).await;
    }
    let standing = jobs.standing(0, |attempt| names.publish_job(attempt)).await?;
    let Standing::Free(attempt) = standing else {
        let intent = standing.done().and_then(|job| job.label(INTENT));
        return marks.named(&load.id, intent).await;
    };
    house::check(sink, load, &names).await?;
    let publishing = Publishing { sink, load, jobs: &jobs, names: &names };
    let stages = publishing.stages(staged).await?;
    let configuration = publishing.configuration(&stages).await?;
    let mark = Mark {
        load: load.id.clone(),
        rows: staged.iter().map(|receipt| receipt.rows).sum(),
        watermarks: high.clone(),
        // Of one width, so that the newest mark is the last one in the order of texts.
        at: format!("{:.6}", jiff::Timestamp::now()),
    };
    let id = names.publish_job(attempt);
    marks.intend(&names, &mark, &id).await?;
    point("bq.intended").await;
    let intent = mark::intent(&mark);
    let body = jobs.body(&id, configuration, &[(INTENT, &intent)]);
    point("bq.publishing").await;
    let job = jobs.insert(&id, &body).await?;
    point("bq.publish_inserted").await;
    let job = jobs.done(&id, job).await?;
    if let Some(refusal) = job.failure() {
        if refusal.is_missing() {
            return Err(taken_over("what was staged is gone", load).at("job", &id));
        }
        return Err(refusal.into_error("could not publish the load").at("job", &id));
    }
    point("bq.published").await;
    // Whoever was first has published; that may have been somebody else.
    let mark = match job.label(INTENT) {
        Some(label) if label == intent => mark,
        other => marks.named(&load.id, other).await?,
    };
    marks.publish(&names, &mark, &id).await?;
    point("bq.noted").await;
    Ok(mark)
}

/// Notes what a killed process has published without saying so.
async fn note(
    marks: &Marks<'_>,
    names: &LoadNames,
    noted: &[mark::Noted],
    mark: Mark,
) -> Result<Mark> {
    let is_noted = noted.iter().any(|noted| noted.is_published);
    let intended = noted.iter().find(|noted| noted.mark == mark).filter(|_| !is_noted);
    if let Some(intended) = intended {
        marks.publish(names, &mark, &intended.job).await?;
        point("bq.noted").await;
    }
    Ok(mark)
}

struct Publishing<'a> {
    sink: &'a BigQuerySink,
    load: &'a Load,
    jobs: &'a Jobs<'a>,
    names: &'a LoadNames,
}

impl Publishing<'_> {
    /// The stage tables that the receipts name: each has all its rows.
    async fn stages(&self, staged: &[Receipt]) -> Result<Vec<TableName>> {
        let named = staged.iter().filter(|receipt| !receipt.token.is_empty()).cloned();
        // Boxed one by one: the compiler does not see through streams of borrowed futures.
        let looks: Vec<_> = named.map(|receipt| self.stage(receipt).boxed()).collect();
        let looked = stream::iter(looks).buffered(LOOKS);
        let mut stages: Vec<TableName> = looked.try_collect().await?;
        if stages.is_empty() {
            // A copy needs something to copy, if it has no rows.
            let planned = Planned::of(self.sink, self.load).await?;
            let empty = self.sink.staging(self.names.stage("", true));
            let api = &self.sink.api;
            api.make_table(&empty, &planned.columns, &planned.shape, true).await?;
            stages.push(empty);
        }
        Ok(stages)
    }

    async fn stage(&self, receipt: Receipt) -> Result<TableName> {
        let name = self.sink.staging(receipt.token.clone());
        let rows = self.sink.api.table(&name).await?.map(|table| table.rows().unwrap_or(0));
        if rows == Some(receipt.rows) {
            return Ok(name);
        }
        let found = rows.map_or("no table".to_owned(), |rows| format!("{rows} rows"));
        Err(Error::conflict(format!("part `{}` is no longer staged", receipt.part))
            .at("stage", name)
            .at("staged", format!("{} rows", receipt.rows))
            .at("found", found)
            .hint("stage tables are kept for seven days; run with `--full-refresh`"))
    }

    /// What the publish job does.
    async fn configuration(&self, stages: &[TableName]) -> Result<Value> {
        let target = &self.sink.options.target;
        let disposition = match &self.load.mode {
            Mode::Append => "WRITE_APPEND",
            Mode::Truncate | Mode::Replace => "WRITE_TRUNCATE",
            Mode::Merge(key) | Mode::DeleteInsert(key) => {
                let columns = self.columns().await?;
                let key = keys::of_table(key, &columns);
                keys::check(self.jobs, stages, &key, &self.load.mode).await?;
                let sql = match self.load.mode {
                    Mode::Merge(_) => statement::merge(target, stages, &columns, &key),
                    _ => statement::delete_insert(target, stages, &columns, &key),
                };
                return Ok(query(&sql));
            }
        };
        statement::check_count(stages, COPIED)?;
        let sources: Vec<Value> = stages.iter().map(|stage| self.sink.reference(stage)).collect();
        Ok(json!({ "copy": {
            "sourceTables": sources,
            "destinationTable": self.sink.reference(target),
            "createDisposition": "CREATE_IF_NEEDED",
            "writeDisposition": disposition,
        } }))
    }

    /// The columns of the target.
    async fn columns(&self) -> Result<Vec<Column>> {
        Ok(Planned::of(self.sink, self.load).await?.columns)
    }
}

/// Tables that one copy job takes.
const COPIED: usize = 1200;
