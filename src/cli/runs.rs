//! `dhow runs`: what ran before, and how it ended.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::{SUCCESS, Stop};
use super::run::{Output, OutputFormat};
use super::session::Session;
use super::table::{Side, Table};
use super::{print, project, show};
use crate::state::history::{self, PastLoad, PastRun};

/// Flags of `dhow runs`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: dhow runs --pipeline nightly",
    args_conflicts_with_subcommands = true
)]
pub(super) struct Runs {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// Runs of this pipeline alone
    #[arg(long, env = "DHOW_PIPELINE", value_name = "NAME")]
    pipeline: Option<String>,

    /// Runs that are listed, at most, newest first
    #[arg(long, env = "DHOW_LAST", value_name = "N", default_value = "20")]
    last: usize,

    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show one run with each of its loads
    #[command(after_help = "Example: dhow runs show 7f3a")]
    Show {
        /// Run, by its id or the beginning of it
        #[arg(value_name = "ID")]
        id: String,

        #[command(flatten)]
        output: Output,
    },
}

/// Runs the command.
pub(super) fn run(session: &Session, command: Runs) -> Result<u8, Stop> {
    let state = project::state_around(session.globals.state.as_deref());
    match command.verb {
        Some(Verb::Show { id, output }) => {
            let run = history::run(&state, &id)?;
            match output.output {
                OutputFormat::Text => print::line(&page(&run))?,
                OutputFormat::Json => print::json(&data(&run))?,
            }
        }
        None => {
            let runs = history::runs(&state, command.pipeline.as_deref(), command.last)?;
            match command.output.output {
                OutputFormat::Text => print::line(&list(&runs))?,
                OutputFormat::Json => print::json(&runs.iter().map(data).collect())?,
            }
        }
    }
    Ok(SUCCESS)
}

fn list(runs: &[PastRun]) -> String {
    use Side::{Left, Right};
    if runs.is_empty() {
        return "nothing has run here yet".to_owned();
    }
    let mut table = Table::new(&[
        ("run", Left),
        ("pipeline", Left),
        ("started", Left),
        ("time", Right),
        ("written", Right),
        ("refused", Right),
        ("outcome", Left),
    ]);
    for run in runs {
        let sum = |rows: fn(&PastLoad) -> u64| {
            show::count(run.loads.iter().map(rows).fold(0, u64::saturating_add))
        };
        table.row([
            run.id.clone(),
            run.pipeline.clone(),
            run.started.clone(),
            run.seconds.map(time).unwrap_or_default(),
            sum(|load| load.rows_written),
            sum(|load| load.rows_refused),
            outcome(run),
        ]);
    }
    table.to_string()
}

fn outcome(run: &PastRun) -> String {
    match &run.error {
        Some(error) => format!("{}: {error}", run.outcome),
        None => run.outcome.clone(),
    }
}

fn page(run: &PastRun) -> String {
    let mut page =
        format!("run:      {}\npipeline: {}\nstarted:  {}", run.id, run.pipeline, run.started);
    if let Some(seconds) = run.seconds {
        page.push_str(&format!("\ntime:     {}", time(seconds)));
    }
    page.push_str(&format!("\noutcome:  {}", outcome(run)));
    if !run.loads.is_empty() {
        page.push_str(&format!("\n\n{}", loads(&run.loads)));
    }
    page
}

fn loads(loads: &[PastLoad]) -> Table {
    use Side::{Left, Right};
    let mut table = Table::new(&[
        ("load", Left),
        ("mode", Left),
        ("rows read", Right),
        ("written", Right),
        ("refused", Right),
        ("bytes", Right),
        ("time", Right),
    ]);
    for load in loads {
        table.row([
            load.sink.clone(),
            load.mode.clone(),
            show::count(load.rows_read),
            show::count(load.rows_written),
            show::count(load.rows_refused),
            show::bytes(load.bytes),
            time(load.seconds),
        ]);
    }
    table
}

/// A duration that was stored as seconds; nothing sensible gives nothing.
fn time(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map(show::duration).unwrap_or_default()
}

fn data(run: &PastRun) -> Value {
    let loads: Vec<_> = run
        .loads
        .iter()
        .map(|load| {
            json!({
                "sink": load.sink,
                "mode": load.mode,
                "rows_read": load.rows_read,
                "rows_written": load.rows_written,
                "rows_refused": load.rows_refused,
                "bytes": load.bytes,
                "seconds": load.seconds,
            })
        })
        .collect();
    json!({
        "run": run.id,
        "pipeline": run.pipeline,
        "started": run.started,
        "seconds": run.seconds,
        "outcome": run.outcome,
        "error": run.error,
        "loads": loads,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> PastRun {
        PastRun {
            id: "7f3a".into(),
            pipeline: "nightly".into(),
            started: "2026-03-02T02:15:00Z".into(),
            seconds: Some(92.0),
            outcome: "failed".into(),
            error: Some("the disk is full".into()),
            loads: vec![PastLoad {
                sink: "orders".into(),
                mode: "append".into(),
                rows_read: 1200,
                rows_written: 1199,
                rows_refused: 1,
                bytes: 4096,
                seconds: 90.0,
            }],
        }
    }

    #[test]
    fn runs_are_listed_with_the_sum_of_their_loads() {
        let killed = PastRun {
            id: "11".into(),
            seconds: None,
            outcome: "unfinished".into(),
            error: None,
            loads: vec![],
            ..past()
        };
        let expected = "\
run   pipeline  started                 time  written  refused  outcome
7f3a  nightly   2026-03-02T02:15:00Z  1m 32s    1,199        1  failed: the disk is full
11    nightly   2026-03-02T02:15:00Z                0        0  unfinished";
        assert_eq!(list(&[past(), killed]), expected);
        assert_eq!(list(&[]), "nothing has run here yet");
    }

    #[test]
    fn one_run_is_shown_with_its_loads() {
        let expected = "\
run:      7f3a
pipeline: nightly
started:  2026-03-02T02:15:00Z
time:     1m 32s
outcome:  failed: the disk is full

load    mode    rows read  written  refused   bytes    time
orders  append      1,200    1,199        1  4.1 kB  1m 30s";
        assert_eq!(page(&past()), expected);
        assert_eq!(data(&past())["loads"][0]["rows_written"], 1199);
    }
}
