//! Removes what a load has staged and not published.

use super::PostgresSink;
use super::bound::{self, Bound, State};
use super::house;
use super::parts;
use super::prepare::{drop_stage, take_back};
use super::work::{Hold, Work};
use crate::error::Result;
use crate::faults::point;
use crate::sink::LoadId;

/// Sweeps `load`; a write that is under way is waited for, and a later one is refused.
pub(in crate::connectors::postgres) async fn sweep(
    sink: &PostgresSink,
    load: &LoadId,
) -> Result<()> {
    let work = Work::begin(sink.sessions.take().await?, sink.options.lock_timeout).await?;
    if !house::exists(&work).await? {
        sink.sessions.give(work.end().await?);
        return Ok(());
    }
    work.lock_load(load, Hold::Alone).await?;
    match Bound::read(&work, load).await? {
        None => {}
        Some(Bound { state: State::Published, stage, .. }) => {
            if let Some(stage) = stage {
                drop_stage(&work, &stage).await?;
            }
            parts::forget(&work, load).await?;
        }
        Some(bound) => {
            if bound.state == State::Open {
                take_back(&work, load, &bound).await?;
            }
            bound::close(&work, load, State::Swept).await?;
        }
    }
    point("pg.sweeping").await;
    let client = work.commit("could not sweep the load").await?;
    point("pg.swept").await;
    sink.sessions.give(client);
    Ok(())
}
