//! Models and checks: where their SQL stands.

use crate::config::names::{self, Use};
use crate::config::pipeline::{Draft, Entry};
use crate::config::{CheckDef, ModelDef, Node, OnRefused, Options, Problem, Sql, Value};

impl Draft<'_> {
    pub(super) fn model(&mut self, entry: &Entry) -> Option<ModelDef> {
        let (sql, _) = self.statement("model", entry)?;
        Some(ModelDef { name: entry.0.clone(), sql })
    }

    pub(super) fn check(&mut self, entry: &Entry) -> Option<CheckDef> {
        self.problems.extend(names::check("check", &entry.0, Use::Key, &entry.1));
        let (sql, refused) = self.statement("check", entry)?;
        Some(CheckDef { name: entry.0.clone(), sql, refused })
    }

    /// The SQL of a model or check, and what happens to the rows of a check.
    fn statement(&mut self, what: &str, entry: &Entry) -> Option<(Sql, OnRefused)> {
        let (name, place, node) = entry;
        let entries = match &node.value {
            Value::Scalar { .. } => return Some((self.file(node)?, OnRefused::Stop)),
            Value::Map(entries) => entries,
            _ => {
                let message = format!("the {what} `{name}` has no SQL, but {}", node.shown());
                let hint = format!("write `{name}: sql/{name}.sql`");
                self.problem(Problem::new(place, message).hint(hint));
                return None;
            }
        };
        let options = Options::new(place.clone(), entries.clone());
        let reader = options.reader();
        let (file, inline) = (reader.node("sql"), reader.node("select"));
        let refused = if what == "check" {
            refused(reader.one_of("refused", &["stop", "warn", "reject"]))
        } else {
            OnRefused::Stop
        };
        self.problems.extend(reader.finish_as("key"));
        let told = match (file, inline) {
            (Some(node), None) => return Some((self.file(node)?, refused)),
            (None, Some(node)) => {
                return Some((self.inline(&format!("{what}s.{name}"), node)?, refused));
            }
            (None, None) => Problem::new(place, format!("the {what} `{name}` has no SQL"))
                .hint(format!("write `sql: sql/{name}.sql`")),
            (Some(_), Some(node)) => {
                let message = format!("the {what} `{name}` has both `sql` and `select`");
                Problem::new(&node.place, message).hint("remove one of the two")
            }
        };
        self.problem(told);
        None
    }

    fn file(&mut self, node: &Node) -> Option<Sql> {
        let Value::Scalar { text: path, .. } = &node.value else {
            let message = format!("`sql` must be the path of a file, not {}", node.shown());
            self.problem(Problem::new(&node.place, message));
            return None;
        };
        match (self.outside.read_sql)(path) {
            Ok(text) => {
                let file = node.written.as_ref().unwrap_or(path).clone();
                Some(Sql { file, text })
            }
            Err(error) => {
                self.problem(Problem::of_error(&error, Some(node), &node.place));
                None
            }
        }
    }

    fn inline(&mut self, shown: &str, node: &Node) -> Option<Sql> {
        let Value::Scalar { text, .. } = &node.value else {
            let message = format!("`select` must be a statement, not {}", node.shown());
            self.problem(Problem::new(&node.place, message));
            return None;
        };
        if text.contains("${") {
            let message = "variables of the environment are never put into SQL";
            let hint = "declare a parameter, `vars: { name: \"${NAME}\" }`, and write `{name}`";
            self.problem(Problem::new(&node.place, message).hint(hint));
            return None;
        }
        Some(Sql { file: format!("{}: {shown}", self.file), text: text.clone() })
    }
}

fn refused(word: &str) -> OnRefused {
    let all = [OnRefused::Stop, OnRefused::Warn, OnRefused::Reject];
    all.into_iter().find(|refused| refused.word() == word).unwrap_or(OnRefused::Stop)
}
