//! Tokens: one place fetches, keeps and renews them, and puts them on requests.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use tokio::sync::Mutex;

use super::acting::Acting;
use super::credentials::{Credentials, Identity, Place};
use super::failure::{CLOCK_HINT, Refusal, clock, skew};
use crate::config::Secret;
use crate::error::{Error, Kind, Result};
use crate::network::http::{Answer, Http, Settings};
use crate::network::tls::Tls;
use crate::source::Refused;

/// A token is renewed this long before it ends.
const EARLY: Duration = Duration::from_secs(60);
/// How long the server of a machine may take to be there; elsewhere there is none.
const METADATA_PATIENCE: Duration = Duration::from_secs(3);

/// The tokens of one account.
#[derive(Debug)]
pub(super) struct Tokens {
    place: Place,
    http: Http,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    identity: Option<Identity>,
    token: Option<Token>,
}

/// A token, and until when it is used.
#[derive(Debug, Clone)]
pub(super) struct Token {
    secret: Secret,
    until: Instant,
}

impl Token {
    /// Puts the token on a request.
    pub(super) fn authorize(&self, request: &mut Request) -> Result<()> {
        let value = format!("Bearer {}", self.secret.reveal());
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| Error::unsupported("the token that was given cannot be sent"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}

impl Tokens {
    /// The tokens of what is found at `place`.
    pub(super) fn new(place: Place, tls: &Tls, base: &Path, patience: Duration) -> Result<Self> {
        let is_metadata = matches!(place, Place::Metadata(..));
        let connect_timeout = if is_metadata { METADATA_PATIENCE } else { patience };
        let read_timeout = Duration::from_secs(30);
        // The server of a machine is asked by that machine alone.
        let settings = Settings { tls, base, connect_timeout, read_timeout, is_local: is_metadata };
        Ok(Tokens { place, http: Http::new(&settings)?, kept: Mutex::default() })
    }

    /// A token that is good for the next minute. One that was refused is never given again.
    pub(super) async fn get(&self, refused: Option<&Token>) -> Result<Token> {
        let mut kept = self.kept.lock().await;
        let is_refused = |token: &Token| refused.is_some_and(|old| old.secret == token.secret);
        if let Some(token) = &kept.token
            && token.until > Instant::now()
            && !is_refused(token)
        {
            return Ok(token.clone());
        }
        if kept.identity.is_none() {
            let place = self.place.clone();
            let read = tokio::task::spawn_blocking(move || place.read()).await;
            let read = read.map_err(|_| Error::bug("reading credentials broke off"))?;
            kept.identity = Some(read?);
        }
        let Some(identity) = &kept.identity else {
            return Err(Error::bug("credentials were read and are not there"));
        };
        let token = self.fetch(identity).await?;
        kept.token = Some(token.clone());
        Ok(token)
    }

    async fn fetch(&self, identity: &Identity) -> Result<Token> {
        let own = self.own(identity).await?;
        let Some(acting) = &identity.acting else { return Ok(own) };
        let asked = Instant::now();
        let answer = self.http.send(acting.request(self.http.client(), &own.secret)?).await?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match Acting::answered(&body) {
            Some((secret, lasts)) if answer.status.is_success() => {
                Ok(Token { secret, until: asked + lasts.saturating_sub(EARLY) })
            }
            _ => {
                let refusal = Refusal::of_answer(&answer);
                Err(refusal.into_error("there is no token for the account to act as").hint(
                    "grant roles/iam.serviceAccountTokenCreator on that account to whom the file \
                     with credentials names",
                ))
            }
        }
    }

    /// A token of those whom the credentials are of.
    async fn own(&self, identity: &Identity) -> Result<Token> {
        let (client, credentials) = (self.http.client(), &identity.credentials);
        let request = match credentials {
            Credentials::Federated(federated) => {
                let subject = match federated.question(client)? {
                    None => federated.read()?,
                    Some(question) => federated.subject(&self.told(question).await?)?,
                };
                federated.exchange(client, &subject, identity.scope())?
            }
            credentials => credentials.request(client, identity.scope())?,
        };
        let asked = Instant::now();
        let answer = self.http.send(request).await.map_err(|error| self.unreachable(error))?;
        let is_flavoured = answer.headers.contains_key("metadata-flavor");
        if matches!(credentials, Credentials::Machine(_)) && !is_flavoured {
            return Err(nobody("what answers as the server of this machine is something else"));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let seconds = body["expires_in"].as_u64().unwrap_or(0);
        match body["access_token"].as_str() {
            Some(token) if answer.status.is_success() => {
                let lasts = Duration::from_secs(seconds).saturating_sub(EARLY);
                Ok(Token { secret: Secret::guarded(token), until: asked + lasts })
            }
            _ => Err(refused(credentials, &answer, &body)),
        }
    }

    /// What is told where the subject token is.
    async fn told(&self, question: Request) -> Result<String> {
        let answer = self.http.send(question).await?;
        match answer.status.is_success() {
            true => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
            false => {
                let error = Error::denied("the subject token is not given");
                Err(error.at("status", answer.status.as_u16()))
            }
        }
    }

    /// Where nobody has named the server of a machine, it is no surprise that there is none.
    fn unreachable(&self, error: Error) -> Error {
        match &self.place {
            Place::Metadata(_, false) if error.kind() == Kind::Unavailable => {
                nobody("there are no credentials for BigQuery")
            }
            _ => error,
        }
    }
}

fn nobody(message: &str) -> Error {
    Error::denied(message).hint(
        "give `credentials_file`, set GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth \
         application-default login`, or run on a machine of Google's cloud",
    )
}

/// Why there is no token, in the words of OAuth or of what stands before it: Google's gateways, which
/// count who asks, answer as its APIs do.
fn refused(credentials: &Credentials, answer: &Answer, body: &Value) -> Error {
    let message = format!("there is no token for {}", credentials.shown());
    if body["error"].is_object() {
        return Refusal::of_answer(answer).into_error(&message);
    }
    let status = answer.status.as_u16();
    let kind = match (status, body.is_object()) {
        (408 | 500.., _) => Kind::Unavailable,
        (429, _) => Kind::Limit,
        (_, true) => Kind::Denied,
        (_, false) => Kind::Unsupported,
    };
    let error = Error::new(kind, message).at("status", status);
    let said = ["error", "error_description"].map(|key| body[key].as_str().unwrap_or_default());
    let said = said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    let error =
        if said.is_empty() { error } else { error.at("reason", Refused::shown(said.as_bytes())) };
    match (skew(answer), kind) {
        (Some(skew), Kind::Denied) => error.at("clock", clock(skew)).hint(CLOCK_HINT),
        (None, Kind::Denied) => error.hint("see that the key or login is still valid"),
        _ => error,
    }
}
