//! Compares dhow with what else moves tables out of Postgres and into it; one table for each case.
//!
//! The server is started here and loaded once. Contestants take turns, each time in another order,
//! each with a fresh target; the seconds are the median of all rounds.

// The server that tests start as well; most of what it can do is for them.
#[expect(dead_code, reason = "shared with the tests")]
#[path = "../../../tests/databases/cluster.rs"]
mod cluster;
mod contestant;
mod server;
mod turn;

use crate::data::Data;
use crate::table::{self, Line};
use crate::{Result, Settings};
use contestant::Contestant;
use contestant::Contestant::{Adbc, Connectorx, Dhow, DhowConnectorx, DuckDb, Pgcopydb, Psql};
use server::Server;
use turn::Turns;

/// What is moved in one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    /// A table of Postgres is written as Parquet.
    ToParquet,
    /// A table of one database becomes a table of another one, with its primary key.
    Between,
    /// A Parquet file becomes a table with a primary key.
    FromParquet,
}

/// One case.
struct Case {
    /// The name that is printed, and by which cases are chosen.
    name: &'static str,
    job: Job,
    /// The table, which stands in a database of the same name.
    table: &'static str,
    contestants: &'static [Contestant],
}

/// The columns of the primary key of `lineitem`, which are those of every target.
const KEY: &str = "l_orderkey,l_linenumber";

const CASES: &[Case] = &[
    Case {
        name: "postgres to parquet",
        job: Job::ToParquet,
        table: "lineitem",
        contestants: &[Dhow, DhowConnectorx, DuckDb, Connectorx, Adbc, Psql(1), Psql(2)],
    },
    Case {
        name: "postgres wide to parquet",
        job: Job::ToParquet,
        table: "wide",
        contestants: &[Dhow, DuckDb, Psql(1), Psql(2)],
    },
    Case {
        name: "postgres documents to parquet",
        job: Job::ToParquet,
        table: "documents",
        contestants: &[Dhow, DuckDb, Psql(1), Psql(2)],
    },
    Case {
        name: "postgres to postgres",
        job: Job::Between,
        table: "lineitem",
        contestants: &[Dhow, DuckDb, Adbc, Pgcopydb, Psql(1), Psql(2)],
    },
    Case {
        name: "parquet to postgres",
        job: Job::FromParquet,
        table: "lineitem",
        contestants: &[Dhow, DuckDb, Adbc],
    },
];

/// Does every case that `settings` want, and prints a table for each.
pub(crate) fn bench(settings: &Settings, data: &Data) -> Result<()> {
    let cases: Vec<&Case> = CASES.iter().filter(|case| settings.wants(case.name)).collect();
    if cases.is_empty() {
        return Ok(());
    }
    let server = Server::start()?;
    let turns = Turns::new(settings, data, &server)?;
    println!("\n{}", server.describe());
    for case in cases {
        server.load(case.table, data, settings.scale)?;
        println!("\n{}: {}\n\n{}", case.name, server.size(case.table), table::CONTESTANTS);
        for line in compare(case, &turns, settings.rounds)? {
            println!("{line}");
        }
    }
    Ok(())
}

/// Lets all contestants do `case`; what they wrote last is compared with the source.
fn compare(case: &Case, turns: &Turns<'_>, rounds: usize) -> Result<Vec<String>> {
    let there = |contestant: &&Contestant| contestant.is_installed();
    let mut order: Vec<Contestant> = case.contestants.iter().filter(there).copied().collect();
    let mut lines: Vec<Line> = order.iter().map(|each| Line::new(each.label(case.job))).collect();
    turns.clear()?;
    if case.job != Job::ToParquet {
        // Does not count: it makes the files of the server's log that all others write again.
        turns.take(case, Dhow)?;
        turns.drop_target(Dhow);
    }
    let rounds = rounds.max(1);
    for round in 1..=rounds {
        for contestant in &order {
            let (run, server_seconds) = turns.take(case, *contestant)?;
            let label = contestant.label(case.job);
            if let Some(line) = lines.iter_mut().find(|line| line.name == label) {
                line.add(run, server_seconds);
            }
            if round == rounds && case.job != Job::ToParquet {
                turns.check_target(case, *contestant)?;
            }
            turns.drop_target(*contestant);
        }
        order.rotate_left(1);
    }
    if case.job == Job::ToParquet {
        turns.check_files(case, &order)?;
    }
    turns.clear()?;
    let mut rows: Vec<String> = table::lines(&lines);
    for missing in case.contestants.iter().filter(|each| !each.is_installed()) {
        rows.push(format!("| {} | not installed | | | | | |", missing.label(case.job)));
    }
    Ok(rows)
}
