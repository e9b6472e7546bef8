//! Reads YAML text as [`Node`]s that know their line and column.
//!
//! A strict part of YAML: one document, no anchors, aliases or tags, no key twice, at most
//! [`DEPTH`] levels. What is left cannot be larger than its text, so no file is a bomb.

use std::collections::HashSet;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};

use crate::config::{Node, Place, Problem, Value};
use crate::error::Excerpt;

/// Levels of lists and maps within each other, at most.
const DEPTH: usize = 32;

/// The one document in `text`, which is the content of `file`, with the problems that did not
/// stop the reading: keys that are there twice.
///
/// # Errors
/// The one problem that did stop it.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Result<(Node, Vec<Problem>), Problem> {
    let mut tree = Tree::new(file, text);
    tree.refuse_nul()?;
    let mut options = granit_parser::options! { emit_anchor_events: true };
    options.set_emit_comments(false);
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| tree.broken(&error))?;
        tree.take(event, &span)?;
    }
    match tree.root {
        Some(Node { value: Value::Null, .. }) | None => {
            let problem = Problem::new(&Place::without_lines(file), "the file is empty");
            Err(problem.hint("`dhow init` writes a first pipeline"))
        }
        Some(root) => Ok((root, tree.problems)),
    }
}

/// What has been read so far.
struct Tree<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    root: Option<Node>,
    open: Vec<(Place, Open)>,
    documents: usize,
    problems: Vec<Problem>,
}

/// A list or map whose end has not been seen.
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<(String, Place, Node)>, seen: HashSet<String>, key: Option<Key> },
}

/// A key whose value has not been seen.
struct Key {
    name: String,
    place: Place,
    again: bool,
}

impl<'a> Tree<'a> {
    fn new(file: &'a Arc<str>, text: &'a str) -> Self {
        Tree { file, text, root: None, open: Vec::new(), documents: 0, problems: Vec::new() }
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        let place = self.place(span);
        if event.tag().is_some() {
            let tag = span.tag_span().map_or(place, |span| self.place(&span));
            return Err(Problem::new(&tag, "tags such as `!!str` are not supported")
                .hint("put quotes around a text that begins with `!`"));
        }
        match event {
            Event::DocumentStart(..) => self.document(&place)?,
            Event::Scalar(text, style, ..) => self.scalar(text.into_owned(), style, place),
            Event::SequenceStart(..) => self.begin(place, Open::List(Vec::new()))?,
            Event::MappingStart(..) => {
                let seen = HashSet::new();
                self.begin(place, Open::Map { entries: Vec::new(), seen, key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Anchor(..) | Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(anchor(&place));
            }
            _ => {}
        }
        Ok(())
    }

    fn document(&mut self, place: &Place) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Problem::new(place, "a second document begins here")
                .hint("a pipeline file holds one pipeline; put the other one into its own file"));
        }
        Ok(())
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, place: Place) {
        let quoted = style != ScalarStyle::Plain;
        if let Some((_, Open::Map { key: key @ None, seen, .. })) = self.open.last_mut() {
            let again = !seen.insert(text.clone());
            if again {
                let problem = Problem::new(&place, format!("`{text}` is there twice"));
                self.problems.push(problem.hint("remove one of the two"));
            }
            *key = Some(Key { name: text, place, again });
            return;
        }
        let nothing = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        let value = if nothing && !quoted { Value::Null } else { Value::Scalar { text, quoted } };
        self.put(Node { value, place, written: None });
    }

    fn begin(&mut self, place: Place, open: Open) -> Result<(), Problem> {
        if self.open.len() == DEPTH {
            return Err(deep(&place));
        }
        if let Some((_, Open::Map { key: None, .. })) = self.open.last() {
            return Err(Problem::new(&place, "a key must be a single value")
                .hint("put quotes around text that begins with `{` or `[`"));
        }
        self.open.push((place, open));
        Ok(())
    }

    fn end(&mut self) {
        let Some((place, open)) = self.open.pop() else { return };
        let value = match open {
            Open::List(items) => Value::List(items),
            Open::Map { entries, .. } => Value::Map(entries),
        };
        self.put(Node { value, place, written: None });
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((_, Open::List(items))) => items.push(node),
            Some((_, Open::Map { entries, key, .. })) => {
                let Some(key) = key.take() else { return };
                // The first of two stays; the second one is a problem already.
                if !key.again {
                    entries.push((key.name, key.place, node));
                }
            }
        }
    }

    fn place(&self, span: &Span) -> Place {
        let first = span.slice(self.text).and_then(|text| text.lines().next()).unwrap_or("");
        Place {
            file: self.file.clone(),
            line: span.start.line(),
            column: span.start.col() + 1,
            width: first.trim_end().chars().count().max(1),
        }
    }

    fn broken(&self, error: &ScanError) -> Problem {
        let place = self.place(&Span::empty(*error.marker()));
        match error.kind() {
            ErrorKind::UnknownAnchor => anchor(&place),
            ErrorKind::RecursionLimitExceeded => deep(&place),
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart => {
                Problem::new(&place, "a tab stands where YAML wants spaces")
                    .hint("indent with spaces")
            }
            _ => Problem::new(&place, format!("this is not YAML: {}", error.info()))
                .hint("text with `: `, ` #` or a leading `{ [ & * ! % @` wants quotes around it"),
        }
    }

    fn refuse_nul(&self) -> Result<(), Problem> {
        let Some(at) = self.text.find('\0') else { return Ok(()) };
        let Excerpt { line, column, .. } = Excerpt::of("", self.text, at, 1);
        let place = Place { file: self.file.clone(), line, column, width: 1 };
        Err(Problem::new(&place, "there is a NUL character here").hint("save the file as text"))
    }
}

fn anchor(place: &Place) -> Problem {
    Problem::new(place, "anchors and aliases (`&name`, `*name`) are not supported")
        .hint("put quotes around a text that begins with `&` or `*`")
}

fn deep(place: &Place) -> Problem {
    Problem::new(place, format!("lists and maps are more than {DEPTH} levels deep here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        let place = format!("{}:{}+{}", node.place.line, node.place.column, node.place.width);
        match &node.value {
            Value::Null => format!("null@{place}"),
            Value::Scalar { text, quoted } => format!("{text:?}{}@{place}", u8::from(*quoted)),
            Value::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" "))
            }
            Value::Map(entries) => {
                let entry = |(key, place, node): &(String, Place, Node)| {
                    format!("{key}@{}:{}+{} {}", place.line, place.column, place.width, shown(node))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn every_key_and_value_knows_its_line_column_and_width() {
        let text = "größe: x y # z\r\nb:\r\n  - 'it''s'\n  - ~\n  - \"\"\n\"c\": {d: no, e: |\n";
        let text = text.replace(", e: |\n", "}\ne: |\n  two\n  lines\n");
        let (root, problems) = parse(&"f".into(), &text).unwrap();
        assert_eq!(problems, []);
        assert_eq!(
            shown(&root),
            "{größe@1:1+5 \"x y\"0@1:8+3 b@2:1+1 [\"it's\"1@3:5+7 null@4:5+1 \"\"1@5:5+2] \
             c@6:1+3 {d@6:7+1 \"no\"0@6:10+2} e@7:1+1 \"two\\nlines\\n\"1@8:3+3}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(
            text in "(?s)[\\[\\]{}:,#&*!|>'\"%@` ab\n\t\r-]{0,60}|.{0,60}"
        ) {
            if let Err(problem) = parse(&"f".into(), &text) {
                problem.into_error(Some(&text)).report();
            }
        }
    }
}
