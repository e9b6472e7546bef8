//! The server: it accepts connections, and serves each until it ends.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

use super::connection::Connection;
use super::fault::Gate;
use super::store::collation::Collation;
use super::store::state::{Shared, State};
use super::wire::login::Encryption;
use super::wire::tls::Certificate;

/// How a server is set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) encryption: Encryption,
    /// What it shows; without one, it has no TLS at all.
    pub(crate) certificate: Option<Certificate>,
    pub(crate) user: String,
    pub(crate) password: String,
    /// Of the databases that are there from the start.
    pub(crate) collation: String,
    /// Bytes of a packet, whatever a client asks for.
    pub(crate) packet_size: Option<usize>,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            encryption: Encryption::On,
            certificate: Some(Certificate::issue(&["127.0.0.1", "localhost"])),
            user: "ann".to_owned(),
            password: "s3cret&/Pw".to_owned(),
            collation: "SQL_Latin1_General_CP1_CI_AS".to_owned(),
            packet_size: None,
        }
    }
}

/// A running server. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Tds {
    pub(super) shared: Arc<Shared>,
    pub(crate) user: String,
    pub(crate) password: String,
    setup: Arc<Setup>,
    port: u16,
    listener: Mutex<Option<JoinHandle<()>>>,
    runtime: Option<Runtime>,
}

impl Tds {
    pub(crate) fn with(setup: &Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("tds-stand-in")
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let collation =
            Collation::named(&setup.collation).expect("the stand-in knows the collation");
        let shared = Shared {
            state: Mutex::new(State::new(collation)),
            changed: tokio::sync::Notify::new(),
            blocked: Gate::closed(),
        };
        let mut server = Tds {
            shared: Arc::new(shared),
            user: setup.user.clone(),
            password: setup.password.clone(),
            setup: Arc::new(setup.clone()),
            port: 0,
            listener: Mutex::new(None),
            runtime: Some(runtime),
        };
        server.port = server.listen(0);
        server
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no thread panicked")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that vouches for the server, as PEM.
    pub(crate) fn authority(&self) -> &str {
        self.setup.certificate.as_ref().map_or("", |own| own.authority_pem.as_str())
    }

    /// The server is down: connections are refused, and those that are open end.
    pub(crate) fn stop(&self) {
        let Some(task) = self.listener.lock().expect("no thread panicked").take() else { return };
        task.abort();
        while !task.is_finished() {
            std::thread::yield_now();
        }
    }

    /// It is there again, at the same port.
    pub(crate) fn resume(&self) {
        self.listen(self.port);
    }

    fn listen(&self, port: u16) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        listener.set_nonblocking(true).expect("sockets can be set");
        let port = listener.local_addr().expect("bound").port();
        let runtime = self.runtime.as_ref().expect("it runs until it is dropped");
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        let task =
            runtime.spawn(accept(Arc::clone(&self.shared), Arc::clone(&self.setup), listener));
        *self.listener.lock().expect("no thread panicked") = Some(task);
        port
    }
}

impl Drop for Tds {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let dirty = self.shared.state.lock().map(|state| state.dirty.clone()).unwrap_or_default();
        assert!(
            dirty.is_empty() || std::thread::panicking(),
            "rows that are not committed were asked for: {dirty:?}"
        );
    }
}

/// Connections end with the listener.
async fn accept(shared: Arc<Shared>, setup: Arc<Setup>, listener: tokio::net::TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, setup) = (Arc::clone(&shared), Arc::clone(&setup));
        connections.spawn(Connection::serve(shared, setup, stream));
        while connections.try_join_next().is_some() {}
    }
}
