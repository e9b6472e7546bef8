//! Finds a pipeline and its state on disk: the one place where the commands read files of a
//! project.

use std::path::{Path, PathBuf};

use super::variable::Vars;
use crate::config::read::{self, Given};
use crate::config::{Known, Pipeline, Variables};
use crate::connectors;
use crate::error::{Error, Result};
use crate::transform;

/// The folder of ledger, history and spilled data in a project.
const STATE: &str = ".dhow";

/// The pipeline meant by `name`, with everything that is wrong with it as one error.
pub(super) fn pipeline(name: Option<&str>, vars: &Vars) -> Result<Pipeline> {
    let path = read::find(name, Path::new("."))?;
    let connectors = connectors::known();
    let given = Given {
        known: Known { connectors: &connectors },
        vars: &vars.vars,
        variables: Variables::of_process(),
        today: today(),
    };
    let pipeline = read::pipeline(&path, &given).map_err(Error::several)?;
    let errors = statement_errors(&pipeline);
    if errors.is_empty() { Ok(pipeline) } else { Err(Error::several(errors)) }
}

/// The day of the run, in UTC: runs at night are on the same day everywhere.
pub(super) fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Everything that is wrong with the SQL of `pipeline`.
pub(super) fn statement_errors(pipeline: &Pipeline) -> Vec<Error> {
    transform::check(pipeline)
}

/// The state folder of `pipeline`, unless `--state` names another.
pub(super) fn state(given: Option<&Path>, pipeline: &Pipeline) -> PathBuf {
    given.map_or_else(|| pipeline.base.join(STATE), Path::to_owned)
}

/// The state folder of the project around the current folder: the nearest one upwards that has
/// one, unless `--state` names another.
pub(super) fn state_around(given: Option<&Path>) -> PathBuf {
    let here = std::env::current_dir().unwrap_or(PathBuf::from("."));
    let found = || here.ancestors().map(|folder| folder.join(STATE)).find(|path| path.is_dir());
    given.map(Path::to_owned).or_else(found).unwrap_or(PathBuf::from(STATE))
}
