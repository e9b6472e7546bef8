//! `dhow plan`: says what a run would do, and writes nothing.

use std::path::Path;

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::run::OutputFormat;
use super::session::{self, Session};
use super::variable::Vars;
use super::{limits, print as out, project, runtime};
use crate::config::{Pipeline, Sql};
use crate::engine::{Purpose, Settings, World};
use crate::plan::Plan;

/// Flags of `dhow plan`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow plan nightly --select revenue --sql")]
pub(super) struct PlanCommand {
    /// Name under pipelines/, or path [default: the only pipeline there is]
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Show every statement as well
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
    /// The steps, then every statement.
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
    let statements = statements(&pipeline);
    let open = async move {
        World::open(&pipeline, &settings, Purpose::Look).await.map(|world| world.plan)
    };
    let plan = runtime::block_on(2, open)??;
    match form {
        Form::Steps => out::line(&shown(&plan))?,
        Form::Statements => out::line(&format!("{}\n\n{statements}", shown(&plan)))?,
        Form::Json => out::json(&data(&plan))?,
    }
    Ok(SUCCESS)
}

/// Every statement of `pipeline` as it is written, under a comment that says whose it is.
fn statements(pipeline: &Pipeline) -> String {
    let statement = |what: &str, name: &str, sql: &Sql| {
        format!("-- {what} {name}: {}\n{}", sql.file, sql.text.trim())
    };
    let models = pipeline.models.iter().map(|model| statement("model", &model.name, &model.sql));
    let checks = pipeline.checks.iter().map(|check| statement("check", &check.name, &check.sql));
    models.chain(checks).collect::<Vec<_>>().join("\n\n")
}

fn shown(plan: &Plan) -> String {
    format!("{plan:#?}")
}

fn data(plan: &Plan) -> serde_json::Value {
    serde_json::json!({ "pipeline": plan.pipeline, "notes": plan.notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CheckDef, ModelDef, OnRefused};

    #[test]
    fn every_statement_is_shown_with_its_name_and_file() {
        let sql = |file: &str, text: &str| Sql { file: file.into(), text: text.into() };
        let pipeline = Pipeline {
            models: vec![ModelDef { name: "m".into(), sql: sql("sql/m.sql", "select 1\n") }],
            checks: vec![CheckDef {
                name: "c".into(),
                sql: sql("sql/c.sql", "select 2"),
                refused: OnRefused::Stop,
            }],
            ..Pipeline::default()
        };
        assert_eq!(
            statements(&pipeline),
            "-- model m: sql/m.sql\nselect 1\n\n-- check c: sql/c.sql\nselect 2"
        );
    }
}
