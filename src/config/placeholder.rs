//! Puts variables (`${NAME}`) and placeholders (`{date}`) into single values.
//!
//! This happens after the file was parsed, so that no value can change its structure, and in one
//! pass, so that nothing inside a value is looked at again.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::config::env::Found;
use crate::config::names::is_identifier;
use crate::config::{Node, Place, Problem, Value, Variables, suggest};

/// What may be put in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// What `${NAME}` stands for.
    pub(super) variables: &'a Variables,
    /// What `{name}` stands for; `None` where braces are just braces.
    pub(super) placeholders: Option<&'a BTreeMap<String, String>>,
}

/// Something in a text that cannot be put in.
#[derive(Debug, PartialEq)]
struct Trouble {
    bytes: Range<usize>,
    message: String,
    hint: String,
}

impl Scope<'_> {
    /// Puts values into every single value of `node`; keys stay as they are. Returns the places of
    /// values that stay unknown beside the problems.
    pub(super) fn fill(&self, node: &mut Node, problems: &mut Vec<Problem>) -> Vec<Place> {
        match &mut node.value {
            Value::Null => Vec::new(),
            Value::List(items) => {
                items.iter_mut().flat_map(|item| self.fill(item, problems)).collect()
            }
            Value::Map(entries) => {
                entries.iter_mut().flat_map(|(.., node)| self.fill(node, problems)).collect()
            }
            Value::Scalar { .. } => self.fill_scalar(node, problems),
        }
    }

    fn fill_scalar(&self, node: &mut Node, problems: &mut Vec<Problem>) -> Vec<Place> {
        let Value::Scalar { text, quoted } = &mut node.value else { return Vec::new() };
        let (filled, troubles) = self.text(text);
        let known = troubles.is_empty();
        for trouble in troubles {
            let place = within(&node.place, text, *quoted, &trouble.bytes);
            problems.push(Problem::new(&place, trouble.message).hint(trouble.hint));
        }
        if filled != *text {
            node.written = Some(std::mem::replace(text, filled));
        }
        if text.contains('\0') {
            problems.push(Problem::new(&node.place, "there is a NUL character in this value"));
            return vec![node.place.clone()];
        }
        if known { Vec::new() } else { vec![node.place.clone()] }
    }

    fn text(&self, text: &str) -> (String, Vec<Trouble>) {
        let mut filled = String::with_capacity(text.len());
        let mut troubles = Vec::new();
        let mut at = 0;
        while let Some(next) = text[at..].find(['$', '{', '}']) {
            filled.push_str(&text[at..at + next]);
            at += next;
            let (length, value) = self.token(&text[at..]);
            match value {
                Ok(value) => filled.push_str(&value),
                Err((message, hint)) => {
                    filled.push_str(&text[at..at + length]);
                    troubles.push(Trouble { bytes: at..at + length, message, hint });
                }
            }
            at += length;
        }
        filled.push_str(&text[at..]);
        (filled, troubles)
    }

    /// The length of what `rest` begins with, in bytes, and what it stands for.
    fn token(&self, rest: &str) -> (usize, Result<String, (String, String)>) {
        if rest.starts_with("$$") {
            return (2, Ok("$".to_owned()));
        }
        if let Some(body) = rest.strip_prefix("${") {
            return self.variable(body);
        }
        match self.placeholders {
            Some(known) if !rest.starts_with('$') => placeholder(rest, known),
            _ => (1, Ok(rest[..1].to_owned())),
        }
    }

    fn variable(&self, body: &str) -> (usize, Result<String, (String, String)>) {
        let Some(end) = body.find('}') else {
            let message = "`${` is never closed".to_owned();
            return (body.len() + 2, wrong(message, "write `${NAME}`, or `$$` for a dollar sign"));
        };
        let inner = &body[..end];
        if inner.contains('{') {
            let close = body.rfind('}').unwrap_or(end);
            let message = "a variable cannot stand inside another one".to_owned();
            return (close + 3, wrong(message, "set one variable to the whole value"));
        }
        (end + 3, self.value_of(inner))
    }

    fn value_of(&self, inner: &str) -> Result<String, (String, String)> {
        let (name, otherwise) = match inner.split_once(':') {
            Some((name, otherwise)) => (name, otherwise),
            None => (inner, ""),
        };
        let default = otherwise.strip_prefix('-');
        let complaint = otherwise.strip_prefix('?');
        let understood = default.is_some() || complaint.is_some() || !inner.contains(':');
        if !is_identifier(name) || !understood {
            return wrong(
                format!("`${{{inner}}}` is not a variable"),
                "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`",
            );
        }
        match (self.variables.get(name), default, complaint) {
            (Found::NotText, ..) => wrong(
                format!("the variable `{name}` is not UTF-8 text"),
                "set it to text in the environment or in `.env`",
            ),
            (Found::Value(value), ..) if !value.reveal().is_empty() => {
                Ok(value.reveal().to_owned())
            }
            (_, Some(default), _) => Ok(default.to_owned()),
            (Found::Value(_), _, None) => Ok(String::new()),
            (Found::Value(_) | Found::Missing, _, Some(message)) if !message.is_empty() => {
                wrong(format!("the variable `{name}` is not set"), message)
            }
            (Found::Value(_) | Found::Missing, ..) => wrong(
                format!("the variable `{name}` is not set"),
                &format!("set it in the environment or in `.env`, or write `${{{name}:-default}}`"),
            ),
        }
    }
}

