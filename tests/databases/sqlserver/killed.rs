//! `dhow run` from SQL Server to Postgres, killed and run again: every row is there exactly once.

use super::{add, with_rows};
use crate::cluster::SHARED;
use crate::project::Project;

const ROWS: usize = 3_000;

fn verdict(target: &str, rows: usize) -> String {
    let sql = format!(
        "select 'lost ' || count(*) from generate_series(0, {rows} - 1) n \
         where not exists (select from copy where id = n and name = 'имя ' || n) \
         union all select 'rows ' || count(*) from copy"
    );
    SHARED.psql(target, &sql)
}

#[test]
fn a_run_that_is_killed_and_run_again_loses_nothing_and_repeats_nothing() {
    for fault in
        ["load.frozen", "part.written:2", "part.recorded:3", "load.committing", "load.committed"]
    {
        let server = with_rows(ROWS);
        let (url, target) = SHARED.url("killed_sqlserver");
        let project = Project::of(&format!(
            "sources:\n  rows: {{ type: sqlserver, url: \"{}\", tls: require, table: t, split_rows: 400 }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: copy, mode: append }}\n",
            server.url("shop")
        ));
        assert!(project.run(Some(fault)).was_killed(), "{fault}");
        let again = project.run(None);
        assert_eq!(again.code, Some(0), "{fault}: {}", again.err);
        let expected = format!("lost 0\nrows {ROWS}");
        assert_eq!(verdict(&target, ROWS), expected, "{fault}");
    }
}

#[test]
fn a_window_that_is_killed_and_run_again_reads_each_change_once() {
    for fault in ["part.recorded:1", "load.committing", "load.committed", "ledger.published"] {
        let server = with_rows(100);
        let (url, target) = SHARED.url("killed_window");
        let project = Project::of(&format!(
            "sources:\n  rows: {{ type: sqlserver, url: \"{}\", tls: require, table: t, cursor: rv }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: copy, mode: append }}\n",
            server.url("shop")
        ));
        assert!(project.run(Some(fault)).was_killed(), "{fault}");
        add(&server, 100..150);
        for _ in 0..2 {
            let again = project.run(None);
            assert_eq!(again.code, Some(0), "{fault}: {}", again.err);
        }
        assert_eq!(verdict(&target, 150), "lost 0\nrows 150", "{fault}");
    }
}
