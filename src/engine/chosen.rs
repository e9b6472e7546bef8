//! What a selection of sinks needs of a pipeline.

use std::collections::BTreeSet;

use crate::config::{CheckDef, ModelDef, Pipeline, SinkDef};
use crate::plan::{self, dag};
use crate::transform::Lineage;

/// What is needed for the sinks that were selected.
pub(super) struct Chosen<'a> {
    pub(super) sinks: Vec<&'a SinkDef>,
    /// Sources and models, by name.
    pub(super) relations: BTreeSet<String>,
}

impl<'a> Chosen<'a> {
    pub(super) fn of(pipeline: &'a Pipeline, lineage: &Lineage, select: &[String]) -> Self {
        let edges = &lineage.models;
        let sinks = plan::selected(pipeline, edges, select);
        let relations = match pipeline.sinks.is_empty() {
            true => edges.keys().cloned().chain(source_names(pipeline)).collect(),
            false => sinks.iter().flat_map(|sink| dag::upstream(edges, &sink.from)).collect(),
        };
        Chosen { sinks, relations }
    }

    pub(super) fn models(&self, pipeline: &Pipeline) -> Vec<ModelDef> {
        let chosen = |model: &&ModelDef| self.relations.contains(&model.name);
        pipeline.models.iter().filter(chosen).cloned().collect()
    }

    /// Checks of which everything that they read is there anyway.
    pub(super) fn checks(&self, pipeline: &Pipeline, lineage: &Lineage) -> Vec<CheckDef> {
        let reads = |check: &CheckDef| lineage.checks.get(&check.name).into_iter().flatten();
        let chosen = |check: &&CheckDef| reads(check).all(|name| self.relations.contains(name));
        pipeline.checks.iter().filter(chosen).cloned().collect()
    }
}

fn source_names(pipeline: &Pipeline) -> impl Iterator<Item = String> {
    pipeline.sources.iter().map(|source| source.name.clone())
}
