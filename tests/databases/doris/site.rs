//! A file of rows, a pipeline into Doris, and what its table must hold in the end.

use crate::doris::stand::{Doris, Fault, Layout, Request, Side, When};
use crate::project::{Ended, Project};

/// Every mode, with the options that it needs.
pub(super) const MODES: [(&str, &str); 5] = [
    ("append", ""),
    ("truncate", ""),
    ("replace", ""),
    ("merge", ", key: [id]"),
    ("delete+insert", ", key: [day]"),
];

/// A stand-in with a table of older rows, and a project that loads newer ones.
pub(super) struct Site {
    pub(super) doris: Doris,
    pub(super) project: Project,
    pub(super) mode: &'static str,
    before: Before,
}

/// What stands there before the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// A table with older rows.
    Rows,
    /// The same, without the column `version`.
    Narrow,
    /// No table.
    Nothing,
}

type Row = (u32, u32, u32);

/// Rows with these ids: four to a day, and a version to tell loads apart.
fn rows(ids: std::ops::Range<u32>, version: u32) -> impl Iterator<Item = Row> {
    ids.map(move |id| (id, id / 4, version))
}

pub(super) fn csv() -> String {
    let lines = rows(22..62, 2).map(|(id, day, version)| format!("{id},{day},{version}\n"));
    std::iter::once("id,day,version\n".to_owned()).chain(lines).collect()
}

