//! Workload identity federation: what another cloud or a cluster says of us is exchanged for one of
//! Google's tokens. After <https://google.aip.dev/auth/4117>; of its sources of a subject token, those
//! that are a file or an address.

use std::path::PathBuf;

use reqwest::{Client, Request};
use serde_json::Value;

use super::credentials::{built, form, place_of_tokens, text};
use crate::config::Secret;
use crate::error::{Error, Result};

/// Longer subject tokens are something else.
const LONGEST: u64 = 1024 * 1024;

/// Whom another provider of identities knows.
#[derive(Debug)]
pub(super) struct Federated {
    audience: String,
    subject_type: String,
    token_url: String,
    subject: Subject,
    /// The field of a JSON text that is the subject token, where it is not the whole text.
    field: Option<String>,
}

/// Where the subject token is.
#[derive(Debug)]
enum Subject {
    /// In a file, which somebody renews.
    File(PathBuf),
    /// At an address of this machine or its cloud, asked with these headers.
    Address(String, Vec<(String, Secret)>),
}

impl Federated {
    /// What a file of the type `external_account` says.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unsupported`] for subject tokens that a program makes, or AWS signs.
    pub(super) fn of(file: &Value) -> Result<Self> {
        let source = &file["credential_source"];
        let subject = match (source["file"].as_str(), source["url"].as_str()) {
            (Some(path), _) => Subject::File(path.into()),
            (None, Some(url)) => Subject::Address(url.to_owned(), headers(source)),
            (None, None) => {
                let error = Error::unsupported(
                    "a subject token is known here only from a file or an address",
                );
                return Err(error.hint(
                    "let `credential_source` of the file with credentials name a `file` or a \
                     `url`; one that AWS signs or a program prints is not known here",
                ));
            }
        };
        let is_json = source["format"]["type"] == "json";
        let field = source["format"]["subject_token_field_name"].as_str().filter(|_| is_json);
        Ok(Federated {
            audience: text(file, "audience")?,
            subject_type: text(file, "subject_token_type")?,
            token_url: place_of_tokens(file, "token_url")?,
            subject,
            field: field.map(str::to_owned),
        })
    }

    /// The request for the subject token, where it is not in a file.
    pub(super) fn question(&self, client: &Client) -> Result<Option<Request>> {
        let Subject::Address(url, headers) = &self.subject else { return Ok(None) };
        let named = headers.iter().fold(client.get(url), |request, (name, value)| {
            request.header(name.as_str(), value.reveal())
        });
        built(named).map(Some)
    }

    /// The subject token in the file, as it is now.
    pub(super) fn read(&self) -> Result<Secret> {
        let Subject::File(path) = &self.subject else {
            return Err(Error::bug("the subject token is in no file"));
        };
        let io = |error| Error::io(&error, "read", path);
        let metadata = std::fs::metadata(path).map_err(io)?;
        if !metadata.is_file() || metadata.len() > LONGEST {
            let message = format!("`{}` is no file with a subject token", path.display());
            return Err(Error::denied(message));
        }
        self.subject(&std::fs::read_to_string(path).map_err(io)?)
    }

    /// The subject token in what was found.
    pub(super) fn subject(&self, found: &str) -> Result<Secret> {
        let nothing = || {
            let error = Error::denied("there is no subject token where it should be");
            error.hint("look at `credential_source` of the file with credentials")
        };
        let Some(field) = &self.field else {
            return Ok(Secret::guarded(found.trim()));
        };
        let found: Value = serde_json::from_str(found).map_err(|_| nothing())?;
        let token = found[field.as_str()].as_str().filter(|token| !token.is_empty());
        token.map(Secret::guarded).ok_or_else(nothing)
    }

    /// The request that exchanges the subject token for one of Google's: RFC 8693.
    pub(super) fn exchange(
        &self,
        client: &Client,
        subject: &Secret,
        scope: &str,
    ) -> Result<Request> {
        let pairs = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", &self.audience),
            ("scope", scope),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.reveal()),
            ("subject_token_type", &self.subject_type),
        ];
        form(client, &self.token_url, &pairs)
    }
}

fn headers(source: &Value) -> Vec<(String, Secret)> {
    let headers = source["headers"].as_object().into_iter().flatten();
    let header =
        |(name, value): (&String, &Value)| Some((name.clone(), Secret::guarded(value.as_str()?)));
    headers.filter_map(header).collect()
}
