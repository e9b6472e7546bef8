//! `dhow sql`: one statement over sources that are given on the command line.

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::limits::Effort;
use super::rows::{self, Format};
use super::run::{self, Output};
use super::session::{self, Session};
use super::signals::Signals;
use super::variable::Vars;
use super::{adhoc, project, runtime};
use crate::config::{ModelDef, Pipeline};
use crate::engine::{Purpose, Settings, World};
use crate::error::{Error, Result as Outcome};

/// Flags of `dhow sql`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: dhow sql 'select origin, count(*) as flights from f group by origin' \\
           --source f=data/flights-*.json --to flights.parquet")]
pub(super) struct SqlCommand {
    /// File with a SELECT, or the SELECT itself in quotes
    #[arg(value_name = "FILE|SELECT")]
    statement: String,

    /// Source of rows, as name=path; repeat for more
    ///
    /// The ending says how it is read; the path may be a glob. A path alone is called by its
    /// stem. The table of a database file follows after `#`, as in `o=shop.db#orders`; without
    /// it, the table is called like the source.
    #[arg(long = "source", env = "DHOW_SOURCE", value_name = "NAME=PATH")]
    sources: Vec<String>,

    #[command(flatten)]
    vars: Vars,

    /// MaxMind database in which `geo_ip` looks
    #[arg(long, env = "DHOW_GEO_IP", value_name = "PATH")]
    geo_ip: Option<String>,

    /// Form in which rows are printed
    #[arg(
        long,
        env = "DHOW_FORMAT",
        value_name = "FORMAT",
        default_value = "table",
        conflicts_with = "to"
    )]
    format: Format,

    /// Path that rows are written to, instead of being printed
    #[arg(long, env = "DHOW_TO", value_name = "PATH")]
    to: Option<String>,

    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    effort: Effort,

    #[command(flatten)]
    output: Output,
}

/// How a target is written.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Connector that writes [default: by the ending of the path]
    #[arg(long, env = "DHOW_TO_TYPE", value_name = "CONNECTOR")]
    pub(super) to_type: Option<String>,

    /// Mode: append, truncate, replace, merge or delete+insert [default: replace for a file,
    /// otherwise append]
    #[arg(long, env = "DHOW_MODE", value_name = "MODE", hide_possible_values = true)]
    pub(super) mode: Option<String>,

    /// Columns that tell rows apart, for merge and delete+insert
    #[arg(long, env = "DHOW_KEY", value_name = "COLUMN", value_delimiter = ',')]
    pub(super) key: Vec<String>,
}

/// What the statement is called in messages and as the origin of a sink's rows.
const MODEL: &str = "query";

/// Runs the command.
pub(super) fn run(session: &Session, command: SqlCommand) -> Result<u8, Stop> {
    let pipeline = pipeline(&command)?;
    let state = project::state(session.globals.state.as_deref(), &pipeline);
    if command.to.is_some() {
        let settings = session.settings(&command.effort, &state);
        return run::execute(session, pipeline, settings, command.output.output);
    }
    let settings = session::plain(&state, command.effort.limits(&state));
    let jobs = settings.limits.jobs;
    runtime::block_on(jobs, print(pipeline, settings, command.format))??;
    Ok(SUCCESS)
}

fn pipeline(command: &SqlCommand) -> Outcome<Pipeline> {
    let sql = adhoc::statement(&command.statement)?;
    if command.sources.is_empty() {
        return Err(Error::config("no source is given, so the statement has nothing to read")
            .hint("name each: `--source flights=data/flights-*.json`"));
    }
    let sources = command.sources.iter().map(|text| adhoc::source(text));
    let sources = sources.collect::<Outcome<Vec<_>>>()?;
    let target = &command.target;
    let sink = command.to.as_deref().map(|path| {
        let to_type = target.to_type.as_deref();
        adhoc::sink(path, to_type, MODEL, target.mode.as_deref(), target.key.clone())
    });
    let pipeline = Pipeline {
        sources,
        models: vec![ModelDef { name: MODEL.to_owned(), sql }],
        sinks: sink.transpose()?.into_iter().collect(),
        vars: command.vars.vars.iter().cloned().collect(),
        geo_ip: command.geo_ip.clone(),
        ..Pipeline::default()
    };
    adhoc::finished("sql", pipeline)
}

/// Prints the rows; nothing is staged, so the first signal ends it.
async fn print(pipeline: Pipeline, settings: Settings, format: Format) -> Result<(), Stop> {
    let mut signals = Signals::new()?;
    let work = async {
        let world = World::open(&pipeline, &settings, Purpose::Look).await?;
        let (columns, streams) = world.rows(MODEL, &settings).await?;
        rows::print(columns, streams, format).await
    };
    tokio::select! {
        done = work => done,
        code = signals.next() => {
            let error = Error::cancelled("interrupted").hint("nothing was written; run it again");
            Err(Stop::Failed { error, code })
        }
    }
}
