//! From what the user wrote and what was found to the steps of a run.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{CheckDef, Node, OnRefused, Pipeline, SinkDef, Value, suggest};
use crate::error::{Error, Result};
use crate::plan::dag::{self, Edges};
use crate::plan::explain::counted;
use crate::plan::parts;
use crate::plan::{
    CheckStep, Facts, LoadStep, Plan, RelationFacts, Step, TargetSize, fingerprint, fit,
};
use crate::sink::Mode;
use crate::source::Split;

/// The steps that load the sinks chosen by `select`: names of sinks, or of models and sources that
/// sinks depend on; empty for all sinks.
///
/// # Errors
/// Everything that stands against it: unknown names, checks that no sink uses, columns that do not
/// fit their target.
pub fn plan(pipeline: &Pipeline, facts: &Facts, select: &[String]) -> Result<Plan, Vec<Error>> {
    let maker = Maker { pipeline, facts, edges: edges(facts) };
    let mut errors = maker.unknown_names(select);
    errors.extend(maker.idle_checks());
    let sinks = selected(pipeline, &maker.edges, select);
    if sinks.is_empty() && errors.is_empty() {
        errors.push(nothing_to_load(select));
    }
    let mut loads = Vec::new();
    for sink in &sinks {
        match maker.load(sink) {
            Ok(load) => loads.push(load),
            Err(found) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let notes = maker.notes(&loads);
    let checks = maker.checks(&loads).into_iter().map(Step::Check);
    let steps = checks.chain(loads.into_iter().map(Step::Load)).collect();
    Ok(Plan { pipeline: pipeline.name.clone(), steps, notes })
}

/// The sinks that `select` names, or that depend on a relation that it names; all for an empty one.
pub fn selected<'a>(pipeline: &'a Pipeline, edges: &Edges, select: &[String]) -> Vec<&'a SinkDef> {
    let is_selected = |sink: &&SinkDef| {
        let upstream = dag::upstream(edges, &sink.from);
        select.is_empty() || select.iter().any(|name| *name == sink.name || upstream.contains(name))
    };
    pipeline.sinks.iter().filter(is_selected).collect()
}

fn edges(facts: &Facts) -> Edges {
    facts.relations.iter().map(|(name, facts)| (name.clone(), facts.names.clone())).collect()
}

fn nothing_to_load(select: &[String]) -> Error {
    match select {
        [] => Error::config("the pipeline has no sink").hint("say under `sinks` where rows go"),
        names => Error::config(format!("no sink depends on `{}`", names.join("`, `")))
            .hint("select a sink, or a model or source that a sink depends on"),
    }
}

struct Maker<'a> {
    pipeline: &'a Pipeline,
    facts: &'a Facts,
    edges: Edges,
}

impl<'a> Maker<'a> {
    fn unknown_names(&self, select: &[String]) -> Vec<Error> {
        let sinks = self.pipeline.sinks.iter().map(|sink| sink.name.as_str());
        let models = self.pipeline.models.iter().map(|model| model.name.as_str());
        let sources = self.pipeline.sources.iter().map(|source| source.name.as_str());
        let known: Vec<&str> = sinks.chain(models).chain(sources).collect();
        let unknown = select.iter().filter(|name| !known.contains(&name.as_str()));
        unknown
            .map(|name| {
                Error::config(format!("no sink, model or source is called `{name}`"))
                    .hint(suggest(name, &known))
            })
            .collect()
    }

    /// The relation whose rows a rejecting check refuses.
    fn refused_relation(&self, check: &CheckDef) -> Option<&str> {
        let facts = self.facts.checks.get(&check.name)?;
        facts.names.first().map(String::as_str).filter(|_| check.refused == OnRefused::Reject)
    }

