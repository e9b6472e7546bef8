//! The `dhow` program: parse, run, exit code. Everything else is in [`dhow::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    dhow::cli::main(std::env::args_os().collect()).into()
}
