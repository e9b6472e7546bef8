//! What a person should know of a frozen relation: how consistent its rows are, what is lost of
//! them, and what becomes of a run that is killed.

use super::instance::Isolation;
use super::reading::{Fraction, Wire};
use super::relation::Relation;
use super::table::Storage;
use crate::connectors::shards::resumption::{GOES_ON, STARTS_OVER};

/// For rows that are read by several sessions, each piece in a statement of its own;
/// `allows_snapshots` is whether the database would let others read in a SNAPSHOT transaction.
pub(super) fn of_splits(
    isolation: Isolation,
    allows_snapshots: bool,
    pieces: usize,
) -> Vec<String> {
    let view = match isolation {
        Isolation::Frozen => {
            return vec![
                "it is a database snapshot: all readers see one moment, and a run that is \
                         killed goes on in it"
                    .to_owned(),
            ];
        }
        Isolation::Snapshot | Isolation::Statement => {
            "rows are as they are when each split is read, not one point in time: rows that are \
             added, deleted or given another key meanwhile may be there or not"
                .to_owned()
        }
        Isolation::Locking => {
            let why = match allows_snapshots {
                false => "the database has neither snapshot isolation nor read committed snapshot",
                true => {
                    "no SNAPSHOT transaction reads this, and the database has no read committed \
                     snapshot"
                }
            };
            format!(
                "{why}: a split is not one point in time either, a row that moves while it is read \
                 may be there twice or not at all, and readers wait for writers; \
                 `alter database … set read_committed_snapshot on` is better"
            )
        }
    };
    let killed = "it is read in one piece: a run that is killed starts over";
    let killed = (pieces == 1).then(|| killed.to_owned());
    std::iter::once(view).chain(killed).collect()
}

/// For rows that one session reads in one moment.
pub(super) fn of_one_session() -> Vec<String> {
    vec![
        "one session reads all rows in one moment, one after the other: sessions of SQL Server \
         cannot share a snapshot; a database snapshot (`create database … as snapshot of …`) as \
         `database` is read side by side"
            .to_owned(),
        "a run that is killed starts over".to_owned(),
    ]
}

/// For a user who does not see what hides rows, and behind views not even what hides values.
pub(super) fn of_policies(relation: &Relation) -> String {
    let more = match relation.table {
        Some(_) => "",
        None => ", nor the masks of tables behind a view: values could be replaced",
    };
    format!(
        "this user does not see security policies: rows that one hides would be missing without a \
         word{more}; `grant view definition` to the user shows them"
    )
}

/// What a person should know of the table, and of columns of other databases.
pub(super) fn of_table(relation: &Relation) -> Vec<String> {
    let mut notes = Vec::new();
    if !relation.foreign.is_empty() {
        let names = quoted(relation.foreign.iter());
        notes.push(format!(
            "{names} come from another database, where dhow has not looked for masks and policies"
        ));
    }
    let Some(table) = &relation.table else { return notes };
    match table.storage {
        Storage::Disk => {}
        Storage::Memory => notes.push(
            "the table is memory-optimized: it is read without a transaction, each split as it is \
             then"
                .to_owned(),
        ),
        Storage::External => notes.push(
            "the table is external: its rows come from outside of the database, as they are when \
             each split is read"
                .to_owned(),
        ),
    }
    if !table.hidden.is_empty() {
        let names = quoted(table.hidden.iter());
        notes.push(format!("{names} are hidden and left out: name them in a `query` to read them"));
    }
    if let Some(set) = &table.column_set {
        let names = quoted(table.sparse.iter());
        notes.push(format!(
            "the column set `{set}` comes in place of the sparse columns {names}: name them in a \
             `query` to read each by itself"
        ));
    }
    notes
}

/// Names in backticks, with commas.
fn quoted<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What the types of Arrow have no place for.
pub(super) fn of_losses(relation: &Relation) -> Vec<String> {
    let named = |is: &dyn Fn(&Wire) -> bool| {
        let names = relation.readings.iter().filter(|reading| is(&reading.wire));
        let names: Vec<_> = names.map(|reading| format!("`{}`", reading.field.name())).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let offsets = named(&|wire| matches!(wire, Wire::Instant(_)));
    let offsets =
        offsets.map(|names| format!("the moment of {names} is kept in UTC, its offset is not"));
    let cut = named(&|wire| {
        use Fraction::Truncate;
        matches!(wire, Wire::Time(Truncate) | Wire::Moment(Truncate) | Wire::Instant(Truncate))
    });
    let cut = cut.map(|names| format!("tenths of a microsecond in {names} are cut off"));
    let spatial = |kind: &str| matches!(kind, "geometry" | "geography");
    let spatial: Vec<_> = relation.columns.iter().filter(|c| spatial(&c.kind.name)).collect();
    let spatial = (!spatial.is_empty()).then(|| {
        let names = quoted(spatial.iter().map(|column| &column.name));
        format!("{names} come as WKB, without their reference system (SRID)")
    });
    let variants = named(&|wire| matches!(wire, Wire::Variant));
    let variants = variants
        .map(|names| format!("{names} come as text: of which type each value was is not kept"));
    offsets.into_iter().chain(cut).chain(spatial).chain(variants).collect()
}

/// For a run that an earlier process has left unfinished.
pub(super) fn of_resumption(is_same: bool) -> String {
    if is_same { GOES_ON.to_owned() } else { STARTS_OVER.to_owned() }
}
