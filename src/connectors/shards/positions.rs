//! Watermarks and memos of all shards as one: a JSON object with the shards as keys.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::source::{Memo, Watermark};

/// Something of each shard, by its name.
pub(super) type ByShard<T> = BTreeMap<String, T>;

/// The watermark of each shard in `above`; a new shard has none.
///
/// # Errors
/// [`crate::error::Kind::Config`] when a source without shards wrote it.
pub(super) fn watermarks(above: Option<&Watermark>) -> Result<ByShard<Watermark>> {
    let Some(above) = above else { return Ok(ByShard::new()) };
    serde_json::from_str(&above.0).map_err(|_| {
        Error::config("the last position of the cursor is not one of shards")
            .at("position", above)
            .hint("the source had no `shards` then: read everything again with `--full-refresh`")
    })
}

/// All `watermarks` as one; none when there are none.
pub(super) fn as_watermark(watermarks: &ByShard<Watermark>) -> Option<Watermark> {
    if watermarks.is_empty() {
        return None;
    }
    serde_json::to_string(watermarks).ok().map(Watermark)
}

/// The memo of each shard in `memo`; nothing when another version of dhow, or a source without
/// shards, wrote it.
pub(super) fn memos(memo: Option<&Memo>) -> ByShard<Memo> {
    memo.and_then(|memo| serde_json::from_str(&memo.0).ok()).unwrap_or_default()
}

/// All `memos` as one; none when there are none.
pub(super) fn as_memo(memos: &ByShard<Memo>) -> Option<Memo> {
    if memos.is_empty() {
        return None;
    }
    serde_json::to_string(memos).ok().map(Memo)
}
