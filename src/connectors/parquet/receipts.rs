//! Receipts: the files of a part as a token, and back.

use std::collections::BTreeSet;

use crate::connectors::parquet::manifest::DataFile;
use crate::connectors::parquet::store::Store;
use crate::error::{Error, Result};
use crate::sink::{Load, Mark, Receipt};
use crate::source::Watermarks;

/// The receipt for `part`, which was staged as `files`.
pub(super) fn receipt(part: String, files: &[DataFile]) -> Result<Receipt> {
    let token = serde_json::to_string(files)
        .map_err(|e| Error::bug("a receipt cannot be written as JSON").at("json", e))?;
    Ok(Receipt {
        part,
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        token,
    })
}

/// The files that `staged` names, in the order given.
///
/// # Errors
/// [`crate::error::Kind::Bug`] for two receipts of one part, or a token that is not ours.
pub(super) fn files(staged: &[Receipt]) -> Result<Vec<DataFile>> {
    let mut parts = BTreeSet::new();
    let mut files = Vec::new();
    for receipt in staged {
        if !parts.insert(&receipt.part) {
            return Err(Error::bug(format!("part `{}` has two receipts", receipt.part)));
        }
        let named: Vec<DataFile> = serde_json::from_str(&receipt.token).map_err(|e| {
            Error::bug("a receipt is not of this sink").at("part", &receipt.part).at("json", e)
        })?;
        files.extend(named);
    }
    Ok(files)
}

/// Makes sure that every file is still as it was staged.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when one is gone, such as after `dhow clean`.
pub(super) async fn check(store: &Store, files: &[DataFile]) -> Result<()> {
    for file in files {
        if store.size(&file.path).await? != Some(file.bytes) {
            return Err(Error::conflict("what was staged is gone; nothing was published")
                .at("file", store.shown(&file.path))
                .hint("begin the load anew, so that every part is staged again"));
        }
    }
    Ok(())
}

/// The mark of `load` when `staged` is published now.
pub(super) fn mark(load: &Load, staged: &[Receipt], high: &Watermarks) -> Mark {
    Mark {
        load: load.id.clone(),
        rows: staged.iter().map(|receipt| receipt.rows).sum(),
        watermarks: high.clone(),
        at: jiff::Timestamp::now().to_string(),
    }
}
