//! A piece of a pipeline file that knows where it stands.

use std::fmt;
use std::sync::Arc;

use crate::source::Refused;

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as shown to people, or `command line`.
    pub file: Arc<str>,
    /// Line, from 1; 0 when there are no lines.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters to underline.
    pub width: usize,
}

impl Place {
    /// A place without lines, such as a command-line option.
    pub fn without_lines(name: &str) -> Self {
        Place { file: name.into(), line: 0, column: 0, width: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// A piece of a pipeline file.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// What is written, with variables and placeholders put in.
    pub value: Value,
    /// Where.
    pub place: Place,
    /// The text as it stands in the file, when variables or placeholders were put in: messages
    /// show this, because what came from a variable may be a secret.
    pub written: Option<String>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.written {
            Some(written) => write!(f, "{written:?} at {}", self.place),
            None => write!(f, "{:?} at {}", self.value, self.place),
        }
    }
}

/// What is written at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// A plain or quoted scalar. `quoted` scalars are never numbers or booleans.
    #[expect(missing_docs, reason = "described above")]
    Scalar { text: String, quoted: bool },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written; each key with its own place. Keys are unique.
    Map(Vec<(String, Place, Node)>),
}

impl Node {
    /// A scalar that was given on the command line.
    pub fn argument(text: impl Into<String>, place: &Place) -> Self {
        Node {
            value: Value::Scalar { text: text.into(), quoted: true },
            place: place.clone(),
            written: None,
        }
    }

    /// The node for messages: a single value as it stands in the file, or what kind of thing it is.
    pub fn shown(&self) -> String {
        match (&self.written, &self.value) {
            (Some(text), _) | (None, Value::Scalar { text, .. }) => {
                format!("`{}`", Refused::shown(text.as_bytes()))
            }
            _ => self.describe().to_owned(),
        }
    }

    /// What kind of thing it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
