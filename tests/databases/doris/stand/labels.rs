//! Transactions and their labels.

use std::time::Duration;

use rusqlite::types::Value;

/// How far a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Prepare,
    Precommitted,
    Committed,
    Visible,
    Aborted,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Prepare => "PREPARE",
            Status::Precommitted => "PRECOMMITTED",
            Status::Committed => "COMMITTED",
            Status::Visible => "VISIBLE",
            Status::Aborted => "ABORTED",
        }
    }

    /// `ExistingJobStatus` of an answer.
    pub(crate) fn job(self) -> &'static str {
        match self {
            Status::Prepare => "RUNNING",
            Status::Precommitted => "PRECOMMITTED",
            _ => "FINISHED",
        }
    }

    pub(crate) fn is_final(self) -> bool {
        matches!(self, Status::Visible | Status::Aborted)
    }
}

/// What a transaction does to its table.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A whole row; one with the same key gives way in a unique table.
    Put(Vec<Value>),
    /// The row with the key of this one goes.
    Delete(Vec<Value>),
}

/// A load.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    pub(crate) database: String,
    pub(crate) table: String,
    /// Of the table's storage.
    pub(crate) table_id: u64,
    pub(crate) label: String,
    pub(crate) status: Status,
    /// `BACKEND_STREAMING` or `INSERT_STREAMING`.
    pub(crate) source: &'static str,
    pub(crate) reason: String,
    /// Rows that are not visible yet.
    pub(crate) changes: Vec<Change>,
    /// After so many questions a PREPARE is aborted, and a COMMITTED visible.
    pub(crate) questions: Option<u32>,
    pub(crate) begun: Duration,
    pub(crate) finished: Option<Duration>,
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    pub(crate) all: Vec<Transaction>,
}

impl Labels {
    pub(crate) fn by_id(&mut self, id: u64) -> Option<&mut Transaction> {
        self.all.iter_mut().find(|t| t.id == id)
    }

    /// The transaction that a label means: the last that was not aborted, or else the last.
    pub(crate) fn by_label(&mut self, database: &str, label: &str) -> Option<&mut Transaction> {
        let is_it = |t: &Transaction| t.database == database && t.label == label;
        let live = |t: &Transaction| is_it(t) && t.status != Status::Aborted;
        let at = self.all.iter().rposition(live).or_else(|| self.all.iter().rposition(is_it));
        at.and_then(|at| self.all.get_mut(at))
    }

    /// Drops what ended before `oldest`, and the oldest that ended beyond `most` in a database.
    pub(crate) fn forget(&mut self, oldest: Option<Duration>, most: usize) {
        let is_old = |t: &Transaction| match (t.status.is_final(), t.finished, oldest) {
            (true, Some(at), Some(oldest)) => at < oldest,
            _ => false,
        };
        self.all.retain(|t| !is_old(t));
        let mut databases: Vec<_> = self.all.iter().map(|t| t.database.clone()).collect();
        databases.sort();
        databases.dedup();
        for database in databases {
            let ended = |t: &Transaction| t.database == database && t.status.is_final();
            let mut extra = self.all.iter().filter(|t| ended(t)).count().saturating_sub(most);
            self.all.retain(|t| {
                let goes = extra > 0 && t.database == database && t.status.is_final();
                extra -= usize::from(goes);
                !goes
            });
        }
    }
}
