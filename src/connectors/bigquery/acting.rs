//! Acting as a service account: a token of our own asks for one of its. After the method
//! `generateAccessToken` of Google's IAM Credentials API.

use std::time::Duration;

use reqwest::{Client, Request};
use serde_json::{Value, json};

use super::credentials::{SCOPE, built, place_of_tokens};
use crate::config::Secret;
use crate::error::Result;

/// The key that names the account, in the files of both kinds that can act as one.
const URL: &str = "service_account_impersonation_url";
/// How long its token shall last, the most that Google allows without asking.
const LIFETIME: &str = "3600s";

/// The account to act as.
#[derive(Debug)]
pub(super) struct Acting {
    url: String,
    delegates: Value,
}

impl Acting {
    /// The account that the file names, if it names one.
    pub(super) fn of(file: &Value) -> Result<Option<Self>> {
        if file[URL].is_null() {
            return Ok(None);
        }
        let delegates = match &file["delegates"] {
            Value::Array(names) => Value::Array(names.clone()),
            _ => json!([]),
        };
        Ok(Some(Acting { url: place_of_tokens(file, URL)?, delegates }))
    }

    /// The request for its token, with `own`, a token that may ask for it.
    pub(super) fn request(&self, client: &Client, own: &Secret) -> Result<Request> {
        let body = json!({ "delegates": self.delegates, "scope": [SCOPE], "lifetime": LIFETIME });
        let request = client.post(&self.url).bearer_auth(own.reveal());
        built(request.header("Content-Type", "application/json").body(body.to_string()))
    }

    /// The token that was answered, and how long it lasts from now on.
    pub(super) fn answered(body: &Value) -> Option<(Secret, Duration)> {
        let end: jiff::Timestamp = body["expireTime"].as_str()?.parse().ok()?;
        let seconds = end.as_second() - jiff::Timestamp::now().as_second();
        let lasts = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Some((Secret::guarded(body["accessToken"].as_str()?), lasts))
    }
}
