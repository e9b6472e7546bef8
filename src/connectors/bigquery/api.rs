//! Calls of BigQuery's API: JSON there and back, with a token where one is asked for.

use reqwest::{Method, Request};
use serde_json::Value;

use super::auth::Tokens;
use super::endpoint::{Endpoint, query};
use super::failure::Refusal;
use crate::error::{Error, Result};
use crate::network::http::{Answer, Http};

/// The API as this account sees it.
#[derive(Debug)]
pub(super) struct Api {
    /// How requests are made.
    pub http: Http,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Who we are; nobody where nobody asks.
    pub tokens: Option<Tokens>,
}

/// What is answered: a refusal is an answer as well.
pub(super) type Said<T = Value> = std::result::Result<T, Refusal>;

impl Api {
    /// Gets what is at `path`, segments behind `projects`.
    pub(super) async fn get(&self, path: &[&str], with: &[(&str, &str)]) -> Result<Said> {
        let url = format!("{}{}", self.endpoint.call(path), query(with));
        self.said(self.http.client().get(url)).await
    }

    /// Puts `body` to `path`.
    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Said> {
        self.with_body(Method::POST, path, body).await
    }

    /// Changes what is at `path`.
    pub(super) async fn patch(&self, path: &[&str], body: &Value) -> Result<Said> {
        self.with_body(Method::PATCH, path, body).await
    }

    /// Removes what is at `path`.
    pub(super) async fn delete(&self, path: &[&str]) -> Result<Said> {
        self.said(self.http.client().delete(self.endpoint.call(path))).await
    }

    async fn with_body(&self, method: Method, path: &[&str], body: &Value) -> Result<Said> {
        let request = self.http.client().request(method, self.endpoint.call(path));
        let request = request.header("Content-Type", "application/json; charset=UTF-8");
        self.said(request.body(body.to_string())).await
    }

    async fn said(&self, request: reqwest::RequestBuilder) -> Result<Said> {
        let answer = self.send(built(request)?).await?;
        Ok(said(&answer))
    }

    /// Sends `request` with a token. One that is refused may have ended early: another one is
    /// fetched, once.
    ///
    /// # Errors
    /// When there is no answer, or no token.
    pub(super) async fn send(&self, mut request: Request) -> Result<Answer> {
        let Some(tokens) = &self.tokens else { return self.http.send(request).await };
        let again = request.try_clone();
        let token = tokens.get(None).await?;
        token.authorize(&mut request)?;
        let answer = self.http.send(request).await?;
        match again {
            Some(mut again) if answer.status.as_u16() == 401 => {
                tokens.get(Some(&token)).await?.authorize(&mut again)?;
                self.http.send(again).await
            }
            _ => Ok(answer),
        }
    }
}

/// What `answer` says.
pub(super) fn said(answer: &Answer) -> Said {
    if !answer.status.is_success() {
        return Err(Refusal::of_answer(answer));
    }
    // What is removed is answered with nothing.
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.body).map_err(|_| Refusal::of_answer(answer))
}

/// The request that `builder` describes.
pub(super) fn built(builder: reqwest::RequestBuilder) -> Result<Request> {
    builder.build().map_err(|_| Error::bug("a request to BigQuery cannot be made"))
}
