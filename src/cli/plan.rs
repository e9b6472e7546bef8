//! `dhow plan`: says what a run would do, and writes nothing.

use std::path::Path;

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::run::OutputFormat;
use super::session::{self, Session};
use super::variable::Vars;
use super::{limits, print as out, project, runtime};
use crate::config::Pipeline;
use crate::engine::{Purpose, Settings, World};
use crate::error::Error;
use crate::plan::{Facts, RelationFacts};

/// Flags of `dhow plan`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow plan nightly --select revenue --sql")]
pub(super) struct PlanCommand {
    /// Name under pipelines/, or path [default: the only pipeline there is]
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Show statements as well: of sources, models and checks, and what Postgres targets will be sent
    #[arg(long, env = "DHOW_SQL", conflicts_with = "json")]
    sql: bool,

    /// Print the plan as JSON, for programs
    #[arg(long, env = "DHOW_JSON")]
    json: bool,

    /// Plan only sinks that are named or need a named model; repeat for more
    #[arg(short, long, env = "DHOW_SELECT", value_name = "NAME", value_delimiter = ',')]
    select: Vec<String>,

    #[command(flatten)]
    vars: Vars,
}

/// What is shown of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The steps, for people.
    Steps,
    /// The steps, then the statements.
    Statements,
    /// The data.
    Json,
}

impl Form {
    /// The form that fits the output of a run.
    pub(super) fn of(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Form::Steps,
            OutputFormat::Json => Form::Json,
        }
    }
}

/// Runs the command.
pub(super) fn run(session: &Session, command: PlanCommand) -> Result<u8, Stop> {
    let form = match (command.json, command.sql) {
        (true, _) => Form::Json,
        (false, true) => Form::Statements,
        (false, false) => Form::Steps,
    };
    let pipeline = project::pipeline(command.pipeline.as_deref(), &command.vars)?;
    let state = project::state(session.globals.state.as_deref(), &pipeline);
    print(pipeline, settings(&state, command.select, false, None), form)
}

/// The settings under which a plan is made.
pub(super) fn settings(
    state: &Path,
    select: Vec<String>,
    full_refresh: bool,
    limit: Option<usize>,
) -> Settings {
    let plain = session::plain(state, limits::defaults(state));
    Settings { select, full_refresh, limit, ..plain }
}

/// Plans `pipeline` and prints it.
pub(super) fn print(pipeline: Pipeline, settings: Settings, form: Form) -> Result<u8, Stop> {
    let look = async move {
        let world = World::open(&pipeline, &settings, Purpose::Look).await?;
        let sent = match form {
            Form::Statements => world.statements().await?,
            Form::Steps | Form::Json => Vec::new(),
        };
        Ok::<_, Error>((world, sent))
    };
    let (world, sent) = runtime::block_on(2, look)??;
    match form {
        Form::Steps => {
            let end = "nothing was written; `dhow plan --sql` shows the statements";
            out::line(&format!("{}\n{end}\n", world.plan.shown()))?;
        }
        Form::Statements => {
            let (steps, statements) = (world.plan.shown(), statements(&world.facts, &sent));
            out::line(&format!("{steps}\n{statements}\n\nnothing was written"))?;
        }
        Form::Json => out::json(&world.plan.to_json())?,
    }
    Ok(SUCCESS)
}

/// What is sent to servers for the first split of each source, every statement of ours with its
/// parameters and the way in which it will be run, and what will be `sent` to the target of each sink;
/// each under a comment that says whose it is.
fn statements(facts: &Facts, sent: &[(String, Vec<String>)]) -> String {
    let statement = |what: &str, name: &str, relation: &RelationFacts| {
        format!("-- {what} {name}\n{}", relation.explained.trim())
    };
    let sources = facts.sources.iter().filter_map(|(name, source)| {
        let sent = source.statement.as_ref()?;
        let which = match source.splits.len() {
            1 => "its only split".to_owned(),
            splits => format!("the first of {splits} splits"),
        };
        Some(format!("-- source {name}: {which}\n{sent}"))
    });
    let models = facts.relations.iter().filter(|(_, relation)| !relation.explained.is_empty());
    let models = models.map(|(name, relation)| statement("model", name, relation));
    let checks = facts.checks.iter().map(|(name, check)| statement("check", name, check));
    let sinks = sent.iter().filter(|(_, lines)| !lines.is_empty());
    let sinks = sinks.map(|(name, lines)| format!("-- sink {name}\n{}", lines.join("\n")));
    sources.chain(models).chain(checks).chain(sinks).collect::<Vec<_>>().join("\n\n")
}
