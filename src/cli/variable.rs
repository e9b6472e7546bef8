//! Parameters of the command line: `--var day=2026-03-01`.

use clap::Args;
use jiff::civil::{Date, DateTime};

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
        Some((name, text)) if super::adhoc::is_name(name) => Ok((name.to_owned(), value(text))),
        _ => Err("write name=value, such as day=2026-03-01".to_owned()),
    }
}

/// The value in `text`, with the narrowest type that keeps every character of it.
fn value(text: &str) -> Var {
    if let Ok(boolean) = text.parse() {
        return Var::Boolean(boolean);
    }
    if is_number(text) {
        return text.parse().map_or_else(|_| Var::Decimal(text.to_owned()), Var::Integer);
    }
    let shaped = |shape: &str| {
        text.len() >= shape.len()
            && text.bytes().zip(shape.bytes()).all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                _ => found == wanted,
            })
    };
    if text.len() == 10
        && shaped("0000-00-00")
        && let Ok(date) = text.parse::<Date>()
    {
        return Var::Date(date);
    }
    let has_zone = text.get(19..).is_some_and(|rest| rest.contains(|c: char| !is_fraction(c)));
    if shaped("0000-00-00T00:00:00")
        && !has_zone
        && let Ok(timestamp) = text.parse::<DateTime>()
    {
        return Var::Timestamp(timestamp);
    }
    Var::Text(text.to_owned())
}

fn is_fraction(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// Whether `text` is a number as SQL writes it: a leading zero, as in a postcode, makes it text.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(decimals) && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_gets_the_narrowest_type_that_keeps_every_character() {
        let decimal = |text: &str| Var::Decimal(text.to_owned());
        let text = |text: &str| Var::Text(text.to_owned());
        for (given, expected) in [
            ("5", Var::Integer(5)),
            ("-5", Var::Integer(-5)),
            ("0.050", decimal("0.050")),
            ("99999999999999999999", decimal("99999999999999999999")),
            ("true", Var::Boolean(true)),
            ("True", text("True")),
            ("2026-03-01", Var::Date("2026-03-01".parse().unwrap())),
            ("2026-02-30", text("2026-02-30")),
            ("2026-03-01T12:00:00", Var::Timestamp("2026-03-01T12:00:00".parse().unwrap())),
            ("2026-03-01T12:00:00.5", Var::Timestamp("2026-03-01T12:00:00.5".parse().unwrap())),
            ("2026-03-01T12:00:00Z", text("2026-03-01T12:00:00Z")),
            ("2026-03-01T12:00:00+01:00", text("2026-03-01T12:00:00+01:00")),
            ("01234", text("01234")),
            ("1e5", text("1e5")),
            ("", text("")),
            ("-", text("-")),
            (".5", text(".5")),
        ] {
            assert_eq!(value(given), expected, "{given}");
        }
    }

    #[test]
    fn an_assignment_needs_a_name_and_keeps_later_equal_signs() {
        assert_eq!(assignment("f=a=b"), Ok(("f".to_owned(), Var::Text("a=b".to_owned()))));
        assert!(assignment("=5").is_err());
        assert!(assignment("day").is_err());
    }
}
