//! How to reach a server, and sessions with it.

pub(super) mod address;
#[cfg(test)]
mod address_tests;
#[cfg(test)]
pub(super) mod server_tests;
pub(super) mod session;
#[cfg(test)]
mod tls_tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::time::timeout;

use super::wire::{Connection, Login};
use crate::config::{Problem, Reader};
use crate::connectors::mysql::error;
use crate::connectors::{OptionDoc, Role};
use crate::error::{Error, Result};
use crate::network::password::Password;
use crate::network::tls::{Mode, Tls};
use crate::network::wait::Wait;
use address::Address;

/// How to reach a database: cheap to clone.
#[derive(Clone)]
pub(in crate::connectors::mysql) struct Server(Arc<Inner>);

struct Inner {
    address: Address,
    password: Password,
    tls: Tls,
    connect_timeout: Duration,
    read_timeout: Duration,
    wait: Wait,
    /// The folder from which the files in the options are looked for.
    base: PathBuf,
    /// Whether there has been a session.
    was_ready: AtomicBool,
}

/// The options of a connection, for the manual.
pub(in crate::connectors::mysql) const CONNECTION: &[OptionDoc] = &[
    doc("url", None, "`mysql://user@host:3306/database`, or these in single options"),
    doc("host", None, "the server"),
    doc("port", Some("3306"), "its port"),
    doc("socket", None, "the path of its Unix socket, instead of `host` and `port`"),
    doc("database", None, "the database"),
    doc("user", None, "the user"),
    doc("password", None, "the password: `${VARIABLE}`, not the text itself"),
    doc("password_file", None, "a file with the password, that its owner alone may read"),
    doc("password_command", None, "a program that prints the password: a list, without a shell"),
    doc(
        "tls",
        Some("verify-full; disable on this machine"),
        "disable, require (encrypt, whoever answers), verify-ca or verify-full",
    ),
    doc("tls_ca", None, "a file of authorities to trust beside those of the system"),
    doc("tls_cert", None, "a file with our certificate, when the server asks for one"),
    doc("tls_key", None, "a file with its key, that its owner alone may read"),
    doc("tls_server_name", Some("`host`"), "the name in the server's certificate"),
    doc("connect_timeout", Some("10s"), "how long a session may take to begin"),
    doc("read_timeout", Some("0: no limit"), "how long the server may be silent in an answer"),
    doc("wait_for", Some("{tries: 1, delay: 2s}"), "how often to try until the server is ready"),
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.address.shown())
    }
}

impl Server {
    /// Takes the options of a connection.
    pub(in crate::connectors::mysql) fn read(reader: &Reader<'_>) -> Self {
        let (address, extras) = Address::read(reader);
        let patience = extras.connect_timeout.unwrap_or(Duration::from_secs(10));
        Server(Arc::new(Inner {
            password: Password::read(reader, extras.password),
            tls: Tls::read(reader, extras.tls, address.is_local()),
            connect_timeout: connect_timeout(reader, patience),
            read_timeout: reader.duration("read_timeout", Duration::ZERO),
            wait: Wait::read(reader),
            address,
            base: PathBuf::new(),
            was_ready: AtomicBool::new(false),
        }))
    }

    /// The same, with the files that its options name in the folder `base`.
    pub(in crate::connectors::mysql) fn within(&self, base: &Path) -> Self {
        let Inner { address, password, tls, .. } = &*self.0;
        Server(Arc::new(Inner {
            address: address.clone(),
            password: password.clone(),
            tls: tls.clone(),
            base: base.to_owned(),
            was_ready: AtomicBool::new(false),
            ..*self.0
        }))
    }

    /// The database that sessions begin in.
    pub(in crate::connectors::mysql) fn database(&self) -> Option<&str> {
        self.0.address.database.as_deref()
    }

    /// The server and its port, as far as they tell two servers apart.
    pub(in crate::connectors::mysql) fn shown(&self) -> String {
        self.0.address.server()
    }

    /// How its sessions are encrypted.
    #[cfg(test)]
    pub(in crate::connectors::mysql) fn mode(&self) -> Mode {
        self.0.tls.mode
    }

    /// Where it is.
    #[cfg(test)]
    pub(in crate::connectors::mysql) fn address(&self) -> &Address {
        &self.0.address
    }

    /// A session that only reads. The first one of this server waits for it where `wait_for` says
    /// so.
    pub(in crate::connectors::mysql) async fn connect(&self) -> Result<Connection> {
        if self.0.was_ready.load(Ordering::Relaxed) {
            return self.try_to_connect().await;
        }
        let begun = self.0.wait.ready(|| self.try_to_connect().boxed()).await?;
        if !self.0.was_ready.swap(true, Ordering::Relaxed) {
            self.warn();
        }
        Ok(begun)
    }

    /// Stops what the session with this number does, or ends it; nothing when that fails, because
    /// whoever asks has given up on it.
    pub(in crate::connectors::mysql) async fn kill(&self, what: Kill, id: u32) {
        let word = match what {
            Kill::Query => "kill query",
            Kill::Session => "kill",
        };
        match self.try_to_connect().await {
            Ok(mut killer) => {
                if let Err(failure) = killer.execute(&format!("{word} {id}")).await {
                    tracing::debug!(?failure, id, "a session could not be stopped");
                }
                killer.close().await;
            }
            Err(error) => tracing::debug!(%error, id, "a session could not be stopped"),
        }
    }

    /// Says what the mode does not protect from, where somebody could be on the way.
    fn warn(&self) {
        let missing = match self.0.tls.mode {
            _ if self.0.address.is_local() => return,
            Mode::Disable => "the session is not encrypted: whoever is on the way can read it",
            Mode::Require => "whose server this is was not looked at: set `tls: verify-full`",
            Mode::VerifyCa | Mode::VerifyFull => return,
        };
        tracing::warn!(server = self.0.address.shown(), "{missing}");
    }

    async fn try_to_connect(&self) -> Result<Connection> {
        let server = self.shown();
        let login = self.login().await?;
        let begun = timeout(self.0.connect_timeout, async {
            let connection = Connection::open(&login).await;
            let what = format!("could not connect to `{server}`");
            let mut connection = connection.map_err(|failure| error::of(&what, failure))?;
            session::settle(&mut connection, &server).await?;
            Ok(connection)
        });
        begun.await.unwrap_or_else(|_| Err(self.silent()))
    }

    async fn login(&self) -> Result<Login> {
        let Inner { address, tls, base, connect_timeout, read_timeout, .. } = &*self.0;
        Ok(Login {
            host: address.host.clone(),
            shown: address.server(),
            user: address.user.clone(),
            password: self.0.password.fetch(base, *connect_timeout).await?,
            database: address.database.clone(),
            tls: tls.clone(),
            base: base.clone(),
            connect_timeout: *connect_timeout,
            read_timeout: *read_timeout,
        })
    }

    fn silent(&self) -> Error {
        let (server, patience) = (self.shown(), self.0.connect_timeout);
        let error = Error::unavailable(format!("`{server}` began no session within {patience:?}"));
        error.hint("see what the server waits for in its log, or raise `connect_timeout`")
    }
}

/// What is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum Kill {
    /// The statement; the session, and its transaction, go on.
    Query,
    /// The session.
    Session,
}

fn connect_timeout(reader: &Reader<'_>, default: Duration) -> Duration {
    let patience = reader.duration("connect_timeout", default);
    if patience.is_zero() {
        let place = reader.place_of("connect_timeout");
        reader.problem(Problem::new(&place, "`connect_timeout` must be more than 0"));
    }
    patience
}
