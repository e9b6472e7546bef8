//! How the rows of a file stand in it, as its first bytes show.

use super::borders::{Border, Borders};
use super::rows::Framing;
use crate::error::{Error, Result};
use crate::source::Refused;

/// How the rows of a file stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One object in each line.
    Lines,
    /// One list of objects.
    List,
    /// Objects one after the other, over any number of lines.
    Sequence,
}

impl Layout {
    /// The layout of the file `shown` that begins with `head`, which holds its first line that is
    /// not blank.
    pub(super) fn of(head: &[u8], shown: &str) -> Result<Self> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        match head {
            [] => Err(Error::data(format!("`{shown}` is empty"))
                .hint("a file without rows is an empty list, `[]`; leave empty files out")),
            [b'[', ..] => Ok(Layout::List),
            [b'{', ..] => Ok(Self::of_objects(head)),
            _ => Err(no_json(head, shown)),
        }
    }

    /// How the rows of a whole file are told apart.
    pub(super) fn framing(self) -> Framing {
        match self {
            Layout::Lines => Framing::Lines,
            Layout::List => Framing::Borders(Borders::of_list()),
            Layout::Sequence => Framing::Borders(Borders::of_sequence()),
        }
    }

    /// How the rows of a piece of a file are told apart.
    pub(super) fn framing_of_piece(self) -> Framing {
        match self {
            Layout::List => Framing::Borders(Borders::of_piece()),
            Layout::Lines | Layout::Sequence => self.framing(),
        }
    }

    /// What one row is called.
    pub(super) fn row_name(self) -> &'static str {
        match self {
            Layout::Lines => "line",
            Layout::List => "element",
            Layout::Sequence => "object",
        }
    }

    /// Lines, if the first object ends with its line, or looks as if it should have.
    fn of_objects(head: &[u8]) -> Self {
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let (mut borders, mut at) = (Borders::of_sequence(), 0);
        let mut border = borders.next(line, &mut at);
        if let Ok(Border::Begin(_)) = border {
            border = borders.next(line, &mut at);
        }
        let is_sequence = match border {
            Ok(Border::End(end)) => line[end..].trim_ascii_start().starts_with(b"{"),
            _ => line.len() < head.len() && is_open(line),
        };
        if is_sequence { Layout::Sequence } else { Layout::Lines }
    }
}

/// Whether a line ends as those of indented JSON do, and not as one that was cut off.
fn is_open(line: &[u8]) -> bool {
    line.trim_ascii_end().last().is_some_and(|last| matches!(last, b'{' | b'[' | b','))
}

fn no_json(head: &[u8], shown: &str) -> Error {
    let error = Error::data(format!("`{shown}` holds no JSON objects"));
    let error = error.at("begins with", Refused::shown(&head[..head.len().min(40)]));
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            error.hint("the file is UTF-16; convert it to UTF-8")
        }
        _ => error.hint("rows are objects: one in each line, or all of them in one list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_the_layout() {
        let of = |text: &str| Layout::of(text.as_bytes(), "f").unwrap();
        assert_eq!(of("\u{feff} \n[{}]"), Layout::List);
        assert_eq!(of("{\"a\":\"}\"} \r\n{}"), Layout::Lines);
        assert_eq!(of("{}"), Layout::Lines);
        assert_eq!(of("{} {}"), Layout::Sequence);
        assert_eq!(of("{\n  \"a\": 1\n}"), Layout::Sequence);
        assert_eq!(of("{\"a\": [\n1]}"), Layout::Sequence);
        assert_eq!(of("{\"a\": \n{\"a\":1}\n"), Layout::Lines);
        assert_eq!(of("{\"a\":1} x\n{}"), Layout::Lines);
    }

    #[test]
    fn a_file_without_objects_is_an_error() {
        let message = |text: &[u8]| Layout::of(text, "f").unwrap_err().report();
        assert!(message(b" \n").starts_with("error: `f` is empty"));
        assert!(message(b"a,b\n1,2").contains("begins with: a,b\\n1,2"));
        assert!(message(b"\xff\xfe{\0").contains("UTF-16"));
    }
}
