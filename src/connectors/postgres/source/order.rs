//! What dhow and the holder of a snapshot tell each other when the holder begins: a line of JSON
//! each.
//!
//! The order goes through a pipe, because it may hold a password: arguments and the environment of
//! a process can be read by others.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::config::{Node, Options, Place, Value};
use crate::error::{Error, Result};

/// Which snapshot to hold, and how. May hold secrets: it is never shown.
#[derive(Serialize, Deserialize)]
pub(in crate::connectors::postgres) struct Order {
    /// The options of the source.
    pub options: Json,
    /// The folder that relative paths in them start from; absolute.
    pub base: PathBuf,
    /// The name under which the snapshot can be entered.
    pub exported: String,
    /// The transactions that are seen in it.
    pub current: String,
    /// The relation for people.
    pub label: String,
    /// Statements that take the locks of its readers.
    pub locks: Vec<String>,
    /// How long to hold the snapshot while nobody is connected.
    pub limit: Duration,
    /// Where to listen; absolute.
    pub socket: PathBuf,
    /// Whether the folder of the socket was made for it, and is removed with it.
    pub owns_folder: bool,
}

/// What the holder says once it holds the snapshot, or cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::connectors::postgres) enum Answer {
    /// The name under which its transaction can be entered.
    Held(String),
    /// Why it cannot.
    Failed(String),
}

impl Order {
    /// The order in a line.
    ///
    /// # Errors
    /// Never, as the options come from a text.
    pub(in crate::connectors::postgres) fn line(&self) -> Result<String> {
        let line = serde_json::to_string(self);
        line.map(|line| line + "\n").map_err(|_| Error::bug("an order cannot be written"))
    }

    /// The order in `line`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] for any other text.
    pub(in crate::connectors::postgres) fn read(line: &str) -> Result<Self> {
        let order = serde_json::from_str(line);
        order.map_err(|_| {
            Error::config("there is no order on standard input")
                .hint("dhow starts this command by itself")
        })
    }

    /// The options of the source.
    pub(in crate::connectors::postgres) fn options(&self) -> Options {
        let place = Place::without_lines("order");
        let entries = entries(&self.options, &place);
        Options::new(place, entries)
    }
}

impl Answer {
    /// The answer in a line, without its end.
    pub(in crate::connectors::postgres) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The answer in `line`; nothing for any other text.
    pub(in crate::connectors::postgres) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// `options` as JSON; every single value is a string.
pub(in crate::connectors::postgres) fn written(options: &Options) -> Json {
    let entries = options.entries().iter();
    Json::Object(entries.map(|(key, _, node)| (key.clone(), json(node))).collect())
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar { text, .. } => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, _, node)| (key.clone(), json(node))).collect())
        }
    }
}

fn entries(json: &Json, place: &Place) -> Vec<(String, Place, Node)> {
    let entries = json.as_object().into_iter().flatten();
    entries.map(|(key, json)| (key.clone(), place.clone(), node(json, place))).collect()
}

fn node(json: &Json, place: &Place) -> Node {
    let value = match json {
        Json::String(text) => return Node::argument(text.clone(), place),
        Json::Array(items) => Value::List(items.iter().map(|item| node(item, place)).collect()),
        Json::Object(_) => Value::Map(entries(json, place)),
        Json::Null | Json::Bool(_) | Json::Number(_) => Value::Null,
    };
    Node { value, place: place.clone(), written: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_every_shape_come_back_as_they_were() {
        let text = r#"{"url":"postgres://a:b@c/d","password_command":["a","b"],
            "wait_for":{"tries":"3","delay":"1s"},"table":null}"#;
        let wanted: Json = serde_json::from_str(text).unwrap();
        let order = Order {
            options: wanted.clone(),
            base: "/".into(),
            exported: "1".into(),
            current: "2".into(),
            label: "t".into(),
            locks: vec!["select '\n'".into()],
            limit: Duration::from_millis(1500),
            socket: "/s".into(),
            owns_folder: false,
        };
        let line = order.line().unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        let read = Order::read(&line).unwrap();
        assert_eq!(written(&read.options()), wanted);
        assert_eq!((read.limit, read.locks), (order.limit, order.locks));
        assert_eq!(Order::read("").err().unwrap().kind(), crate::error::Kind::Config);
    }
}