fn as_table(rows: impl Iterator<Item = Row>) -> Vec<String> {
    let row = |(id, day, version)| format!(r#"{{"id":{id},"day":{day},"version":{version}}}"#);
    let mut rows: Vec<_> = rows.map(row).collect();
    rows.sort_unstable();
    rows
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    rows
}

/// An older row, which was there before the column.
fn without_version(row: String) -> String {
    row.replace(r#""version":1"#, r#""version":null"#)
}

impl Site {
    pub(super) fn of(mode: (&'static str, &str)) -> Self {
        Site::with(&Layout::default(), mode, "")
    }

    /// The same in another layout, with further options of the sink.
    pub(super) fn with(layout: &Layout, (mode, key): (&'static str, &str), options: &str) -> Self {
        let doris = Doris::with(layout);
        let (model, keys) = match mode {
            "merge" => ("unique", "id"),
            _ => ("duplicate", "id, day"),
        };
        doris.sql(&format!(
            "create table target (id bigint not null, day int not null, version int) {model} key \
             ({keys}) distributed by hash (id) buckets 1 properties ('replication_num' = '1')"
        ));
        let values = rows(0..40, 1).map(|(id, day, version)| format!("({id}, {day}, {version})"));
        let values: Vec<_> = values.collect();
        doris.sql(&format!("insert into target values {}", values.join(", ")));
        let sink = sink(&doris, &format!("mode: {mode}{key}{options}"));
        let project = Project::of(&format!(
            "sources:\n  rows: {{ type: csv, path: rows.csv, split_bytes: 180, columns: {{ id: bigint, day: int, version: int }} }}\n\
             sinks:\n  out: {{ from: rows, {sink} }}\n"
        ));
        std::fs::write(project.path("rows.csv"), csv()).expect("files can be written");
        doris.forget_requests();
        Site { doris, project, mode, before: Before::Rows }
    }

    /// The same with something else there before.
    pub(super) fn on(mode: (&'static str, &str), before: Before) -> Self {
        let widens = ", on_schema_change: append_new_columns";
        let mut site = Site::with(&Layout::default(), mode, widens);
        match before {
            Before::Rows => {}
            Before::Narrow => drop(site.doris.sql("alter table target drop column version")),
            Before::Nothing => drop(site.doris.sql("drop table target")),
        }
        site.before = before;
        site
    }

    /// Whether readers see what was there before, or what is to be there afterwards.
    pub(super) fn is_one_or_the_other(&self) -> bool {
        match self.before {
            Before::Nothing if self.doris.count("target").unwrap_or(0) == 0 => true,
            Before::Nothing => self.rows() == self.after(),
            _ => [self.before(), self.after()].contains(&self.rows()),
        }
    }

    /// What the table holds before.
    fn before(&self) -> Vec<String> {
        let rows = as_table(rows(0..40, 1));
        let is_narrow = self.doris.sql("desc target").len() == 2;
        let narrow = |row: String| row.replace(r#","version":1"#, "");
        match (self.before, is_narrow) {
            (Before::Narrow, true) => sorted(rows.into_iter().map(narrow)),
            (Before::Narrow, false) => sorted(rows.into_iter().map(without_version)),
            _ => rows,
        }
    }

    /// What the table holds now. A new table begins with its key, so columns are put in order.
    fn rows(&self) -> Vec<String> {
        let ordered = |row: String| {
            let row: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&row).expect("JSON");
            let pairs = ["id", "day", "version"]
                .into_iter()
                .filter_map(|name| row.get(name).map(|value| format!(r#""{name}":{value}"#)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        sorted(self.doris.rows("target").into_iter().map(ordered))
    }

    /// What it holds afterwards.
    pub(super) fn after(&self) -> Vec<String> {
        let (first, second) = (|| rows(0..40, 1), || rows(22..62, 2));
        if self.before == Before::Nothing {
            return as_table(second());
        }
        let rows = match self.mode {
            "append" => as_table(first().chain(second())),
            "merge" => as_table(first().filter(|(id, ..)| *id < 22).chain(second())),
            "delete+insert" => as_table(first().filter(|(_, day, _)| *day < 5).chain(second())),
            _ => as_table(second()),
        };
        match self.before {
            Before::Narrow => sorted(rows.into_iter().map(without_version)),
            _ => rows,
        }
    }

    pub(super) fn assert_whole(&self, told: &str) {
        assert_eq!(self.rows(), self.after(), "{}: {told}", self.mode);
    }

    /// Nothing of dhow's is left but marks.
    pub(super) fn assert_tidy(&self, told: &str) {
        assert_eq!(self.doris.tables(), ["dhow__mark", "target"], "{}: {told}", self.mode);
    }

    /// Runs until it ends well, at most three times; only what goes away by itself may stop it.
    pub(super) fn settle(&self, told: &str) -> Ended {
        let mut ended = self.project.run(None);
        for _ in 0..2 {
            if ended.code == Some(0) {
                break;
            }
            assert_eq!(ended.code, Some(6), "{}: {told}: {}", self.mode, ended.err);
            self.doris.heal();
            ended = self.project.run(None);
        }
        assert_eq!(ended.code, Some(0), "{}: {told}: {}", self.mode, ended.err);
        self.assert_whole(told);
        if !ended.err.contains("could not remove what is no longer needed") {
            self.assert_tidy(&format!("{told}: {}", ended.err));
        }
        ended
    }

    /// Runs once, undisturbed or not, and expects it to end well.
    pub(super) fn assert_runs(&self, told: &str) {
        let ended = self.project.run(None);
        assert_eq!(ended.code, Some(0), "{}: {told}: {}", self.mode, ended.err);
        self.assert_whole(told);
        self.assert_tidy(told);
    }

    pub(super) fn fault(&self, when: When, fault: Fault) -> &Self {
        self.doris.fault(when, fault);
        self
    }

    /// Loads that reached a back end, by label, in order.
    pub(super) fn loads(&self) -> Vec<String> {
        let is_load = |r: &Request| r.side == Side::Be && r.line.contains("/_stream_load?");
        let requests = self.doris.requests();
        let labels = requests.iter().filter(|r| is_load(r)).filter_map(|r| r.header("label"));
        labels.map(str::to_owned).collect()
    }
}

/// The options of a sink into `target` there.
pub(super) fn sink(doris: &Doris, options: &str) -> String {
    let (user, password, database) = (&doris.user, &doris.password, &doris.database);
    let (fes, queries) = doris.fronts();
    format!(
        "type: doris, fe: [{}], query: [{}], database: {database}, user: {user}, \
         password: \"{password}\", table: target, replication_num: 1, {options}",
        fes.join(", "),
        queries.join(", ")
    )
}