fn placeholder(
    rest: &str,
    known: &BTreeMap<String, String>,
) -> (usize, Result<String, (String, String)>) {
    for brace in ["{", "}"] {
        if rest.starts_with(&brace.repeat(2)) {
            return (2, Ok(brace.to_owned()));
        }
    }
    let end = rest.find('}').filter(|_| rest.starts_with('{'));
    let Some(end) = end else {
        let message = format!("`{}` stands alone here", &rest[..1]);
        return (1, wrong(message, "write `{{` or `}}` for a brace"));
    };
    let name = &rest[1..end];
    match known.get(name) {
        Some(value) => (end + 1, Ok(value.clone())),
        None if is_identifier(name) => {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            let hint = format!(
                "{}; declare others under `vars`, write `{{{{` for a brace",
                suggest(name, &names)
            );
            (end + 1, wrong(format!("there is no placeholder `{{{name}}}`"), &hint))
        }
        None => {
            let hint = "a glob knows `*`, `?` and `[ab]`, but no `{a,b}`; write `{{` for a brace";
            (end + 1, wrong(format!("`{{{name}}}` is not a placeholder"), hint))
        }
    }
}

fn wrong(message: String, hint: &str) -> Result<String, (String, String)> {
    Err((message, hint.to_owned()))
}

/// The place of a part of a single value, where it can be told from the value: a value with
/// escapes or several lines is underlined whole.
fn within(place: &Place, text: &str, quoted: bool, bytes: &Range<usize>) -> Place {
    let quotes = usize::from(quoted);
    let mut place = place.clone();
    if place.width == text.chars().count() + 2 * quotes {
        place.column += quotes + text[..bytes.start].chars().count();
        place.width = text[bytes.clone()].chars().count();
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> (String, Vec<String>) {
        let variables = Variables::of([
            ("A", "a b: #\n"),
            ("EMPTY", ""),
            ("LOOP", "${LOOP} {date}"),
            ("BRACES", "{date}"),
        ]);
        let known = [("date", "2026-03-01"), ("YYYY", "2026"), ("name", "{date}")];
        let known = known.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let scope = Scope { variables: &variables, placeholders: Some(&known) };
        let (filled, troubles) = scope.text(text);
        let shown = |t: Trouble| format!("{} at {:?}: {}", t.message, t.bytes, t.hint);
        (filled, troubles.into_iter().map(shown).collect())
    }

    #[test]
    fn variables_and_placeholders_are_put_in_once() {
        let cases = [
            ("x${A}y", "xa b: #\ny"),
            ("${EMPTY}", ""),
            ("${EMPTY:-d}${NONE:-e f}${NONE:-}", "de f"),
            ("${A:?tell}", "a b: #\n"),
            ("$$HOME $HOME 5$ $${A}", "$HOME $HOME 5$ ${A}"),
            ("${LOOP}${BRACES}", "${LOOP} {date}{date}"),
            ("in/{YYYY}/{date}-{name}.csv", "in/2026/2026-03-01-{date}.csv"),
            ("{{a}}", "{a}"),
        ];
        for (text, filled) in cases {
            // `$${A}` is a dollar and then braces, which placeholders would read.
            let text = text.replace("$${A}", "$${{A}}");
            assert_eq!(fill(&text), (filled.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_put_in_is_named_with_its_place() {
        let set = "set it in the environment or in `.env`, or write `${NONE:-default}`";
        let forms = "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`";
        let globs = "a glob knows `*`, `?` and `[ab]`, but no `{a,b}`; write `{{` for a brace";
        let cases = [
            ("a ${NONE}", format!("the variable `NONE` is not set at 2..9: {set}")),
            ("${NONE:?ask Ann}", "the variable `NONE` is not set at 0..16: ask Ann".to_owned()),
            ("${EMPTY:?ask Ann}", "the variable `EMPTY` is not set at 0..17: ask Ann".to_owned()),
            (
                "${A${B}}",
                "a variable cannot stand inside another one at 0..8: \
                 set one variable to the whole value"
                    .to_owned(),
            ),
            (
                "x${A",
                "`${` is never closed at 1..4: write `${NAME}`, or `$$` for a dollar sign"
                    .to_owned(),
            ),
            ("${env:A}", format!("`${{env:A}}` is not a variable at 0..8: {forms}")),
            ("${a-b}", format!("`${{a-b}}` is not a variable at 0..6: {forms}")),
            ("${}", format!("`${{}}` is not a variable at 0..3: {forms}")),
            ("*.{a,b}", format!("`{{a,b}}` is not a placeholder at 2..7: {globs}")),
            ("{", "`{` stands alone here at 0..1: write `{{` or `}}` for a brace".to_owned()),
            ("a}", "`}` stands alone here at 1..2: write `{{` or `}}` for a brace".to_owned()),
            (
                "{dat}",
                "there is no placeholder `{dat}` at 0..5: did you mean `date`? known here: \
                 YYYY, date, name; declare others under `vars`, write `{{` for a brace"
                    .to_owned(),
            ),
        ];
        for (text, trouble) in cases {
            assert_eq!(fill(text).1, [trouble], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s)[${}:?aä-]{0,20}|.{0,40}") {
            fill(&text);
        }
    }
}
