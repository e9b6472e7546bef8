//! `dhow run`: takes the steps of a pipeline.

use clap::{Args, ValueEnum};

use super::exit::{PARTIAL, SUCCESS, Stop, failure};
use super::limits::Effort;
use super::session::Session;
use super::signals::Signals;
use super::variable::Vars;
use super::{plan, print, project, runtime, summary};
use crate::config::Pipeline;
use crate::engine::{self, Purpose, Report, Settings, World};

/// Flags of `dhow run`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow run nightly --var day=2026-03-01 --jobs 4")]
pub(super) struct Run {
    /// Name under pipelines/, or path [default: the only pipeline there is]
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Load only sinks that are named or need a named model; repeat for more
    #[arg(short, long, env = "DHOW_SELECT", value_name = "NAME", value_delimiter = ',')]
    select: Vec<String>,

    #[command(flatten)]
    vars: Vars,

    #[command(flatten)]
    effort: Effort,

    /// Print the plan and write nothing
    #[arg(long, env = "DHOW_DRY_RUN")]
    dry_run: bool,

    /// Forget watermarks and unfinished loads, and read everything again
    #[arg(long, env = "DHOW_FULL_REFRESH")]
    full_refresh: bool,

    /// Rows written to each sink, at most: for a trial
    #[arg(long, env = "DHOW_LIMIT", value_name = "N", value_parser = rows)]
    limit: Option<usize>,

    #[command(flatten)]
    output: Output,
}

/// How the result of a run is printed.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Result for people or, as JSON, for programs
    #[arg(long, env = "DHOW_OUTPUT", value_name = "FORMAT", default_value = "text")]
    pub(super) output: OutputFormat,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people.
    Text,
    /// One JSON value.
    Json,
}

/// Runs the command.
pub(super) fn run(session: &Session, command: Run) -> Result<u8, Stop> {
    let Run { pipeline, select, vars, effort, dry_run, full_refresh, limit, output } = command;
    let format = output.output;
    let pipeline =
        shown(project::pipeline(pipeline.as_deref(), &vars).map_err(Stop::from), format)?;
    let state = project::state(session.globals.state.as_deref(), &pipeline);
    if dry_run {
        let settings = plan::settings(&state, select, full_refresh, limit);
        return plan::print(pipeline, settings, plan::Form::of(format));
    }
    let settings = session.settings(&effort, &state);
    execute(session, pipeline, Settings { select, full_refresh, limit, ..settings }, format)
}

/// Runs `pipeline` and prints what it did.
pub(super) fn execute(
    session: &Session,
    pipeline: Pipeline,
    settings: Settings,
    format: OutputFormat,
) -> Result<u8, Stop> {
    let name = pipeline.name.clone();
    let screen = session.screen.clone();
    let jobs = settings.limits.jobs;
    let work = runtime::block_on(jobs, async move {
        let asked = Signals::new()?.stop(settings.cancel.clone(), screen);
        engine_run(&pipeline, &settings).await.map_err(|error| asked.stop(error))
    });
    session.screen.hide();
    let report = shown(work.map_err(Stop::from).and_then(|done| done), format)?;
    let printed = match format {
        OutputFormat::Text => print::line(&summary::text(&name, &report)),
        OutputFormat::Json => print::json(&summary::json(&name, &report)),
    };
    match printed {
        // Nobody reads the table; the exit code still says how the run ended.
        Ok(()) | Err(Stop::Closed) if summary::is_partial(&report) => Ok(PARTIAL),
        Ok(()) | Err(Stop::Closed) => Ok(SUCCESS),
        Err(stop) => Err(stop),
    }
}

async fn engine_run(pipeline: &Pipeline, settings: &Settings) -> crate::error::Result<Report> {
    let world = World::open(pipeline, settings, Purpose::Run).await?;
    engine::run(world, settings).await
}

/// `outcome`; a failure is also printed on standard output where a program reads it.
fn shown<T>(outcome: Result<T, Stop>, format: OutputFormat) -> Result<T, Stop> {
    if let (Err(Stop::Failed { error, code }), OutputFormat::Json) = (&outcome, format) {
        print::json(&serde_json::json!({ "error": failure(error, *code) }))?;
    }
    outcome
}

fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a whole number from 1 on".to_owned()),
        Ok(rows) => Ok(rows),
    }
}
