//! Removes what a load has staged and not published.

use super::BigQuerySink;
use super::house;
use crate::error::Result;
use crate::faults::point;
use crate::sink::Load;

/// Sweeps `load`. The house goes first, so that a write that is under way learns of it.
pub(super) async fn sweep(sink: &BigQuerySink, load: &Load) -> Result<()> {
    let names = sink.names(load);
    sink.api.remove_table(&sink.staging(names.house())).await?;
    point("bq.sweeping").await;
    house::remove(sink, &names, |_| true).await?;
    point("bq.swept").await;
    Ok(())
}
