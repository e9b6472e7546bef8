//! `dhow run` from Postgres to Postgres, killed at every named point and at random moments, and run
//! again. The oracle is psql: every row of the source is in the target exactly once, as the mode
//! says, and nothing else is.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dhow::faults::{POINTS, POSTGRES};

use crate::cluster::{Cluster, SHARED};
use crate::project::{Ended, Project, is_long, side_by_side};

const MODES: [(&str, &str); 5] = [
    ("append", ""),
    ("truncate", ""),
    ("replace", "table_key: [id], "),
    ("merge", "key: [id], "),
    ("delete+insert", "key: [day], "),
];

/// Once the ledger knows that the rows are published, running again is another load; it appends the
/// source as it is then.
const AFTERWARDS: [&str; 4] = ["ledger.published", "pg.sweeping", "pg.swept", "load.swept"];

/// Rows of the source, enough for several splits.
const ROWS: u32 = 3_000;

/// The target is a table with a view over it: then `replace` leaves the table and changes its rows.
const REFILLED: (&str, &str) = ("replace", "");

/// A source and a target in databases of their own, and what must be in the target in the end.
struct Site {
    cluster: &'static Cluster,
    database: String,
    mode: &'static str,
    project: Project,
}

impl Site {
    /// The target holds older rows, of which the newer ones of the source overlap some.
    fn of((mode, key): (&'static str, &str), consistency: &str) -> Self {
        let cluster: &Cluster = &SHARED;
        let (url, database) = cluster.url("killed");
        cluster.psql(
            &database,
            &format!(
                "create table source (id bigint primary key, day int not null, version int not null, note text);
                 insert into source select id, id / 40, 2, repeat('x', (id % 50)::int) from generate_series(1, {ROWS}) id;
                 create table target (id bigint not null, day int not null, version int not null, note text);
                 insert into target select id, id / 40, 1, null from generate_series(-500, 500) id;"
            ),
        );
        if (mode, key) == REFILLED {
            cluster.psql(&database, "create view watcher as select * from target");
        }
        if mode == "merge" {
            cluster.psql(&database, "alter table target add primary key (id)");
        }
        let pipeline = format!(
            "sources:\n  rows: {{ type: postgres, url: \"{url}\", table: source, split_rows: 400, \
             consistency: {consistency} }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: target, {key}mode: {mode} }}\n"
        );
        Site { cluster, database, mode, project: Project::of(&pipeline) }
    }

    /// Rows that are missing and rows that are too many, by psql.
    fn verdict(&self) -> String {
        let old = match self.mode {
            "append" => "true",
            "merge" => "id < 1",
            "delete+insert" => "id / 40 not in (select day from source)",
            _ => "false",
        };
        let expected = format!(
            "select id, id / 40, 1, null::text from generate_series(-500, 500) id where {old} \
             union all select id, day, version, note from source"
        );
        let found = "select id, day, version, note from target";
        self.cluster.psql(
            &self.database,
            &format!(
                "select 'lost ' || count(*) from (({expected}) except all ({found})) l \
                 union all select 'too many ' || count(*) from (({found}) except all ({expected})) d"
            ),
        )
    }

    fn assert_whole(&self, told: &str) {
        assert_eq!(self.verdict(), "lost 0\ntoo many 0", "{}: {told}", self.mode);
    }

    /// Nothing of dhow's is left but marks.
    fn assert_tidy(&self, told: &str) {
        let tables = "select string_agg(relname, ' ' order by relname) from pg_class c \
             join pg_namespace n on n.oid = c.relnamespace \
             where nspname = '_dhow' and relkind = 'r'";
        let left = self.cluster.psql(&self.database, tables);
        assert_eq!(left, "load mark part", "{}: {told}", self.mode);
    }
}

/// In the long form all sites together would fill a disk.
impl Drop for Site {
    fn drop(&mut self) {
        let _ = self
            .cluster
            .try_psql("postgres", &format!("drop database \"{}\" with (force)", self.database));
    }
}

/// Runs the load killed at each of `faults`, then undisturbed; answers where a process died.
fn tell(mode: (&'static str, &str), consistency: &str, faults: &[String]) -> BTreeSet<String> {
    let site = Site::of(mode, consistency);
    let mut deaths = BTreeSet::new();
    let mut told = format!("{consistency}, killed at {faults:?}");
    for fault in faults {
        let ended = site.project.run(Some(fault));
        let point = fault.split(':').next().unwrap_or(fault);
        if !ended.was_killed() {
            assert_eq!(ended.code, Some(0), "{told}, now at {fault}: {}", ended.err);
            site.assert_whole(&told);
            return deaths;
        }
        deaths.insert(point.to_owned());
        if point == "run.finished" || mode.0 == "append" && AFTERWARDS.contains(&point) {
            site.assert_whole(&told);
            return deaths;
        }
    }
    let ended = site.project.run(None);
    told.push_str(&format!(", then: {}", ended.err));
    assert_eq!(ended.code, Some(0), "{}: {told}", site.mode);
    site.assert_whole(&told);
    site.assert_tidy(&told);
    deaths
}

/// One snapshot, which goes with the process that took it.
const GONE: &str = "snapshot, hold_snapshot: 0";

type Case = (&'static str, (&'static str, &'static str), Vec<String>);

/// Points that only one mode passes.
fn is_of_replace(point: &str) -> bool {
    ["pg.shadow_made", "pg.indexing", "pg.indexed", "pg.swapped"].contains(&point)
}

/// Every point in two modes, and what only comes after another death; the long form takes every
/// mode, later passes, and pairs.
fn cases() -> Vec<Case> {
    let points: Vec<&str> = POINTS.iter().chain(POSTGRES).copied().collect();
    let passed = points.iter().filter(|point| !point.starts_with("sink."));
    let mut cases = Vec::new();
    for (n, point) in passed.enumerate() {
        for (m, mode) in MODES.into_iter().enumerate() {
            let is_turn = m == n % MODES.len() || m == (n + 2) % MODES.len();
            let is_only = is_of_replace(point) && mode.0 == "replace";
            if is_long() || is_only || is_turn && !is_of_replace(point) {
                let consistency = if (n + m) % 2 == 0 { "snapshot" } else { "split" };
                cases.push((consistency, mode, vec![(*point).to_owned()]));
            }
        }
    }
    let both = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
    for mode in MODES {
        // The next process reads another snapshot, and takes back what is there of the first.
        cases.push((GONE, mode, both("pg.part_committed:2", "pg.taken_back")));
        cases.push(("split", mode, both("load.committed", "load.settled")));
    }
    cases.push(("snapshot", REFILLED, vec!["pg.refilled".to_owned()]));
    if is_long() {
        let at = |n: usize| points[n % points.len()];
        for (m, mode) in MODES.into_iter().enumerate() {
            for (n, point) in points.iter().enumerate() {
                cases.push(("snapshot", mode, vec![format!("{point}:3")]));
                cases.push(("split", mode, both(at(n + m), at(n * 7 + 3 + m))));
            }
        }
    }
    cases
}

#[test]
fn killed_at_every_point_and_run_again_every_row_is_there_exactly_once() {
    let deaths = Mutex::new(BTreeSet::new());
    side_by_side(&cases(), |(consistency, mode, faults)| {
        let died = tell(*mode, consistency, faults);
        deaths.lock().expect("no thread panicked").extend(died);
    });
    let deaths = deaths.into_inner().expect("no thread panicked");
    let missed: Vec<_> = POSTGRES.iter().filter(|point| !deaths.contains(**point)).collect();
    assert_eq!(missed, Vec::<&&str>::new(), "points of Postgres at which nobody was killed");
}

/// A load that lasts some seconds.
fn slow(mode: (&'static str, &str)) -> Site {
    let site = Site::of(mode, "snapshot");
    site.cluster.psql(
        &site.database,
        "insert into source select id, id / 40, 2, repeat('y', 200) from generate_series(3001, 150000) id",
    );
    site
}

#[test]
fn killed_at_random_moments_and_run_again_every_row_is_there_exactly_once() {
    let moments = if is_long() { 200 } else { 12 };
    let work: Vec<usize> = (0..moments).collect();
    side_by_side(&work, |&n| {
        let site = slow(MODES[n % MODES.len()]);
        // Spread evenly over the time that a load takes, and shifted a little each time round.
        let share = f64::from(u32::try_from(n * 7919 % 1000).expect("small")) / 1000.0;
        let delay = Duration::from_secs_f64(share * 5.0);
        let mut child = site.project.begin();
        let began = Instant::now();
        while began.elapsed() < delay && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let was_running = child.try_wait().expect("a child").is_none();
        let _ = child.kill();
        let killed = Ended::of_run(child);
        if was_running {
            let ended = site.project.run(None);
            assert_eq!(ended.code, Some(0), "{} after {delay:?}: {}", site.mode, ended.err);
        } else {
            assert_eq!(killed.code, Some(0), "{} undisturbed", site.mode);
        }
        site.assert_whole(&format!("killed after {delay:?}, was running: {was_running}"));
    });
}

#[test]
fn a_server_that_crashes_in_the_middle_costs_a_retry_and_no_row() {
    let own = Box::leak(Box::new(Cluster::start(&[])));
    for mode in MODES {
        let mut site = slow(mode);
        let source = site.database.clone();
        // The rows come from the shared server, the target is on one of our own.
        let (url, database) = own.url("crashed");
        own.psql(&database, "create table target (id bigint not null, day int not null, version int not null, note text, primary key (id))");
        let from = SHARED.url_of(&source);
        let pipeline = format!(
            "sources:\n  rows: {{ type: postgres, url: \"{from}\", table: source, split_rows: 5000 }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: target, {}mode: {}, allow_empty: true }}\n",
            mode.1, mode.0
        );
        site.project = Project::of(&pipeline);
        let child = site.project.begin();
        // The first part that is noted says that the load is under way.
        let noted = "select to_regclass('_dhow.part') is not null";
        let began = Instant::now();
        while own.psql(&database, noted) != "t" && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        own.order("crash");
        let mut ended = Ended::of_run(child);
        if ended.code != Some(0) {
            ended = site.project.run(None);
        }
        assert_eq!(ended.code, Some(0), "{}: {}", mode.0, ended.err);
        let rows = own.psql(&database, "select count(*), count(distinct id), sum(id) from target");
        let expected =
            SHARED.psql(&source, "select count(*), count(distinct id), sum(id) from source");
        assert_eq!(rows, expected, "{}", mode.0);
    }
}
