//! Variables: the environment of the process, and the file `.env` behind it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use crate::config::{Place, Problem, Secret};

/// Variables that `${NAME}` in a pipeline file stands for. Every value is a secret.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    // `None` for a value that is not UTF-8.
    values: BTreeMap<String, Option<Secret>>,
}

/// What is known of one variable.
pub(super) enum Found<'a> {
    /// Its value.
    Value(&'a Secret),
    /// It is set, but not to UTF-8 text.
    NotText,
    /// It is not set.
    Missing,
}

impl Variables {
    /// Those of this process.
    pub fn of_process() -> Self {
        Variables::of(std::env::vars_os())
    }

    /// These variables and no others.
    pub fn of<T: Into<OsString>>(variables: impl IntoIterator<Item = (T, T)>) -> Self {
        let text = |value: T| value.into().into_string().ok();
        let entry = |(name, value)| {
            let name = text(name)?;
            let value = text(value).map(|value| secret(&name, value));
            Some((name, value))
        };
        Variables { values: variables.into_iter().filter_map(entry).collect() }
    }

    pub(super) fn get(&self, name: &str) -> Found<'_> {
        match self.values.get(name) {
            Some(Some(secret)) => Found::Value(secret),
            Some(None) => Found::NotText,
            None => Found::Missing,
        }
    }

    /// These, and those of the `.env` file `text` that are not among them.
    pub(super) fn or_of_file(mut self, file: &str, text: &str) -> (Self, Vec<Problem>) {
        let (entries, problems) = parse(file, text);
        for (name, value) in entries {
            self.values.entry(name).or_insert(Some(value));
        }
        (self, problems)
    }
}

/// A variable whose name says so is a secret wherever it turns up; others may well be words.
fn secret(name: &str, value: String) -> Secret {
    if name.starts_with("DHOW_SECRET_") { Secret::guarded(value) } else { Secret::new(value) }
}

/// The `KEY=value` lines of a `.env` file. Problems name a line and never show it.
fn parse(file: &str, text: &str) -> (BTreeMap<String, Secret>, Vec<Problem>) {
    let file: Arc<str> = file.into();
    let mut entries = BTreeMap::new();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = Place { file: file.clone(), line: index + 1, column: 1, width: 0 };
        match entry(line) {
            Ok(None) => {}
            Ok(Some((name, value))) => {
                if entries.insert(name.to_owned(), secret(name, value)).is_some() {
                    let message = format!("the variable `{name}` is set twice");
                    problems.push(Problem::new(&place, message).hint("remove one of the two"));
                }
            }
            Err(message) => {
                let hint = "a line is `NAME=value`, `NAME=\"value\"` or a `# comment`";
                problems.push(Problem::new(&place, message).hint(hint));
            }
        }
    }
    (entries, problems)
}

fn entry(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("there is no `=` in this line")?;
    let name = name.trim();
    if !super::names::is_identifier(name) {
        return Err("the name before `=` is not letters, digits and `_`");
    }
    Ok(Some((name, value_of(value.trim())?)))
}

fn value_of(value: &str) -> Result<String, &'static str> {
    let (text, rest) = match value.chars().next() {
        Some('\'') => {
            let (text, rest) = value[1..].split_once('\'').ok_or("a quote is never closed")?;
            (text.to_owned(), rest)
        }
        Some('"') => double_quoted(&value[1..])?,
        _ => return Ok(plain(value).to_owned()),
    };
    match rest.trim_start() {
        rest if rest.is_empty() || rest.starts_with('#') => Ok(text),
        _ => Err("something follows the closing quote"),
    }
}

/// A value without quotes ends where a comment begins: at a `#` after white space.
fn plain(value: &str) -> &str {
    let comment = value
        .char_indices()
        .find(|(at, c)| *c == '#' && (*at == 0 || value[..*at].ends_with(char::is_whitespace)));
    comment.map_or(value, |(at, _)| value[..at].trim_end())
}

fn double_quoted(value: &str) -> Result<(String, &str), &'static str> {
    let mut text = String::new();
    let mut chars = value.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((text, &value[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, 't')) => text.push('\t'),
                Some((_, c @ ('"' | '\\' | '$'))) => text.push(c),
                _ => return Err("a `\\` is followed by something other than n r t \" \\ $"),
            },
            c => text.push(c),
        }
    }
    Err("a quote is never closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let (entries, problems) = parse(".env", text);
        assert_eq!(problems, []);
        entries.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect()
    }

    #[test]
    fn quotes_comments_export_and_windows_line_ends_are_understood() {
        let text = "# first\r\nA=1\r\nexport B = two words # why\r\n\r\nC='#x $y \\n'\n\
                    D=\"a\\\"b\\n\" # ok\nE=\nF=a#b\nG==\nH= # nothing";
        let pairs = read(text);
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("A", "1"),
                ("B", "two words"),
                ("C", "#x $y \\n"),
                ("D", "a\"b\n"),
                ("E", ""),
                ("F", "a#b"),
                ("G", "="),
                ("H", ""),
            ]
        );
    }

    #[test]
    fn a_wrong_line_is_named_and_never_shown() {
        let text = "hunter2\nA='hunter2\n1A=hunter2\nB=1\nB=2\nC=\"x\" hunter2\nD=\"\\q\"";
        let (_, problems) = parse(".env", text);
        let lines: Vec<_> = problems
            .into_iter()
            .map(|p| p.into_error(None).report())
            .inspect(|report| assert!(!report.contains("hunter2"), "{report}"))
            .map(|report| report.lines().take(2).collect::<Vec<_>>().join(""))
            .collect();
        assert_eq!(
            lines,
            [
                "error: there is no `=` in this line  place: .env:1:1",
                "error: a quote is never closed  place: .env:2:1",
                "error: the name before `=` is not letters, digits and `_`  place: .env:3:1",
                "error: the variable `B` is set twice  place: .env:5:1",
                "error: something follows the closing quote  place: .env:6:1",
                "error: a `\\` is followed by something other than n r t \" \\ $  place: .env:7:1",
            ]
        );
    }

    #[test]
    fn the_real_environment_wins_over_the_file() {
        let (variables, problems) =
            Variables::of([("A", "real")]).or_of_file(".env", "A=file\nB=file");
        assert_eq!(problems, []);
        let value = |name| match variables.get(name) {
            Found::Value(secret) => secret.reveal(),
            Found::NotText | Found::Missing => "none",
        };
        assert_eq!([value("A"), value("B"), value("C")], ["real", "file", "none"]);
        assert!(!format!("{variables:?}").contains("real"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_any_quoted_value_comes_back(
            text in "(?s).{0,60}", value in "[^'\r\n]{0,20}"
        ) {
            parse(".env", &text);
            proptest::prop_assert_eq!(read(&format!("A='{value}'")), [("A".to_owned(), value)]);
        }
    }
}