    /// Rejecting checks of relations that no sink writes.
    fn idle_checks(&self) -> Vec<Error> {
        let written: Vec<&str> = self.pipeline.sinks.iter().map(|s| s.from.as_str()).collect();
        let idle = |check: &CheckDef| {
            let relation = self.refused_relation(check).filter(|name| !written.contains(name))?;
            let message = format!(
                "check `{}` refuses rows of `{relation}`, which no sink writes",
                check.name
            );
            Some(Error::config(message).at("file", &check.sql.file).hint(format!(
                "write it over a relation that a sink writes ({}), or choose `refused: stop`",
                written.join(", ")
            )))
        };
        self.pipeline.checks.iter().filter_map(idle).collect()
    }

    fn load(&self, sink: &SinkDef) -> Result<LoadStep, Vec<Error>> {
        let Some(relation) = self.facts.relations.get(&sink.from) else {
            let known: Vec<&str> = self.facts.relations.keys().map(String::as_str).collect();
            let message =
                format!("sink `{}` writes `{}`, which nothing provides", sink.name, sink.from);
            return Err(vec![Error::config(message).hint(suggest(&sink.from, &known))]);
        };
        let rejecting = self.rejecting(&sink.from);
        let by_split_of = self.by_split_of(relation, &rejecting);
        let (rows, bytes) = self.sizes(&relation.scans);
        let before = self.facts.targets.get(&sink.name);
        let splits = by_split_of.as_ref().and_then(|source| self.facts.sources.get(source));
        let splits = splits.map(|source| source.splits.as_slice());
        let part_bytes = before.and_then(|target| target.part_bytes);
        let mut step = LoadStep {
            sink: sink.name.clone(),
            from: sink.from.clone(),
            target: target(sink),
            mode: sink.mode.clone(),
            allow_empty: sink.allow_empty,
            schema: relation.schema.clone(),
            splits: splits.map(<[Split]>::len),
            parts: splits.map(|splits| parts(splits, part_bytes).len()),
            part_bytes,
            by_split_of,
            source_key: self.facts.source_key(&sink.from),
            reads: relation.scans.keys().cloned().collect(),
            rejecting,
            rows,
            bytes,
            before: TargetSize {
                exists: before.is_some_and(|target| target.schema.is_some()),
                rows: before.and_then(|target| target.rows),
                bytes: before.and_then(|target| target.bytes),
            },
            fingerprint: String::new(),
        };
        let there = before.and_then(|target| target.schema.as_deref());
        let mut misfits = fit::misfits(sink, &step, there);
        misfits.extend(fit::repeats(sink, &step, &self.pipeline.sources));
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let upstream = dag::upstream(&self.edges, &sink.from);
        step.fingerprint =
            fingerprint::fingerprint(self.pipeline, self.facts, sink, &step, &upstream);
        Ok(step)
    }

    fn rejecting(&self, relation: &str) -> Vec<String> {
        let concerned = |check: &&CheckDef| self.refused_relation(check) == Some(relation);
        self.pipeline.checks.iter().filter(concerned).map(|check| check.name.clone()).collect()
    }

    /// A load follows splits when both its relation and its checks go row by row.
    fn by_split_of(&self, relation: &RelationFacts, rejecting: &[String]) -> Option<String> {
        let follows = |check: &String| {
            self.facts.checks.get(check).is_some_and(|facts| facts.follows.is_some())
        };
        relation.follows.clone().filter(|_| rejecting.iter().all(follows))
    }

    /// Rows and bytes that are read; a source that is scanned twice counts twice.
    fn sizes(&self, scans: &BTreeMap<String, usize>) -> (Option<u64>, Option<u64>) {
        let mut rows = Some(0_u64);
        let mut bytes = Some(0_u64);
        for (source, times) in scans {
            let splits = self.facts.sources.get(source).map(|facts| facts.splits.as_slice());
            let times = u64::try_from(*times).unwrap_or(u64::MAX);
            let sum = |of: fn(&Split) -> Option<u64>| {
                let one: Option<u64> = splits?.iter().map(of).sum();
                Some(one?.saturating_mul(times))
            };
            rows = rows.zip(sum(|split| split.rows)).map(|(all, one)| all.saturating_add(one));
            bytes = bytes.zip(sum(|split| split.bytes)).map(|(all, one)| all.saturating_add(one));
        }
        (rows, bytes)
    }

