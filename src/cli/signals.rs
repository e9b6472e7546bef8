//! Ctrl-C and SIGTERM: once asks the run to stop cleanly, twice ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{INTERRUPTED, Stop, TERMINATED};
use super::screen::Screen;
use crate::engine::Cancel;
use crate::error::{Error, Kind, Result};

/// Listens for both signals.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes both signals from now on.
    pub(super) fn new() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Error::denied("the system does not let dhow listen for signals").at("system", error)
            })
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The exit code of the next signal.
    pub(super) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }

    /// Asks `cancel` at the first signal and ends the process at the second, in the background.
    pub(super) fn stop(mut self, cancel: Cancel, screen: Screen) -> Asked {
        let asked = Asked(Arc::new(AtomicU8::new(INTERRUPTED)));
        let code = Arc::clone(&asked.0);
        tokio::spawn(async move {
            code.store(self.next().await, Ordering::SeqCst);
            cancel.ask();
            screen.line("finishing splits in flight; once more to abort");
            let code = self.next().await;
            screen.hide();
            std::process::exit(i32::from(code));
        });
        asked
    }
}

/// Which signal asked the run to stop.
#[derive(Debug)]
pub(super) struct Asked(Arc<AtomicU8>);

impl Asked {
    /// `error` with the exit code of the signal, if that is what ended the run.
    pub(super) fn stop(&self, error: Error) -> Stop {
        match error.kind() {
            Kind::Cancelled => Stop::Failed { error, code: self.0.load(Ordering::SeqCst) },
            _ => error.into(),
        }
    }
}
