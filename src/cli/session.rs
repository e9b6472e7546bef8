//! What every command shares: the global flags, the screen, and the way in which a run is shown.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};

use super::exit::Stop;
use super::limits::Effort;
use super::log::{self, Format, Level, LogObserver};
use super::progress::{Progress, Style};
use super::screen::Screen;
use crate::engine::{Cancel, Settings};
use crate::error::{Error, Result};
use crate::event::Observers;
use crate::transform::Limits;

/// The flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Results and errors only, no progress
    #[arg(short, long, global = true, env = "DHOW_QUIET", conflicts_with = "verbose")]
    quiet: bool,

    /// Log what happens; twice for every detail
    #[arg(short, long, global = true, env = "DHOW_VERBOSE", action = ArgAction::Count)]
    verbose: u8,

    /// Weight from which on something is logged [default: warn]
    ///
    /// The variable DHOW_LOG wins over it and can name modules: `warn,dhow::engine=trace`.
    #[arg(long, global = true, env = "DHOW_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<Level>,

    /// Log for people or, a JSON object in a line, for programs
    #[arg(
        long,
        global = true,
        env = "DHOW_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    log_format: Format,

    /// No colour; the variable NO_COLOR does the same
    #[arg(long, global = true, env = "DHOW_NO_COLOR")]
    no_color: bool,

    /// Folder of ledger and history [default: .dhow in the project]
    ///
    /// Change it when the project's folder cannot be written. A run is resumed only with the same
    /// folder.
    #[arg(long, global = true, env = "DHOW_STATE", value_name = "DIR")]
    pub(super) state: Option<PathBuf>,

    /// Folder to work in, as if called there [default: the current one]
    #[arg(short = 'C', long, global = true, env = "DHOW_DIRECTORY", value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
}

/// The global flags and the screen.
#[derive(Debug)]
pub(super) struct Session {
    /// What was given on the command line.
    pub(super) globals: Globals,
    /// Standard error.
    pub(super) screen: Screen,
    colour: bool,
}

impl Session {
    /// A session; the log is not started yet.
    pub(super) fn new(globals: Globals) -> Self {
        let colour = !globals.no_color && has_colour();
        Session { globals, screen: Screen::start(), colour }
    }

    /// Starts the log.
    pub(super) fn log(&self) -> Result<()> {
        let level = self.globals.log_level.unwrap_or(match self.globals.verbose {
            0 => Level::Warn,
            1 => Level::Info,
            _ => Level::Debug,
        });
        log::start(level, self.globals.log_format, self.colour, &self.screen)
    }

    /// Prints the report of `error`.
    pub(super) fn complain(&self, error: &Error) {
        let report = error.report();
        let coloured = |line: &str| match line.strip_prefix("error:") {
            Some(rest) if self.colour => format!("\x1b[1;31merror:\x1b[0m{rest}"),
            _ => line.to_owned(),
        };
        self.screen.line(&report.lines().map(coloured).collect::<Vec<_>>().join("\n"));
    }

    /// Ends the command: complains if it failed, and gives the exit code.
    pub(super) fn end(&self, outcome: Result<u8, Stop>) -> u8 {
        let code = match outcome {
            Ok(code) => code,
            Err(Stop::Closed) => super::exit::SUCCESS,
            Err(Stop::Failed { error, code }) => {
                self.complain(&error);
                code
            }
        };
        self.screen.flush();
        code
    }

    /// The settings of a run that is shown while it works.
    pub(super) fn settings(&self, effort: &Effort, state: &Path) -> Settings {
        let mut observers = Observers::default().with(std::sync::Arc::new(LogObserver));
        if !self.globals.quiet {
            let style = self.style(effort.progress_interval);
            observers = observers.with(std::sync::Arc::new(Progress::on(&self.screen, style)));
        }
        let tries = effort.tries;
        Settings { observers, tries, ..plain(state, effort.limits(state)) }
    }

    fn style(&self, interval: Duration) -> Style {
        // A dumb terminal cannot go back over what it has written.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match std::io::stderr().is_terminal() && !is_dumb {
            true => Style::Bars,
            false => Style::Lines(interval),
        }
    }
}

/// The settings of a command that shows no progress.
pub(super) fn plain(state: &Path, limits: Limits) -> Settings {
    Settings {
        state: state.to_owned(),
        limits,
        select: Vec::new(),
        full_refresh: false,
        limit: None,
        tries: 1,
        retry_delay: Duration::from_secs(1),
        observers: Observers::default(),
        cancel: Cancel::default(),
    }
}

fn has_colour() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && std::io::stderr().is_terminal()
}
