//! `dhow hold-snapshot`: the process that dhow starts to hold a snapshot while dhow itself is dead.

use std::io::BufRead;

use super::exit::{SUCCESS, Stop};
use super::signals::Signals;
use super::{print, runtime};
use crate::connectors;
use crate::error::Error;

/// Runs the command: the order is a line of standard input, the answer one of standard output.
pub(super) fn run() -> Result<u8, Stop> {
    let mut order = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut order)
        .map_err(|error| Error::config("standard input cannot be read").at("system", error))?;
    runtime::block_on(2, async move {
        let mut signals = Signals::new()?;
        // Who gave the order may be dead by now; then nobody connects, and that ends the holder.
        let answer = |line: &str| drop(print::line(line));
        tokio::select! {
            done = connectors::hold(&order, answer) => done,
            _ = signals.next() => Ok(()),
        }
    })??;
    Ok(SUCCESS)
}
