//! Takes back what a load has staged and not published.

use super::DorisSink;
use super::commit::{note, published, work};
use super::mark::{self, Phase};
use super::publish::Outcome;
use super::table;
use crate::error::Result;
use crate::faults::point;
use crate::sink::Load;

/// Drops the tables of `load` but for its target. An attempt that may still be under way is given
/// up first, so that it cannot come true afterwards.
pub(super) async fn sweep(sink: &DorisSink, load: &Load) -> Result<()> {
    let mut session = sink.session().await?;
    point("doris.sweeping").await;
    let names = sink.names(load);
    let attempts = mark::attempts(&mut session, names.key()).await?;
    let last = attempts.last().filter(|last| last.phase == Phase::Intended);
    if let (None, Some(last)) = (published(&attempts), last)
        && table::Table::find(&mut session, &sink.options.table).await?.is_some()
    {
        let work = work(sink, load, &[], &mut session).await?;
        // The load may be asked about by its id alone: its columns play no part in this.
        let is_settled = work.burn(&mut session, last).await?;
        if !is_settled && work.settle(&mut session, last).await? == Outcome::Published {
            // It had been published without telling anybody.
            note(&work, &mut session, last).await?;
        }
    }
    for name in table::names(&mut session, &names.prefix()).await? {
        table::drop(&mut session, &name).await?;
    }
    point("doris.swept").await;
    Ok(())
}
