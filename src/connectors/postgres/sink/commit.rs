//! Publishes a load: its rows and its mark, in one transaction.

use super::PostgresSink;
use super::bound::{self, Bound, State};
use super::mark;
use super::merge;
use super::parts;
use super::shadow;
use super::swap;
use super::truncate;
use super::work::{Hold, Work};
use crate::error::Result;
use crate::faults::point;
use crate::sink::{Load, Mark, Mode, Receipt};
use crate::source::Watermarks;

/// Publishes what `staged` names, or answers the mark that is there already.
pub(in crate::connectors::postgres) async fn commit(
    sink: &PostgresSink,
    load: &Load,
    staged: &[Receipt],
    high: &Watermarks,
) -> Result<Mark> {
    if load.mode == Mode::Replace {
        shadow::finish(sink, load, staged).await?;
    }
    let work = Work::begin(sink.sessions.take().await?, sink.options.lock_timeout).await?;
    work.lock_load(&load.id, Hold::Alone).await?;
    point("pg.alone").await;
    if let Some(mark) = mark::of(&work, &load.id).await? {
        sink.sessions.give(work.end().await?);
        return Ok(mark);
    }
    let bound = Bound::open(&work, load).await?;
    parts::settle(&work, &load.id, bound.stage.as_ref(), staged).await?;
    work.lock_target(&bound.target).await?;
    apply(&work, sink, load, &bound).await?;
    point("pg.applied").await;
    let mark = Mark {
        load: load.id.clone(),
        rows: staged.iter().map(|receipt| receipt.rows).sum(),
        watermarks: high.clone(),
        at: jiff::Timestamp::now().to_string(),
    };
    mark::put(&work, &bound.target, &mark).await?;
    bound::close(&work, &load.id, State::Published).await?;
    point("pg.publishing").await;
    let client = work.commit("could not publish the load").await?;
    point("pg.published").await;
    sink.sessions.give(client);
    Ok(mark)
}

async fn apply(work: &Work, sink: &PostgresSink, load: &Load, bound: &Bound) -> Result<()> {
    match &load.mode {
        // The rows are where they belong; only those of lost writes would have to go.
        Mode::Append if bound.stage.is_none() => Ok(()),
        Mode::Append => merge::insert(work, load, bound).await,
        Mode::Truncate => truncate::apply(work, load, bound).await,
        Mode::Replace => swap::apply(work, sink, load, bound).await,
        Mode::Merge(key) => merge::merge(work, load, bound, key).await,
        Mode::DeleteInsert(key) => merge::delete_insert(work, load, bound, key).await,
    }
}
