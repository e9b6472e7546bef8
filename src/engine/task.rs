//! One part: read, transform, write; and the only retry loop of the program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::backoff;
use super::job::Job;
use super::reject::Collector;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::faults::{carry, point};
use crate::plan::PartStep;
use crate::sink::{Load, Part};
use crate::source::{BatchStream, Block, Verbatim};
use crate::state::Staged;

/// Stages one part, tried as often as allowed, and takes note of it in the ledger.
pub(super) async fn stage_part(job: &Arc<Job>, load: &Load, part: &PartStep) -> Result<()> {
    let staged = tries(job, &part.id, || attempt_part(job, load, part).boxed()).await?;
    record(job, load, &[staged]).await
}

async fn attempt_part(job: &Arc<Job>, load: &Load, part: &PartStep) -> Result<Staged> {
    point("part.started").await;
    let collector = job.budget.collector();
    let batches = counted(job, splits_of(job, part, &collector), batch_size);
    let (id, refuse) = (part.id.clone(), Arc::clone(&collector) as _);
    let rows = Part { id, batches, refuse, verbatim: verbatim_of(job, part) };
    let receipt = job.sink.write(load, rows).await?;
    point("part.written").await;
    let rejects = collector.stage(&*job.rejects, load, &part.id).await?;
    Ok(Staged { receipt, rejects })
}

/// The rows of a part: each split is opened when the one before it has been read.
fn splits_of(job: &Arc<Job>, part: &PartStep, collector: &Arc<Collector>) -> BatchStream {
    let (job, collector) = (Arc::clone(job), Arc::clone(collector));
    let splits = stream::iter(part.splits.clone()).then(move |split| {
        let (job, collector) = (Arc::clone(&job), Arc::clone(&collector));
        async move { Ok(stream::iter(job.open(Some(&split), &collector).await?).flatten()) }
    });
    splits.try_flatten().boxed()
}

/// The same rows as their server sends them, if each split of the part can be had so.
fn verbatim_of(job: &Job, part: &PartStep) -> Option<Verbatim> {
    let splits = part.splits.iter().map(|split| job.rows.verbatim(split));
    let splits = splits.collect::<Option<Vec<_>>>()?;
    let form = splits.first()?.form.clone();
    let meter = job.meter();
    let blocks = stream::iter(splits).flat_map(|split| split.blocks);
    let blocks = blocks.inspect_ok(move |block| {
        let (rows, bytes) = block_size(block);
        meter.read(rows, bytes);
    });
    Some(Verbatim { form, blocks: counted(job, blocks.boxed(), block_size) })
}

/// Stages everything that the statement gives, one part for each stream, all or nothing.
pub(super) async fn stage_whole(job: &Arc<Job>, load: &Load) -> Result<()> {
    let staged = tries(job, "whole", || attempt_whole(job, load).boxed()).await?;
    record(job, load, &staged).await
}

async fn attempt_whole(job: &Arc<Job>, load: &Load) -> Result<Vec<Staged>> {
    let collector = job.budget.collector();
    let streams = job.open(None, &collector).await?;
    let mut parts = tokio::task::JoinSet::new();
    for (number, rows) in streams.into_iter().enumerate() {
        let (job, load, collector) = (Arc::clone(job), load.clone(), Arc::clone(&collector));
        parts.spawn(carry(async move {
            let part = format!("whole-{number:04}");
            // Refused rows are staged once, below: which part met them says nothing.
            let rows = counted(&job, rows, batch_size);
            point("part.started").await;
            let receipt = job.sink.write(&load, Part::new(part, rows, collector)).await?;
            point("part.written").await;
            Ok(Staged { receipt, rejects: None })
        }));
    }
    let mut staged = Vec::new();
    while let Some(done) = parts.join_next().await {
        staged.push(done.map_err(panicked)??);
    }
    staged.sort_by(|a: &Staged, b| a.receipt.part.cmp(&b.receipt.part));
    if let Some(first) = staged.first_mut() {
        first.rejects = collector.stage(&*job.rejects, load, &first.receipt.part).await?;
    }
    Ok(staged)
}

async fn record(job: &Job, load: &Load, staged: &[Staged]) -> Result<()> {
    job.ledger.record(&load.id, &job.snapshot, staged)?;
    for Staged { receipt, .. } in staged {
        job.tell(Event::PartStaged {
            sink: job.step.sink.clone(),
            part: receipt.part.clone(),
            rows: receipt.rows,
            bytes: receipt.bytes,
        });
    }
    point("part.recorded").await;
    Ok(())
}

/// Rows and bytes of a batch.
fn batch_size(batch: &RecordBatch) -> (u64, u64) {
    (batch.num_rows() as u64, batch.get_array_memory_size() as u64)
}

/// Rows and bytes of a block.
fn block_size(block: &Block) -> (u64, u64) {
    (block.rows, block.bytes.len() as u64)
}

/// The rows, counted on their way to the sink.
fn counted<T: Send + 'static>(
    job: &Job,
    rows: BoxStream<'static, Result<T>>,
    size: fn(&T) -> (u64, u64),
) -> BoxStream<'static, Result<T>> {
    let (observers, sink) = (job.settings.observers.clone(), job.step.sink.clone());
    let mut first = true;
    let rows = rows.and_then(move |some| {
        let is_first = std::mem::take(&mut first);
        let (rows, bytes) = size(&some);
        observers.on(&Event::RowsWritten { sink: sink.clone(), rows, bytes });
        async move {
            if is_first {
                point("part.first_batch").await;
            }
            Ok(some)
        }
    });
    rows.boxed()
}

/// Calls `attempt` until it succeeds, fails for good, or has been called often enough. Nothing else
/// in dhow tries anything twice.
pub(super) async fn tries<'a, T>(
    job: &'a Job,
    part: &str,
    attempt: impl Fn() -> BoxFuture<'a, Result<T>>,
) -> Result<T> {
    let began = Instant::now();
    for number in 1.. {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let last = number >= job.settings.tries || job.settings.cancel.is_asked();
        if last || !error.kind().is_transient() {
            return Err(if number > 1 { tried(error, number, began.elapsed()) } else { error });
        }
        let delay = backoff::delay(job.settings.retry_delay, number + 1, part);
        job.retried(part, number + 1, delay, &error);
        tokio::time::sleep(delay).await;
    }
    Err(Error::bug("the retry loop ended by itself"))
}

fn tried(error: Error, number: u32, elapsed: Duration) -> Error {
    error.at("tried", format!("{number} times in {:.1}s", elapsed.as_secs_f64()))
}

/// The error for a task that did not end by itself.
pub(super) fn panicked(error: tokio::task::JoinError) -> Error {
    match error.is_panic() {
        true => Error::bug("a part ended in a panic").at("panic", error),
        false => Error::cancelled("a part was stopped"),
    }
}
