//! `dhow functions`: what SQL can call beyond DataFusion's own functions.

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::print;
use super::table::{Side, Table};
use crate::transform::{FunctionDoc, manual};

/// Flags of `dhow functions`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow functions")]
pub(super) struct Functions {
    /// The list as the table in README
    #[arg(long, env = "DHOW_MARKDOWN", hide = true)]
    markdown: bool,
}

/// Runs the command.
pub(super) fn run(command: &Functions) -> Result<u8, Stop> {
    let list = if command.markdown { markdown(manual()) } else { overview(manual()) };
    print::line(&list)?;
    Ok(SUCCESS)
}

fn overview(functions: &[FunctionDoc]) -> String {
    let columns = ["function", "gives", "summary"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for FunctionDoc { call, gives, summary } in functions {
        table.row([*call, *gives, *summary].map(str::to_owned));
    }
    table.to_string()
}

/// All functions as a table for README.
fn markdown(functions: &[FunctionDoc]) -> String {
    let mut lines = vec!["| function | gives | |".to_owned(), "|---|---|---|".to_owned()];
    for FunctionDoc { call, gives, summary } in functions {
        lines.push(format!("| `{call}` | {gives} | {summary} |"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAIL: FunctionDoc =
        FunctionDoc { call: "sail(wind)", gives: "text", summary: "what to set" };

    #[test]
    fn a_function_has_a_line_for_people_and_one_for_readme() {
        assert_eq!(
            overview(&[SAIL]),
            "function    gives  summary\n\
             sail(wind)  text   what to set"
        );
        let markdown = markdown(&[SAIL]);
        assert_eq!(markdown.lines().nth(2), Some("| `sail(wind)` | text | what to set |"));
    }
}
