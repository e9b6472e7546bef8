//! `dhow connectors`: whom dhow can talk to, printed from the registry.

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::print;
use super::table::{Side, Table};
use crate::config::suggest;
use crate::connectors::{self, ALL, Connector, OptionDoc, Role, TypeDoc, named};
use crate::error::Error;

/// Flags of `dhow connectors`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow connectors csv")]
pub(super) struct Connectors {
    /// Connector whose options are shown
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The overview as the table in README
    #[arg(long, env = "DHOW_MARKDOWN", hide = true)]
    markdown: bool,
}

/// Runs the command.
pub(super) fn run(command: &Connectors) -> Result<u8, Stop> {
    match &command.name {
        None if command.markdown => print::line(&markdown(ALL))?,
        None => print::line(&overview(ALL))?,
        Some(name) => {
            let known: Vec<_> = ALL.iter().map(|connector| connector.name).collect();
            let connector = named(name).ok_or_else(|| {
                Error::config(format!("there is no connector `{name}`")).hint(suggest(name, &known))
            })?;
            print::line(&page(connector))?;
        }
    }
    Ok(SUCCESS)
}

fn overview(connectors: &[&Connector]) -> String {
    let columns = ["name", "reads", "writes", "splits", "modes", "summary"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for connector in connectors {
        table.row([
            connector.name.to_owned(),
            yes(connector.source.is_some()),
            yes(connector.sink.is_some()),
            connector.can.splits.unwrap_or("").to_owned(),
            connector.can.modes.join(", "),
            connector.summary.to_owned(),
        ]);
    }
    table.to_string()
}

/// All connectors as a table for README.
fn markdown(connectors: &[&Connector]) -> String {
    let mut lines = vec![
        "| name | what | reads, in parallel by | writes, in modes |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for Connector { name, summary, can, .. } in connectors {
        let (splits, modes) = (can.splits.unwrap_or("no"), can.modes);
        let modes = if modes.is_empty() { "no".to_owned() } else { modes.join(", ") };
        lines.push(format!("| `{name}` | {summary} | {splits} | {modes} |"));
    }
    lines.join("\n")
}

/// Everything about one connector.
fn page(connector: &Connector) -> String {
    let endings: Vec<_> = connector.can.endings.iter().map(|e| format!(".{e}")).collect();
    let schemes: Vec<_> = connector.can.schemes.iter().map(|s| format!("{s}://")).collect();
    let resumes = if connector.can.reopen { "yes" } else { "no, it starts over" };
    let facts = [
        ("splits", connector.can.splits.unwrap_or("").to_owned()),
        ("resumes", connector.source.map_or(String::new(), |_| resumes.to_owned())),
        ("modes", connector.can.modes.join(", ")),
        ("endings", endings.join(", ")),
        ("urls", schemes.join(", ")),
    ];
    let mut page = format!("{}: {}\n", connector.name, connector.summary);
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        page.push_str(&format!("\n  {:<9}{fact}", format!("{name}:")));
    }
    let all = connectors::options(connector);
    if !all.is_empty() {
        page.push_str(&format!("\n\n{}", options(&all)));
    }
    if let Some(list) = connector.types {
        page.push_str(&format!("\n\n{}", types(&list())));
    }
    page.trim_end().to_owned()
}

fn options(options: &[OptionDoc]) -> Table {
    let columns = ["option", "of", "default", "summary"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for option in options {
        let role = match option.role {
            None => "both",
            Some(Role::Source) => "source",
            Some(Role::Sink) => "sink",
        };
        let default = option.default.unwrap_or("").to_owned();
        table.row([option.name.to_owned(), role.to_owned(), default, option.summary.to_owned()]);
    }
    table
}

fn types(types: &[TypeDoc]) -> Table {
    let columns = ["type", "becomes", "remark"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for TypeDoc { name, becomes, remark } in types {
        table.row([name.clone(), becomes.clone(), (*remark).to_owned()]);
    }
    table
}

fn yes(is: bool) -> String {
    if is { "yes".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::Capability;

    const TAPE: Connector = Connector {
        name: "tape",
        summary: "reels of tape",
        can: Capability {
            endings: &["tap"],
            schemes: &["reel"],
            splits: Some("reel"),
            reopen: true,
            modes: &["append"],
        },
        options: &[
            OptionDoc { name: "path", role: None, default: None, summary: "where the reels are" },
            OptionDoc {
                name: "speed",
                role: Some(Role::Source),
                default: Some("1"),
                summary: "turns in a second",
            },
        ],
        types: Some(|| {
            let (name, becomes) = ("hole".to_owned(), "boolean".to_owned());
            vec![TypeDoc { name, becomes, remark: "punched" }]
        }),
        check: |_, _| Vec::new(),
        source: Some(|_, _| Err(Error::bug("never opened"))),
        sink: None,
    };

    #[test]
    fn the_overview_has_a_line_for_each_connector() {
        assert_eq!(
            overview(&[&TAPE]),
            "name  reads  writes  splits  modes   summary\n\
             tape  yes            reel    append  reels of tape"
        );
    }

    #[test]
    fn the_overview_for_readme_is_markdown() {
        let markdown = markdown(&[&TAPE]);
        assert_eq!(markdown.lines().nth(2), Some("| `tape` | reels of tape | reel | append |"));
    }

    #[test]
    fn the_page_of_a_connector_lists_its_options_and_types() {
        let expected = "\
tape: reels of tape

  splits:  reel
  resumes: yes
  modes:   append
  endings: .tap
  urls:    reel://

option  of      default  summary
path    both             where the reels are
speed   source  1        turns in a second

type  becomes  remark
hole  boolean  punched";
        assert_eq!(page(&TAPE), expected);
    }
}
