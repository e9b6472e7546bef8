//! Makes a [`Pipeline`] of the nodes of a file, and finds everything that is wrong with it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use jiff::civil::Date;

use crate::config::names::{self, Use};
use crate::config::{
    Known, Node, Options, Pipeline, Place, Problem, Reader, Rejects, Role, SourceDef, Value, Var,
    Variables, suggest,
};
use crate::error::Error;

/// An entry of a map: a key, where it stands, and what stands behind it.
pub(super) type Entry = (String, Place, Node);

/// Everything outside of the file that decides what it means.
pub(super) struct Outside<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) variables: &'a Variables,
    /// Parameters of the command line, which go before those of the file.
    pub(super) vars: &'a [(String, Var)],
    pub(super) today: Date,
    /// The text of the SQL file with this path.
    pub(super) read_sql: &'a dyn Fn(&str) -> Result<String, Error>,
}

/// What has been found out so far.
pub(super) struct Draft<'a> {
    pub(super) outside: &'a Outside<'a>,
    /// The file as shown to people.
    pub(super) file: String,
    pub(super) connections: Vec<Entry>,
    pub(super) problems: Vec<Problem>,
    /// Values that could not be put in: what else seems wrong with them is not told.
    pub(super) unknown: Vec<Place>,
    /// Why they could not be put in.
    pub(super) troubles: Vec<Problem>,
}

/// The pipeline that `root` describes, called `stem` unless it has a name of its own, and what is
/// wrong with it; when something is, the pipeline is not complete.
pub(super) fn pipeline(
    root: Node,
    stem: &str,
    base: &Path,
    outside: &Outside<'_>,
) -> (Pipeline, Vec<Problem>) {
    let file = root.place.file.to_string();
    let Value::Map(mut entries) = root.value else {
        let message = format!("a pipeline must be a map, not {}", root.describe());
        let problem = Problem::new(&root.place, message);
        return (Pipeline::default(), vec![problem.hint("begin with `sources:`")]);
    };
    let mut draft = Draft {
        outside,
        file,
        connections: Vec::new(),
        problems: Vec::new(),
        unknown: Vec::new(),
        troubles: Vec::new(),
    };
    let vars = draft.vars(&mut entries);
    draft.fill(&mut entries, &vars);
    // A key that is missing has no place of its own: only the file is named.
    let place = Place::without_lines(&root.place.file);
    let options = Options::new(place, entries);
    let reader = options.reader();
    let mut pipeline = draft.sections(&reader, stem);
    draft.problems.extend(reader.finish_as("key"));
    draft.parameters_are_known(options.entries(), &pipeline);
    pipeline.base = base.to_owned();
    pipeline.vars = vars;
    (pipeline, draft.told())
}

