//! What the next process needs to read the same pieces: the text of a memo.

use serde::{Deserialize, Serialize};

use super::piece::Piece;
use crate::source::{Memo, SnapshotId, Watermark};

/// A cut that was made, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::connectors::mysql) struct Kept {
    /// The name of the snapshot.
    pub id: SnapshotId,
    /// What was read and how: another relation, column or option is another snapshot.
    pub what: String,
    /// Where the server was in its log of changes, or a word that never comes again when that is
    /// not known; `None` when each read sees its own moment.
    pub moment: Option<String>,
    /// The upper end of the window.
    pub high: Option<Watermark>,
    /// The cut.
    pub pieces: Vec<Piece>,
}

impl Kept {
    /// What `memo` holds; nothing when another version of dhow wrote it.
    pub(in crate::connectors::mysql) fn of(memo: Option<&Memo>) -> Option<Self> {
        serde_json::from_str(&memo?.0).ok()
    }

    /// As a memo.
    pub(in crate::connectors::mysql) fn memo(&self) -> Option<Memo> {
        serde_json::to_string(self).ok().map(Memo)
    }
}
