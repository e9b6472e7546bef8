//! Sinks: what they write, how, and that no two of them write the same table.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::config::names::{self, Use};
use crate::config::pipeline::{Draft, Entry};
use crate::config::{KnownConnector, Node, Options, Place, Problem, Reader, Role, SinkDef, Value};
use crate::sink::Mode;

/// Keys of a sink that are not options of its connector.
const OWN: &[&str] =
    &["from", "mode", "key", "primary_key", "allow_empty", "max_row_parse_failures", "disabled"];

impl Draft<'_> {
    /// The sinks that are not disabled; `relations` are the sources and models.
    pub(super) fn sinks(&mut self, entries: &[Entry], relations: &[&str]) -> Vec<SinkDef> {
        let mut sinks = Vec::new();
        let mut targets = BTreeMap::new();
        for (name, place, node) in entries {
            self.problems.extend(names::check("sink", name, Use::Key, place));
            let Some(sink) = self.sink(name, place, node, relations) else { continue };
            if let Some(target) = target(&sink)
                && let Some(first) = targets.insert(target, name)
            {
                let message = format!("`{name}` writes to the same place as `{first}`");
                let hint = "give each sink a place of its own, or join the two in a model";
                self.problem(Problem::new(place, message).hint(hint));
            }
            sinks.push(sink);
        }
        sinks
    }

    fn sink(
        &mut self,
        name: &str,
        place: &Place,
        node: &Node,
        relations: &[&str],
    ) -> Option<SinkDef> {
        let entries = self.map_of("sink", name, node)?;
        let own = entries.iter().filter(|(key, ..)| OWN.contains(&key.as_str()));
        let own = Options::new(place.clone(), own.cloned().collect());
        let reader = own.reader();
        if reader.flag("disabled", false) {
            return None;
        }
        let from = reader.required("from");
        if let Some(node) = reader.node("from")
            && matches!(node.value, Value::Scalar { .. })
            && !relations.contains(&from.as_str())
        {
            self.unknown("source or model", node, relations);
        }
        let allow_empty = reader.flag("allow_empty", false);
        let max_refused = max_refused(&reader);
        let connector = self.connector(Role::Sink, place, entries, OWN);
        let mode = self.mode(&reader, connector.as_ref().map(|(connector, _)| connector));
        self.problems.extend(reader.finish());
        let (connector, options) = connector?;
        let (name, connector) = (name.to_owned(), connector.name.to_owned());
        Some(SinkDef { name, from, connector, mode: mode?, allow_empty, max_refused, options })
    }

    fn mode(&mut self, reader: &Reader<'_>, connector: Option<&KnownConnector>) -> Option<Mode> {
        let key = self.key(reader);
        let node = reader.node("mode");
        let word = reader.text("mode").unwrap_or_else(|| "append".to_owned());
        if let Some(node) = node
            && !is_mode(&word)
        {
            if matches!(node.value, Value::Scalar { .. }) {
                self.unknown("mode", node, Mode::NAMES);
            }
            return None;
        }
        let place = reader.place_of("mode");
        match Mode::parse(&word, key) {
            Ok(mode) => {
                self.can_write(&mode, &place, connector);
                Some(mode)
            }
            Err(error) => {
                self.problem(Problem::of_error(&error, node, &place));
                None
            }
        }
    }

    /// The columns of the key, which may be called `primary_key` as well.
    fn key(&mut self, reader: &Reader<'_>) -> Vec<String> {
        let (key, alias) = (reader.list("key"), reader.list("primary_key"));
        let both = reader.node("key").is_some() && reader.node("primary_key").is_some();
        if both {
            let place = reader.place_of("primary_key");
            let problem = Problem::new(&place, "`key` and `primary_key` are the same");
            self.problem(problem.hint("remove `primary_key`"));
        }
        let (name, key) = if key.is_empty() { ("primary_key", alias) } else { ("key", key) };
        let twice = key.iter().enumerate().find(|(at, column)| key[..*at].contains(column));
        if let Some((_, column)) = twice {
            let message = format!("the key names the column `{column}` twice");
            self.problem(Problem::new(&reader.place_of(name), message));
        }
        key
    }

    fn can_write(&mut self, mode: &Mode, place: &Place, connector: Option<&KnownConnector>) {
        let Some(connector) = connector else { return };
        if !connector.modes.contains(&mode.name()) {
            let message = format!("`{}` cannot be written by this mode", connector.name);
            let hint = format!("modes of `{}`: {}", connector.name, connector.modes.join(", "));
            self.problem(Problem::new(place, message).hint(hint));
        }
    }
}

/// `max_row_parse_failures`, as users of load jobs know it: -1 is no limit.
fn max_refused(reader: &Reader<'_>) -> Option<u64> {
    const KEY: &str = "max_row_parse_failures";
    match reader.text(KEY)?.parse::<i64>() {
        Ok(-1) => Some(u64::MAX),
        Ok(rows @ 0..) => Some(rows.unsigned_abs()),
        _ => {
            let message = format!("`{KEY}` must be a whole number, or -1 for any number");
            reader.problem(Problem::new(&reader.place_of(KEY), message));
            None
        }
    }
}

/// Whether there is a mode of this name, with a key or without.
fn is_mode(word: &str) -> bool {
    [vec![], vec!["key".to_owned()]].into_iter().any(|key| Mode::parse(word, key).is_ok())
}

/// The table that a sink writes, as far as its options tell; `None` when they do not.
fn target(sink: &SinkDef) -> Option<(String, PathBuf, Vec<Option<String>>)> {
    let text = |name: &str| {
        let found = sink.options.entries().iter().find(|(key, ..)| key == name);
        found.and_then(|(.., node)| match &node.value {
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => None,
        })
    };
    // A folder can be written in several ways; a table of a server is taken as it is written.
    let table = ["url", "host", "port", "database", "project", "dataset", "schema", "table"];
    let table = table.map(text).to_vec();
    let path = match text("path") {
        Some(path) => path,
        None => text("table").map(|_| String::new())?,
    };
    let path = Path::new(&path).components().filter(|part| *part != Component::CurDir).collect();
    Some((sink.connector.clone(), path, table))
}
