//! Queries that are answered at once, and pages of what queries gave.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome};
use super::contract;
use super::fault::Fault;
use super::jobs::{JobName, Started};
use super::results::Moments;
use super::route::Call;
use super::server::Asked;
use super::world::World;

impl World {
    /// `jobs.query`: a job that answers at once when it is done at once.
    pub(crate) fn query_now(&mut self, asked: &Asked) -> Outcome {
        let mut request = contract::parse("QueryRequest", &asked.body)?;
        let id = request.remove("requestId").and_then(|id| id.as_str().map(str::to_owned));
        let known = id.as_ref().and_then(|id| self.requests.get(id)).cloned();
        let most = request.get("maxResults").and_then(Value::as_u64).unwrap_or(10_000);
        let options = request.get("formatOptions").cloned().unwrap_or_default();
        let moments = Moments::of(
            options["useInt64Timestamp"] == true,
            options["timestampOutputFormat"].as_str(),
        );
        let name = match known {
            Some(name) => name,
            None => match self.start(&asked.call.project, job_of(request), None, &asked.orders)? {
                Started::Dry(job) => {
                    let body = json!({
                        "kind": "bigquery#queryResponse", "jobComplete": true,
                        "totalBytesProcessed": job["statistics"]["totalBytesProcessed"],
                        "schema": job["statistics"]["query"]["schema"],
                    });
                    return Ok(Answer::json(200, &body));
                }
                Started::Job(name) => name,
            },
        };
        if let Some(id) = id {
            self.requests.insert(id, name.clone());
        }
        // Short queries are waited for; a script may say that they take their time.
        if !asked.orders.iter().any(|order| matches!(order, Fault::Pace { .. })) {
            self.finish(&name);
        }
        self.results_of(
            &name,
            "bigquery#queryResponse",
            0,
            usize::try_from(most).unwrap_or(usize::MAX),
            moments,
        )
    }

    pub(crate) fn query_results(&mut self, call: &Call) -> Outcome {
        let name = self.find(call)?;
        self.poll(&name);
        let start = call.number("pageToken").or(call.number("startIndex")).unwrap_or(0);
        let most = call.number("maxResults").unwrap_or(10_000);
        let moments = Moments::of_call(call);
        self.results_of(&name, "bigquery#getQueryResultsResponse", start, most, moments)
    }

    fn results_of(
        &self,
        name: &JobName,
        kind: &str,
        start: usize,
        most: usize,
        moments: Moments,
    ) -> Outcome {
        let job = &self.jobs[name];
        let reference =
            json!({ "projectId": name.project, "jobId": name.id, "location": name.location });
        if !job.is_done() {
            let body = json!({ "kind": kind, "jobReference": reference, "jobComplete": false });
            return Ok(Answer::json(200, &body));
        }
        if let Some(error) = &job.error {
            return Err(error.clone());
        }
        let results = &job.results;
        let (rows, next) = results.page(start, most, moments);
        let mut body = json!({
            "kind": kind, "etag": "gate", "jobReference": reference, "jobComplete": true, "cacheHit": false,
            "totalBytesProcessed": results.bytes.to_string(), "totalRows": results.rows.len().to_string(),
            "schema": results.schema(),
        });
        // Who asks for no row gets no list of them: clients look whether it is there.
        if most > 0 {
            body["rows"] = rows.into();
        }
        if let Some((inserted, updated, deleted)) = results.changed {
            body["numDmlAffectedRows"] = (inserted + updated + deleted).to_string().into();
            body["dmlStats"] = json!({
                "insertedRowCount": inserted.to_string(), "updatedRowCount": updated.to_string(), "deletedRowCount": deleted.to_string(),
            });
        }
        if let Some(next) = next {
            body["pageToken"] = next.to_string().into();
        }
        Ok(Answer::json(200, &body))
    }
}

/// A `QueryRequest` as a `Job`.
fn job_of(mut request: Map<String, Value>) -> Map<String, Value> {
    let mut configuration = Map::new();
    for key in ["labels", "dryRun", "jobTimeoutMs"] {
        if let Some(value) = request.remove(key) {
            configuration.insert(key.to_owned(), value);
        }
    }
    let mut job = Map::new();
    if let Some(location) = request.remove("location").filter(Value::is_string) {
        job.insert("jobReference".to_owned(), json!({ "location": location }));
    }
    for key in [
        "kind",
        "maxResults",
        "timeoutMs",
        "formatOptions",
        "jobCreationMode",
        "preserveNulls",
        "queryResultsFormat",
    ] {
        request.remove(key);
    }
    configuration.insert("query".to_owned(), Value::Object(request));
    job.insert("configuration".to_owned(), Value::Object(configuration));
    job
}
