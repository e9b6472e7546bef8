//! The command line: the only code that prints.
//!
//! Results go to standard output; progress, logs and errors go to standard error. Each command
//! has a file of its own and ends with an exit code of `exit`.

mod adhoc;
mod board;
mod check;
mod clean;
mod connectors;
mod copy;
mod exit;
mod functions;
mod hold;
mod init;
mod limits;
mod log;
mod plan;
mod print;
mod progress;
mod project;
mod rows;
mod run;
mod runs;
mod runtime;
mod screen;
mod session;
mod show;
mod signals;
mod sql;
mod summary;
mod table;
mod variable;

use std::ffi::OsString;
use std::sync::LazyLock;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::{SUCCESS, Stop};
use session::{Globals, Session};

use crate::error::Error;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let (cpu, system) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{} ({cpu}-{system})", env!("CARGO_PKG_VERSION"))
});

static MORE_HELP: LazyLock<String> = LazyLock::new(|| {
    format!(
        "Every flag can also be set in the environment: `--spill-dir` is DHOW_SPILL_DIR.\n\n{}",
        exit::TABLE
    )
});

/// Move tables through SQL models and prove that every row arrived exactly once
#[derive(Debug, Parser)]
#[command(
    name = "dhow",
    version = VERSION.as_str(),
    max_term_width = 100,
    after_help = "Example: dhow init && dhow run",
    after_long_help = MORE_HELP.as_str(),
    disable_help_subcommand = true,
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    globals: Globals,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new project, or one more pipeline in it
    Init(init::Init),
    /// Find everything that is wrong with a pipeline, without any I/O
    Check(check::Check),
    /// Say what a run would do, and write nothing
    Plan(plan::PlanCommand),
    /// Run a pipeline
    Run(run::Run),
    /// Run a statement over files, and print or write its rows
    Sql(sql::SqlCommand),
    /// Copy one source to one target
    Copy(copy::Copy),
    /// List past runs
    Runs(runs::Runs),
    /// List connectors, or the options of one
    Connectors(connectors::Connectors),
    /// List the functions that SQL has beyond those of DataFusion
    Functions(functions::Functions),
    /// Remove what killed and replaced loads have left beside a table
    Clean(clean::Clean),
    /// Hold a snapshot for the next run
    #[command(hide = true, after_help = "Example: dhow hold-snapshot < order.json")]
    HoldSnapshot,
    /// Print a completion script for a shell
    #[command(
        after_help = "Example: dhow completions bash > ~/.local/share/bash-completion/completions/dhow"
    )]
    Completions {
        /// Shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
}

/// Runs the program with `arguments`, the first of which is its name; gives the exit code.
pub fn main(arguments: Vec<OsString>) -> u8 {
    let without_colour = arguments.iter().any(|argument| argument == "--no-color");
    let colour = if without_colour { ColorChoice::Never } else { ColorChoice::Auto };
    let matches = command().color(colour).try_get_matches_from(arguments);
    match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => start(arguments),
        Err(error) => {
            // Help that nobody reads is no failure.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}

fn start(arguments: Arguments) -> u8 {
    let session = Session::new(arguments.globals);
    session.end(dispatch(&session, arguments.command))
}

fn dispatch(session: &Session, command: Command) -> Result<u8, Stop> {
    session.log()?;
    enter(session, matches!(command, Command::Init(_)))?;
    match command {
        Command::Init(command) => init::run(&command),
        Command::Check(command) => check::run(&command),
        Command::Plan(command) => plan::run(session, command),
        Command::Run(command) => run::run(session, command),
        Command::Sql(command) => sql::run(session, command),
        Command::Copy(command) => copy::run(session, command),
        Command::Runs(command) => runs::run(session, command),
        Command::Connectors(command) => connectors::run(&command),
        Command::Functions(command) => functions::run(&command),
        Command::Clean(command) => clean::run(command),
        Command::HoldSnapshot => hold::run(),
        Command::Completions { shell } => completions(shell),
    }
}

/// Goes to the folder that `--directory` names; `init` makes it.
fn enter(session: &Session, make: bool) -> crate::error::Result<()> {
    let Some(folder) = &session.globals.directory else { return Ok(()) };
    if make {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(&error, "make", folder))?;
    }
    std::env::set_current_dir(folder).map_err(|error| Error::io(&error, "enter", folder))
}

fn completions(shell: clap_complete::Shell) -> Result<u8, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "dhow", &mut script);
    print::bytes(&script)?;
    Ok(SUCCESS)
}

/// The command tree. Flags take `1` and `yes` from the environment, and help does not repeat the
/// name of the variable in each line.
fn command() -> clap::Command {
    fn settled(command: clap::Command) -> clap::Command {
        let flag = |arg: Arg| match arg.get_action() {
            ArgAction::SetTrue => arg.hide_env(true).value_parser(BoolishValueParser::new()),
            _ => arg.hide_env(true),
        };
        command.mut_args(flag).mut_subcommands(settled)
    }
    settled(Arguments::command())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &clap::Command, visit: &mut impl FnMut(&clap::Command, &Arg)) {
        command.get_arguments().for_each(|arg| visit(command, arg));
        command.get_subcommands().for_each(|command| walk(command, visit));
    }

    #[test]
    fn the_command_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_is_a_variable_of_the_same_name() {
        walk(&command(), &mut |command, arg| {
            let Some(long) = arg.get_long().filter(|name| !matches!(*name, "help" | "version"))
            else {
                return;
            };
            let name = format!("DHOW_{}", long.to_uppercase().replace('-', "_"));
            let found = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            assert_eq!(found, Some(name), "{} --{long}", command.get_name());
        });
    }

    #[test]
    fn help_is_a_line_without_a_full_stop() {
        walk(&command(), &mut |command, arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{} {} has no help", command.get_name(), arg.get_id());
            assert!(!help.ends_with('.'), "{} {}", command.get_name(), arg.get_id());
        });
    }

    #[test]
    fn every_command_has_an_example() {
        for command in command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example: dhow "), "{}", command.get_name());
        }
    }
}
