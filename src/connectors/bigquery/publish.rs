//! Publishes a load: one job, whose id says whether it has been done.

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::BigQuerySink;
use super::gather::{Staged, copy, gathered};
use super::house::{self, taken_over};
use super::job::{Jobs, Standing, query};
use super::keys;
use super::mark::{self, INTENT, Marks};
use super::name::LoadNames;
use super::statement;
use super::target::Planned;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{Load, Mark, Mode, Receipt};
use crate::source::Watermarks;

/// Stage tables that are looked at side by side.
const LOOKS: usize = 8;
/// Stage tables that one copy job takes.
const COPIED: usize = 1200;
/// Stage tables that one query names, so that its text stays short.
const QUERIED: usize = 50;

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
    let (attempt, mark) = match standing {
        Standing::Done(attempt, job) => (attempt, marks.named(&load.id, job.label(INTENT)).await?),
        Standing::Free(attempt) => {
            house::check(sink, load, &names).await?;
            let planned = &Planned::of(sink, load).await?;
            let publishing = Publishing { sink, load, jobs: &jobs, names: &names, planned };
            let id = names.publish_job(attempt);
            (attempt, publishing.run(&marks, &id, staged, high).await?)
        }
    };
    marks.publish(&names, &mark, &names.publish_job(attempt)).await?;
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
    planned: &'a Planned,
}

impl Publishing<'_> {
    /// Publishes what `staged` names by the job `id`; the mark that counts.
    async fn run(
        &self,
        marks: &Marks<'_>,
        id: &str,
        staged: &[Receipt],
        high: &Watermarks,
    ) -> Result<Mark> {
        let stages = self.stages(staged).await?;
        let configuration = self.configuration(&stages).await?;
        let mark = Mark {
            load: self.load.id.clone(),
            rows: staged.iter().map(|receipt| receipt.rows).sum(),
            watermarks: high.clone(),
            // Of one width, so that the newest mark is the last one in the order of texts.
            at: format!("{:.6}", jiff::Timestamp::now()),
        };
        marks.intend(self.names, &mark, id).await?;
        point("bq.intended").await;
        let mark = self.publish(marks, id, configuration, mark).await?;
        point("bq.published").await;
        self.restore().await?;
        Ok(mark)
    }

    /// Runs the job `id`; the mark that it has published, which is another one where another
    /// process was first.
    async fn publish(
        &self,
        marks: &Marks<'_>,
        id: &str,
        configuration: Value,
        mark: Mark,
    ) -> Result<Mark> {
        let intent = mark::intent(&mark);
        let body = self.jobs.body(id, configuration, &[(INTENT, &intent)]);
        point("bq.publishing").await;
        let job = self.jobs.insert(id, &body).await?;
        point("bq.publish_inserted").await;
        let job = self.jobs.done(id, job).await?;
        match (job.failure(), job.label(INTENT)) {
            (Some(refusal), _) if refusal.is_missing() => {
                Err(taken_over("what was staged, or the table itself, is gone", self.load)
                    .at("job", id))
            }
            (Some(refusal), _) => {
                Err(refusal.into_error("could not publish the load").at("job", id))
            }
            (None, Some(label)) if label == intent => Ok(mark),
            (None, other) => marks.named(&self.load.id, other).await,
        }
    }

    /// The stage tables that the receipts name: each has all its rows.
    async fn stages(&self, staged: &[Receipt]) -> Result<Vec<Staged>> {
        let named = staged.iter().filter(|receipt| !receipt.token.is_empty()).cloned();
        // Boxed one by one: the compiler does not see through streams of borrowed futures.
        let looks: Vec<_> = named.map(|receipt| self.stage(receipt).boxed()).collect();
        let mut stages: Vec<Staged> = stream::iter(looks).buffered(LOOKS).try_collect().await?;
        if stages.is_empty() {
            // A copy needs something to copy, if it has no rows.
            let empty = self.sink.staging(self.names.stage("", true));
            let (columns, shape) = (&self.planned.columns, &self.planned.shape);
            self.sink.api.make_table(&empty, columns, shape, true).await?;
            stages.push(Staged { table: empty, rows: 0 });
        }
        Ok(stages)
    }

    async fn stage(&self, receipt: Receipt) -> Result<Staged> {
        let table = self.sink.staging(receipt.token.clone());
        let rows = self.sink.api.table(&table).await?.map(|table| table.rows().unwrap_or(0));
        if rows == Some(receipt.rows) {
            return Ok(Staged { table, rows: receipt.rows });
        }
        let found = rows.map_or("no table".to_owned(), |rows| format!("{rows} rows"));
        Err(Error::conflict(format!("part `{}` is no longer staged", receipt.part))
            .at("stage", table)
            .at("staged", format!("{} rows", receipt.rows))
            .at("found", found)
            .hint("stage tables are kept for seven days; run with `--full-refresh`"))
    }

    /// What the publish job does.
    async fn configuration(&self, stages: &[Staged]) -> Result<Value> {
        let (target, columns) = (&self.sink.options.target, &self.planned.columns);
        let key = keys::of_table(self.load.mode.key(), columns);
        let most = if key.is_empty() { COPIED } else { QUERIED };
        let by = (self.jobs, self.names);
        let stages = gathered(self.sink, by, self.planned, stages, most).await?;
        if !key.is_empty() {
            keys::check(self.jobs, &stages, &key, &self.load.mode).await?;
        }
        Ok(match self.load.mode {
            Mode::Append => copy(self.sink, &stages, target, "WRITE_APPEND"),
            Mode::Truncate | Mode::Replace => copy(self.sink, &stages, target, "WRITE_TRUNCATE"),
            Mode::Merge(_) => query(&statement::merge(target, &stages, columns, &key)),
            Mode::DeleteInsert(_) => {
                query(&statement::delete_insert(target, &stages, columns, &key))
            }
        })
    }

    /// Gives the target back what a copy over it may have taken, beside its rows: stage tables
    /// have an end, and no rules of their own for partitions.
    async fn restore(&self) -> Result<()> {
        let copies = matches!(self.load.mode, Mode::Truncate | Mode::Replace);
        let (Some(before), true) = (&self.planned.table, copies) else { return Ok(()) };
        let (api, target) = (&self.sink.api, &self.sink.options.target);
        let Some(after) = api.table(target).await? else { return Ok(()) };
        match after.restoration(before, &self.planned.shape) {
            Some(patch) => api.change_table(target, &patch).await,
            None => Ok(()),
        }
    }
}
