//! What the next process needs to read the same pieces: the text of a memo.

use serde::{Deserialize, Serialize};

use super::hold::Held;
use super::piece::Piece;
use crate::source::{Memo, SnapshotId, Watermark};

/// A cut that was made, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::connectors::postgres) struct Kept {
    /// The name of the snapshot.
    pub id: SnapshotId,
    /// What was read and how: another relation, column or option is another snapshot.
    pub what: String,
    /// The transactions that were seen, on which server and since when it runs; `None` when each
    /// read sees its own moment.
    pub moment: Option<String>,
    /// The upper end of the window.
    pub high: Option<Watermark>,
    /// The cut.
    pub pieces: Vec<Piece>,
    /// Where the moment is held, if it is.
    pub held: Option<Held>,
}

impl Kept {
    /// What `memo` holds; nothing when another version of dhow wrote it.
    pub(in crate::connectors::postgres) fn of(memo: Option<&Memo>) -> Option<Self> {
        serde_json::from_str(&memo?.0).ok()
    }

    /// As a memo.
    pub(in crate::connectors::postgres) fn memo(&self) -> Option<Memo> {
        serde_json::to_string(self).ok().map(Memo)
    }
}
