//! Runs a check: a statement that must return no rows.

use std::sync::Arc;

use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};

use super::Settings;
use super::world::World;
use crate::config::OnRefused;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::plan::CheckStep;
use crate::source::{Refuse, Refused, Stop};
use crate::transform::{Query, Unmetered};

/// Rows of a failed check that are shown.
const SHOWN: usize = 3;

/// Runs the check and gives how many rows it returned.
///
/// # Errors
/// [`crate::error::Kind::Check`] when it returned rows and the pipeline stops on that.
pub(super) async fn run(world: &World, step: &CheckStep, settings: &Settings) -> Result<u64> {
    let tolerant = world.pipeline.rejects.max_rows > 0;
    let query = Query {
        relation: step.check.clone(),
        only: None,
        rejecting: Vec::new(),
        limit: None,
        refuse: if tolerant { Arc::new(Later) } else { Arc::new(Stop) },
        meter: Arc::new(Unmetered),
    };
    let streams = world.session.stream(&query).await?;
    let mut batches = stream::iter(streams).flatten_unordered(None);
    let (mut rows, mut first) = (0, Vec::new());
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows() as u64;
        if first.len() < SHOWN {
            first.extend(as_json(&batch.slice(0, SHOWN.min(batch.num_rows())))?);
        }
    }
    settings.observers.on(&Event::CheckFinished {
        check: step.check.clone(),
        rows,
        refused: step.refused.word(),
    });
    match step.refused {
        OnRefused::Stop if rows > 0 => Err(failed(&step.check, rows, &first)),
        OnRefused::Stop | OnRefused::Warn | OnRefused::Reject => Ok(rows),
    }
}

fn failed(check: &str, rows: u64, first: &[String]) -> Error {
    let returned = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    let error = Error::check(format!("check `{check}` returned {returned}, and must return none"));
    let error = first.iter().take(SHOWN).fold(error, |error, row| error.at("row", row));
    error.hint("nothing was written; mend the rows or the model, or set `refused: warn`")
}

fn as_json(batch: &RecordBatch) -> Result<Vec<String>> {
    let mut text = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut text);
    writer
        .write(batch)
        .and_then(|()| writer.finish())
        .map_err(|e| Error::bug("the rows of a check could not be shown").at("arrow", e))?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

/// Leaves rows out that the loads will refuse and count.
#[derive(Debug)]
struct Later;

impl Refuse for Later {
    fn refuse(&self, _: Refused) -> Result<()> {
        Ok(())
    }
}
