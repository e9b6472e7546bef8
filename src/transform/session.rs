//! Sources and models as relations of SQL, one pool of memory, and rows out of it.
//!
//! A session reads; it can neither create nor change anything, and knows no table but those that it
//! was given. Names are matched as written, upper and lower case apart, with and without quotes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;

use crate::config::{CheckDef, ModelDef, OnRefused, Var};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::plan::RelationFacts;
use crate::source::Snapshot;
use crate::transform::budget::Budget;
use crate::transform::functions::{self, GeoDatabase};
use crate::transform::lineage::{self, Read};
use crate::transform::relation::Relation;
use crate::transform::runtime::{self, SpillFolder};
use crate::transform::statement::Statement;
use crate::transform::stream::{Prepared, Wanted};
use crate::transform::{Limits, failure, loss, refusal};

/// SQL over snapshots.
#[derive(Debug)]
pub struct Session {
    pub(super) state: SessionState,
    pub(super) budget: Budget,
    pub(super) jobs: usize,
    /// Dropped after the state, which removes its own folder in it first.
    _spill: SpillFolder,
    pub(super) sources: BTreeMap<String, Arc<Relation>>,
    models: BTreeMap<String, Defined>,
    checks: BTreeMap<String, Defined>,
    geo_database: Option<Arc<GeoDatabase>>,
    pub(super) prepared: Mutex<HashMap<Wanted, Arc<Prepared>>>,
}

/// A model or check that was planned.
#[derive(Debug)]
pub(super) struct Defined {
    pub(super) statement: Statement,
    names: Vec<String>,
    /// With parameters bound and types known, not optimised.
    pub(super) plan: LogicalPlan,
}

impl Session {
    /// A session with nothing in it yet.
    ///
    /// # Errors
    /// When the folder for spilled data cannot be made.
    pub fn new(limits: &Limits) -> Result<Session> {
        let spill = SpillFolder::make(limits)?;
        let budget = runtime::budget(limits.memory);
        Ok(Session {
            state: runtime::state(limits, &spill, &budget)?,
            budget,
            jobs: limits.jobs.max(1),
            _spill: spill,
            sources: BTreeMap::new(),
            models: BTreeMap::new(),
            checks: BTreeMap::new(),
            geo_database: None,
            prepared: Mutex::default(),
        })
    }

    /// The budget that everything in this session draws from.
    pub fn memory(&self) -> Arc<dyn Memory> {
        Arc::new(self.budget.clone())
    }

    /// Gives `geo_ip` the MaxMind database at `path`, which the user calls `name`; it is held in
    /// memory, and counts as such. Before any model.
    ///
    /// # Errors
    /// When it cannot be read, is no such database, or does not fit into the memory.
    pub fn set_geo_database(&mut self, path: &Path, name: &str) -> Result<()> {
        let database = Arc::new(GeoDatabase::open(path, name, &self.budget)?);
        let failed = |error| failure::running(&error, "the session");
        functions::locate(&mut self.state, Arc::clone(&database)).map_err(failed)?;
        self.geo_database = Some(database);
        Ok(())
    }

    /// Tells the database of `geo_ip` from others.
    pub fn geo_fingerprint(&self) -> Option<&str> {
        self.geo_database.as_ref().map(|database| database.fingerprint())
    }

    /// Adds a source.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] when two of its columns have one name.
    pub fn add_source(&mut self, name: &str, snapshot: Arc<dyn Snapshot>) -> Result<()> {
        distinct_columns(&format!("source `{name}`"), &snapshot.schema())?;
        let relation = Arc::new(Relation::new(name, snapshot));
        self.register(name, relation.clone())?;
        self.sources.insert(name.to_owned(), relation);
        Ok(())
    }

