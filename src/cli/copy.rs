//! `dhow copy`: one source to one target, without a pipeline file.

use clap::Args;

use super::exit::Stop;
use super::limits::Effort;
use super::run::{self, Output};
use super::session::Session;
use super::sql::Target;
use super::{adhoc, project};
use crate::config::Pipeline;
use crate::error::Result as Outcome;

/// Flags of `dhow copy`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow copy 'data/flights-*.csv.gz' flights.parquet")]
pub(super) struct Copy {
    /// Source of rows: a path or glob; the table of a database file follows after `#`
    #[arg(value_name = "FROM")]
    from: String,

    /// Path that rows are written to
    #[arg(value_name = "TO")]
    to: String,

    /// Connector that reads [default: by the ending of the path]
    #[arg(long, env = "DHOW_FROM_TYPE", value_name = "CONNECTOR")]
    from_type: Option<String>,

    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    effort: Effort,

    #[command(flatten)]
    output: Output,
}

/// What a source is called whose path is no name.
const SOURCE: &str = "rows";

/// Runs the command.
pub(super) fn run(session: &Session, command: Copy) -> Result<u8, Stop> {
    let pipeline = pipeline(&command)?;
    let state = project::state(session.globals.state.as_deref(), &pipeline);
    let settings = session.settings(&command.effort, &state);
    run::execute(session, pipeline, settings, command.output.output)
}

fn pipeline(command: &Copy) -> Outcome<Pipeline> {
    let source = adhoc::source_or(&command.from, command.from_type.as_deref(), SOURCE)?;
    let target = &command.target;
    let sink = adhoc::sink(
        &command.to,
        target.to_type.as_deref(),
        &source.name,
        target.mode.as_deref(),
        target.key.clone(),
    )?;
    let pipeline = Pipeline { sources: vec![source], sinks: vec![sink], ..Pipeline::default() };
    adhoc::finished("copy", pipeline)
}
