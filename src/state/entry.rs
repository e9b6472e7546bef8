//! What the ledger knows of runs, loads and their parts.

use crate::sink::{LoadId, Mark, Receipt};
use crate::source::SnapshotId;

/// Rules of the commit protocol that a test takes away from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Rule 4: receipts are accepted and handed out under any snapshot.
    NoFence,
    /// Rule 5: a resumed load keeps what was staged under another snapshot.
    MixSnapshots,
    /// Rule 2: a mark is copied again after later ones.
    Republish,
}

/// The run that a process works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Its id: unique, and sorts by time.
    pub id: String,
    /// Whether an earlier process began it.
    pub resumed: bool,
}

/// What the ledger knows of the newest load of a sink within a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The load.
    pub id: LoadId,
    /// What decided its rows, apart from the sources.
    pub fingerprint: String,
    /// The snapshot that it was frozen under.
    pub snapshot: Option<SnapshotId>,
    /// Its mark, once it is known to be published.
    pub mark: Option<Mark>,
}

/// A staged part: the receipt of its rows, and of the rows refused on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// From the sink.
    pub receipt: Receipt,
    /// From the reject sink, if rows were refused.
    pub rejects: Option<Receipt>,
}

/// What freezing a load under a snapshot found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Parts that are staged already, under this snapshot.
    pub kept: Vec<Staged>,
    /// Whether parts staged under another snapshot were forgotten.
    pub over: bool,
}
