//! The servers of a cluster over HTTP: which of them are there, and questions to them.
//!
//! Front ends are asked in turn until one answers. Back ends are those of the options, or those
//! that the front ends name; who is alive is looked at once a minute.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use super::address::Address;
use super::answer::looks_like_html;
use super::login::Login;
use super::options::Cluster;
use super::outcome::State;
use super::redirect::{self, HOPS, Known};
use crate::error::{Error, Kind, Result};
use crate::network::http::{Answer, Http, Settings};
use crate::network::tls::Mode;

/// How long it is believed who is alive.
const FRESH: Duration = Duration::from_secs(60);

/// The servers of a cluster.
#[derive(Debug)]
pub(super) struct Nodes {
    cluster: Cluster,
    base: std::path::PathBuf,
    /// As whom to go there.
    pub login: Login,
    http: OnceCell<Http>,
    alive: Mutex<Option<(Instant, Vec<Address>)>>,
    turn: AtomicUsize,
}

/// An answer of a front end: `{"msg": "success", "code": 0, "data": …}`.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    msg: String,
    #[serde(default)]
    code: i64,
    #[serde(default)]
    data: serde_json::Value,
    /// Where StarRocks puts the state of a label.
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Backends {
    backends: Vec<Backend>,
}

#[derive(Debug, Deserialize)]
struct Backend {
    ip: String,
    http_port: u16,
    is_alive: bool,
}

impl Nodes {
    /// The servers of `cluster`; files of its options are looked for from `base` on.
    pub(super) fn new(cluster: &Cluster, base: &Path) -> Self {
        Nodes {
            cluster: cluster.clone(),
            base: base.to_owned(),
            login: Login::new(&cluster.user, &cluster.password, base),
            http: OnceCell::new(),
            alive: Mutex::new(None),
            turn: AtomicUsize::new(0),
        }
    }

    /// The client; it reads certificates the first time.
    pub(super) async fn http(&self) -> Result<&Http> {
        let open = async || {
            Http::new(&Settings {
                tls: &self.cluster.tls,
                base: &self.base,
                connect_timeout: self.cluster.connect_timeout,
                // A load is answered when its last row has been stored.
                read_timeout: Duration::ZERO,
                is_local: self.cluster.is_local(),
            })
        };
        self.http.get_or_try_init(open).await
    }

    /// The front ends, the one that is to be asked first in front.
    pub(super) fn front_ends(&self) -> &[Address] {
        &self.cluster.fe
    }

    /// `path` at a server.
    pub(super) fn url(&self, server: &Address, path: &str) -> Result<Url> {
        let encrypted = self.cluster.tls.mode != Mode::Disable;
        let scheme = server.scheme.unwrap_or(if encrypted { "https" } else { "http" });
        let url = format!("{scheme}://{}{path}", server.shown());
        Url::parse(&url).map_err(|error| Error::bug("an address is none").at("reason", error))
    }

    /// The hosts that may see the password: those of the options, and `others`.
    pub(super) fn known(&self, others: &[Address]) -> Known {
        let cluster = &self.cluster;
        let lists = [&cluster.fe, &cluster.be, &cluster.query].into_iter().flatten();
        let hosts = lists.chain(others).map(|address| address.host.clone());
        Known::new(hosts.chain(cluster.allowed_hosts.iter().cloned()), &cluster.address_map)
    }

    /// Back ends to load into, as they are reached: those that were alive a minute ago at most.
    /// Empty when the front ends do not tell.
    pub(super) async fn back_ends(&self) -> Result<Vec<Address>> {
        let mut alive = self.alive.lock().await;
        if let Some((at, list)) = &*alive
            && at.elapsed() < FRESH
        {
            return Ok(list.clone());
        }
        let candidates = match self.cluster.be.as_slice() {
            [] => self.named_by_front_ends().await?,
            given => given.to_vec(),
        };
        let (mut list, mut distrusted) = (Vec::new(), None);
        for server in candidates {
            match self.look(&server).await {
                Ok(()) => list.push(server),
                Err(error) if error.kind() == Kind::Denied => distrusted = Some(error),
                Err(_) => {}
            }
        }
        // Whoever is there, and none of them is to be trusted, is no failure that passes.
        if let Some(error) = distrusted.filter(|_| list.is_empty()) {
            return Err(error);
        }
        *alive = Some((Instant::now(), list.clone()));
        Ok(list)
    }

    /// The next back end to load into, if one is known to be alive.
    pub(super) async fn next_back_end(&self) -> Result<Option<Address>> {
        let list = self.back_ends().await?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Ok(list.get(turn.checked_rem(list.len()).unwrap_or(0)).cloned())
    }

    /// Forgets who is alive: somebody did not answer.
    pub(super) async fn look_again(&self) {
        *self.alive.lock().await = None;
    }

    /// A server that answers anything at all over HTTP is there.
    async fn look(&self, server: &Address) -> Result<()> {
        let asked = async {
            let (http, url) = (self.http().await?, self.url(server, "/api/health")?);
            let request = http.client().get(url).timeout(self.cluster.connect_timeout).build();
            http.send(request.map_err(unsendable)?).await
        };
        let found = asked.await;
        if let Err(error) = &found {
            tracing::warn!(server = server.shown(), %error, "a back end is not there");
        }
        found.map(drop)
    }

