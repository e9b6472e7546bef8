//! The HTTP/1.1 server: reads a request, lets the script spoil it, and has it answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::answer::Answer;
use super::fault::{Fault, Script};
use super::route::Call;
use super::world::World;

/// A request that came, in the order of coming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// The name of the call; see [`super::When`].
    pub(crate) call: &'static str,
    /// None when no answer was given.
    pub(crate) status: Option<u16>,
    /// Bytes of the body.
    pub(crate) bytes: usize,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) script: Script,
    pub(crate) log: Mutex<Vec<Seen>>,
}

/// A request read as far as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Vec<u8>,
    /// False when the connection broke before the end of the body.
    pub(crate) is_whole: bool,
    /// What the script says about the job that is started, or the chunk that is kept.
    pub(crate) orders: Vec<Fault>,
}

/// The connection ends here, without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut by the script")
    }
}

impl std::error::Error for Cut {}

/// Serves connections until the runtime goes.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    loop {
        let Ok((stream, _peer)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let Ok(stream) = stream.into_std() else { return };
    let Ok(reset) = stream.try_clone() else { return };
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let reset = Arc::new(reset);
    let service = service_fn(move |request| {
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        async move {
            // A client that goes away does not stop what it asked for.
            let work = tokio::spawn(serve(request, shared, reset));
            work.await.unwrap_or(Err(Cut))
        }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: Arc<std::net::TcpStream>,
) -> Result<Response<Reply>, Cut> {
    let path = request.uri().path_and_query().map_or(String::new(), ToString::to_string);
    let method = request.method().to_string();
    let headers = request.headers().clone();
    let call = Call::of(&method, &path, is_question(&headers));
    let at = note(&shared, &method, &path, call.name);
    let broken = shared.script.of_body(call.name, &path);
    let end = match broken {
        Some(Fault::ResetAfter(end)) => Some(end),
        _ => None,
    };
    let (body, is_whole) = read(request.into_body(), end).await;
    let mut asked = Asked { call, headers, body, is_whole, orders: Vec::new() };
    shared.log.lock().expect("no thread panicked")[at].bytes = asked.body.len();
    if !asked.is_whole {
        keep(&shared, &asked);
        let _ = socket2::SockRef::from(reset.as_ref()).set_linger(Some(std::time::Duration::ZERO));
        return Err(Cut);
    }
    asked.orders = shared.script.of_whole(asked.call.name, &path, &asked.body);
    let mut answered = answered(&shared, asked).await?;
    answered.0 = answered.0.with("date", &shared.world.lock().expect("no thread panicked").date());
    shared.log.lock().expect("no thread panicked")[at].status = Some(answered.0.status);
    Ok(reply(answered.0, answered.1))
}

/// The answer, and how much of its body goes out.
async fn answered(shared: &Arc<Shared>, asked: Asked) -> Result<(Answer, Option<usize>), Cut> {
    let orders = asked.orders.clone();
    for order in orders.clone() {
        match order {
            Fault::Slow(delay) => tokio::time::sleep(delay).await,
            Fault::Hold { signal, after: false } => signal.wait().await,
            Fault::LostBefore => return Err(Cut),
            Fault::Instead(answer) => return Ok((answer, None)),
            _ => {}
        }
    }
    let mut answer = shared.world.lock().expect("no thread panicked").answer(asked);
    let mut end = None;
    for order in orders {
        match order {
            Fault::Hold { signal, after: true } => signal.wait().await,
            Fault::LostAfter => return Err(Cut),
            Fault::Afterwards(other) => answer = other,
            Fault::Truncated(bytes) => end = Some(bytes),
            _ => {}
        }
    }
    Ok((answer, end))
}

/// What a broken upload had sent is not lost.
fn keep(shared: &Arc<Shared>, asked: &Asked) {
    if asked.call.name == "upload.put" {
        shared.world.lock().expect("no thread panicked").keep(asked);
    }
}

fn is_question(headers: &hyper::HeaderMap) -> bool {
    let range = headers.get("content-range").and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with("bytes */"))
}

fn note(shared: &Shared, method: &str, path: &str, call: &'static str) -> usize {
    let mut log = shared.log.lock().expect("no thread panicked");
    let (method, path) = (method.to_owned(), path.to_owned());
    log.push(Seen { method, path, call, status: None, bytes: 0 });
    log.len() - 1
}

async fn read(mut body: Incoming, end: Option<usize>) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (read, false) };
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
        if let Some(end) = end.filter(|end| read.len() >= *end) {
            read.truncate(end);
            return (read, false);
        }
    }
    (read, end.is_none())
}

fn reply(answer: Answer, end: Option<usize>) -> Response<Reply> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let whole = answer.body.len();
    let data = Bytes::from(answer.body).slice(..end.unwrap_or(whole).min(whole));
    response.body(Reply { whole, data: Some(data) }).expect("the gate's own headers are valid")
}

/// A body that may break off before its end.
struct Reply {
    whole: usize,
    data: Option<Bytes>,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Some(data) = self.data.take() else { return Poll::Ready(None) };
        let rest = self.whole - data.len();
        self.whole = rest;
        if !data.is_empty() {
            // When something is missing, the next call says that it broke off.
            self.data = (rest > 0).then(Bytes::new);
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Poll::Ready((rest > 0).then_some(Err(Cut)))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() || self.whole == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.whole).unwrap_or(u64::MAX))
    }
}

/// A listener on a free loopback port.
pub(crate) fn bind() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket of our own");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}
