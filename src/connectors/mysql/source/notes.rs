//! What a person should know of a frozen relation: how consistent its rows are, and what becomes of
//! a run that is killed.

use super::kept::Kept;
use super::moment::Level;

/// How the rows of a relation belong together.
#[derive(Debug, Clone, Copy)]
pub(in crate::connectors::mysql) struct Facts<'a> {
    /// How it was made sure that all readers see the same; `None` when each has its own moment.
    pub level: Option<&'a Level>,
    /// Where the server was in its log, when that stands for the rows.
    pub position: Option<&'a str>,
    /// The pieces.
    pub pieces: usize,
    /// The engine, when it keeps no snapshots.
    pub bare_engine: Option<&'a str>,
    /// Whether the tables behind it are known.
    pub is_table: bool,
    /// Whether there is a key to cut it by.
    pub has_key: bool,
    /// Whether rows will be moved.
    pub is_look: bool,
}

impl Facts<'_> {
    /// The notes, each a sentence.
    pub(in crate::connectors::mysql) fn notes(&self) -> Vec<String> {
        let mut notes = vec![self.view()];
        if !self.is_table {
            notes.push(
                "tables of an engine without snapshots, such as MyISAM, are seen as they are when \
                 they are read"
                    .to_owned(),
            );
        }
        if !self.has_key && self.bare_engine.is_none() {
            let how = "it has no unique key and is read in one piece: `split_by` names columns";
            notes.push(how.to_owned());
        }
        notes.push(self.killed());
        notes
    }

    fn view(&self) -> String {
        if let (Some(engine), Some(_)) = (self.bare_engine, self.level) {
            return format!(
                "{engine} keeps no snapshots: one statement reads the whole table, and nobody can \
                 write to it meanwhile"
            );
        }
        match self.level {
            None => "rows are as they are when each split is read, not one point in time: rows \
                     that are added, deleted or given another key meanwhile may be there or not"
                .to_owned(),
            Some(Level::Server) => {
                format!(
                    "all readers see one snapshot of the server, {BEGUN} that kept everybody from writing"
                )
            }
            Some(Level::Table) => {
                format!(
                    "all readers see one snapshot of the table, {BEGUN} that kept everybody from writing to it"
                )
            }
            Some(Level::Alone(Some(reason))) => format!(
                "one session reads everything, which is one snapshot, but slower ({reason}); \
                 `grant reload` or `grant lock tables` lets several begin together"
            ),
            Some(Level::Alone(None)) if self.is_look && self.pieces > 1 => {
                "all readers will see one snapshot: they begin under a brief lock, if the server \
                 grants one"
                    .to_owned()
            }
            Some(Level::Alone(None)) => "all rows are those of one snapshot".to_owned(),
        }
    }

    fn killed(&self) -> String {
        match (self.level, self.position) {
            (None, _) if self.pieces > 1 => {
                "a run that is killed keeps the splits that are finished".to_owned()
            }
            (Some(_), Some(position)) if self.pieces > 1 => format!(
                "a run that is killed goes on if nothing at all was written to the server since \
                 {position} of its log; otherwise it starts over"
            ),
            (Some(_), None) if self.pieces > 1 => {
                "the snapshot is gone with dhow: a run that is killed starts over".to_owned()
            }
            _ => "it is read in one piece: a run that is killed starts over".to_owned(),
        }
    }
}

const BEGUN: &str = "which they began under a brief lock";

/// The note of a run that goes on.
pub(in crate::connectors::mysql) const GOES_ON: &str =
    "the splits that an earlier run has finished are kept";
/// The note of a run that cannot go on.
pub(in crate::connectors::mysql) const STARTS_OVER: &str =
    "the snapshot of an earlier run is gone: its load starts over";

/// For a run that an earlier process has left unfinished.
pub(in crate::connectors::mysql) fn of_resumption(before: &Kept, now: &Kept) -> String {
    let note = if before.id == now.id { GOES_ON } else { STARTS_OVER };
    note.to_owned()
}