    /// Adds models, in whatever order they are given; their sources are there already.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub async fn add_models(
        &mut self,
        models: &[ModelDef],
        vars: &BTreeMap<String, Var>,
    ) -> Result<(), Vec<Error>> {
        let sources = self.sources.keys().map(String::as_str).collect();
        let models = models.iter().map(|model| (model.name.as_str(), &model.sql));
        let reads = lineage::read_models(models, &sources, vars)?;
        let mut problems = Vec::new();
        let mut failed = BTreeSet::new();
        for read in reads {
            // What reads a model that failed would only fail for the same reason.
            if read.references.iter().any(|reference| failed.contains(&reference.name)) {
                failed.insert(read.name);
                continue;
            }
            let name = read.name.clone();
            if let Err(error) = self.add_model(read).await {
                problems.push(error);
                failed.insert(name);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    async fn add_model(&mut self, read: Read) -> Result<()> {
        let name = read.name.clone();
        let defined = self.define(read).await?;
        let view = ViewTable::new(defined.plan.clone(), Some(defined.statement.sql.text.clone()));
        self.register(&name, Arc::new(view))?;
        self.models.insert(name, defined);
        Ok(())
    }

    /// Adds checks; their sources and models are there already.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub async fn add_checks(
        &mut self,
        checks: &[CheckDef],
        vars: &BTreeMap<String, Var>,
    ) -> Result<(), Vec<Error>> {
        let mut problems = Vec::new();
        for check in checks {
            if let Err(errors) = self.add_check(check, vars).await {
                problems.extend(errors);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    async fn add_check(
        &mut self,
        check: &CheckDef,
        vars: &BTreeMap<String, Var>,
    ) -> Result<(), Vec<Error>> {
        let known = self.sources.keys().chain(self.models.keys()).map(String::as_str).collect();
        let subject = format!("check `{}`", check.name);
        let read = lineage::read(&subject, &check.sql, &known, vars)?;
        if check.refused == OnRefused::Reject {
            refusal::subject(&read.statement).map_err(|error| vec![error])?;
        }
        let defined = self.define(read).await.map_err(|error| vec![error])?;
        self.checks.insert(check.name.clone(), defined);
        Ok(())
    }

    /// Plans a statement.
    async fn define(&self, read: Read) -> Result<Defined> {
        let statement = read.statement;
        let planned = self.state.statement_to_plan(statement.parsed()).await;
        let failed = |error| failure::planning(&error, &statement);
        let plan = planned.map_err(failed)?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(failed)?;
        let plan = plan.replace_params_with_values(&statement.values()?).map_err(failed)?;
        let plan = self.analyzed(plan).map_err(failed)?;
        distinct_columns(&statement.subject, plan.schema().as_arrow())
            .map_err(|error| error.at("file", &statement.sql.file))?;
        if functions::has_untyped_json(&plan) {
            return Err(untyped_json(&statement));
        }
        // The optimiser finds mistakes of its own, such as a constant that does not fit its type.
        self.state.optimize(&plan).map_err(failed)?;
        let names = read.references.into_iter().map(|reference| reference.name).collect();
        Ok(Defined { names, plan, statement })
    }

    /// The plan with the type of every expression known.
    fn analyzed(&self, plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
        self.state.analyzer().execute_and_check(plan, self.state.config_options(), |_, _| {})
    }

    fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        let failed = |error| failure::running(&error, &format!("`{name}`"));
        let schema = self.state.schema_for_ref(TableReference::bare(name)).map_err(failed)?;
        schema.register_table(name.to_owned(), table).map_err(failed)?;
        Ok(())
    }

    /// What is known of a source, model or check.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] for a name that was never added.
    pub fn facts(&self, name: &str) -> Result<RelationFacts> {
        if let Some(source) = self.sources.get(name) {
            return Ok(RelationFacts {
                schema: source.schema(),
                names: Vec::new(),
                scans: BTreeMap::from([(name.to_owned(), 1)]),
                follows: Some(name.to_owned()),
                losses: Vec::new(),
                explained: String::new(),
            });
        }
        let defined = self.defined(name)?;
        let failed = |error| failure::planning(&error, &defined.statement);
        let optimized = self.state.optimize(&defined.plan).map_err(failed)?;
        let scans = lineage::scans(&optimized);
        let follows =
            lineage::follows(&defined.plan).filter(|source| scans.get(source) == Some(&1));
        Ok(RelationFacts {
            schema: defined.plan.schema().inner().clone(),
            names: defined.names.clone(),
            scans,
            follows,
            losses: loss::losses(&defined.plan),
            explained: explained(&defined.statement, &optimized),
        })
    }

    pub(super) fn defined(&self, name: &str) -> Result<&Defined> {
        let found = self.models.get(name).or_else(|| self.checks.get(name));
        found.ok_or_else(|| Error::bug(format!("`{name}` is not in the session")))
    }
}

fn distinct_columns(subject: &str, schema: &Schema) -> Result<()> {
    let mut seen = BTreeSet::new();
    match schema.fields().iter().find(|field| !seen.insert(field.name())) {
        None => Ok(()),
        Some(field) => {
            Err(Error::config(format!("{subject} has two columns called `{}`", field.name()))
                .hint("give one of them another name with `as`"))
        }
    }
}

/// What `->` takes out of JSON has a type of its own in each row, which nothing else knows.
fn untyped_json(statement: &Statement) -> Error {
    Error::config(format!("{} uses a value of JSON without a type", statement.subject))
        .at("file", &statement.sql.file)
        .hint("take it as text with `->>`, or say its type: `cast(j -> 'a' as bigint)`")
}

fn explained(statement: &Statement, plan: &LogicalPlan) -> String {
    let mut text = statement.sql.text.trim_end().to_owned();
    for (name, var) in &statement.parameters {
        text.push_str(&format!("\n-- {{{name}}} = {var:?}"));
    }
    format!("{text}\n\n{}\n", plan.display_indent())
}
