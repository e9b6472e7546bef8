//! A connector's own options, opaque to the pipeline, and the reader that every connector uses.

use std::cell::RefCell;
use std::time::Duration;

use crate::config::{Node, Place, Problem, Value, measure, scrub};

/// The options of one source or sink, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    place: Place,
    entries: Vec<(String, Place, Node)>,
}

impl Options {
    /// Options written at `place`. Passwords of URLs among them are never shown from now on.
    pub fn new(place: Place, entries: Vec<(String, Place, Node)>) -> Self {
        entries.iter().for_each(|(.., node)| scrub::remember_urls(node));
        Options { place, entries }
    }

    /// Options given on the command line, all of them text.
    pub fn of_arguments(entries: &[(&str, &str)]) -> Self {
        let place = Place::without_lines("command line");
        let node = |text: &str| Node::argument(text, &place);
        let entries =
            entries.iter().map(|(k, v)| ((*k).to_owned(), place.clone(), node(v))).collect();
        Options::new(place, entries)
    }

    /// Where the options begin.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The entries as written, in order.
    pub fn entries(&self) -> &[(String, Place, Node)] {
        &self.entries
    }

    /// Reads the options one by one; what was never asked for is a problem in the end.
    pub fn reader(&self) -> Reader<'_> {
        Reader { options: self, asked: RefCell::default(), problems: RefCell::default() }
    }
}

