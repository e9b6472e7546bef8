//! How the program ends: exit codes, which are stable, and the two ways in which a command stops.

use serde_json::{Value, json};

use crate::error::Error;

/// Everything was done.
pub(super) const SUCCESS: u8 = 0;
/// The run finished without some rows: they were refused, or their shard was left for a later run.
pub(super) const PARTIAL: u8 = 3;
/// SIGINT ended the run, or nobody knows which signal it was.
pub(super) const INTERRUPTED: u8 = 130;
/// SIGTERM ended the run.
pub(super) const TERMINATED: u8 = 143;

/// The table of exit codes, as `dhow --help` and README show it.
pub(super) const TABLE: &str = "\
Exit codes:
    0  success
    1  the run failed, and will fail again until somebody acts
    2  the command line or the pipeline is written wrongly
    3  the run finished; rows were refused, or a shard was left for a later run
    4  the columns of a load do not fit its target
    5  a check returned rows
    6  the other side did not answer, or a limit was reached: run again
    7  refused: it would destroy something, or another process is at work
  130  interrupted by Ctrl-C; run again to go on
  143  ended by SIGTERM; run again to go on";

/// Why a command ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed; the exit code usually follows from the error's kind.
    Failed {
        /// What went wrong.
        error: Error,
        /// How the process exits.
        code: u8,
    },
    /// Whoever read standard output has closed it, as `head` does: nothing is left to do.
    Closed,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let code = error.kind().exit_code();
        Stop::Failed { error, code }
    }
}

/// What went wrong, for programs: the same for `--output json` of every command.
pub(super) fn failure(error: &Error, code: u8) -> Value {
    let places: serde_json::Map<_, _> =
        error.places().iter().map(|(what, value)| (what.clone(), json!(value))).collect();
    let place = error.shown_excerpt().map(
        |excerpt| json!({ "file": excerpt.file, "line": excerpt.line, "column": excerpt.column }),
    );
    json!({
        "class": error.kind().word(),
        "message": error.message(),
        "at": place,
        "places": places,
        "hint": error.advice(),
        "exit_code": code,
        "others": error.others().iter().map(|e| failure(e, code)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn every_exit_code_is_in_the_table() {
        let codes = Kind::ALL.iter().map(|kind| kind.exit_code());
        for code in codes.chain([SUCCESS, PARTIAL, INTERRUPTED, TERMINATED]) {
            let known = TABLE.lines().any(|line| line.starts_with(&format!("{code:>5}  ")));
            assert!(known, "{code} is not in the table");
        }
    }

    #[test]
    fn a_failure_for_programs_carries_class_places_and_code() {
        let error = Error::missing("`a.csv` does not exist").at("source", "orders");
        assert_eq!(
            failure(&error, 1),
            json!({
                "class": "missing",
                "message": "`a.csv` does not exist",
                "at": null,
                "places": { "source": "orders" },
                "hint": null,
                "exit_code": 1,
                "others": [],
            })
        );
    }
}
