//! Compares dhow with DuckDB on this machine and prints one table; `make bench` runs it.
//!
//! Both programs do each case in turn, several rounds long, as processes of their own whose time,
//! processor time and peak memory are measured alike. Their results are compared, and a difference
//! ends the bench: a fast wrong answer is no answer. Nothing here is a timed test.
//! `benches/README.md` says how to repeat it and what came out last.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what the bench is for"
)]

mod cases;
mod child;
mod data;
mod encode;
mod mysql;
mod postgres;
mod roads;
mod shards;
mod table;
mod upload;

use std::path::PathBuf;
use std::process::ExitCode;

use cases::Case;
use child::{Run, Tools};
use data::Data;

/// Whatever goes wrong ends the bench and is shown.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What the environment says about this bench.
struct Settings {
    /// TPC-H scale factor: 1 is about 6 million rows of `lineitem`.
    scale: f64,
    /// Where data is made once and kept.
    folder: PathBuf,
    /// How often each program does each case.
    rounds: usize,
    /// Only cases whose name contains one of these words; all when there is none.
    wanted: Vec<String>,
}

impl Settings {
    fn read() -> Result<Self> {
        let folder = std::env::var_os("DHOW_BENCH_DATA").map(PathBuf::from);
        let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
        Ok(Settings {
            scale: number("DHOW_BENCH_SCALE", 1.0)?,
            folder: std::path::absolute(folder.unwrap_or(default))?,
            rounds: number("DHOW_BENCH_ROUNDS", 3)?,
            // Cargo itself passes `--bench`.
            wanted: std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect(),
        })
    }

    /// Whether the case with this name was asked for.
    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }
}

/// The number in the environment variable `name`, or `default`.
pub(crate) fn number<T: std::str::FromStr>(name: &str, default: T) -> Result<T> {
    let Ok(text) = std::env::var(name) else { return Ok(default) };
    text.parse().map_err(|_| format!("{name} must be a number, not `{text}`").into())
}

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the data, does every case, and prints the tables.
fn bench() -> Result<()> {
    let settings = Settings::read()?;
    let data = Data::make(&settings.folder, settings.scale)?;
    files(&settings, &data)?;
    encode::bench(&settings, &data)?;
    upload::bench(&settings, &data)?;
    mysql::bench(&settings, &data)?;
    postgres::bench(&settings, &data)?;
    roads::bench(&settings, &data)?;
    shards::bench(&settings)
}

/// The cases that read files and write Parquet.
fn files(settings: &Settings, data: &Data) -> Result<()> {
    let cases: Vec<Case> =
        cases::all(data)?.into_iter().filter(|case| settings.wants(case.name)).collect();
    if cases.is_empty() {
        return Ok(());
    }
    let tools = Tools::find(&settings.folder)?;
    println!("{}\n", tools.describe(settings.scale, settings.rounds)?);
    println!("{}", table::limits(&cases)?);
    println!("{}", table::HEADER);
    for case in &cases {
        println!("{}", table::row(case, &compare(case, &tools, settings.rounds)?, &tools));
    }
    Ok(())
}

/// What both programs did in one case.
pub(crate) struct Outcome {
    /// Each round of dhow.
    pub(crate) dhow: Vec<Run>,
    /// Each round of DuckDB.
    pub(crate) duckdb: Vec<Run>,
}

/// Lets both programs do `case` in turn and compares what they wrote last.
fn compare(case: &Case, tools: &Tools, rounds: usize) -> Result<Outcome> {
    let mut outcome = Outcome { dhow: Vec::new(), duckdb: Vec::new() };
    for _ in 0..rounds.max(1) {
        tools.clear()?;
        outcome.dhow.push(tools.dhow(case)?);
        outcome.duckdb.push(tools.duckdb(case)?);
    }
    tools.same(case)?;
    tools.clear()?;
    Ok(outcome)
}
