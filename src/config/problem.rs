//! Something that is wrong with what the user wrote.

use crate::config::{Node, Place, Value};
use crate::error::{Error, Excerpt, Kind};

/// Something that is wrong, with its place. Problems are collected; the user sees them all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: lower case, no full stop, the thing in backticks.
    pub message: String,
    /// Where it is written.
    pub place: Option<Place>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at `place`.
    pub fn new(place: &Place, message: impl Into<String>) -> Self {
        Problem { message: message.into(), place: Some(place.clone()), hint: None }
    }

    /// Sets what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A problem with `word`, which is not among `known`: names the nearest one, or all.
    pub fn unknown(place: &Place, what: &str, word: &str, known: &[&str]) -> Self {
        let problem = Problem::new(place, format!("there is no {what} `{word}`"));
        problem.hint(suggest(word, known))
    }

    /// What `error` says of what stands at `place`.
    pub fn told(place: &Place, error: &Error) -> Self {
        let problem = Problem::new(place, error.message());
        Problem { hint: error.advice().map(str::to_owned), ..problem }
    }

    /// What `error` says about the value of `node`, which stands at `place`; a value that came
    /// from a variable is shown as it stands in the file.
    pub(super) fn of_error(error: &Error, node: Option<&Node>, place: &Place) -> Self {
        let problem = Problem::told(place, error);
        node.map_or(problem.clone(), |node| problem.hiding(node))
    }

    /// The problem without the values in `node` that came from variables: each is shown as it
    /// stands in the file.
    pub(super) fn hiding(mut self, node: &Node) -> Self {
        match (&node.value, &node.written) {
            (Value::List(items), _) => items.iter().fold(self, Problem::hiding),
            (Value::Map(entries), _) => {
                entries.iter().fold(self, |problem, (.., node)| problem.hiding(node))
            }
            (Value::Scalar { text, .. }, Some(written)) if !text.is_empty() => {
                let texts = [Some(&mut self.message), self.hint.as_mut()];
                for shown in texts.into_iter().flatten() {
                    *shown = shown.replace(&format!("`{text}`"), &format!("`{written}`"));
                    // Shorter values would be found inside words.
                    if text.len() >= 4 {
                        *shown = shown.replace(text.as_str(), written);
                    }
                }
                self
            }
            _ => self,
        }
    }

    /// The same as an error of kind `Config`; `text` is the text of the file that it is in.
    pub fn into_error(self, text: Option<&str>) -> Error {
        let mut error = Error::new(Kind::Config, self.message);
        match (&self.place, text) {
            (Some(place), Some(text)) if place.line > 0 => {
                error = match excerpt(place, text) {
                    Some(excerpt) => error.excerpt(excerpt),
                    None => error.at("place", place),
                };
            }
            (Some(place), _) => error = error.at("place", place),
            (None, _) => {}
        }
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// The line at `place`, safe to show; `None` when it is too long to be looked at.
fn excerpt(place: &Place, text: &str) -> Option<Excerpt> {
    const LONGEST: usize = 200;
    if place.column + place.width > LONGEST {
        return None;
    }
    let line = text.lines().nth(place.line - 1).unwrap_or("");
    let safe = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let mut shown: String = line.chars().take(LONGEST).map(safe).collect();
    if line.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    Some(Excerpt {
        file: place.file.to_string(),
        line: place.line,
        column: place.column,
        text: shown,
        width: place.width,
    })
}

/// Names that a hint lists, at most.
const LISTED: usize = 24;

/// Names that are compared with a wrong one, at most, so that a hostile file costs no minutes.
const COMPARED: usize = 1000;

/// `did you mean …?` where something known is near to `word`, then what is known.
pub fn suggest(word: &str, known: &[&str]) -> String {
    let near = nearest(word, known);
    let known = match known {
        [] => "nothing".to_owned(),
        _ if known.len() <= LISTED => known.join(", "),
        _ => format!("{} and {} more", known[..LISTED].join(", "), known.len() - LISTED),
    };
    match near {
        Some(name) => format!("did you mean `{name}`? known here: {known}"),
        None => format!("known here: {known}"),
    }
}

/// What is known and so near to `word` that it was probably meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = |name: &str| 1 + name.len() / 4;
    let near = known.iter().take(COMPARED).filter(|n| n.len().abs_diff(word.len()) <= allowed(n));
    let near = near.map(|name| (strsim::damerau_levenshtein(word, name), *name));
    near.filter(|(distance, name)| *distance <= allowed(name)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_names_the_nearest_and_a_bounded_list() {
        assert_eq!(
            suggest("ordres", &["orders", "items"]),
            "did you mean `orders`? known here: orders, items"
        );
        assert_eq!(suggest("x", &["orders"]), "known here: orders");
        assert_eq!(suggest("x", &[]), "known here: nothing");
        let many: Vec<_> = (100..130).map(|n| format!("table{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(suggest("z", &many).ends_with(", table123 and 6 more"));
    }

    #[test]
    fn an_excerpt_shows_no_control_characters_and_no_endless_line() {
        let place = |column| Place { file: "f".into(), line: 1, column, width: 1 };
        let text = format!("a\u{1b}[31m\t{}", "x".repeat(500));
        let shown = excerpt(&place(2), &text).unwrap().text;
        assert!(shown.starts_with("a\u{fffd}[31m\tx") && shown.ends_with("x…"), "{shown}");
        assert_eq!(shown.chars().count(), 201);
        assert_eq!(excerpt(&place(400), &text), None);
    }
}
