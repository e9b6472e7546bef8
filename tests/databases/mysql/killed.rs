//! `dhow run` from MariaDB, killed in the middle and run again: with the splits that are finished
//! where nothing was written meanwhile, and over again where something was.

use std::sync::LazyLock;

use super::into_postgres;
use crate::cluster::SHARED as POSTGRES;
use crate::mariadb::{MariaDb, SHARED};
use crate::project::Project;

const ROWS: u32 = 3_000;

/// A server that keeps a log, by which it is known that nothing was written: to it, by anybody.
static QUIET: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::start(&["--log-bin=log"]));
/// Another one, to which something is.
static LOGGED: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::start(&["--log-bin=log"]));

struct Site {
    server: &'static MariaDb,
    database: String,
    project: Project,
    target: String,
}

impl Site {
    fn of(server: &'static MariaDb, more: &str) -> Self {
        let (url, database) = server.url("killed");
        server.sql(
            &database,
            &format!(
                "create table source (id bigint primary key, note varchar(50)); \
                 insert into source select seq, 'old' from seq_1_to_{ROWS}; analyze table source"
            ),
        );
        let source = format!("url: \"{url}\", table: source, split_rows: 300{more}");
        let (project, target) = into_postgres(&source, "mode: append");
        let create = "create table copy (id bigint not null, note text)";
        POSTGRES.psql(&target, create);
        Site { server, database, project, target }
    }

    fn die(&self, fault: &str) {
        let ended = self.project.run(Some(fault));
        assert!(ended.was_killed(), "{fault}: {}", ended.err);
    }

    /// Runs to the end; the number of parts that were kept, and what was said.
    fn finish(&self) -> (u64, String) {
        let ended = self.project.dhow(&["run", "--quiet", "--output", "json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let report: serde_json::Value = serde_json::from_str(&ended.out).expect("a report");
        (report["loads"][0]["kept"].as_u64().expect("a number"), ended.out)
    }

    fn rows(&self) -> String {
        let sql = "select note, count(*), count(distinct id), min(id), max(id) \
                   from copy group by note order by note";
        POSTGRES.psql(&self.target, sql)
    }

    fn change(&self) {
        self.server.sql(
            &self.database,
            &format!(
                "update source set note = 'new'; delete from source where id <= 100; \
                 insert into source select {ROWS} + seq, 'new' from seq_1_to_10"
            ),
        );
    }
}

#[test]
fn a_run_that_was_killed_goes_on_when_nothing_was_written() {
    for fault in ["part.recorded:2", "load.staged", "load.committing", "load.committed"] {
        let site = Site::of(&QUIET, "");
        site.die(fault);
        let (kept, told) = site.finish();
        assert_eq!(site.rows(), format!("old|{ROWS}|{ROWS}|1|{ROWS}"), "{fault} {told}");
        assert!(kept > 0 || fault == "load.committed", "{fault} {told}");
    }
}

#[test]
fn a_run_that_was_killed_starts_over_when_something_was_written_or_nobody_knows() {
    for (server, changes) in [(&*LOGGED, true), (&*SHARED, true), (&*SHARED, false)] {
        let site = Site::of(server, "");
        site.die("part.recorded:2");
        if changes {
            site.change();
        }
        let (kept, told) = site.finish();
        let now = ROWS - 90;
        let expected = match changes {
            true => format!("new|{now}|{now}|101|{}", ROWS + 10),
            false => format!("old|{ROWS}|{ROWS}|1|{ROWS}"),
        };
        assert_eq!(site.rows(), expected, "{told}");
        assert!(kept == 0 && told.contains("is gone: its load starts over"), "{told}");
    }
}

#[test]
fn splits_with_moments_of_their_own_are_kept_whatever_was_written() {
    let site = Site::of(&SHARED, ", consistency: split");
    site.die("part.recorded:2");
    site.server.sql(&site.database, "update source set note = 'new'");
    let (kept, told) = site.finish();
    let sql = "select count(*), count(distinct id) from copy";
    assert_eq!(POSTGRES.psql(&site.target, sql), format!("{ROWS}|{ROWS}"), "{told}");
    assert!(kept > 0 && told.contains("not one point in time"), "{told}");
}
