//! What is wrong with a row, and where in it.

use std::fmt::Write;

use crate::source::Refused;

/// The result of everything that looks into a row.
pub(super) type Parsed<T> = Result<T, Box<Trouble>>;

/// Why a row cannot be taken. Built innermost first: each level adds its own step on the way up.
#[derive(Debug)]
pub(super) struct Trouble {
    path: Vec<Step>,
    value: Option<String>,
    reason: String,
    hint: Option<&'static str>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Trouble {
    /// A trouble of which nothing is known but the reason.
    pub(super) fn new(reason: impl Into<String>) -> Box<Self> {
        Box::new(Trouble { path: Vec::new(), value: None, reason: reason.into(), hint: None })
    }

    /// The same with the value as found.
    pub(super) fn value(mut self: Box<Self>, value: &[u8]) -> Box<Self> {
        self.value = Some(Refused::shown(value));
        self
    }

    /// The same with what to do about it.
    pub(super) fn hint(mut self: Box<Self>, hint: &'static str) -> Box<Self> {
        self.hint = Some(hint);
        self
    }

    /// The same place with another reason.
    pub(super) fn because(mut self: Box<Self>, reason: &str) -> Box<Self> {
        self.reason = reason.to_owned();
        self
    }

    /// The same seen from the object that holds it under `key`.
    pub(super) fn under(mut self: Box<Self>, key: &str) -> Box<Self> {
        self.path.push(Step::Key(key.to_owned()));
        self
    }

    /// The same seen from the list that holds it at `index`, from 0.
    pub(super) fn inside(mut self: Box<Self>, index: usize) -> Box<Self> {
        self.path.push(Step::Index(index));
        self
    }

    /// The refused row at `place`.
    pub(super) fn refused(self, place: String) -> Refused {
        let column = (!self.path.is_empty()).then(|| shown(&self.path));
        let hint = self.hint.map(str::to_owned);
        Refused { place, column, value: self.value, reason: self.reason, hint }
    }
}

fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path.iter().rev() {
        // Writing to a `String` cannot fail.
        let _ = match step {
            Step::Key(key) if text.is_empty() => write!(text, "{key}"),
            Step::Key(key) => write!(text, ".{key}"),
            Step::Index(index) => write!(text, "[{index}]"),
        };
    }
    Refused::shown(text.as_bytes())
}
