//! `dhow init`: a new project that runs at once, or one more pipeline in a project.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::print;
use crate::error::{Error, Result as Outcome};

/// Flags of `dhow init`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow -C harbour init nightly")]
pub(super) struct Init {
    /// Name of the pipeline
    #[arg(value_name = "NAME", default_value = "example")]
    name: String,
}

/// The files of a new project with their text; `NAME` stands for the pipeline.
const FILES: &[(&str, &str)] = &[
    ("pipelines/NAME.yaml", include_str!("init/pipeline.yaml")),
    ("sql/models/example.sql", include_str!("init/example.sql")),
    ("sql/checks/tonnes_are_positive.sql", include_str!("init/tonnes_are_positive.sql")),
    ("data/arrivals.csv", include_str!("init/arrivals.csv")),
    (".env.example", include_str!("init/env.example")),
    (".gitignore", include_str!("init/gitignore")),
];

/// Runs the command in the current folder.
pub(super) fn run(command: &Init) -> Result<u8, Stop> {
    let name = command.name.as_str();
    check(name)?;
    let mut lines = Vec::new();
    for (path, text) in FILES {
        let path = path.replace("NAME", name);
        let created = create(Path::new(&path), &text.replace("NAME", name))?;
        let verb = if created { "created" } else { "exists " };
        lines.push(format!("  {verb}  {path}"));
    }
    print::line(&format!("{}\n\nnext: dhow run {name}", lines.join("\n")))?;
    Ok(SUCCESS)
}

fn check(name: &str) -> Outcome<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::config(format!("`{name}` cannot be the name of a pipeline"))
        .hint("use letters, digits, `_` and `-`"))
}

/// Writes a new file; `false` when there is one already, which stays as it is.
fn create(path: &Path, text: &str) -> Outcome<bool> {
    let failed = |error: &std::io::Error| Error::io(error, "write", path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(&error, "make", folder))?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}
