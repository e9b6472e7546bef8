//! Parameters of the command line: `--var day=2026-03-01`.

use clap::Args;

use crate::config::Var;

/// The flag that every command with SQL takes.
#[derive(Debug, Args)]
pub(super) struct Vars {
    /// Value of a parameter, in place of the one in the pipeline; repeat for more
    ///
    /// `{name}` in a model stands for the value, which is bound with its type and never pasted
    /// into the SQL: a whole number, a decimal, true or false, a date, a timestamp, or else text.
    #[arg(long = "var", env = "DHOW_VAR", value_name = "NAME=VALUE", value_parser = assignment)]
    pub(super) vars: Vec<(String, Var)>,
}

fn assignment(text: &str) -> Result<(String, Var), String> {
    match text.split_once('=') {
        Some((name, text)) if super::adhoc::is_name(name) => {
            let value = Var::parse(text).map_err(|error| error.to_string())?;
            Ok((name.to_owned(), value))
        }
        _ => Err("write name=value, such as day=2026-03-01".to_owned()),
    }
}
