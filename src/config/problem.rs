//! Something that is wrong with what the user wrote.

use crate::config::Place;
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

    /// The same as an error of kind `Config`; `text` is the text of the file that it is in.
    pub fn into_error(self, text: Option<&str>) -> Error {
        let mut error = Error::new(Kind::Config, self.message);
        match (&self.place, text) {
            (Some(place), Some(text)) if place.line > 0 => {
                let line = text.lines().nth(place.line - 1).unwrap_or("").to_owned();
                error = error.excerpt(Excerpt {
                    file: place.file.to_string(),
                    line: place.line,
                    column: place.column,
                    text: line,
                    width: place.width,
                });
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

/// `did you mean …?` where something known is near to `word`, then what is known.
pub fn suggest(word: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    match near {
        Some((_, name)) => format!("did you mean `{name}`? known here: {known}"),
        None => format!("known here: {known}"),
    }
}
