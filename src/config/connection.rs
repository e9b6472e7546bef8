//! Which connector a source or sink names, and with which options, its connection's among them.

use crate::config::pipeline::{Draft, Entry};
use crate::config::problem::nearest;
use crate::config::{KnownConnector, Node, Options, Place, Problem, Role, Value, suggest};

/// Keys that stand beside a connector's options in every source and sink.
const SHARED: &[&str] = &["type", "connection"];

impl Draft<'_> {
    /// The connector and the options of the source or sink whose name stands at `place`; entries
    /// whose key is in `own` are left to the caller. `None` when no connector can be told.
    pub(super) fn connector(
        &mut self,
        role: Role,
        place: &Place,
        entries: &[Entry],
        own: &[&str],
    ) -> Option<(KnownConnector, Options)> {
        let find = |name: &str| entries.iter().find(|(key, ..)| key == name).map(|(.., node)| node);
        let shared = match find("connection") {
            Some(node) => self.connection(node)?,
            None => Vec::new(),
        };
        let kind = find("type").or(shared.iter().find(|(key, ..)| key == "type").map(|e| &e.2));
        let connector = self.named(role, place, kind)?;
        if let (Some(mine), Some((.., theirs))) =
            (find("type"), shared.iter().find(|(key, ..)| key == "type"))
            && mine.value != theirs.value
        {
            let message = format!("`type` is {} here, {} there", mine.shown(), theirs.shown());
            let hint = "leave out `type` where there is a `connection`";
            self.problem(Problem::new(&mine.place, message).hint(hint));
        }
        let keys: Vec<&str> = SHARED.iter().chain(own).copied().collect();
        let options = merged(entries, &shared, &keys);
        let options = Options::new(place.clone(), options);
        for problem in (connector.check)(connector.name, &options, role) {
            let problem = with_own_keys(problem, &options, &keys);
            let entries = options.entries().iter();
            self.problem(entries.fold(problem, |problem, (.., node)| problem.hiding(node)));
        }
        Some((connector, options))
    }

    fn connection(&mut self, node: &Node) -> Option<Vec<Entry>> {
        let found = match &node.value {
            Value::Scalar { text, .. } => self.connections.iter().find(|(name, ..)| name == text),
            _ => None,
        };
        let Some((name, _, connection)) = found.cloned() else {
            let names: Vec<_> = self.connections.iter().map(|(name, ..)| name.clone()).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            self.unknown("connection", node, &names);
            return None;
        };
        self.map_of("connection", &name, &connection).map(<[Entry]>::to_vec)
    }

    fn named(&mut self, role: Role, place: &Place, node: Option<&Node>) -> Option<KnownConnector> {
        let known = self.outside.known;
        let names = known.names(role);
        let Some(node) = node else {
            let hint = format!("name a connector: {}", names.join(", "));
            self.problem(Problem::new(place, "`type` is missing").hint(hint));
            return None;
        };
        let found = match &node.value {
            Value::Scalar { text, .. } => known.named(text),
            _ => None,
        };
        let Some(connector) = found else {
            self.unknown("connector", node, &names);
            return None;
        };
        if !connector.can(role) {
            let what = if role == Role::Source { "source" } else { "sink" };
            let message = format!("{} cannot be a {what}", node.shown());
            let hint = format!("use one of {}", names.join(", "));
            self.problem(Problem::new(&node.place, message).hint(hint));
            return None;
        }
        Some(*connector)
    }
}

/// The options of a source or sink and behind them those of its connection that it does not have.
fn merged(entries: &[Entry], shared: &[Entry], keys: &[&str]) -> Vec<Entry> {
    let is_option = |(key, ..): &&Entry| !keys.contains(&key.as_str());
    let has = |key: &str| entries.iter().any(|(own, ..)| own == key);
    let mut options: Vec<_> = entries.iter().filter(is_option).cloned().collect();
    let shared = shared.iter().filter(|(key, ..)| key != "type" && !has(key));
    options.extend(shared.cloned());
    options
}

/// An option that the connector does not know may be a slip in one of our own keys.
fn with_own_keys(problem: Problem, options: &Options, keys: &[&str]) -> Problem {
    let meant = options.entries().iter().find_map(|(key, ..)| {
        let is_this = problem.message == format!("there is no option `{key}`");
        is_this.then(|| nearest(key, keys)).flatten()
    });
    match meant {
        Some(_) if problem.hint.as_ref().is_some_and(|hint| hint.starts_with("did you")) => problem,
        Some(name) => problem.hint(suggest(name, keys)),
        None => problem,
    }
}
