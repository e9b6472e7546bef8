//! `dhow check`: finds everything that is wrong with a pipeline, without looking at the world.

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::variable::Vars;
use super::{print, project, show};
use crate::config::Pipeline;

/// Flags of `dhow check`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow check nightly")]
pub(super) struct Check {
    /// Name under pipelines/, or path [default: the only pipeline there is]
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,

    #[command(flatten)]
    vars: Vars,
}

/// Runs the command.
pub(super) fn run(command: &Check) -> Result<u8, Stop> {
    let pipeline = project::pipeline(command.pipeline.as_deref(), &command.vars)?;
    print::line(&fine(&pipeline))?;
    Ok(SUCCESS)
}

fn fine(pipeline: &Pipeline) -> String {
    let counts = [
        (pipeline.sources.len(), "source"),
        (pipeline.models.len(), "model"),
        (pipeline.checks.len(), "check"),
        (pipeline.sinks.len(), "sink"),
    ];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| show::plural(count, noun))
        .collect();
    format!("{} is fine: {}", pipeline.name, counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ModelDef, Sql};

    #[test]
    fn a_pipeline_that_is_fine_is_counted() {
        let sql = Sql { file: "m.sql".into(), text: "select 1".into() };
        let model = |name: &str| ModelDef { name: name.into(), sql: sql.clone() };
        let models = vec![model("a"), model("b")];
        let pipeline = Pipeline { name: "nightly".into(), models, ..Pipeline::default() };
        assert_eq!(fine(&pipeline), "nightly is fine: 2 models");
    }
}
