//! `dhow run` killed in the middle of a load while the source changes: the next run goes on in the
//! snapshot that a process of its own has held meanwhile, or starts over, and says so.

use std::io::Read;
use std::process::Stdio;

use crate::cluster::{Cluster, SHARED};
use crate::patience::until;
use crate::project::{Ended, Project};

/// Rows of the source, enough for several splits.
const ROWS: u32 = 3_000;

struct Site {
    cluster: &'static Cluster,
    database: String,
    project: Project,
}

impl Site {
    fn of(option: &str) -> Self {
        let cluster: &Cluster = &SHARED;
        let (url, database) = cluster.url("held");
        cluster.psql(
            &database,
            &format!(
                "create table source (id bigint primary key, note text);
                 insert into source select id, 'old' from generate_series(1, {ROWS}) id;
                 create table target (id bigint not null, note text);"
            ),
        );
        let pipeline = format!(
            "sources:\n  rows: {{ type: postgres, url: \"{url}\", table: source, split_rows: 400{option} }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: target, mode: append }}\n"
        );
        Site { cluster, database, project: Project::of(&pipeline) }
    }

    /// Dies in the middle; then every row of the source changes, and some come and go.
    fn die(&self) {
        let mut command = self.project.command(&["run", "--quiet"]);
        command.env("DHOW_FAULT", "part.recorded:2").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dhow starts");
        // To their end: a holder that had these pipes too would keep them open.
        let mut told = String::new();
        child.stdout.take().expect("piped").read_to_string(&mut told).expect("UTF-8");
        child.stderr.take().expect("piped").read_to_string(&mut told).expect("UTF-8");
        let ended = Ended::of_run(child);
        assert!(ended.was_killed(), "{ended:?} {told}");
        let change = format!(
            "update source set note = 'new'; delete from source where id <= 100; \
             insert into source select id, 'new' from generate_series({ROWS} + 1, {ROWS} + 10) id; \
             vacuum analyze source"
        );
        for sql in change.split("; ") {
            self.cluster.psql(&self.database, sql);
        }
    }

    /// Runs to the end; the number of parts that were kept, and what was said.
    fn finish(&self) -> (u64, String) {
        let ended = self.project.dhow(&["run", "--quiet", "--output", "json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let report: serde_json::Value = serde_json::from_str(&ended.out).expect("a report");
        let kept = report["loads"][0]["kept"].as_u64().expect("a number");
        (kept, ended.out)
    }

    fn rows(&self) -> String {
        let sql = "select note, count(*), count(distinct id), min(id), max(id) \
                   from target group by note order by note";
        self.cluster.psql(&self.database, sql)
    }

    /// Sessions of dhow in this database.
    fn sessions(&self, name: &str) -> String {
        let sql = format!(
            "select count(*) from pg_stat_activity \
             where application_name like '{name}' and datname = current_database()"
        );
        self.cluster.psql(&self.database, &sql)
    }
}

#[test]
fn a_run_that_was_killed_goes_on_in_its_snapshot_whatever_happened_to_the_rows() {
    let site = Site::of("");
    site.die();
    assert_eq!(site.sessions("dhow/holder"), "1");
    let (kept, told) = site.finish();
    assert_eq!(site.rows(), format!("old|{ROWS}|{ROWS}|1|{ROWS}"), "{told}");
    assert!(kept > 0 && told.contains("it goes on in the snapshot of 20"), "{told}");
    until("no session of dhow is left", || site.sessions("dhow/%") == "0");
    let sockets = std::fs::read_dir(site.project.path(".dhow")).expect("a folder");
    let names = sockets.map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("hold")).collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}

#[test]
fn without_a_holder_it_starts_over_with_the_rows_of_now() {
    let site = Site::of(", hold_snapshot: 0");
    site.die();
    until("no session of dhow is left", || site.sessions("dhow/%") == "0");
    let (kept, told) = site.finish();
    let now = ROWS - 90;
    assert_eq!(site.rows(), format!("new|{now}|{now}|101|{}", ROWS + 10), "{told}");
    assert!(kept == 0 && told.contains("is gone: its load starts over"), "{told}");
}
