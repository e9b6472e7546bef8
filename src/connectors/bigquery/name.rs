//! Names of tables, stage tables and jobs. Those that dhow makes follow from what they are for, so
//! that any process finds them again.

use std::fmt;

use crate::sink::nonce;
use crate::sink::{Load, LoadId};
use crate::source::SnapshotId;

/// A table, with its project and dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    /// The project it is in.
    pub project: String,
    /// The dataset it is in.
    pub dataset: String,
    /// Its name there.
    pub table: String,
}

impl TableName {
    /// Another table of the same dataset.
    pub(super) fn beside(&self, table: impl Into<String>) -> Self {
        TableName { table: table.into(), ..self.clone() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.project, self.dataset, self.table)
    }
}

/// What the tables of dhow itself begin with.
pub(super) const OURS: &str = "_dhow_";

/// The table of marks, in the staging dataset.
pub(super) const MARKS: &str = "_dhow_mark";

/// The names that belong to one load of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoadNames {
    load: String,
    /// What tells the load's snapshot from another one that it may have been bound to before.
    pub snapshot: String,
}

impl LoadNames {
    /// The names of `load` into `target`.
    pub(super) fn of(target: &TableName, load: &Load) -> Self {
        LoadNames { load: load_hash(target, &load.id), snapshot: hash([&load.snapshot.0], 12) }
    }

    /// The table that says which snapshot the load is bound to; it holds no rows.
    pub(super) fn house(&self) -> String {
        format!("{OURS}{}", self.load)
    }

    /// What the names of all stage tables of the load begin with.
    pub(super) fn stage_prefix(&self) -> String {
        format!("{OURS}{}_", self.load)
    }

    /// What the names of its stage tables under this snapshot begin with.
    pub(super) fn snapshot_prefix(&self) -> String {
        format!("{}{}_", self.stage_prefix(), self.snapshot)
    }

    /// The stage table of the part `part`; one that is not repeatable gets a place of its own each
    /// time that it is written.
    pub(super) fn stage(&self, part: &str, is_repeatable: bool) -> String {
        let nonce = if is_repeatable { String::new() } else { nonce() };
        format!("{}{}", self.snapshot_prefix(), hash([part, &nonce], 16))
    }

    /// The job of this number that loads the stage table `stage`.
    pub(super) fn load_job(&self, stage: &str, attempt: u32) -> String {
        let part = stage.strip_prefix(&self.stage_prefix()).unwrap_or(stage);
        format!("dhow_{}_{part}_{attempt}", self.load)
    }

    /// The job of this number that publishes the load.
    pub(super) fn publish_job(&self, attempt: u32) -> String {
        format!("dhow_{}_publish_{attempt}", self.load)
    }

    /// The job of this number that does `what` for the mark with this intent.
    pub(super) fn mark_job(&self, what: &str, intent: &str, attempt: u32) -> String {
        format!("dhow_{}_{what}_{intent}_{attempt}", self.load)
    }
}

/// Two pipelines may have loads of the same name into different tables of one project.
fn load_hash(target: &TableName, id: &LoadId) -> String {
    hash([target.to_string().as_str(), id.as_str()], 16)
}

/// The first `digits` hexadecimal digits, at most 32, of what stands for `parts`.
pub(super) fn hash<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>, digits: usize) -> String {
    let mut text = SnapshotId::of(parts).0;
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Mode;

    fn names(id: &str, snapshot: &str) -> LoadNames {
        let target = TableName { project: "p".into(), dataset: "d".into(), table: "t".into() };
        let load = Load::question(id.parse().unwrap(), &Mode::Append);
        LoadNames::of(&target, &Load { snapshot: SnapshotId(snapshot.to_owned()), ..load })
    }

    #[test]
    fn names_follow_from_load_snapshot_and_part_alone() {
        let (one, same) = (names("l1", "s1"), names("l1", "s1"));
        assert_eq!(one.stage("p0", true), same.stage("p0", true));
        assert_ne!(one.stage("p0", true), one.stage("p1", true));
        assert_ne!(one.stage("p0", false), one.stage("p0", false));
        let over = names("l1", "s2");
        assert_ne!(one.stage("p0", true), over.stage("p0", true));
        assert!(over.stage("p0", true).starts_with(&one.stage_prefix()));
        assert!(!over.stage("p0", true).starts_with(&one.snapshot_prefix()));
        assert_ne!(one.house(), names("l2", "s1").house());
    }

    #[test]
    fn job_ids_have_only_letters_digits_and_underscores() {
        let names = names("nightly.orders-20260301", "s1");
        let stage = names.stage("data/år=2024/a.csv:0-100", true);
        for id in
            [names.load_job(&stage, 3), names.publish_job(0), names.mark_job("intend", "ab", 1)]
        {
            assert!(id.len() < 100, "{id}");
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{id}");
        }
        assert!(names.load_job(&stage, 3).ends_with("_3"));
    }
}
