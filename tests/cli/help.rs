//! Help, version and completions.

use crate::{dhow, said};

fn out(arguments: &[&str]) -> String {
    let said = dhow(std::path::Path::new("."), arguments);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments:?}");
    said.out
}

#[test]
fn the_version_names_the_machine_it_is_built_for() {
    let (cpu, system) = (std::env::consts::ARCH, std::env::consts::OS);
    let expected = format!("dhow {} ({cpu}-{system})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(dhow(std::path::Path::new("."), &["--version"]), said(0, &expected, ""));
}

#[test]
fn the_first_page_lists_every_command() {
    assert_eq!(out(&["-h"]), FIRST_PAGE);
}

#[test]
fn the_long_page_ends_with_the_exit_codes() {
    let page = out(&["--help"]);
    assert!(page.contains("`--spill-dir` is DHOW_SPILL_DIR"), "{page}");
    assert!(page.ends_with("143  ended by SIGTERM; run again to go on\n"), "{page}");
}

#[test]
fn the_page_of_run_lists_its_flags() {
    assert_eq!(out(&["run", "-h"]), RUN_PAGE);
}

#[test]
fn a_page_says_when_one_would_change_a_flag() {
    let page = out(&["run", "--help"]);
    assert!(page.contains("give fewer"), "{page}");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(out(&["completions", shell]).contains("spill-limit"), "{shell}");
    }
}

#[test]
fn the_registry_is_printed() {
    let table = out(&["connectors"]);
    let names: Vec<_> = table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        names,
        [
            "name",
            "bigquery",
            "connectorx",
            "csv",
            "doris",
            "json",
            "memory",
            "mysql",
            "parquet",
            "postgres",
            "sqlite",
            "sqlserver"
        ]
    );
    assert!(out(&["connectors", "csv"]).starts_with("csv: "));
}

const FIRST_PAGE: &str = "\
Move tables through SQL models and prove that every row arrived exactly once

Usage: dhow [OPTIONS] <COMMAND>

Commands:
  init         Make a new project, or one more pipeline in it
  check        Find everything that is wrong with a pipeline, without any I/O
  plan         Say what a run would do, and write nothing
  run          Run a pipeline
  sql          Run a statement over files, and print or write its rows
  copy         Copy one source to one target
  runs         List past runs
  connectors   List connectors, or the options of one
  functions    List the functions that SQL has beyond those of DataFusion
  clean        Remove what killed and replaced loads have left beside a table
  completions  Print a completion script for a shell

Options:
  -h, --help     Print help (see more with '--help')
  -V, --version  Print version

Global options:
  -q, --quiet                Results and errors only, no progress
  -v, --verbose...           Log what happens; twice for every detail
      --log-level <LEVEL>    Weight from which on something is logged [default: warn] [possible
                             values: error, warn, info, debug, trace]
      --log-format <FORMAT>  Log for people or, a JSON object in a line, for programs [default:
                             text] [possible values: text, json]
      --no-color             No colour; the variable NO_COLOR does the same
      --state <DIR>          Folder of ledger and history [default: .dhow in the project]
  -C, --directory <DIR>      Folder to work in, as if called there [default: the current one]

Example: dhow init && dhow run
";

const RUN_PAGE: &str = "\
Run a pipeline

Usage: dhow run [OPTIONS] [PIPELINE]

Arguments:
  [PIPELINE]  Name under pipelines/, or path [default: the only pipeline there is]

Options:
  -s, --select <NAME>             Load only sinks that are named or need a named model; repeat for
                                  more
      --var <NAME=VALUE>          Value of a parameter, in place of the one in the pipeline; repeat
                                  for more
  -j, --jobs <N>                  Splits in flight at once [default: cores]
      --memory <SIZE>             Memory for rows, joins and sorts together [default: 60 % of the
                                  machine or cgroup]
      --spill-dir <DIR>           Folder for what does not fit into memory [default: spill/ in the
                                  state folder]
      --spill-limit <SIZE>        Disk space for what does not fit into memory [default: 50GB]
      --tries <N>                 Tries of a part before the run fails [default: 5]
      --progress-interval <TIME>  Time between two lines of progress where there is no terminal
                                  [default: 10s]
      --dry-run                   Print the plan and write nothing
      --full-refresh              Forget watermarks and unfinished loads, and read everything again
      --limit <N>                 Rows written to each sink, at most: for a trial
      --output <FORMAT>           Result for people or, as JSON, for programs [default: text]
                                  [possible values: text, json]
  -h, --help                      Print help (see more with '--help')

Global options:
  -q, --quiet                Results and errors only, no progress
  -v, --verbose...           Log what happens; twice for every detail
      --log-level <LEVEL>    Weight from which on something is logged [default: warn] [possible
                             values: error, warn, info, debug, trace]
      --log-format <FORMAT>  Log for people or, a JSON object in a line, for programs [default:
                             text] [possible values: text, json]
      --no-color             No colour; the variable NO_COLOR does the same
      --state <DIR>          Folder of ledger and history [default: .dhow in the project]
  -C, --directory <DIR>      Folder to work in, as if called there [default: the current one]

Example: dhow run nightly --var day=2026-03-01 --jobs 4
";
