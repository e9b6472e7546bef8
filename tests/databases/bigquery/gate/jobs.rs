//! Jobs: their names, their states, and what becomes of them.

use std::fmt;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::contract;
use super::fault::Fault;
use super::results::Results;
use super::route::Call;
use super::schema::check_labels;
use super::server::Asked;
use super::tables::{listed, page};
use super::uploads::Payload;
use super::world::{TableName, World};

/// A job by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobName {
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) id: String,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) configuration: Map<String, Value>,
    waiting: Option<Waiting>,
    pub(crate) error: Option<Refusal>,
    pub(crate) errors: Vec<Refusal>,
    statistics: Map<String, Value>,
    pub(crate) results: Results,
    created: i64,
    ended: i64,
}

/// A job that has not done its work.
#[derive(Debug)]
struct Waiting {
    /// Answers that still say `PENDING`, and then `RUNNING`.
    pending: u32,
    running: u32,
    payload: Option<Payload>,
    fails: Option<Refusal>,
}

/// What a job did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) statistics: Map<String, Value>,
    pub(crate) results: Results,
    /// Errors that did not fail it.
    pub(crate) errors: Vec<Refusal>,
}

/// Why a job failed, with the errors of single rows.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) result: Refusal,
    pub(crate) rows: Vec<Refusal>,
}

impl From<Refusal> for Failure {
    fn from(result: Refusal) -> Self {
        Failure { result, rows: Vec::new() }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job {}:{}.{}", self.project, self.location, self.id)
    }
}

impl Job {
    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_none()
    }

    pub(crate) fn state(&self) -> &'static str {
        match &self.waiting {
            None => "DONE",
            Some(waiting) if waiting.pending > 0 => "PENDING",
            Some(_) => "RUNNING",
        }
    }

    pub(crate) fn json(&self, name: &JobName, url: &str) -> Value {
        let mut configuration = self.configuration.clone();
        let kind =
            ["load", "copy", "query"].into_iter().find(|kind| configuration.contains_key(*kind));
        configuration.insert("jobType".to_owned(), kind.unwrap_or("").to_uppercase().into());
        let mut status = json!({ "state": self.state() });
        let mut statistics = json!({ "creationTime": self.created.to_string() });
        if self.state() != "PENDING" {
            statistics["startTime"] = self.created.to_string().into();
        }
        if self.is_done() {
            statistics["endTime"] = self.ended.to_string().into();
            for (key, value) in &self.statistics {
                statistics[key] = value.clone();
            }
            if let Some(error) = &self.error {
                status["errorResult"] = error.proto();
            }
            let errors: Vec<Value> =
                self.error.iter().chain(&self.errors).map(Refusal::proto).collect();
            if !errors.is_empty() {
                status["errors"] = errors.into();
            }
        }
        json!({
            "kind": "bigquery#job", "etag": "gate", "id": format!("{}:{}.{}", name.project, name.location, name.id),
            "selfLink": format!("{url}/bigquery/v2/projects/{}/jobs/{}?location={}", name.project, name.id, name.location),
            "user_email": super::oauth::ACCOUNT, "principal_subject": format!("serviceAccount:{}", super::oauth::ACCOUNT),
            "jobReference": { "projectId": name.project, "jobId": name.id, "location": name.location },
            "configuration": configuration, "statistics": statistics, "status": status,
        })
    }
}

impl World {
    /// `jobs.insert` without data.
    pub(crate) fn plain_job(&mut self, asked: &Asked) -> Outcome {
        let body = contract::parse("Job", &asked.body)?;
        if !body.get("configuration").is_some_and(|c| c["load"].is_null()) {
            return Err(Refusal::invalid(
                "Load configuration must specify at least one source URI",
            ));
        }
        self.insert_job(&asked.call.project, body, None, &asked.orders)
    }

    /// Starts a job.
    pub(crate) fn insert_job(
        &mut self,
        project: &str,
        body: Map<String, Value>,
        payload: Option<Payload>,
        orders: &[Fault],
    ) -> Outcome {
        let name = self.start(project, body, payload, orders)?;
        match name {
            Started::Dry(json) => Ok(Answer::json(200, &json)),
            Started::Job(name) => {
                let answer = Answer::json(200, &self.jobs[&name].json(&name, &self.url));
                Ok(answer)
            }
        }
    }