impl Draft<'_> {
    fn sections(&mut self, reader: &Reader<'_>, stem: &str) -> Pipeline {
        let name = self.name(reader, stem);
        let description = reader.text("description");
        if let Some(node) = reader.node("version")
            && !matches!(&node.value, Value::Scalar { text, .. } if text == "1")
        {
            let message = format!("`version` must be 1, not {}", node.shown());
            self.problem(Problem::new(&node.place, message));
        }
        reader.node("vars");
        self.connections = self.section(reader, "connections");
        let sources = self.section(reader, "sources");
        let models = self.section(reader, "models");
        let checks = self.section(reader, "checks");
        let sinks = self.section(reader, "sinks");
        self.relations_are_named(&sources, &models);
        let relations: Vec<_> =
            sources.iter().chain(&models).map(|(name, ..)| name.as_str()).collect();
        let pipeline = Pipeline {
            name,
            description,
            sources: sources.iter().filter_map(|entry| self.source(entry)).collect(),
            models: models.iter().filter_map(|entry| self.model(entry)).collect(),
            checks: checks.iter().filter_map(|entry| self.check(entry)).collect(),
            sinks: self.sinks(&sinks, &relations),
            rejects: self.rejects(reader),
            geo_ip: reader.text("geo_ip"),
            ..Pipeline::default()
        };
        for (what, none) in [("sources", sources.is_empty()), ("sinks", sinks.is_empty())] {
            if none && reader.node(what).is_none_or(|node| matches!(node.value, Value::Map(_))) {
                let place = reader.place_of(what);
                let problem = Problem::new(&place, format!("the pipeline has no {what}"));
                self.problem(problem.hint(format!("add `{what}:`")));
            }
        }
        pipeline
    }

    fn name(&mut self, reader: &Reader<'_>, stem: &str) -> String {
        let name = reader.text("name").unwrap_or_else(|| stem.to_owned());
        let place = reader.place_of("name");
        if let Some(problem) = names::check("pipeline", &name, Use::Key, &place) {
            let node = reader.node("name");
            self.problem(node.map_or(problem.clone(), |node| problem.hiding(node)));
        }
        name
    }

    /// The named things under a key of the pipeline, in the order written.
    fn section(&mut self, reader: &Reader<'_>, key: &'static str) -> Vec<Entry> {
        let Some(node) = reader.node(key) else { return Vec::new() };
        match &node.value {
            Value::Map(entries) => entries.clone(),
            _ => {
                let message = format!("`{key}` must be a map of names, not {}", node.shown());
                self.problem(Problem::new(&node.place, message));
                Vec::new()
            }
        }
    }

    /// Sources and models share the names that SQL uses; upper and lower case do not tell apart.
    fn relations_are_named(&mut self, sources: &[Entry], models: &[Entry]) {
        let mut seen = BTreeMap::new();
        let named = sources.iter().map(|entry| ("source", entry));
        for (what, (name, place, _)) in named.chain(models.iter().map(|entry| ("model", entry))) {
            self.problems.extend(names::check(what, name, Use::Sql, place));
            if let Some(first) = seen.insert(name.to_ascii_lowercase(), what) {
                let message = format!("the name `{name}` is taken by a {first}");
                let hint = "sources and models need different names, also without regard to case";
                self.problem(Problem::new(place, message).hint(hint));
            }
        }
    }

    fn source(&mut self, entry: &Entry) -> Option<SourceDef> {
        let (name, place, node) = entry;
        let entries = self.map_of("source", name, node)?;
        let (connector, options) = self.connector(Role::Source, place, entries, &[])?;
        Some(SourceDef { name: name.clone(), connector: connector.name.to_owned(), options })
    }

    fn rejects(&mut self, reader: &Reader<'_>) -> Rejects {
        let mut rejects = Rejects::default();
        let Some(node) = reader.node("rejects") else { return rejects };
        let Value::Map(entries) = &node.value else {
            let message = format!("`rejects` must be a map, not {}", node.shown());
            let hint = "write `rejects: { max_rows: 100 }`";
            self.problem(Problem::new(&node.place, message).hint(hint));
            return rejects;
        };
        let options = Options::new(node.place.clone(), entries.clone());
        let reader = options.reader();
        let ratio = reader.node("max_ratio");
        // With nothing but a ratio there is no limit on the number.
        let no_limit = if ratio.is_some() { u64::MAX } else { rejects.max_rows };
        rejects.max_rows = reader.number("max_rows", no_limit, 0..=u64::MAX);
        if let Some(node) = ratio {
            match share(node) {
                Some(share) => rejects.max_ratio = share,
                None => {
                    let message =
                        format!("`max_ratio` must be a number from 0 to 1, not {}", node.shown());
                    self.problem(Problem::new(&node.place, message));
                }
            }
        }
        rejects.path = reader.text("path").unwrap_or(rejects.path);
        self.problems.extend(reader.finish_as("key"));
        rejects
    }

    /// The entries of a node that must be a map; `what` and `name` say of what.
    pub(super) fn map_of<'n>(
        &mut self,
        what: &str,
        name: &str,
        node: &'n Node,
    ) -> Option<&'n [Entry]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        let message = format!("the {what} `{name}` must be a map, not {}", node.shown());
        self.problem(Problem::new(&node.place, message));
        None
    }

    /// Adds a problem.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds the problem that `node`, a `what`, is not one of `known`.
    pub(super) fn unknown(&mut self, what: &str, node: &Node, known: &[&str]) {
        let message = format!("there is no {what} {}", node.shown());
        let word = match (&node.written, &node.value) {
            (None, Value::Scalar { text, .. }) => text,
            // The nearest name would tell a variable's value.
            _ => "",
        };
        self.problem(Problem::new(&node.place, message).hint(suggest(word, known)));
    }

    /// The problems by line, without what only follows from a value that could not be put in.
    fn told(self) -> Vec<Problem> {
        let start = |place: &Place| (place.line, place.column);
        let unknown: HashSet<_> = self.unknown.iter().map(start).collect();
        let told = |problem: &Problem| {
            !problem.place.as_ref().is_some_and(|place| unknown.contains(&start(place)))
        };
        let mut problems: Vec<_> = self.problems.into_iter().filter(told).collect();
        problems.extend(self.troubles);
        problems.sort_by_cached_key(|problem| {
            (problem.place.as_ref().map(start), problem.message.clone())
        });
        problems.dedup();
        problems
    }
}

fn share(node: &Node) -> Option<f64> {
    let Value::Scalar { text, .. } = &node.value else { return None };
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}
