//! What the gate answers: JSON, the errors of Google's API, and what is no JSON at all.

use serde_json::{Value, json};

/// A whole answer over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Why a call is refused, or a job failed: the three things that Google says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// The answer, or why there is none.
pub(crate) type Outcome<T = Answer> = Result<T, Refusal>;

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers =
            vec![("content-type".to_owned(), "application/json; charset=UTF-8".to_owned())];
        Answer { status, headers, body: body.to_string().into_bytes() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A page of HTML, as proxies and load balancers send.
    pub(crate) fn html(status: u16) -> Self {
        let body = "<!DOCTYPE html><html><title>Error</title><p>That’s an error.</html>";
        let headers = vec![("content-type".to_owned(), "text/html; charset=UTF-8".to_owned())];
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    pub(crate) fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.push((header.to_owned(), value.to_owned()));
        self
    }
}

impl Refusal {
    pub(crate) fn new(status: u16, reason: &str, message: impl Into<String>) -> Self {
        Refusal { status, reason: reason.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Refusal::new(400, "invalid", message)
    }

    pub(crate) fn invalid_query(message: impl Into<String>) -> Self {
        Refusal::new(400, "invalidQuery", message)
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Refusal::new(404, "notFound", format!("Not found: {}", what.into()))
    }

    pub(crate) fn duplicate(what: impl Into<String>) -> Self {
        Refusal::new(409, "duplicate", format!("Already Exists: {}", what.into()))
    }

    /// As it stands in a job: `errorResult` and `errors[]`.
    pub(crate) fn proto(&self) -> Value {
        json!({ "reason": self.reason, "message": self.message })
    }

    /// As it stands in the answer to a call.
    pub(crate) fn answer(&self) -> Answer {
        let error = json!({ "message": self.message, "domain": "global", "reason": self.reason });
        let body = json!({ "error": {
            "code": self.status, "message": self.message, "errors": [error],
            "status": canonical(self.status),
        }});
        Answer::json(self.status, &body)
    }
}

/// The name of a status in Google's APIs.
fn canonical(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        412 => "FAILED_PRECONDITION",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}
