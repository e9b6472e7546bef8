//! What a person should know of a frozen relation: how consistent its rows are, and what becomes of
//! a run that is killed.

use std::time::Duration;

use super::hold::Hold;
use super::kept::Kept;
use crate::connectors::shards::resumption::{GOES_ON, GOES_ON_IN, STARTS_OVER};

/// Who keeps a moment when this process dies.
#[derive(Debug)]
pub(in crate::connectors::postgres) enum Keeper {
    /// A process of its own.
    There(Hold),
    /// Such a process, once rows are moved.
    Wanted,
    /// Nobody, and why.
    None(String),
}

/// For rows that are read in one moment, which is held for `limit`.
pub(in crate::connectors::postgres) fn of_moment(keeper: &Keeper, limit: Duration) -> Vec<String> {
    let view = "all readers see one snapshot of the database, which holds back vacuum until the \
                rows are read";
    let killed = match keeper {
        Keeper::There(_) | Keeper::Wanted => format!(
            "a run that is killed goes on in this snapshot: it is held for {} after dhow is gone, \
             and holds back vacuum as long as it lives; `hold_snapshot: 0` does without",
            shown(limit)
        ),
        Keeper::None(reason) => format!("{reason}: a run that is killed starts over"),
    };
    vec![view.to_owned(), killed]
}

/// For rows of which each of `pieces` is read in a moment of its own.
pub(in crate::connectors::postgres) fn of_splits(pieces: usize) -> Vec<String> {
    let view = "rows are as they are when each split is read, not one point in time: rows that are \
                added, deleted or given another key meanwhile may be there or not";
    let killed = "it is read in one piece: a run that is killed starts over";
    let killed = (pieces == 1).then(|| killed.to_owned());
    std::iter::once(view.to_owned()).chain(killed).collect()
}

/// For a run that an earlier process has left unfinished.
pub(in crate::connectors::postgres) fn of_resumption(before: &Kept, now: &Kept) -> String {
    match (&now.held, before.id == now.id) {
        (Some(held), true) if before.held == now.held => {
            format!("{GOES_ON_IN} {}", held.at)
        }
        (_, true) => GOES_ON.to_owned(),
        (_, false) => STARTS_OVER.to_owned(),
    }
}

/// `15m` rather than `900s`.
fn shown(limit: Duration) -> String {
    let minutes = limit.as_secs() / 60;
    match minutes > 0 && limit == Duration::from_secs(minutes * 60) {
        true => format!("{minutes}m"),
        false => format!("{limit:?}"),
    }
}
