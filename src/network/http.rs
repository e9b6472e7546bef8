//! Requests over HTTP: one client, and what it means when there is no answer.
//!
//! Redirects are never followed, because who may see a password is for the connector to say, and
//! nothing is tried again, because that is for the engine.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Body, Client, Request, Response, StatusCode};

use super::certificate;
use super::tls::Tls;
use crate::error::{Error, Result};

/// Bytes of an answer that are read at most, unless somebody asks for more.
const LONGEST: usize = 16 * 1024 * 1024;

/// How to talk to servers: cheap to clone.
#[derive(Debug, Clone)]
pub struct Http(Client);

/// What makes one client differ from another.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// Whom to trust.
    pub tls: &'a Tls,
    /// The folder from which the files of `tls` are looked for.
    pub base: &'a Path,
    /// How long a connection may take to begin.
    pub connect_timeout: Duration,
    /// How long the server may be silent while it is to answer; zero is no limit.
    pub read_timeout: Duration,
    /// Whether the servers are on this machine: then no proxy stands between.
    pub is_local: bool,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status, which need not mean success.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Http {
    /// A client with these settings; reads the certificates that they name.
    ///
    /// # Errors
    /// What is wrong with a certificate.
    pub fn new(settings: &Settings<'_>) -> Result<Self> {
        let builder = Client::builder()
            .tls_backend_preconfigured(settings.tls.config(settings.base)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect_timeout)
            .user_agent(concat!("dhow/", env!("CARGO_PKG_VERSION")));
        let builder = match settings.read_timeout {
            Duration::ZERO => builder,
            limit => builder.read_timeout(limit),
        };
        let builder = if settings.is_local { builder.no_proxy() } else { builder };
        let client = builder.build();
        Ok(Http(client.map_err(|e| Error::bug("HTTP is not usable").at("reason", e))?))
    }

    /// The client itself, to begin a request with.
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// Sends `request` and reads its whole answer, up to 16 MiB.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unavailable`] where it is not known what became of the request, but
    /// the error of the body where that failed; [`crate::error::Kind::Denied`] where the two sides
    /// do not trust each other, and [`crate::error::Kind::Limit`] for a longer answer.
    pub async fn send(&self, request: Request) -> Result<Answer> {
        let server = authority(&request);
        let sent = self.0.execute(request).await;
        let answer = sent.map_err(|error| failed(&server, &error))?;
        whole(&server, answer).await
    }
}

/// A body that is made while it is sent.
pub fn body(chunks: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Body {
    Body::wrap_stream(chunks.map(|chunk| chunk.map_err(Broken)))
}

/// Our error on its way through the client.
#[derive(Debug)]
struct Broken(Error);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Broken {}

/// `host:port` of a request, which has no secrets.
fn authority(request: &Request) -> String {
    let url = request.url();
    let host = url.host_str().unwrap_or("?");
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

async fn whole(server: &str, mut answer: Response) -> Result<Answer> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(server, &error))? {
        if body.len() + chunk.len() > LONGEST {
            let error = Error::limit(format!("`{server}` answered with more than 16 MiB"));
            return Err(error.hint("something else than the service may answer there"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.into() })
}

/// What it means that there is no answer. The URL is never shown: it may hold a token.
pub fn failed(server: &str, error: &reqwest::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(error) = cause {
        if let Some(Broken(ours)) = error.downcast_ref() {
            return ours.clone();
        }
        if let Some(tls) = certificate::within(error) {
            return certificate::refused(server, tls);
        }
        last = error.to_string();
        cause = error.source();
    }
    let message = match (error.is_connect(), error.is_timeout()) {
        (true, _) => format!("`{server}` cannot be reached"),
        (false, true) => format!("`{server}` did not answer in time"),
        (false, false) => format!("the connection with `{server}` broke off"),
    };
    Error::unavailable(message).at("reason", last)
}
