//! The servers of a stand-in: started, stopped, started again on the same ports.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

use super::fault::Fault;
use super::http::{Head, Reply, Wire};
use super::state::{Request, Shared, Side, State};
use super::{Layout, backend, frontend, query};

/// A running cluster. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Doris {
    shared: Shared,
    /// The database of its layout.
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: String,
    listeners: Mutex<Vec<Listener>>,
    runtime: Option<Runtime>,
}

/// One port.
#[derive(Debug)]
struct Listener {
    side: Side,
    which: usize,
    port: u16,
    task: Option<JoinHandle<()>>,
}

impl Doris {
    /// Starts the servers of `layout`.
    pub(crate) fn with(layout: &Layout) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("doris-stand-in")
            .enable_all()
            .build()
            .expect("a runtime starts");
        let doris = Doris {
            shared: Arc::new(Mutex::new(State::of(layout))),
            database: layout.database.clone(),
            user: layout.user.clone(),
            password: layout.password.clone(),
            listeners: Mutex::new(Vec::new()),
            runtime: Some(runtime),
        };
        for which in 0..layout.bes {
            let port = doris.listen(Side::Be, which, 0);
            doris.state().backends.push((port, true));
        }
        for which in 0..layout.fes {
            let http = doris.listen(Side::Fe, which, 0);
            let query = doris.listen(Side::Query, which, 0);
            doris.state().frontends.push((http, query, true));
        }
        doris
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().expect("no thread panicked")
    }

    /// `host:port` of the first front end over HTTP.
    pub(crate) fn fe(&self) -> String {
        self.fe_at(0)
    }

    pub(crate) fn fe_at(&self, which: usize) -> String {
        format!("127.0.0.1:{}", self.state().frontends[which].0)
    }

    /// `host:port` of the first back end.
    pub(crate) fn be(&self) -> String {
        self.be_at(0)
    }

    pub(crate) fn be_at(&self, which: usize) -> String {
        format!("127.0.0.1:{}", self.state().backends[which].0)
    }

    /// `host:port` of the MySQL protocol of the first front end.
    pub(crate) fn query(&self) -> String {
        self.query_at(0)
    }

    pub(crate) fn query_at(&self, which: usize) -> String {
        format!("127.0.0.1:{}", self.state().frontends[which].1)
    }

    /// All front ends in quotes: over HTTP, and of the MySQL protocol.
    pub(crate) fn fronts(&self) -> (Vec<String>, Vec<String>) {
        let state = self.state();
        let told = |port: u16| format!("\"127.0.0.1:{port}\"");
        state.frontends.iter().map(|(http, query, _)| (told(*http), told(*query))).unzip()
    }

    /// A front end refuses connections; those that are open end.
    pub(crate) fn fe_down(&self, which: usize) {
        self.state().frontends[which].2 = false;
        self.stop(Side::Fe, which);
        self.stop(Side::Query, which);
    }

    /// It is there again, at the same ports.
    pub(crate) fn fe_up(&self, which: usize) {
        self.state().frontends[which].2 = true;
        self.resume(Side::Fe, which);
        self.resume(Side::Query, which);
    }

    /// A back end refuses connections. The front ends have noticed, if `noticed`.
    pub(crate) fn be_down(&self, which: usize, noticed: bool) {
        self.state().backends[which].1 = !noticed;
        self.stop(Side::Be, which);
    }

    /// It is there again, at the same port.
    pub(crate) fn be_up(&self, which: usize) {
        self.state().backends[which].1 = true;
        self.resume(Side::Be, which);
    }

    fn stop(&self, side: Side, which: usize) {
        let mut listeners = self.listeners.lock().expect("no thread panicked");
        let it = listeners.iter_mut().find(|l| l.side == side && l.which == which);
        let Some(task) = it.and_then(|listener| listener.task.take()) else { return };
        task.abort();
        while !task.is_finished() {
            std::thread::yield_now();
        }
    }

    fn resume(&self, side: Side, which: usize) {
        let mut listeners = self.listeners.lock().expect("no thread panicked");
        let at = listeners.iter().position(|l| l.side == side && l.which == which);
        let Some(at) = at.filter(|at| listeners[*at].task.is_none()) else { return };
        let port = listeners.remove(at).port;
        drop(listeners);
        self.listen(side, which, port);
    }

    /// Listens on `port`, or on a free one for 0; answers which.
    fn listen(&self, side: Side, which: usize, port: u16) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        listener.set_nonblocking(true).expect("sockets can be set");
        let port = listener.local_addr().expect("bound").port();
        let runtime = self.runtime.as_ref().expect("it runs until it is dropped");
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        let task = runtime.spawn(accept(Arc::clone(&self.shared), side, which, listener));
        let entry = Listener { side, which, port, task: Some(task) };
        self.listeners.lock().expect("no thread panicked").push(entry);
        port
    }
}

