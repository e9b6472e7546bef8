//! Who reads whom, read from the SQL itself, and which statements go row by row.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

use crate::config::{OnRefused, Pipeline, Sql, Var, suggest};
use crate::error::{Error, Result};
use crate::plan::dag::{self, Edges};
use crate::transform::statement::{Reference, Statement};
use crate::transform::{functions, refusal};

/// Reads every statement of `pipeline` without touching the world: a statement that cannot be
/// parsed or is not one `SELECT`, a parameter without a value, a name that nothing provides, a
/// cycle, a rejecting check that is not a plain condition, `geo_ip` without a database. All problems, each with file, line,
/// column and a caret. Parameters that every run has (such as `date`) must stand in
/// `pipeline.vars` already.
pub fn check(pipeline: &Pipeline) -> Vec<Error> {
    let sources = pipeline.sources.iter().map(|source| source.name.as_str());
    let models = pipeline.models.iter().map(|model| (model.name.as_str(), &model.sql));
    let mut problems = Vec::new();
    match read_models(models, &sources.clone().collect(), &pipeline.vars) {
        Ok(reads) => problems.extend(reads.iter().filter_map(|read| unlocated(pipeline, read))),
        Err(errors) => problems.extend(errors),
    }
    let known = sources.chain(pipeline.models.iter().map(|model| model.name.as_str())).collect();
    for check in &pipeline.checks {
        let read = read(&format!("check `{}`", check.name), &check.sql, &known, &pipeline.vars);
        match read {
            Ok(read) => {
                if check.refused == OnRefused::Reject {
                    problems.extend(refusal::subject(&read.statement).err());
                }
                problems.extend(unlocated(pipeline, &read));
            }
            Err(errors) => problems.extend(errors),
        }
    }
    problems
}

/// The problem that a statement calls `geo_ip` and the pipeline names no database.
fn unlocated(pipeline: &Pipeline, read: &Read) -> Option<Error> {
    let call = read.statement.call("geo_ip").filter(|_| pipeline.geo_ip.is_none())?;
    Some(functions::no_database().excerpt(call))
}

/// Which relations each model and each check reads, directly.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// By the name of the model.
    pub models: Edges,
    /// By the name of the check.
    pub checks: Edges,
}

/// Who reads whom in `pipeline`, from its SQL alone.
///
/// # Errors
/// As [`check`].
pub fn lineage(pipeline: &Pipeline) -> Result<Lineage, Vec<Error>> {
    let sources: BTreeSet<&str> = pipeline.sources.iter().map(|s| s.name.as_str()).collect();
    let models = pipeline.models.iter().map(|model| (model.name.as_str(), &model.sql));
    let reads = read_models(models, &sources, &pipeline.vars)?;
    let models: Edges = reads.iter().map(|read| (read.name.clone(), read.names())).collect();
    let known = sources.into_iter().chain(models.keys().map(String::as_str)).collect();
    let mut checks = Edges::new();
    for check in &pipeline.checks {
        let subject = format!("check `{}`", check.name);
        let read = read(&subject, &check.sql, &known, &pipeline.vars)?;
        checks.insert(check.name.clone(), read.names());
    }
    Ok(Lineage { models, checks })
}

/// A statement and what it reads.
#[derive(Debug)]
pub(super) struct Read {
    /// The name of the model or check.
    pub(super) name: String,
    /// The statement.
    pub(super) statement: Statement,
    /// The relations that it names.
    pub(super) references: Vec<Reference>,
}

impl Read {
    /// The names of the relations, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        self.references.iter().map(|reference| reference.name.clone()).collect()
    }
}

