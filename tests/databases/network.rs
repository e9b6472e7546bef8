//! The real binary over a network that fails: late, cut, reset, silent, and with the answer to a
//! COMMIT lost. In the end psql finds every row exactly once.

use std::time::Duration;

use crate::cluster::SHARED;
use crate::project::Project;
use crate::proxy::{Fault, Proxy, Way};

const ROWS: u32 = 400;

/// Which of the two sessions goes through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Source,
    Target,
}

/// A source and a target in one database, one of them behind a proxy.
struct Route {
    proxy: Proxy,
    database: String,
    project: Project,
}

impl Route {
    fn of(behind: Behind, mode: &str) -> Self {
        let (url, database) = SHARED.url("network");
        SHARED.psql(
            &database,
            &format!(
                "create table source (id bigint primary key, note text);
                 insert into source select id, repeat('x', (id % 90)::int) from generate_series(1, {ROWS}) id;
                 create table target (id bigint primary key, note text)"
            ),
        );
        let proxy = Proxy::to(SHARED.port);
        let through = proxy.url(&database);
        let (from, to) = match behind {
            Behind::Source => (&through, &url),
            Behind::Target => (&url, &through),
        };
        let patience = "connect_timeout: 400ms, read_timeout: 400ms";
        let pipeline = format!(
            "sources:\n  rows: {{ type: postgres, url: \"{from}\", table: source, split_rows: 150, {patience} }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{to}\", table: target, mode: {mode}, {patience} }}\n"
        );
        Route { proxy, database, project: Project::of(&pipeline) }
    }

    /// Runs until it ends well, at most three times, with the fault in the way of the first run.
    fn assert_whole(&self, fault: Fault, told: &str) {
        self.proxy.set(fault);
        let mut ended = self.project.run(None);
        for _ in 0..2 {
            if ended.code == Some(0) {
                break;
            }
            // Only what goes away by itself may stop a run here.
            assert_eq!(ended.code, Some(6), "{told}: {}", ended.err);
            self.proxy.set(Fault::None);
            ended = self.project.run(None);
        }
        assert_eq!(ended.code, Some(0), "{told}: {}", ended.err);
        let lost = "select count(*) from (select * from source except all select * from target) l";
        let more = "select count(*) from (select * from target except all select * from source) m";
        let found = [lost, more].map(|sql| SHARED.psql(&self.database, sql));
        assert_eq!(found, ["0", "0"], "{told}: rows lost, rows too many");
    }
}

/// Every fault with either side behind the proxy, `modes` in turn.
fn tell(faults: &[Fault], modes: &[&str]) {
    for behind in [Behind::Source, Behind::Target] {
        for (n, fault) in faults.iter().enumerate() {
            let mode = modes[n % modes.len()];
            let told = format!("{mode}, {behind:?} behind {fault:?}");
            Route::of(behind, mode).assert_whole(*fault, &told);
        }
    }
}

#[test]
fn a_session_that_is_cut_after_any_number_of_bytes_costs_no_row_and_doubles_none() {
    // The first bytes, the borders of the first messages, and well into the rows.
    let after = [0, 1, 5, 8, 9, 40, 64, 300, 900, 2_500, 6_000];
    let faults: Vec<_> =
        after.iter().flat_map(|n| [Fault::Cut(Way::Up, *n), Fault::Cut(Way::Down, *n)]).collect();
    tell(&faults, &["append", "replace", "merge, key: [id]"]);
}

#[test]
fn a_lost_answer_to_a_commit_costs_no_row_and_doubles_none() {
    let faults: Vec<_> = (0..6).map(Fault::SwallowCommit).collect();
    for mode in ["append", "truncate", "merge, key: [id]"] {
        for fault in &faults {
            let told = format!("{mode} behind {fault:?}");
            Route::of(Behind::Target, mode).assert_whole(*fault, &told);
        }
    }
}

#[test]
fn a_slow_network_is_waited_for_and_a_silent_one_is_not() {
    tell(&[Fault::Latency(Duration::from_millis(5)), Fault::BlackHole], &["append", "replace"]);
}