    pub(super) fn start(
        &mut self,
        project: &str,
        body: Map<String, Value>,
        payload: Option<Payload>,
        orders: &[Fault],
    ) -> Outcome<Started> {
        let configuration = match body.get("configuration") {
            Some(Value::Object(configuration)) => configuration.clone(),
            _ => {
                return Err(Refusal::new(
                    400,
                    "required",
                    "Required parameter is missing: configuration",
                ));
            }
        };
        let kinds = ["load", "copy", "query", "extract"]
            .into_iter()
            .filter(|kind| configuration.contains_key(*kind));
        if kinds.count() != 1 || configuration.contains_key("extract") {
            return Err(Refusal::invalid(
                "a job needs one of load, copy and query, and the gate does not know extract",
            ));
        }
        check_labels(configuration.get("labels").unwrap_or(&Value::Null))?;
        let name = self.job_name(project, &body, &configuration)?;
        if self.jobs.contains_key(&name) {
            return Err(Refusal::duplicate(name.to_string()));
        }
        if configuration.get("dryRun") == Some(&Value::Bool(true)) {
            return self.dry_run(&name, configuration).map(Started::Dry);
        }
        let (mut pending, mut running) = self.settings.pace;
        let mut fails = None;
        for order in orders {
            match order {
                Fault::Pace { pending: p, running: r } => (pending, running) = (*p, *r),
                Fault::JobFails(refusal) => fails = Some(refusal.clone()),
                _ => {}
            }
        }
        let created = self.now();
        let waiting = Some(Waiting { pending, running, payload, fails });
        let job = Job {
            configuration,
            waiting,
            error: None,
            errors: Vec::new(),
            statistics: Map::new(),
            results: Results::default(),
            created,
            ended: created,
        };
        self.jobs.insert(name.clone(), job);
        if (pending, running) == (0, 0) {
            self.finish(&name);
        }
        Ok(Started::Job(name))
    }

    /// What a query would cost, and whether it is one.
    fn dry_run(&mut self, name: &JobName, configuration: Map<String, Value>) -> Outcome<Value> {
        let query = configuration
            .get("query")
            .ok_or_else(|| Refusal::invalid("only queries can be run dry"))?;
        let results = self.dry_query(name, &query.clone())?;
        let bytes = results.bytes.to_string();
        Ok(json!({
            "kind": "bigquery#job", "configuration": configuration, "status": { "state": "DONE" },
            "jobReference": { "projectId": name.project, "location": name.location },
            "statistics": { "totalBytesProcessed": bytes, "query": {
                "totalBytesProcessed": bytes, "statementType": results.statement, "schema": results.schema(),
            }},
        }))
    }

