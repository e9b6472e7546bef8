//! One short text for everything that decides what a load writes, apart from the rows it reads.

use std::collections::BTreeSet;

use crate::config::{Node, Options, Pipeline, SinkDef, Value};
use crate::plan::{Facts, LoadStep};
use crate::source::SnapshotId;

/// The fingerprint of `step`. It covers the SQL of its relation and of everything upstream, the
/// parameters that this SQL names, the content of the database that its `geo_ip` looks into, the
/// options of its sources and of its sink, mode, columns, the way it is cut into parts, and what may
/// be refused. It does not cover where in a file these are written, nor their order.
pub(super) fn fingerprint(
    pipeline: &Pipeline,
    facts: &Facts,
    sink: &SinkDef,
    step: &LoadStep,
    upstream: &BTreeSet<String>,
) -> String {
    let mut parts = vec!["load 1".to_owned(), sink.name.clone(), sink.from.clone()];
    parts.extend([sink.connector.clone(), options(&sink.options)]);
    parts.extend([format!("{:?}", sink.mode), sink.allow_empty.to_string()]);
    parts.push(format!("{:?}", step.by_split_of));
    parts.extend(step.part_bytes.map(|bytes| format!("parts of {bytes}")));
    for field in step.schema.fields() {
        parts.push(format!("{} {} {}", field.name(), field.data_type(), field.is_nullable()));
    }
    for source in pipeline.sources.iter().filter(|source| upstream.contains(&source.name)) {
        parts.extend([source.name.clone(), source.connector.clone(), options(&source.options)]);
    }
    let texts = statements(pipeline, step, upstream);
    for (name, var) in &pipeline.vars {
        if texts.iter().any(|(_, text)| text.contains(&format!("{{{name}}}"))) {
            parts.push(format!("{name} = {var:?}"));
        }
    }
    if let Some(database) = &facts.geo_database
        && texts.iter().any(|(_, text)| text.to_ascii_lowercase().contains("geo_ip"))
    {
        parts.push(format!("geo_ip {database}"));
    }
    parts.extend(texts.into_iter().flat_map(|(name, text)| [name.to_owned(), text.to_owned()]));
    let rejects = pipeline.rejects.of(sink);
    parts.push(format!("{} {}", rejects.max_rows, rejects.max_ratio));
    SnapshotId::of(parts).0
}

/// The models upstream and the rejecting checks, by name.
fn statements<'a>(
    pipeline: &'a Pipeline,
    step: &LoadStep,
    upstream: &BTreeSet<String>,
) -> Vec<(&'a str, &'a str)> {
    let models = pipeline.models.iter().filter(|model| upstream.contains(&model.name));
    let checks = pipeline.checks.iter().filter(|check| step.rejecting.contains(&check.name));
    let mut texts: Vec<_> = models
        .map(|model| (model.name.as_str(), model.sql.text.as_str()))
        .chain(checks.map(|check| (check.name.as_str(), check.sql.text.as_str())))
        .collect();
    texts.sort_unstable();
    texts
}

fn options(options: &Options) -> String {
    let mut entries: Vec<_> =
        options.entries().iter().map(|(key, _, node)| format!("{key:?}:{}", value(node))).collect();
    entries.sort_unstable();
    entries.join(",")
}

/// A node without its place, maps in the order of their keys.
fn value(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar { text, .. } => format!("{text:?}"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(","))
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, _, node)| format!("{key:?}:{}", value(node))).collect();
            entries.sort_unstable();
            format!("{{{}}}", entries.join(","))
        }
    }
}
