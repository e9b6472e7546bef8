//! The house of a load: an empty table that says which snapshot the load is bound to. Whoever
//! writes or publishes looks for it, so that a process that has slept learns that another one has
//! taken over.

use super::BigQuerySink;
use super::field::{Column, Kind, Mode};
use super::layout::Shape;
use super::name::LoadNames;
use super::table::Made;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::Load;

/// The label that names the snapshot.
const SNAPSHOT: &str = "dhow_snapshot";

/// Binds the load to its snapshot; what was staged under another one is taken back.
pub(super) async fn bind(sink: &BigQuerySink, names: &LoadNames) -> Result<()> {
    let house = sink.staging(names.house());
    let labels = serde_json::json!({ SNAPSHOT: names.snapshot });
    let shape = Shape(serde_json::Map::from_iter([("labels".to_owned(), labels.clone())]));
    let columns = [Column::new("dhow", Kind::Bool, Mode::Nullable)];
    if sink.api.make_table(&house, &columns, &shape, true).await? == Made::New {
        point("bq.house_made").await;
        return Ok(());
    }
    let bound = sink.api.table(&house).await?;
    if bound.as_ref().and_then(|house| house.label(SNAPSHOT)) == Some(names.snapshot.as_str()) {
        return Ok(());
    }
    sink.api.change_table(&house, &serde_json::json!({ "labels": labels })).await?;
    point("bq.bound").await;
    remove(sink, names, |table| !table.starts_with(&names.snapshot_prefix())).await
}

/// Looks whether the load is still bound to its snapshot.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when it is not: then this process has slept while another took
/// over.
pub(super) async fn check(sink: &BigQuerySink, load: &Load, names: &LoadNames) -> Result<()> {
    let message = match sink.api.table(&sink.staging(names.house())).await? {
        None => "the load is done with, or nobody has begun it",
        Some(house) if house.label(SNAPSHOT) == Some(names.snapshot.as_str()) => return Ok(()),
        Some(_) => "the load has been started over from another snapshot",
    };
    Err(taken_over(message, load))
}

/// What a process is told that is not the one any more.
pub(super) fn taken_over(message: &str, load: &Load) -> Error {
    Error::conflict(message)
        .at("load", &load.id)
        .hint("another process has taken over; let it finish, or run again")
}

/// Removes the stage tables of a load whose names `is_meant` takes.
pub(super) async fn remove(
    sink: &BigQuerySink,
    names: &LoadNames,
    is_meant: impl Fn(&str) -> bool,
) -> Result<()> {
    let beside = sink.staging(names.house());
    for table in sink.api.tables(&beside, &names.stage_prefix()).await? {
        if is_meant(&table) {
            sink.api.remove_table(&beside.beside(table)).await?;
        }
    }
    Ok(())
}
