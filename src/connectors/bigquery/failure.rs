//! What a refusal of BigQuery means: the one place that looks at reasons and statuses.

use serde_json::Value;

use crate::error::{Error, Kind};
use crate::network::http::Answer;
use crate::source::Refused;

/// Why a call is refused, or a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status over HTTP; 0 in a job.
    pub status: u16,
    /// Google's word for it, such as `accessDenied`; empty where it gives none.
    pub reason: String,
    /// What it says, safe to be shown.
    pub message: String,
    /// The first thing that went wrong in a job, where its message only says that something did.
    pub first: Option<String>,
    /// How the clock of the server differs from ours in seconds, where that matters.
    pub skew: Option<i64>,
}

/// Clocks that differ by more make tokens invalid.
const SKEW_SECONDS: i64 = 60;

impl Refusal {
    /// What an answer without success says.
    pub(super) fn of_answer(answer: &Answer) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = &body["error"];
        let reason = error["errors"][0]["reason"].as_str().unwrap_or_default();
        let is_google = error.is_object();
        let message = match error["message"].as_str() {
            Some(message) => shown(message),
            None => format!("an answer with status {} that is not BigQuery's", answer.status),
        };
        Refusal {
            status: answer.status.as_u16(),
            reason: if is_google { reason.to_owned() } else { NO_ANSWER.to_owned() },
            message,
            first: None,
            skew: skew(answer),
        }
    }

    /// What the status of a job says, if it has failed.
    pub(super) fn of_job(status: &Value) -> Option<Self> {
        let error = &status["errorResult"];
        let all = status["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let told = |error: &Value| error["message"] != status["errorResult"]["message"];
        error.is_object().then(|| Refusal {
            status: 0,
            reason: error["reason"].as_str().unwrap_or_default().to_owned(),
            message: with_place(error),
            first: all.iter().find(|error| told(error)).map(with_place),
            skew: None,
        })
    }

    /// Whether it is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 || self.reason == "notFound"
    }

    /// Whether it is there already.
    pub(super) fn is_duplicate(&self) -> bool {
        self.status == 409 || self.reason == "duplicate"
    }

    /// Whether the call may have had its effect all the same.
    pub(super) fn is_unsettled(&self) -> bool {
        // A success that cannot be read is one that broke off.
        self.status >= 500 || self.status == 408 || (200..300).contains(&self.status)
    }

    /// Who must act.
    fn kind(&self) -> Kind {
        if self.message.contains("concurrent update") {
            return Kind::Unavailable;
        }
        match self.reason.as_str() {
            "rateLimitExceeded" | "jobRateLimitExceeded" => Kind::Limit,
            "backendError" | "internalError" | "badGateway" | "jobBackendError"
            | "jobInternalError" | "tableUnavailable" | "timeout" => Kind::Unavailable,
            "accessDenied"
            | "quotaExceeded"
            | "billingNotEnabled"
            | "billingTierLimitExceeded"
            | "authError"
            | "required"
            | "blocked" => Kind::Denied,
            "notFound" => Kind::Missing,
            "duplicate" | "conditionNotMet" | "stopped" => Kind::Conflict,
            "notImplemented" | "unsupported" => Kind::Unsupported,
            _ => self.kind_of_status(),
        }
    }

    fn kind_of_status(&self) -> Kind {
        match self.status {
            408 | 500.. => Kind::Unavailable,
            429 => Kind::Limit,
            401 | 403 => Kind::Denied,
            404 => Kind::Missing,
            409 | 412 => Kind::Conflict,
            _ if self.reason == NO_ANSWER => Kind::Unsupported,
            400 => Kind::Config,
            // A job that is refused for what it was given.
            _ => Kind::Data,
        }
    }

    /// What whoever must act can do.
    fn hint(&self) -> Option<String> {
        if self.status == 401 && self.skew.is_some() {
            return Some(CLOCK_HINT.to_owned());
        }
        let hint = match self.reason.as_str() {
            NO_ANSWER => {
                "something else than BigQuery answers there: a proxy, or a wrong `endpoint`"
            }
            "accessDenied" => return Some(permission_hint(&self.message)),
            "quotaExceeded" => {
                "quotas of a day refill within 24 hours; `group_bytes` makes jobs fewer"
            }
            "billingNotEnabled" => "enable billing for the project, or use another `project`",
            "stopped" => "somebody stopped the job; run again",
            "notFound" => "create it, or correct `project`, `dataset`, `table` and `location`",
            _ if self.status == 401 => "see that the credentials are still valid",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The error for it; `what` was tried: "could not load a part".
    pub(super) fn into_error(self, what: &str) -> Error {
        let error = Error::new(self.kind(), what).at("BigQuery", &self.message);
        let reason = if self.reason == NO_ANSWER { "" } else { self.reason.as_str() };
        let error = match (reason, self.status) {
            ("", 0) => error,
            ("", status) => error.at("status", status),
            (reason, _) => error.at("reason", reason),
        };
        let error = match &self.first {
            Some(first) => error.at("first error", first),
            None => error,
        };
        let error = match permission(&self.message) {
            Some(permission) => error.at("missing permission", permission),
            None => error,
        };
        let error = match self.skew.filter(|_| self.status == 401) {
            Some(skew) => error.at("clock", clock(skew)),
            None => error,
        };
        match self.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// In place of a reason: it was not BigQuery that answered.
const NO_ANSWER: &str = "(none)";

/// Seconds by which the server's clock is ahead of ours, if they are many.
pub(super) fn skew(answer: &Answer) -> Option<i64> {
    let date = answer.headers.get("date")?.to_str().ok()?;
    let there = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    let skew = there - jiff::Timestamp::now().as_second();
    (skew.abs() > SKEW_SECONDS).then_some(skew)
}

/// The difference of two clocks in words.
pub(super) fn clock(skew: i64) -> String {
    let side = if skew > 0 { "behind" } else { "ahead of" };
    format!("this machine is {} s {side} the server", skew.abs())
}

/// What to do about it.
pub(super) const CLOCK_HINT: &str = "set the clock of this machine: tokens are made for a time";

/// The permission that is named in a message, such as `bigquery.jobs.create`.
fn permission(message: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    let words = message.split(|c: char| !is_part(c)).map(|word| word.trim_end_matches('.'));
    let mut words = words.filter(|word| word.starts_with("bigquery."));
    words.find(|word| word.matches('.').count() == 2)
}

fn permission_hint(message: &str) -> String {
    match permission(message) {
        Some(permission) if permission.starts_with("bigquery.jobs.") => {
            "grant roles/bigquery.jobUser on the project".to_owned()
        }
        Some(_) => "grant roles/bigquery.dataEditor on the dataset".to_owned(),
        None => "it needs roles/bigquery.jobUser on the project, and roles/bigquery.dataEditor on \
                 the datasets"
            .to_owned(),
    }
}

/// The longest message of a server that is shown, in characters.
const MESSAGE_CHARS: usize = 400;

/// The message of an error in a job, and where it is.
fn with_place(error: &Value) -> String {
    let text = |key: &str| shown(error[key].as_str().unwrap_or_default());
    match text("location") {
        place if place.is_empty() => text("message"),
        place => format!("{} (at {place})", text("message")),
    }
}

/// A message of the server without the values of rows that it quotes.
fn shown(message: &str) -> String {
    let quoted = ["; Value:", "Value: '", "; value:"];
    let cut = quoted.iter().filter_map(|mark| message.find(mark)).min();
    let message = cut.map_or(message, |at| message.get(..at).unwrap_or(message));
    let short: String = message.chars().take(MESSAGE_CHARS).collect();
    Refused::shown(short.as_bytes())
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), body: body.to_owned().into() }
    }

    fn refusal(status: u16, reason: &str, message: &str) -> Error {
        let error = json!({ "code": status, "message": message, "errors": [{ "reason": reason }] });
        let answer = answer(status, &json!({ "error": error }).to_string());
        Refusal::of_answer(&answer).into_error("could not ask")
    }

    fn job(error: Value) -> Refusal {
        Refusal::of_job(&json!({ "errorResult": error })).unwrap()
    }

    #[test]
    fn each_reason_says_who_must_act() {
        let kind_of =
            |reason: &str| job(json!({ "reason": reason, "message": "m" })).into_error("x").kind();
        for (reason, kind) in [
            ("rateLimitExceeded", Kind::Limit),
            ("jobRateLimitExceeded", Kind::Limit),
            ("quotaExceeded", Kind::Denied),
            ("backendError", Kind::Unavailable),
            ("jobInternalError", Kind::Unavailable),
            ("invalid", Kind::Data),
            ("invalidQuery", Kind::Data),
            ("notFound", Kind::Missing),
            ("accessDenied", Kind::Denied),
            ("stopped", Kind::Conflict),
            ("resourcesExceeded", Kind::Data),
        ] {
            assert_eq!(kind_of(reason), kind, "{reason}");
        }
        for (status, kind) in [
            (400, Kind::Config),
            (401, Kind::Denied),
            (403, Kind::Denied),
            (404, Kind::Missing),
            (408, Kind::Unavailable),
            (412, Kind::Conflict),
            (429, Kind::Limit),
            (500, Kind::Unavailable),
            (503, Kind::Unavailable),
        ] {
            assert_eq!(refusal(status, "", "m").kind(), kind, "{status}");
        }
        assert_eq!(refusal(403, "rateLimitExceeded", "m").kind(), Kind::Limit);
    }

    #[test]
    fn a_missing_permission_is_named_with_the_role_that_gives_it() {
        let message = "Access Denied: Project p: User does not have bigquery.jobs.create \
                       permission in project p.";
        let error = refusal(403, "accessDenied", message);
        let named = ("missing permission".to_owned(), "bigquery.jobs.create".to_owned());
        assert!(error.places().contains(&named), "{error:?}");
        assert_eq!(error.advice(), Some("grant roles/bigquery.jobUser on the project"));
        let message = "Permission bigquery.tables.updateData denied on table p:d.t (or it may \
                       not exist).";
        let error = refusal(403, "accessDenied", message);
        assert_eq!(error.advice(), Some("grant roles/bigquery.dataEditor on the dataset"));
    }

    #[test]
    fn a_page_of_html_is_not_an_answer() {
        let error = |status| {
            Refusal::of_answer(&answer(status, "<html>a page</html>")).into_error("could not ask")
        };
        assert_eq!(error(502).kind(), Kind::Unavailable);
        assert_eq!(error(200).kind(), Kind::Unsupported);
        assert_eq!(error(302).kind(), Kind::Unsupported);
        assert!(error(302).advice().unwrap().contains("proxy"));
        assert!(!error(302).report().contains("a page"));
    }

    #[test]
    fn values_of_rows_that_a_server_quotes_are_not_shown() {
        let told = job(json!({
            "reason": "invalid",
            "message": "Could not convert value to integer. Field: a; Value: secret",
            "location": "file-00000000",
        }));
        assert_eq!(told.message, "Could not convert value to integer. Field: a (at file-00000000)");
    }

    #[test]
    fn a_clock_that_is_wrong_is_reported_with_a_refused_token() {
        let mut refused = answer(401, r#"{"error":{"message":"no","errors":[]}}"#);
        let date = "Sat, 21 Nov 2020 09:00:00 GMT";
        refused.headers.insert("date", date.parse().unwrap());
        let error = Refusal::of_answer(&refused).into_error("could not ask");
        let clock = &error.places().iter().find(|(what, _)| what == "clock").unwrap().1;
        assert!(clock.ends_with("s ahead of the server"), "{clock}");
        assert_eq!(error.kind(), Kind::Denied);
    }
}