    async fn named_by_front_ends(&self) -> Result<Vec<Address>> {
        let found = self.ask("/api/backends?is_alive=true").await;
        let told = match found {
            Ok(told) => told,
            // They redirect us all the same.
            Err(error) if matches!(error.kind(), Kind::Missing | Kind::Denied) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let Ok(list) = serde_json::from_value::<Backends>(told.data) else {
            return Ok(Vec::new());
        };
        let known = self.known(&[]);
        let address = |backend: Backend| {
            let host = backend.ip.to_ascii_lowercase();
            known.reached(Address { scheme: None, host, port: backend.http_port })
        };
        Ok(list.backends.into_iter().filter(|backend| backend.is_alive).map(address).collect())
    }

    /// The state of a label, by the first front end that has heard of it.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when none answers: then nothing is known.
    pub(super) async fn label_state(&self, database: &str, label: &str) -> Result<State> {
        let path = format!("/api/{}/get_load_state?label={label}", path_part(database));
        let mut found = Err(Error::bug("there is no front end"));
        for server in self.front_ends() {
            match self.ask_one(server, &path).await {
                Ok(told) => match state(&told)? {
                    // One that lags behind the others may not have heard of it yet.
                    State::Unknown => found = Ok(State::Unknown),
                    state => return Ok(state),
                },
                Err(error) if found.is_err() => found = Err(error),
                Err(_) => {}
            }
        }
        found
    }

    /// What the first front end says that answers.
    async fn ask(&self, path: &str) -> Result<Told> {
        let mut last = Error::bug("there is no front end");
        for server in self.front_ends() {
            match self.ask_one(server, path).await {
                Ok(told) => return Ok(told),
                Err(error) if error.kind() == Kind::Unavailable => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn ask_one(&self, server: &Address, path: &str) -> Result<Told> {
        let mut url = self.url(server, path)?;
        let known = self.known(&[]);
        for _ in 0..HOPS {
            let answer = self.send(Method::GET, url.clone(), &[]).await?;
            if answer.status.is_redirection() {
                // From http to https, or to the front end that leads the others.
                url = redirect::follow(&url, location(&answer), &known)?;
                continue;
            }
            return told(&server.shown(), &answer);
        }
        Err(circle(&server.shown()))
    }

    /// Sends a request without a body, as the user.
    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: &[(&'static str, String)],
    ) -> Result<Answer> {
        let http = self.http().await?;
        let mut request = http.client().request(method, url).timeout(FRESH);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let request = self.login.sign(request).await?.build().map_err(unsendable)?;
        http.send(request).await
    }

    /// Hosts of the back ends that the front ends know: they may see the password.
    pub(super) async fn trusted(&self) -> Result<Known> {
        let named: BTreeSet<Address> = self.named_by_front_ends().await?.into_iter().collect();
        Ok(self.known(&named.into_iter().collect::<Vec<_>>()))
    }
}

/// Where an answer sends us.
pub(super) fn location(answer: &Answer) -> Option<&str> {
    answer.headers.get(LOCATION).and_then(|value| value.to_str().ok())
}

/// The error when we are sent on and on.
pub(super) fn circle(server: &str) -> Error {
    Error::unavailable(format!("`{server}` sends us on and on"))
        .at("redirects", HOPS)
        .hint("name the servers themselves in `fe`, not something that stands before them")
}

/// A request that cannot be made is a mistake of ours.
pub(super) fn unsendable(error: reqwest::Error) -> Error {
    Error::bug("a request cannot be made").at("reason", error.without_url())
}

/// A name as a part of a path.
pub(super) fn path_part(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn told(server: &str, answer: &Answer) -> Result<Told> {
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(denied(server)),
        StatusCode::NOT_FOUND => {
            let error = Error::missing(format!("`{server}` does not know what it is asked"));
            return Err(error.hint("name front ends of Doris in `fe`, with their HTTP port"));
        }
        _ => {}
    }
    let Ok(told) = serde_json::from_slice::<Told>(&answer.body) else {
        let html = looks_like_html(&answer.body);
        let what = if html { "a page of HTML" } else { "something that is no JSON" };
        let error = Error::unavailable(format!("`{server}` answered with {what}"));
        let error = error.at("status", answer.status);
        return Err(error.hint("something else than Doris may stand there: look at `fe`"));
    };
    match told.code {
        401 | 403 => Err(denied(server)),
        _ if !answer.status.is_success() => {
            let error = Error::unavailable(format!("`{server}` could not answer"));
            Err(error.at("status", answer.status).at("server", shortened(&told.msg)))
        }
        _ => Ok(told),
    }
}

fn state(told: &Told) -> Result<State> {
    let word = told.state.as_deref().or(told.data.as_str());
    match word.and_then(State::named) {
        Some(state) if told.code == 0 => Ok(state),
        _ => Err(Error::unavailable("the state of a load cannot be asked for")
            .at("server", shortened(&told.msg))),
    }
}

fn denied(server: &str) -> Error {
    Error::denied(format!("`{server}` does not accept user and password"))
        .hint("look at `user` and `password`, and at the privileges of the user")
}

/// A text of the server, as far as it is shown.
pub(super) fn shortened(text: &str) -> String {
    crate::source::Refused::shown(text.as_bytes())
}