    fn job_name(
        &mut self,
        project: &str,
        body: &Map<String, Value>,
        configuration: &Map<String, Value>,
    ) -> Outcome<JobName> {
        let reference = body.get("jobReference").unwrap_or(&Value::Null);
        let id = match reference["jobId"].as_str() {
            Some(id) => id.to_owned(),
            None => format!("job_gate_{}", self.next()),
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.is_empty() || id.len() > 1_024 || !id.chars().all(is_part) {
            return Err(Refusal::invalid(format!("Invalid job ID \"{project}:{id}\"")));
        }
        if reference["projectId"].as_str().is_some_and(|named| named != project) {
            return Err(Refusal::invalid("the job's reference is not in the project of the path"));
        }
        let location = match reference["location"].as_str() {
            Some(location) => self.spelled(location),
            None => self.home(project, configuration),
        };
        Ok(JobName { project: project.to_owned(), location, id })
    }

    /// Locations are the same in any case; answers it as the datasets there spell it.
    fn spelled(&self, location: &str) -> String {
        let known = self.datasets.values().map(|dataset| dataset.location.as_str());
        let known = known.chain(["US", "EU"]).find(|known| known.eq_ignore_ascii_case(location));
        known.unwrap_or(location).to_owned()
    }

    /// Where a job runs that names no location: where its tables are.
    fn home(&self, project: &str, configuration: &Map<String, Value>) -> String {
        let null = Value::Null;
        let get = |kind: &str| configuration.get(kind).unwrap_or(&null);
        let named = [get("load"), get("copy"), get("query")].into_iter();
        let named =
            named.map(|job| &job["destinationTable"]).chain([&get("query")["defaultDataset"]]);
        let mut datasets: Vec<_> = named
            .filter_map(|table| {
                let project = table["projectId"].as_str().unwrap_or(project);
                Some((project.to_owned(), table["datasetId"].as_str()?.to_owned()))
            })
            .collect();
        datasets.extend(
            get("query")["query"].as_str().map(|sql| self.mentioned(sql)).unwrap_or_default(),
        );
        let home = datasets.iter().find_map(|dataset| self.datasets.get(dataset));
        home.map_or("US", |dataset| dataset.location.as_str()).to_owned()
    }

    /// Datasets that a query names.
    fn mentioned(&self, sql: &str) -> Vec<(String, String)> {
        let is_named = |dataset: &str| {
            [format!("{dataset}."), format!("`{dataset}`.")]
                .iter()
                .any(|name| sql.contains(name.as_str()))
        };
        self.datasets.keys().filter(|(_, dataset)| is_named(dataset)).cloned().collect()
    }

    /// The job that a call names. Without a location only the United States and Europe are looked at.
    pub(super) fn find(&self, call: &Call) -> Outcome<JobName> {
        let places: Vec<String> = match call.get("location") {
            Some(location) => vec![self.spelled(location)],
            None => vec!["US".to_owned(), "EU".to_owned()],
        };
        let name = |location: &String| JobName {
            project: call.project.clone(),
            location: location.clone(),
            id: call.job.clone(),
        };
        let found = places.iter().map(name).find(|name| self.jobs.contains_key(name));
        found.ok_or_else(|| Refusal::not_found(name(&places[0]).to_string()))
    }

    /// One more look at a job brings it on.
    pub(crate) fn poll(&mut self, name: &JobName) {
        let Some(Some(waiting)) = self.jobs.get_mut(name).map(|job| job.waiting.as_mut()) else {
            return;
        };
        if waiting.pending > 0 {
            waiting.pending =
                if waiting.pending == u32::MAX { u32::MAX } else { waiting.pending - 1 };
        } else {
            waiting.running = waiting.running.saturating_sub(1);
        }
        if (waiting.pending, waiting.running) == (0, 0) {
            self.finish(name);
        }
    }

    /// Does the work of a job, if it has not been done.
    pub(crate) fn finish(&mut self, name: &JobName) {
        let Some(job) = self.jobs.get_mut(name) else { return };
        let Some(waiting) = job.waiting.take() else { return };
        let configuration = job.configuration.clone();
        let done = match waiting.fails {
            Some(refusal) => Err(Failure::from(refusal)),
            None => self.perform(name, &configuration, waiting.payload),
        };
        let now = self.now();
        let job = self.jobs.get_mut(name).expect("it was there");
        job.ended = now;
        match done {
            Ok(done) => {
                (job.statistics, job.results, job.errors) =
                    (done.statistics, done.results, done.errors);
            }
            Err(failure) => (job.error, job.errors) = (Some(failure.result), failure.rows),
        }
    }

    fn perform(
        &mut self,
        name: &JobName,
        configuration: &Map<String, Value>,
        payload: Option<Payload>,
    ) -> Result<Done, Failure> {
        if let (Some(load), Some(payload)) = (configuration.get("load"), payload) {
            return self.atomically(|world| world.load(&name.location, load, payload));
        }
        match (configuration.get("copy"), configuration.get("query")) {
            (Some(copy), _) => self.atomically(|world| Ok(world.copy(&name.location, copy)?)),
            (_, Some(query)) => Ok(self.query(name, query)?),
            _ => Err(Refusal::invalid("nothing to do").into()),
        }
    }

    /// Refuses a table of which the dataset is missing, or elsewhere.
    pub(crate) fn located(&self, name: &TableName, location: &str) -> Outcome<()> {
        let (project, dataset) = (&name.project, &name.dataset);
        match self.datasets.get(&name.dataset()) {
            Some(found) if found.location.eq_ignore_ascii_case(location) => Ok(()),
            _ => Err(Refusal::not_found(format!(
                "Dataset {project}:{dataset} was not found in location {location}"
            ))),
        }
    }

    pub(crate) fn get_job(&mut self, call: &Call) -> Outcome {
        let name = self.find(call)?;
        self.poll(&name);
        Ok(Answer::json(200, &self.jobs[&name].json(&name, &self.url)))
    }

    pub(crate) fn list_jobs(&self, call: &Call) -> Answer {
        let state = call.get("stateFilter").map(str::to_uppercase);
        let shown = |(name, job): &(&JobName, &Job)| {
            name.project == call.project && state.as_ref().is_none_or(|state| job.state() == state)
        };
        let jobs = self.jobs.iter().filter(shown).map(|(name, job)| {
            let mut json = job.json(name, &self.url);
            json["state"] = job.state().into();
            json
        });
        let (jobs, token) = page(jobs.collect(), call);
        Answer::json(200, &listed("bigquery#jobList", "jobs", jobs, token))
    }

    pub(crate) fn cancel_job(&mut self, call: &Call) -> Outcome {
        let name = self.find(call)?;
        let job = self.jobs.get_mut(&name).expect("it was found");
        if job.waiting.take().is_some() {
            job.error = Some(Refusal::new(
                499,
                "stopped",
                "Job execution was cancelled: User requested cancellation",
            ));
        }
        let body = json!({ "kind": "bigquery#jobCancelResponse", "job": self.jobs[&name].json(&name, &self.url) });
        Ok(Answer::json(200, &body))
    }

    pub(crate) fn delete_job(&mut self, call: &Call) -> Outcome {
        let name = self.find(call)?;
        self.jobs.remove(&name);
        Ok(Answer::empty(204))
    }
}

/// A job, or what it would have been.
pub(super) enum Started {
    Job(JobName),
    Dry(Value),
}
