//! Stands between dhow and a store and does to requests what stores and networks do.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// The store gets it, and its answer is lost.
    LoseAnswer,
    /// The store never sees it; this is answered instead: status and body.
    Answer(u16, &'static str),
    /// Only so many bytes of the answer's body come.
    Cut(usize),
    /// This header of the request is dropped, as a store does that does not know it.
    Ignore(&'static str),
    /// This header of the answer says something else.
    Say(&'static str, &'static str),
}

/// A rule: requests of `method` whose path and query contain `part`, so many times.
#[derive(Debug)]
struct Rule {
    method: &'static str,
    part: String,
    times: usize,
    effect: Effect,
}

/// A gate in front of a store.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// Where it listens on the loopback.
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: u16,
    is_google: bool,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<String>>,
    client: reqwest::Client,
}

impl Gate {
    /// A gate to this port of the loopback; everything passes until told otherwise.
    pub(crate) fn to(store: u16) -> Self {
        Self::start(store, false)
    }

    /// A gate that takes Google's requests and passes them to a store that speaks S3.
    pub(crate) fn google(store: u16) -> Self {
        Self::start(store, true)
    }

    fn start(store: u16, is_google: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(plain())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .expect("a client");
        let (rules, seen) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { store, is_google, rules, seen, client });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(serve(listener, serving));
        });
        Gate { port, shared }
    }

    /// From now on, the next `times` requests of `method` (`*` for any) whose path and query
    /// contain `part` meet `effect`.
    pub(crate) fn rule(&self, method: &'static str, part: &str, times: usize, effect: Effect) {
        let rule = Rule { method, part: part.to_owned(), times, effect };
        self.shared.rules.lock().expect("no thread panicked").push(rule);
    }

    /// Method, path and query of every request so far, which are forgotten then.
    pub(crate) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.seen.lock().expect("no thread panicked"))
    }

    /// Rules that no request has met as often as they say.
    pub(crate) fn unmet(&self) -> usize {
        let rules = self.shared.rules.lock().expect("no thread panicked");
        rules.iter().filter(|rule| rule.times > 0).count()
    }
}

/// The gate only speaks clear text; a client must be told of some TLS all the same.
fn plain() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    listener.set_nonblocking(true).expect("it can be told so");
    let listener = tokio::net::TcpListener::from_std(listener).expect("it listens");
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let pass = |request| {
                let shared = Arc::clone(&shared);
                async move { shared.pass(request).await }
            };
            let server = hyper::server::conn::http1::Builder::new();
            // An error of the service closes the connection: an answer that is lost.
            let _ = server.serve_connection(TokioIo::new(stream), service_fn(pass)).await;
        });
    }
}

type Answer = Response<Full<Bytes>>;

/// A connection that breaks off.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("lost")
    }
}

impl std::error::Error for Lost {}

impl Shared {
    async fn pass(&self, request: Request<Incoming>) -> Result<Answer, Lost> {
        let asked = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let asked = if self.is_google { as_s3_has_it(asked) } else { asked.to_owned() };
        let method = request.method().clone();
        self.seen.lock().expect("no thread panicked").push(format!("{method} {asked}"));
        let effect = self.effect(method.as_str(), &asked);
        if let Some(Effect::Answer(status, body)) = effect {
            let status = StatusCode::from_u16(status).expect("a status");
            let answer = Response::builder().status(status).body(Full::from(body));
            return answer.map_err(|_| Lost);
        }
        let mut answer = self.forward(request, &asked, effect.as_ref()).await?;
        match effect {
            Some(Effect::LoseAnswer) => Err(Lost),
            Some(Effect::Say(name, value)) => {
                let value = HeaderValue::from_static(value);
                answer.headers_mut().insert(HeaderName::from_static(name), value);
                Ok(answer)
            }
            Some(Effect::Cut(bytes)) => {
                let whole = answer.body().clone().collect().await;
                let whole = whole.unwrap_or_else(|never: Infallible| match never {}).to_bytes();
                // Fewer bytes than the length that stands above them.
                let length = HeaderValue::from(whole.len());
                *answer.body_mut() = Full::new(whole.slice(..bytes.min(whole.len())));
                answer.headers_mut().insert(CONTENT_LENGTH, length);
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    fn effect(&self, method: &str, asked: &str) -> Option<Effect> {
        let mut rules = self.rules.lock().expect("no thread panicked");
        let fits = |rule: &&mut Rule| {
            rule.times > 0 && [method, "*"].contains(&rule.method) && asked.contains(&rule.part)
        };
        let rule = rules.iter_mut().find(fits)?;
        rule.times -= 1;
        Some(rule.effect.clone())
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        asked: &str,
        effect: Option<&Effect>,
    ) -> Result<Answer, Lost> {
        let (mut head, body) = request.into_parts();
        if let Some(Effect::Ignore(name)) = effect {
            head.headers.remove(*name);
        }
        if self.is_google {
            translated(&mut head.headers);
        }
        head.headers.remove(TRANSFER_ENCODING);
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        let url = format!("http://127.0.0.1:{}{asked}", self.store);
        let sent = self.client.request(head.method, url).headers(head.headers).body(body);
        let answer = sent.send().await.map_err(|_| Lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|_| Lost)?;
        let mut passed = Response::new(Full::new(body));
        *passed.status_mut() = status;
        *passed.headers_mut() = headers;
        passed.headers_mut().remove(TRANSFER_ENCODING);
        Ok(passed)
    }
}

/// Google takes a key as one name in which everything is escaped but letters and digits.
fn as_s3_has_it(asked: &str) -> String {
    const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');
    let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let path = utf8_percent_encode(&path, KEY).to_string();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// Google's conditions and copies as S3 has them.
fn translated(headers: &mut hyper::HeaderMap) {
    if headers.remove("x-goog-if-generation-match").is_some_and(|value| value == "0") {
        headers.insert("if-none-match", HeaderValue::from_static("*"));
    }
    if let Some(source) = headers.remove("x-goog-copy-source") {
        headers.insert("x-amz-copy-source", source);
    }
    let signed = "AWS4-HMAC-SHA256 Credential=dhow-tests/20260101/us-east-1/s3/aws4_request, \
                  SignedHeaders=host, Signature=0";
    headers.insert("authorization", HeaderValue::from_static(signed));
}