    /// The checks that look at something that a selected load depends on.
    fn checks(&self, loads: &[LoadStep]) -> Vec<CheckStep> {
        let upstream: BTreeSet<String> =
            loads.iter().flat_map(|load| dag::upstream(&self.edges, &load.from)).collect();
        let concerns = |check: &&CheckDef| {
            let facts = self.facts.checks.get(&check.name);
            check.refused != OnRefused::Reject
                && facts.is_some_and(|f| f.names.iter().any(|name| upstream.contains(name)))
        };
        let step =
            |check: &CheckDef| CheckStep { check: check.name.clone(), refused: check.refused };
        self.pipeline.checks.iter().filter(concerns).map(step).collect()
    }

    fn notes(&self, loads: &[LoadStep]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut lossy = BTreeSet::new();
        for load in loads {
            notes.extend(self.repeated_reads(load));
            notes.extend(overwritten(load));
            notes.extend(self.handed_on(load));
            let said = self.facts.targets.get(&load.sink).map(|target| target.notes.as_slice());
            let said = said.unwrap_or_default().iter();
            notes.extend(said.map(|note| format!("`{}`: {note}", load.sink)));
            lossy.extend(dag::upstream(&self.edges, &load.from));
        }
        let read: BTreeSet<&String> = loads.iter().flat_map(|load| &load.reads).collect();
        for name in read {
            let said = self.facts.sources.get(name).map(|facts| facts.notes.as_slice());
            notes.extend(said.unwrap_or_default().iter().map(|note| format!("`{name}`: {note}")));
        }
        for name in lossy {
            let losses = self.facts.relations.get(&name).map(|facts| facts.losses.as_slice());
            for loss in losses.unwrap_or_default() {
                notes.push(format!("model `{name}` may lose digits or fail: {loss}"));
            }
        }
        notes
    }

    /// Whether rows need not be decoded. The types of the target's columns are compared when it is
    /// written: a table that a load makes is not there before.
    fn handed_on(&self, load: &LoadStep) -> Option<String> {
        let source = load.as_read()?;
        let form = self.facts.sources.get(source)?.form.as_ref()?;
        let layout = self.facts.targets.get(&load.sink)?.layout?;
        (layout == form.layout).then(|| {
            format!(
                "`{}`: rows go on as `{source}` sends them, where all columns have the same types",
                load.sink
            )
        })
    }

    fn repeated_reads(&self, load: &LoadStep) -> Vec<String> {
        let scans = self.facts.relations.get(&load.from).map(|facts| &facts.scans);
        let repeated = scans.into_iter().flatten().filter(|(_, times)| **times > 1);
        repeated
            .map(|(source, times)| {
                format!("`{source}` is read {times} times for `{}`, each time whole", load.sink)
            })
            .collect()
    }
}

fn overwritten(load: &LoadStep) -> Option<String> {
    let rows = load.before.rows.filter(|rows| *rows > 0)?;
    match load.mode {
        Mode::Replace | Mode::Truncate => Some(format!(
            "`{}` takes away the {} that are in {} now",
            load.sink,
            counted(rows, "row"),
            load.target
        )),
        Mode::Append | Mode::Merge(_) | Mode::DeleteInsert(_) => None,
    }
}

/// Where rows go, for people: the connector and what its options name.
fn target(sink: &SinkDef) -> String {
    let named = |key: &str| {
        let found = sink.options.entries().iter().find(|(name, ..)| name == key);
        found.and_then(|(_, _, node)| scalar(node))
    };
    let names = ["path", "file", "database", "schema", "table"].into_iter().filter_map(named);
    [sink.connector.as_str()].into_iter().chain(names).collect::<Vec<_>>().join(" ")
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}