/// Reads models, and gives them in an order in which each stands after what it reads.
pub(super) fn read_models<'a>(
    models: impl Iterator<Item = (&'a str, &'a Sql)> + Clone,
    sources: &BTreeSet<&str>,
    vars: &BTreeMap<String, Var>,
) -> Result<Vec<Read>, Vec<Error>> {
    let known = sources.iter().copied().chain(models.clone().map(|(name, _)| name)).collect();
    let mut reads = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, sql) in models {
        match read(&format!("model `{name}`"), sql, &known, vars) {
            Ok(read) => {
                reads.insert(name.to_owned(), Read { name: name.to_owned(), ..read });
            }
            Err(errors) => problems.extend(errors),
        }
    }
    let edges: Edges = reads.iter().map(|(name, read)| (name.clone(), read.names())).collect();
    match dag::order(&edges) {
        Ok(order) if problems.is_empty() => {
            Ok(order.iter().filter_map(|name| reads.remove(name)).collect())
        }
        Ok(_) => Err(problems),
        Err(path) => {
            problems.push(cycle(&path, &reads));
            Err(problems)
        }
    }
}

/// Reads one statement; every name in it that nothing provides is an error.
pub(super) fn read(
    subject: &str,
    sql: &Sql,
    known: &BTreeSet<&str>,
    vars: &BTreeMap<String, Var>,
) -> Result<Read, Vec<Error>> {
    let statement = Statement::parse(subject, sql, vars).map_err(|error| vec![error])?;
    let references = statement.references().map_err(|error| vec![error])?;
    let unknown = |reference: &&Reference| !known.contains(reference.name.as_str());
    let problems: Vec<_> = references
        .iter()
        .filter(unknown)
        .map(|reference| unprovided(subject, reference, known))
        .collect();
    if problems.is_empty() {
        Ok(Read { name: String::new(), statement, references })
    } else {
        Err(problems)
    }
}

fn unprovided(subject: &str, reference: &Reference, known: &BTreeSet<&str>) -> Error {
    let known: Vec<&str> = known.iter().copied().collect();
    let name = &reference.name;
    Error::config(format!("{subject} reads `{name}`, which nothing provides"))
        .excerpt(reference.at.clone())
        .hint(suggest(name, &known))
}

fn cycle(path: &[String], reads: &BTreeMap<String, Read>) -> Error {
    let error = Error::config(format!("models read each other in a circle: {}", path.join(" → ")))
        .hint("take one of these references out, or make two models of one");
    let [.., reader, back] = path else { return error };
    let references = reads.get(reader).map(|read| read.references.as_slice()).unwrap_or_default();
    match references.iter().find(|reference| reference.name == *back) {
        Some(reference) => error.excerpt(reference.at.clone()),
        None => error,
    }
}

/// How often each base table is scanned in a plan, subqueries included.
pub(super) fn scans(plan: &LogicalPlan) -> BTreeMap<String, usize> {
    let mut scans = BTreeMap::new();
    // The closure never fails, so neither does the walk.
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            *scans.entry(scan.table_name.table().to_owned()).or_insert(0) += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    scans
}

/// The one source that a plan goes through row by row, if it does: nothing but projections and
/// filters over one scan, with functions that give the same for the same row at any time.
///
/// Asked of a plan before it is optimised: afterwards `now()` is a constant, which would differ
/// from split to split.
pub(super) fn follows(plan: &LogicalPlan) -> Option<String> {
    let mut row_local = true;
    let mut found = Vec::new();
    let _ = plan.apply(|node| {
        row_local &= match node {
            LogicalPlan::TableScan(scan) => {
                found.push(scan.table_name.table().to_owned());
                scan.fetch.is_none()
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Unnest(_) => true,
            _ => false,
        };
        let _ = node.apply_expressions(|expr| {
            row_local &= is_row_local(expr);
            Ok(TreeNodeRecursion::Continue)
        });
        Ok(TreeNodeRecursion::Continue)
    });
    match (row_local, found.as_slice()) {
        (true, [source]) => Some(source.clone()),
        _ => None,
    }
}

fn is_row_local(expr: &Expr) -> bool {
    let other = expr.exists(|part| {
        Ok(match part {
            Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
            Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::ScalarSubquery(_)
            | Expr::ScalarVariable(..)
            | Expr::OuterReferenceColumn(..) => true,
            _ => false,
        })
    });
    matches!(other, Ok(false))
}