impl Drop for Doris {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Connections end with the listener.
async fn accept(shared: Shared, side: Side, which: usize, listener: tokio::net::TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(Arc::clone(&shared), side, which, stream));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(shared: Shared, side: Side, which: usize, stream: TcpStream) {
    match side {
        Side::Fe => frontend::serve(shared, which, Wire::of(stream)).await,
        Side::Be => backend::serve(shared, which, Wire::of(stream)).await,
        Side::Query => query::serve(shared, which, stream).await,
    }
}

/// Writes a request down, and finds what is to happen to it.
pub(crate) fn note(shared: &Shared, side: Side, which: usize, head: &Head) -> Option<Fault> {
    let mut state = shared.lock().expect("no thread panicked");
    state.requests.push(Request {
        side,
        which,
        line: format!("{} {}?{}", head.method, head.path, head.query),
        headers: head.headers.clone(),
        body_bytes: 0,
    });
    state.faults.take(side, which, &head.text())
}

/// Writes down how much of the body of the last such request was read.
pub(crate) fn count_body(state: &mut State, head: &Head, bytes: u64) {
    let is_it = |r: &&mut Request| r.side == Side::Be && r.headers == head.headers;
    if let Some(request) = state.requests.iter_mut().rev().find(is_it) {
        request.body_bytes = bytes;
    }
}

/// Whether a request goes on after what happens before it.
pub(crate) enum Goes {
    On(Wire, Option<Fault>),
    Ended,
}

/// What happens before anything is done.
pub(crate) async fn before(shared: &Shared, fault: Option<Fault>, head: &Head, wire: Wire) -> Goes {
    let elsewhere =
        |host: &str| Reply::redirect(format!("http://{host}{}?{}", head.path, head.query));
    let early = match &fault {
        Some(Fault::LoseBefore) => return Goes::Ended,
        Some(Fault::Html) => Reply::of(200, "text/html", HTML),
        Some(Fault::Status(status)) => Reply::of(*status, "text/html", HTML),
        Some(Fault::RedirectToSelf) => elsewhere(head.header("host").unwrap_or_default()),
        Some(Fault::RedirectTo(host)) => {
            let (user, password) = {
                let state = shared.lock().expect("no thread panicked");
                (state.layout.user.clone(), "a-password-in-an-address".to_owned())
            };
            elsewhere(&format!("{user}:{password}@{host}"))
        }
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(*time).await;
            return Goes::On(wire, fault);
        }
        Some(Fault::Hold(latch)) => {
            latch.pass().await;
            return Goes::On(wire, fault);
        }
        _ => return Goes::On(wire, fault),
    };
    wire.reply_early(&early).await;
    Goes::Ended
}

const HTML: &str = "<!DOCTYPE html><html><head><title>Gateway</title></head>\
    <body><h1>Welcome to the gateway</h1></body></html>";

/// What happens to an answer. Gives the connection back if it goes on.
pub(crate) async fn after(fault: Option<Fault>, reply: &Reply, mut wire: Wire) -> Option<Wire> {
    match fault {
        Some(Fault::LoseAfter | Fault::LosePublishTimeout(_)) => return None,
        Some(Fault::Truncate(bytes)) => {
            wire.reply_cut(reply, bytes).await;
            return None;
        }
        Some(Fault::HoldAnswer(latch)) => latch.pass().await,
        _ => {}
    }
    wire.reply(reply).await.ok().map(|()| wire)
}

/// How long a fault on the query port waits.
pub(crate) async fn pause(fault: &Fault) {
    match fault {
        Fault::Slow(time) => tokio::time::sleep(*time).await,
        Fault::Hold(latch) => latch.pass().await,
        _ => {}
    }
}

/// Nothing waits longer than this for a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
