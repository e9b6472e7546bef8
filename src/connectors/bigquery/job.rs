//! Jobs: made under ids that follow from what they are for, asked for until they are done, and
//! judged by how they ended. A job that is done need not have succeeded.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, Said};
use super::failure::Refusal;
use crate::error::{Error, Kind, Result};
use crate::network::pause::Pauses;

/// Ids of one thing that are tried before something is wrong with it altogether.
const ATTEMPTS: u32 = 500;
/// How often a question about a running job may be left without an answer in a row.
const SILENCES: u32 = 5;
/// How often a job is looked for that the server says is there; with the pauses below, a minute.
const LOOKS: u32 = 17;

/// Where jobs run, and how they are spoken of.
#[derive(Debug)]
pub(super) struct Jobs<'a> {
    /// The API.
    pub api: &'a Api,
    /// The project that jobs belong to.
    pub project: &'a str,
    /// Where jobs run.
    pub location: &'a str,
    /// Labels of every job.
    pub labels: Value,
}

/// A job as the server shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job(Value);

/// What is known of the jobs that could have done one thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// The one of this number has done it.
    Done(u32, Job),
    /// None has; the next one has this number.
    Free(u32),
}

impl Job {
    /// Whether it has ended, well or not.
    pub(super) fn is_done(&self) -> bool {
        self.0["status"]["state"] == "DONE"
    }

    /// Why it has failed.
    pub(super) fn failure(&self) -> Option<Refusal> {
        Refusal::of_job(&self.0["status"])
    }

    /// The value of one of its labels.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.0["configuration"]["labels"][key].as_str()
    }

    /// A number of its statistics: the API writes them as text.
    pub(super) fn number(&self, group: &str, key: &str) -> Option<u64> {
        self.0["statistics"][group][key].as_str()?.parse().ok()
    }
}

impl Jobs<'_> {
    /// The job of this id with what it is to do, as the API takes it. `labels` are those of this
    /// job alone.
    pub(super) fn body(&self, id: &str, configuration: Value, labels: &[(&str, &str)]) -> Value {
        let mut configuration = configuration;
        let mut all = self.labels.clone();
        for (key, value) in labels {
            all[key] = (*value).into();
        }
        configuration["labels"] = all;
        let reference =
            json!({ "projectId": self.project, "jobId": id, "location": self.location });
        json!({ "jobReference": reference, "configuration": configuration })
    }

    /// The job of this id, if there is one.
    pub(super) async fn get(&self, id: &str) -> Result<Option<Job>> {
        match self.ask(id).await? {
            Ok(job) => Ok(Some(Job(job))),
            Err(refusal) if refusal.is_missing() => Ok(None),
            Err(refusal) => Err(refusal.into_error("could not look for a job").at("job", id)),
        }
    }

    async fn ask(&self, id: &str) -> Result<Said> {
        let with = [("location", self.location)];
        self.api.get(&[self.project, "jobs", id], &with).await
    }

    /// Makes the job, or finds the one of this id that is there already.
    pub(super) async fn insert(&self, id: &str, body: &Value) -> Result<Job> {
        let said = self.api.post(&[self.project, "jobs"], body).await;
        self.settled(id, said).await
    }

    /// The job of this id, after its insertion was answered so, or not at all.
    pub(super) async fn settled(&self, id: &str, said: Result<Said>) -> Result<Job> {
        let what = "could not start a job";
        match said {
            Ok(Ok(job)) => Ok(Job(job)),
            // It was there before, but those who are asked may learn of it a little later.
            Ok(Err(refusal)) if refusal.is_duplicate() => {
                let found = self.look(id, LOOKS).await?;
                found.ok_or_else(|| {
                    Error::unavailable("a job is there and cannot be found").at("job", id)
                })
            }
            Ok(Err(refusal)) if refusal.is_unsettled() => {
                let lost = refusal.into_error(what).at("job", id);
                self.look(id, 1).await?.ok_or(lost)
            }
            Ok(Err(refusal)) => Err(refusal.into_error(what).at("job", id)),
            Err(lost) if lost.kind() == Kind::Unavailable => {
                self.look(id, 1).await?.ok_or(lost.at("job", id))
            }
            Err(error) => Err(error),
        }
    }

    /// Looks for the job so many times. One that is not found after its insertion was not answered
    /// is inserted under the same id the next time, so nothing is lost by giving up early.
    async fn look(&self, id: &str, times: u32) -> Result<Option<Job>> {
        let mut pauses = Pauses::new(Duration::from_millis(100), Duration::from_secs(5));
        for time in 0..times {
            if time > 0 {
                pauses.pause().await;
            }
            if let Some(job) = self.get(id).await? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// The job when it has ended.
    pub(super) async fn done(&self, id: &str, job: Job) -> Result<Job> {
        let (mut job, mut silences) = (job, 0);
        let mut pauses = Pauses::new(Duration::from_millis(50), Duration::from_secs(5));
        while !job.is_done() {
            pauses.pause().await;
            job = match self.ask(id).await {
                Ok(Ok(shown)) => {
                    silences = 0;
                    Job(shown)
                }
                // It goes on without us.
                Ok(Err(refusal)) if refusal.is_unsettled() && silences < SILENCES => {
                    silences += 1;
                    job
                }
                Err(error) if error.kind() == Kind::Unavailable && silences < SILENCES => {
                    silences += 1;
                    job
                }
                Ok(Err(refusal)) => {
                    return Err(refusal.into_error("could not ask for a job").at("job", id));
                }
                Err(error) => return Err(error.at("job", id)),
            };
        }
        Ok(job)
    }

    /// What is known of the jobs with these ids, from number `from` on: failed ones are passed
    /// over, running ones are waited for.
    pub(super) async fn standing(&self, from: u32, id: impl Fn(u32) -> String) -> Result<Standing> {
        for attempt in from..ATTEMPTS {
            let id = id(attempt);
            let Some(job) = self.get(&id).await? else { return Ok(Standing::Free(attempt)) };
            let job = self.done(&id, job).await?;
            if job.failure().is_none() {
                return Ok(Standing::Done(attempt, job));
            }
        }
        Err(Error::conflict(format!("{ATTEMPTS} jobs in a row have failed"))
            .at("last job", id(ATTEMPTS - 1))
            .hint("look at the jobs in BigQuery, put right what they say, and begin a new load"))
    }

    /// Runs `sql` under the first of these ids that has not failed, unless that was done already.
    pub(super) async fn run(
        &self,
        what: &str,
        sql: &str,
        id: impl Fn(u32) -> String,
    ) -> Result<()> {
        let Standing::Free(attempt) = self.standing(0, &id).await? else { return Ok(()) };
        let id = id(attempt);
        let body = self.body(&id, query(sql), &[]);
        let job = self.insert(&id, &body).await?;
        match self.done(&id, job).await?.failure() {
            None => Ok(()),
            Some(refusal) => Err(refusal.into_error(what).at("job", &id)),
        }
    }
}

/// The configuration of a job that runs `sql`.
pub(super) fn query(sql: &str) -> Value {
    json!({ "query": { "query": sql, "useLegacySql": false } })
}
