//! The parameters of a pipeline, and everything they and the environment are put into.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::config::names::{self, Use};
use crate::config::pipeline::{Draft, Entry};
use crate::config::placeholder::Scope;
use crate::config::{Node, Pipeline, Place, Problem, Value, Var};

impl Draft<'_> {
    /// The parameters: those of the command line, those of the file, and `date`. Variables of the
    /// environment are put in.
    pub(super) fn vars(&mut self, entries: &mut [Entry]) -> BTreeMap<String, Var> {
        let mut vars: BTreeMap<_, _> = self.outside.vars.iter().cloned().collect();
        if let Some((.., node)) = entries.iter_mut().find(|(key, ..)| key == "vars") {
            let scope = Scope { variables: self.outside.variables, placeholders: None };
            self.unknown.extend(scope.fill(node, &mut self.troubles));
            match &node.value {
                Value::Null => {}
                Value::Map(entries) => {
                    for (name, place, node) in entries {
                        self.var(name, place, node, &mut vars);
                    }
                }
                _ => {
                    let message = format!("`vars` must be a map of names, not {}", node.shown());
                    self.problem(Problem::new(&node.place, message));
                }
            }
        }
        vars.entry("date".to_owned()).or_insert(Var::Date(self.outside.today));
        vars
    }

    fn var(&mut self, name: &str, place: &Place, node: &Node, vars: &mut BTreeMap<String, Var>) {
        self.problems.extend(names::check("parameter", name, Use::Sql, place));
        if vars.contains_key(name) {
            return;
        }
        let var = match &node.value {
            Value::Null => Err(Problem::new(place, format!("the parameter `{name}` has no value"))
                .hint(format!("give it with `--var {name}=…`, or write a default here"))),
            _ => Var::of_node(name, node),
        };
        let var = var.unwrap_or_else(|problem| {
            self.problems.push(problem);
            // Known from here on, so that it is not missed a second time.
            Var::Text(String::new())
        });
        vars.insert(name.to_owned(), var);
    }

    /// Puts variables into everything but the parameters, which have theirs, and inline SQL;
    /// placeholders into what is about sources and sinks.
    pub(super) fn fill(&mut self, entries: &mut [Entry], vars: &BTreeMap<String, Var>) {
        let words = words(vars, self.outside.today);
        let plain = Scope { variables: self.outside.variables, placeholders: None };
        let full = Scope { placeholders: Some(&words), ..plain };
        for (key, _, node) in entries {
            match key.as_str() {
                "vars" => {}
                "connections" | "sources" | "rejects" => self.fill_node(full, node),
                "sinks" => self.fill_parts(full, node, |_, sink| !is_disabled(sink)),
                "models" | "checks" => self.fill_statements(plain, node),
                _ => self.fill_node(plain, node),
            }
        }
    }

    fn fill_node(&mut self, scope: Scope<'_>, node: &mut Node) {
        self.unknown.extend(scope.fill(node, &mut self.troubles));
    }

    fn fill_parts(&mut self, scope: Scope<'_>, node: &mut Node, take: fn(&str, &Node) -> bool) {
        match &mut node.value {
            Value::Map(entries) => {
                let taken = entries.iter_mut().filter(|(key, _, node)| take(key, node));
                taken.for_each(|(.., node)| self.fill_node(scope, node));
            }
            _ => self.fill_node(scope, node),
        }
    }

    fn fill_statements(&mut self, scope: Scope<'_>, node: &mut Node) {
        match &mut node.value {
            Value::Map(entries) => {
                for (.., statement) in entries {
                    self.fill_parts(scope, statement, |key, _| key != "select");
                }
            }
            _ => self.fill_node(scope, node),
        }
    }

    /// A parameter that nothing declares and nothing uses is a slip of the keyboard.
    pub(super) fn parameters_are_known(&mut self, entries: &[Entry], pipeline: &Pipeline) {
        let declared = entries.iter().find(|(key, ..)| key == "vars");
        let declared: Vec<&str> = match declared.map(|(.., node)| &node.value) {
            Some(Value::Map(vars)) => vars.iter().map(|(name, ..)| name.as_str()).collect(),
            _ => Vec::new(),
        };
        let models = pipeline.models.iter().map(|model| &model.sql);
        let statements: Vec<_> =
            models.chain(pipeline.checks.iter().map(|check| &check.sql)).collect();
        for (name, _) in self.outside.vars {
            let word = format!("{{{name}}}");
            let used = statements.iter().any(|sql| sql.text.contains(&word))
                || entries.iter().any(|(.., node)| mentions(node, &word));
            if !used && name != "date" && !declared.contains(&name.as_str()) {
                let place = Place::without_lines("command line");
                self.problem(Problem::unknown(&place, "parameter", name, &declared));
            }
        }
    }
}

/// What placeholders stand for. `date` can be given like any parameter, and its parts follow.
fn words(vars: &BTreeMap<String, Var>, today: Date) -> BTreeMap<String, String> {
    let day = match vars.get("date") {
        Some(Var::Date(date)) => *date,
        _ => today,
    };
    let parts = [("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d")];
    let parts = parts.map(|(name, format)| (name.to_owned(), day.strftime(format).to_string()));
    let mut words = BTreeMap::from(parts);
    words.extend(vars.iter().map(|(name, var)| (name.clone(), var.in_path())));
    words
}

/// A sink that is left out needs none of its variables.
fn is_disabled(sink: &Node) -> bool {
    let Value::Map(entries) = &sink.value else { return false };
    let disabled = entries.iter().find(|(key, ..)| key == "disabled");
    disabled.is_some_and(
        |(.., node)| matches!(&node.value, Value::Scalar { text, .. } if text == "true"),
    )
}

fn mentions(node: &Node, word: &str) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Scalar { .. } => node.written.as_ref().is_some_and(|text| text.contains(word)),
        Value::List(items) => items.iter().any(|item| mentions(item, word)),
        Value::Map(entries) => entries.iter().any(|(.., node)| mentions(node, word)),
    }
}
