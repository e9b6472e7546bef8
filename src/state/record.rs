//! How receipts stand in the ledger: as JSON, a row for each part.

use rusqlite::Transaction;

use super::entry::Staged;
use crate::error::{Error, Result};
use crate::sink::LoadId;

/// A receipt and that of its refused rows, as they are stored.
pub(super) type StagedRow = (String, Option<String>);

/// What is stored for `load`, in the order of its parts.
pub(super) fn rows_staged(db: &Transaction<'_>, load: &LoadId) -> rusqlite::Result<Vec<StagedRow>> {
    let mut query =
        db.prepare("select receipt, rejects from receipts where load = ?1 order by part")?;
    let rows = query.query_map([load.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// What these rows mean.
pub(super) fn staged_from(rows: Vec<StagedRow>) -> Result<Vec<Staged>> {
    let staged = |(receipt, rejects): StagedRow| {
        let rejects = rejects.as_deref().map(from_json).transpose()?;
        Ok(Staged { receipt: from_json(&receipt)?, rejects })
    };
    rows.into_iter().map(staged).collect()
}

/// The receipt of refused rows as it is stored.
pub(super) fn rejects_json(staged: &Staged) -> Result<Option<String>> {
    staged.rejects.as_ref().map(to_json).transpose()
}

/// `value` as it is stored.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::bug("the ledger could not write a record").at("json", e))
}

/// What `text` from the ledger means.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| {
        Error::conflict("the ledger holds a record that this dhow cannot read").at("json", e)
    })
}
