//! Mode `truncate`: empties the table and fills it, in the transaction that publishes.

use super::bound::Bound;
use super::merge::insert;
use super::work::Work;
use crate::connectors::postgres::name::TableName;
use crate::error::{Error, Kind, Result};
use crate::sink::Load;

/// Puts the staged rows in place of all rows.
pub(in crate::connectors::postgres) async fn apply(
    work: &Work,
    load: &Load,
    bound: &Bound,
) -> Result<()> {
    let failed = format!("could not empty `{}`", bound.target);
    let emptied = work.run(&failed, &statement(&bound.target)).await;
    emptied.map_err(|error| match error.kind() {
        Kind::Unsupported => Error::refused(failed)
            .at("reason", "foreign keys of other tables reference it")
            .hint("use `mode: replace` or `merge`, which leave rows with the same key in place"),
        _ => error,
    })?;
    insert(work, load, bound).await
}

/// The statement that empties `table`.
pub(in crate::connectors::postgres) fn statement(table: &TableName) -> String {
    format!("truncate table {}", table.sql())
}
