//! The options of a sharded source: one set for each shard, of what all share and what is its own.

use super::OneShard;
use crate::config::{Node, Options, Place, Problem, Reader, Value};
use crate::connectors::Role;

/// The key under which the shards stand.
const SHARDS: &str = "shards";
/// The key of the name of the column that tells the shard.
const COLUMN: &str = "shard_column";

/// What is done when a shard cannot be reached.
const DOWN: &str = "shard_down";
/// The options that a sharded source alone has.
const OURS: [&str; 3] = [SHARDS, COLUMN, DOWN];

/// A sharded source, as written.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The column that tells the shard.
    pub column: String,
    /// Whether the shards are read through a cursor.
    pub has_cursor: bool,
    /// Whether one that cannot be reached is left for a later run.
    pub skips: bool,
    /// The shards by name, in the order written, each with the options of an ordinary source.
    pub shards: Vec<(String, Options)>,
}

/// An option as written: its key, where, and what.
type Entry = (String, Place, Node);

/// Whether `options` are those of a sharded source.
pub(in crate::connectors) fn are_sharded(options: &Options) -> bool {
    options.entries().iter().any(|(key, ..)| key == SHARDS)
}

/// Everything that is wrong with `options`; each shard is a `one`. What is wrong for every shard is
/// said once.
pub(super) fn check(options: &Options, one: &OneShard) -> Vec<Problem> {
    let (wanted, mut problems) = read(options, one);
    let found: Vec<_> = wanted.shards.iter().map(|(_, options)| (one.check)(options)).collect();
    let is_everywhere = |message: &str| {
        found.len() > 1 && found.iter().all(|of| of.iter().any(|p| p.message == message))
    };
    for ((_, shard), of_shard) in wanted.shards.iter().zip(&found) {
        for problem in of_shard {
            let mut problem = problem.clone();
            if problem.place.as_ref() == Some(shard.place()) && is_everywhere(&problem.message) {
                problem.place = Some(options.place().clone());
            }
            // What is known beside it may differ, as may the hint.
            let is_same = |p: &Problem| p.message == problem.message && p.place == problem.place;
            if !problems.iter().any(is_same) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// Takes what a sharded source alone has, so that it is known where it is written wrongly: without
/// `shards`.
pub(in crate::connectors) fn refuse_without_shards(reader: &Reader<'_>) {
    let _ = reader.node(SHARDS);
    for name in [COLUMN, DOWN].into_iter().filter(|name| reader.node(name).is_some()) {
        let message = format!("`{name}` needs `{SHARDS}`");
        reader.problem(Problem::new(&reader.place_of(name), message));
    }
}

/// The shards, each a `one`, and what is wrong with the way in which they are written.
pub(super) fn read(options: &Options, one: &OneShard) -> (Wanted, Vec<Problem>) {
    let is_ours = |entry: &&Entry| OURS.contains(&entry.0.as_str());
    let (ours, shared): (Vec<_>, Vec<_>) = options.entries().iter().partition(is_ours);
    let shared: Vec<Entry> = shared.into_iter().cloned().collect();
    let ours = Options::new(options.place().clone(), ours.into_iter().cloned().collect());
    let reader = ours.reader();
    let column = reader.text(COLUMN).unwrap_or_else(|| "shard".to_owned());
    if column.is_empty() {
        let place = reader.place_of(COLUMN);
        reader.problem(Problem::new(&place, format!("`{COLUMN}` is empty")));
    }
    let mut entries = Entries { one, shared: &shared, problems: Vec::new() };
    let shards = entries.shards(reader.node(SHARDS), &reader.place_of(SHARDS));
    let has_cursor = shared.iter().any(|(key, _, node)| key == "cursor" && !is_null(node));
    let skips = reader.one_of(DOWN, &["fail", "skip"]) == "skip";
    if skips && !has_cursor {
        let message = format!("`{DOWN}: skip` needs a `cursor`");
        let hint = "without one, the rows of that shard would not be late but gone from the target";
        reader.problem(Problem::new(&reader.place_of(DOWN), message).hint(hint));
    }
    let mut problems = reader.finish();
    problems.extend(entries.problems);
    (Wanted { column, has_cursor, skips, shards }, problems)
}

fn is_null(node: &Node) -> bool {
    node.value == Value::Null
}

/// Takes the entries of shards, and what is wrong with them.
struct Entries<'a> {
    one: &'a OneShard,
    shared: &'a [Entry],
    problems: Vec<Problem>,
}

impl Entries<'_> {
    fn shards(&mut self, node: Option<&Node>, place: &Place) -> Vec<(String, Options)> {
        let shards: Vec<Entry> = match node.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries
                .iter()
                .filter(|(name, place, _)| self.is_name(name, place))
                .cloned()
                .collect(),
            Some(Value::List(items)) => (1..)
                .zip(items)
                .map(|(number, node): (usize, _)| {
                    (number.to_string(), node.place.clone(), node.clone())
                })
                .collect(),
            _ => {
                let what = node.map_or("nothing", Node::describe);
                let message = format!("`{SHARDS}` must be a map or a list, not {what}");
                self.problems.push(Problem::new(place, message).hint(self.one.form));
                return Vec::new();
            }
        };
        if shards.is_empty() && self.problems.is_empty() {
            self.problems
                .push(Problem::new(place, format!("`{SHARDS}` is empty")).hint(self.one.form));
        }
        shards.iter().map(|shard| (shard.0.clone(), self.options(shard))).collect()
    }

    /// Whether `name` can be that of a shard: it stands before the `/` in the ids of splits.
    fn is_name(&mut self, name: &str, place: &Place) -> bool {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !name.is_empty() && name.chars().all(is_letter) {
            return true;
        }
        let problem = Problem::new(place, format!("`{name}` cannot be the name of a shard"));
        self.problems.push(problem.hint("use letters, digits, `_` and `-`"));
        false
    }

    /// The options of a shard: its own connection, then what it shares.
    fn options(&mut self, (name, place, node): &Entry) -> Options {
        let mut all = match &node.value {
            Value::Scalar { .. } => vec![("url".to_owned(), node.place.clone(), node.clone())],
            Value::Map(entries) => self.own(entries),
            _ => {
                let what = node.describe();
                let message =
                    format!("shard `{name}` must be a URL or a map of options, not {what}");
                self.problems.push(Problem::new(place, message).hint(self.one.form));
                Vec::new()
            }
        };
        let is_own = |key: &str| all.iter().any(|(own, ..)| own == key);
        let shared: Vec<_> = self.shared.iter().filter(|(key, ..)| !is_own(key)).cloned().collect();
        all.extend(shared);
        Options::new(place.clone(), all)
    }

    /// Only the way to a shard can be its own: what is read there is the same everywhere.
    fn own(&mut self, entries: &[Entry]) -> Vec<Entry> {
        let known = self.one.connection.iter().filter(|option| option.role != Some(Role::Sink));
        let known: Vec<&str> = known.map(|option| option.name).collect();
        let mut own = Vec::new();
        for entry in entries {
            match known.contains(&entry.0.as_str()) {
                true => own.push(entry.clone()),
                false => {
                    let problem = Problem::unknown(&entry.1, "option of a shard", &entry.0, &known);
                    self.problems.push(problem);
                }
            }
        }
        own
    }
}
