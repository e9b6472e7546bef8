//! Query jobs: GoogleSQL is parsed with sqlparser's dialect for BigQuery, checked, and carried out
//! on SQLite.
//!
//! Known are SELECT, INSERT, UPDATE, DELETE, MERGE, TRUNCATE, ASSERT, the DDL of tables, and scripts
//! with transactions. What is not known is refused in so many words, never passed on to SQLite as
//! it stands: names of functions too. Types are followed as far as columns, literals, parameters and
//! casts go, so that what BigQuery refuses for its types is mostly refused here.

mod call;
mod ddl;
mod dml;
mod infer;
mod merge;
mod parameters;
mod reserved;
mod script;
mod select;
mod shape;
mod translate;

use serde_json::{Value, json};
use sqlparser::ast::Statement;
use sqlparser::dialect::BigQueryDialect;
use sqlparser::parser::Parser;

use super::answer::{Outcome, Refusal};
use super::jobs::{Done, JobName};
use super::results::Results;
use super::world::World;
use parameters::Parameter;

/// What a query runs in.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) project: String,
    pub(crate) location: String,
    /// The dataset of tables that are named without one.
    pub(crate) dataset: Option<(String, String)>,
    pub(crate) parameters: Vec<Parameter>,
}

/// What a query job may say.
const KNOWN: [&str; 11] = [
    "query",
    "useLegacySql",
    "defaultDataset",
    "parameterMode",
    "queryParameters",
    "priority",
    "useQueryCache",
    "maximumBytesBilled",
    "connectionProperties",
    "allowLargeResults",
    "flattenResults",
];

impl World {
    pub(crate) fn query(&mut self, name: &JobName, query: &Value) -> Outcome<Done> {
        let (setting, statements) = self.read(name, query)?;
        let results = self.script(&setting, &statements)?;
        let mut statistics = json!({
            "totalBytesProcessed": results.bytes.to_string(), "totalBytesBilled": results.bytes.to_string(),
            "statementType": results.statement, "cacheHit": false,
        });
        if let Some((inserted, updated, deleted)) = results.changed {
            statistics["numDmlAffectedRows"] = (inserted + updated + deleted).to_string().into();
            statistics["dmlStats"] = json!({
                "insertedRowCount": inserted.to_string(), "updatedRowCount": updated.to_string(), "deletedRowCount": deleted.to_string(),
            });
        }
        if results.statement == "SELECT" {
            statistics["schema"] = results.schema();
        }
        let mut done = Done { results, ..Done::default() };
        done.statistics
            .insert("totalBytesProcessed".to_owned(), done.results.bytes.to_string().into());
        done.statistics.insert("query".to_owned(), statistics);
        Ok(done)
    }

    /// The same without any effect.
    pub(crate) fn dry_query(&mut self, name: &JobName, query: &Value) -> Outcome<Results> {
        let (setting, statements) = self.read(name, query)?;
        let mut results = None;
        let undone: Outcome<()> = self.atomically(|world| {
            results = Some(world.script(&setting, &statements)?);
            Err(Refusal::invalid("undone"))
        });
        match (results, undone) {
            (Some(results), _) => Ok(Results { rows: Vec::new(), ..results }),
            (None, Err(refusal)) => Err(refusal),
            (None, Ok(())) => Ok(Results::default()),
        }
    }

    fn read(&self, name: &JobName, query: &Value) -> Outcome<(Setting, Vec<Statement>)> {
        let keys = query.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        if let Some((key, _)) = keys.into_iter().find(|(key, _)| !KNOWN.contains(&key.as_str())) {
            return Err(Refusal::invalid(format!(
                "the gate does not know query jobs with `{key}`"
            )));
        }
        if query["useLegacySql"] != false {
            return Err(Refusal::invalid_query(
                "the gate does not know legacy SQL: set useLegacySql to false",
            ));
        }
        let sql = query["query"].as_str().unwrap_or("");
        if sql.len() > 1 << 20 {
            return Err(Refusal::invalid_query(
                "The query is too large. The maximum standard SQL query length is 1024.00K characters, including comments and white space characters.",
            ));
        }
        let statements = Parser::parse_sql(&BigQueryDialect {}, sql)
            .map_err(|error| Refusal::invalid_query(format!("Syntax error: {error}")))?;
        if statements.is_empty() {
            return Err(Refusal::invalid_query("Syntax error: Unexpected end of statement"));
        }
        let dataset = query["defaultDataset"]["datasetId"].as_str().map(|dataset| {
            let project = query["defaultDataset"]["projectId"].as_str().unwrap_or(&name.project);
            (project.to_owned(), dataset.to_owned())
        });
        let parameters = parameters::of(query)?;
        let (project, location) = (name.project.clone(), name.location.clone());
        Ok((Setting { project, location, dataset, parameters }, statements))
    }
}
