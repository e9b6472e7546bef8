//! The log on standard error, for people or as JSON, and the observer that writes a run into it.

use std::io;

use clap::ValueEnum;
use tracing::{debug, info, trace, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::screen::Screen;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};

/// From which weight on something is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object in a line.
    Json,
}

/// Starts the log. The variable `DHOW_LOG`, in the syntax of tracing's `EnvFilter`, wins over
/// `level`; without it, libraries speak only when they warn.
pub(super) fn start(level: Level, format: Format, colour: bool, screen: &Screen) -> Result<()> {
    let written = std::env::var("DHOW_LOG").ok().filter(|written| !written.is_empty());
    let wanted = written.as_deref().unwrap_or(directives(level));
    let filter = EnvFilter::try_new(format!("{wanted},{SILENT}")).map_err(|error| {
        Error::config(format!("`DHOW_LOG={wanted}` is no log filter")).at("reason", error)
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_target(level >= Level::Debug)
        .with_writer(Lines(screen.clone()));
    // It fails only when a log is there already, as in a test; then that one is used.
    let _ = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Says what rows hold: the driver of SQL Server logs them, and messages that quote them.
const SILENT: &str = "tiberius=off";

fn directives(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "warn,dhow=info",
        Level::Debug => "info,dhow=debug",
        Level::Trace => "debug,dhow=trace",
    }
}

/// Hands each line to the screen, which never makes a run wait.
#[derive(Debug)]
struct Lines(Screen);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0.clone())
    }
}

#[derive(Debug)]
struct Line(Screen);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the events of a run into the log.
#[derive(Debug)]
pub(super) struct LogObserver;

impl Observer for LogObserver {
    fn on(&self, event: &Event) {
        match event {
            Event::RunStarted { run, pipeline, resumed } => {
                info!(run, pipeline, resumed, "run started");
            }
            Event::CheckFinished { check, rows, refused } => {
                info!(check, rows, refused, "checked");
            }
            Event::LoadStarted { sink, load, parts, kept, rows, bytes } => {
                info!(sink, load, parts, kept, rows, bytes, "load started");
            }
            Event::LoadStartedOver { sink, load, reason } => {
                info!(sink, load, reason, "load started over");
            }
            Event::RowsRead { sink, rows, bytes } => trace!(sink, rows, bytes, "read"),
            Event::RowsWritten { sink, rows, bytes } => trace!(sink, rows, bytes, "written"),
            Event::PartStaged { sink, part, rows, bytes } => {
                debug!(sink, part, rows, bytes, "staged");
            }
            Event::PartRetried { sink, part, attempt, delay, error } => {
                warn!(sink, part, attempt, ?delay, error, "tried again");
            }
            Event::RowsRefused { sink, rows, table } => info!(sink, rows, table, "refused"),
            Event::LoadPublished { sink, mark, found } => {
                info!(sink, load = %mark.load, rows = mark.rows, found, "published");
            }
            Event::LoadSkipped { sink, load } => info!(sink, load, "skipped"),
            Event::LoadFailed { sink, error } => info!(sink, error, "load failed"),
            Event::RunFinished { run, succeeded, elapsed } => {
                info!(run, succeeded, ?elapsed, "run finished");
            }
        }
    }
}