/// Reads options by name and type and collects what is wrong with them.
///
/// Each method gives a usable value even when the option is wrong, so that all problems are found
/// in one pass; [`Reader::finish`] tells whether there were any.
#[derive(Debug)]
pub struct Reader<'a> {
    options: &'a Options,
    asked: RefCell<Vec<&'static str>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    /// The node of an option, if it is given; for options with a shape of their own.
    pub fn node(&self, name: &'static str) -> Option<&'a Node> {
        if !self.asked.borrow().contains(&name) {
            self.asked.borrow_mut().push(name);
        }
        let found = self.options.entries.iter().find(|(key, ..)| key == name);
        found.map(|(_, _, node)| node).filter(|node| node.value != Value::Null)
    }

    /// A text that must be given.
    pub fn required(&self, name: &'static str) -> String {
        match self.text(name) {
            Some(text) => text,
            None => {
                if !self.problems.borrow().iter().any(|p| p.message.contains(&format!("`{name}`")))
                {
                    let message = format!("`{name}` is missing");
                    self.problem(Problem::new(&self.options.place, message));
                }
                String::new()
            }
        }
    }

    /// A text, if it is given.
    pub fn text(&self, name: &'static str) -> Option<String> {
        let node = self.node(name)?;
        match &node.value {
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => self.wrong(name, node, "a single value"),
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &'static str, default: bool) -> bool {
        let Some(node) = self.node(name) else { return default };
        match &node.value {
            Value::Scalar { text, .. } if text == "true" => true,
            Value::Scalar { text, .. } if text == "false" => false,
            _ => self.wrong(name, node, "`true` or `false`").unwrap_or(default),
        }
    }

    /// A whole number within `range`.
    pub fn number(
        &self,
        name: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> u64 {
        let Some(node) = self.node(name) else { return default };
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        match &node.value {
            Value::Scalar { text, .. } => match text.parse() {
                Ok(number) if range.contains(&number) => number,
                _ => self.wrong(name, node, &wanted).unwrap_or(default),
            },
            _ => self.wrong(name, node, &wanted).unwrap_or(default),
        }
    }

    /// A duration such as `10s` or `15m`; `0` is none at all.
    pub fn duration(&self, name: &'static str, default: Duration) -> Duration {
        let Some(node) = self.node(name) else { return default };
        let read = match &node.value {
            Value::Scalar { text, .. } if text == "0" => Some(Duration::ZERO),
            Value::Scalar { text, .. } => measure::duration(text).ok(),
            _ => None,
        };
        let wanted = "a duration such as 500ms, 10s, 15m or 24h";
        read.unwrap_or_else(|| self.wrong(name, node, wanted).unwrap_or(default))
    }

    /// One of `words`; the first one is the default. `null` may be one of them.
    pub fn one_of(&self, name: &'static str, words: &[&'static str]) -> &'static str {
        let Some(node) = self.node(name) else { return self.null(name, words) };
        let found = match &node.value {
            Value::Scalar { text, .. } => words.iter().find(|word| *word == text).copied(),
            _ => None,
        };
        found.unwrap_or_else(|| {
            let wanted = format!("one of {}", words.join(", "));
            self.wrong(name, node, &wanted).unwrap_or(words[0])
        })
    }

    /// The word `null`, where somebody has written it and it is one of `words`: in YAML it stands
    /// for nothing, but so do an empty value and `~`, which are not that word.
    fn null(&self, name: &str, words: &[&'static str]) -> &'static str {
        let written = self.options.entries.iter().any(|(key, _, node)| {
            key == name && node.value == Value::Null && node.place.width == "null".len()
        });
        let word = words.iter().find(|word| written && **word == "null");
        word.unwrap_or(&words[0])
    }

    /// A list of texts; a single text counts as a list of one.
    pub fn list(&self, name: &'static str) -> Vec<String> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let items = match &node.value {
            Value::Scalar { text, .. } => return vec![text.clone()],
            Value::List(items) => items,
            _ => return self.wrong(name, node, "a list").unwrap_or_default(),
        };
        let text = |item: &Node| match &item.value {
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => self.wrong(name, item, "a list of single values"),
        };
        items.iter().filter_map(text).collect()
    }

    /// A map of names to texts, in the order written, such as `columns: {id: bigint}`.
    pub fn pairs(&self, name: &'static str) -> Vec<(String, Place, String)> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let Value::Map(entries) = &node.value else {
            return self.wrong(name, node, "a map").unwrap_or_default();
        };
        let pair = |(key, _, node): &(String, Place, Node)| match &node.value {
            Value::Scalar { text, .. } => Some((key.clone(), node.place.clone(), text.clone())),
            _ => self.wrong(name, node, "a map of names to single values"),
        };
        entries.iter().filter_map(pair).collect()
    }

    /// Adds a problem of the connector's own.
    pub fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether an option is given; it is not thereby asked for.
    pub fn is_given(&self, name: &str) -> bool {
        self.options.entries.iter().any(|(key, _, node)| key == name && node.value != Value::Null)
    }

    /// Where an option is written, or where it would stand.
    pub fn place_of(&self, name: &str) -> Place {
        let found = self.options.entries.iter().find(|(key, ..)| key == name);
        found.map_or_else(|| self.options.place.clone(), |(_, _, node)| node.place.clone())
    }

    /// All problems, among them every option that nobody asked for.
    pub fn finish(self) -> Vec<Problem> {
        self.finish_as("option")
    }

    /// The same for entries that are not options but, for instance, keys.
    pub fn finish_as(self, what: &str) -> Vec<Problem> {
        let asked = self.asked.into_inner();
        let mut problems = self.problems.into_inner();
        for (key, place, _) in &self.options.entries {
            if !asked.contains(&key.as_str()) {
                problems.push(Problem::unknown(place, what, key, &asked));
            }
        }
        problems
    }

    fn wrong<T>(&self, name: &str, node: &Node, wanted: &str) -> Option<T> {
        let message = format!("`{name}` must be {wanted}, not {}", node.shown());
        self.problem(Problem::new(&node.place, message));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_option_is_a_problem_and_unknown_ones_get_a_suggestion() {
        let options = Options::of_arguments(&[
            ("pth", "a.csv"),
            ("header", "yes"),
            ("quote", "x"),
            ("skip", "-1"),
        ]);
        let reader = options.reader();
        assert_eq!(reader.required("path"), "");
        assert!(reader.flag("header", true));
        assert_eq!(reader.one_of("quote", &["\"", "'"]), "\"");
        assert_eq!(reader.number("skip", 0, 0..=9), 0);
        let messages: Vec<_> = reader.finish().into_iter().map(|p| p.message).collect();
        assert_eq!(
            messages,
            [
                "`path` is missing",
                "`header` must be `true` or `false`, not `yes`",
                "`quote` must be one of \", ', not `x`",
                "`skip` must be a whole number from 0 to 9, not `-1`",
                "there is no option `pth`",
            ]
        );
    }
}
