//! How to reach a server, and sessions with it.

pub(super) mod address;
#[cfg(test)]
mod address_tests;
#[cfg(test)]
mod error_tests;
pub(super) mod patience;
#[cfg(test)]
mod server_tests;
pub(super) mod session;
pub(super) mod socket;
pub(super) mod tap;
#[cfg(test)]
mod tls_tests;

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_postgres::tls::TlsConnect;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{Problem, Reader, Secret};
use crate::connectors::postgres::error;
use crate::connectors::{OptionDoc, Role};
use crate::error::{Error, Result};
use crate::network::password::Password;
use crate::network::tls::{Mode, Tls};
use crate::network::wait::Wait;
use address::{Address, Host};
use patience::{Patient, PatientTls};
use socket::Wire;
use tap::{Blocks, Tap, TapTls};

/// How to reach a database: cheap to clone.
#[derive(Clone)]
pub(in crate::connectors::postgres) struct Server(Arc<Inner>);

struct Inner {
    shown: String,
    address: Address,
    password: Password,
    tls: Tls,
    connect_timeout: Duration,
    read_timeout: Duration,
    statement_timeout: Duration,
    wait: Wait,
    /// The folder from which the files in the options are looked for.
    base: PathBuf,
    /// The certificates, read once.
    connector: OnceCell<MakeRustlsConnect>,
    /// Whether there has been a session.
    was_ready: AtomicBool,
}

/// What a session is for: decides its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum Purpose {
    /// Read-only; hidden rows are an error.
    Read,
    /// Writes.
    Write,
}

/// The options that every connection takes, for the manual.
pub(in crate::connectors::postgres) const CONNECTION: &[OptionDoc] = &[
    doc("url", None, "`postgres://user@host:5432/database`, or these in single options"),
    doc("host", None, "the server, or the folder of its Unix socket"),
    doc("port", Some("5432"), "its port"),
    doc("database", Some("that of the user's name"), "the database"),
    doc("user", Some("that of the system"), "the user"),
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
    OptionDoc {
        role: Some(Role::Sink),
        ..doc("statement_timeout", Some("0: no limit"), "how long a statement but COPY may take")
    },
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: None, default, summary }
}

/// A session for copies of rows.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Copying {
    /// The session; it sees copies without rows.
    pub client: Client,
    /// The rows.
    pub blocks: Blocks,
    /// Ends the session at once, whatever the server is about to send.
    pub leash: AbortHandle,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Server {
    /// Takes the options of a connection.
    pub(in crate::connectors::postgres) fn read(reader: &Reader<'_>) -> Self {
        let (address, extras) = Address::read(reader);
        let patience = extras.connect_timeout.unwrap_or(Duration::from_secs(10));
        Server(Arc::new(Inner {
            password: Password::read(reader, extras.password),
            tls: Tls::read(reader, extras.tls, address.host.is_local()),
            connect_timeout: connect_timeout(reader, patience),
            read_timeout: reader.duration("read_timeout", Duration::ZERO),
            statement_timeout: Duration::ZERO,
            wait: Wait::read(reader),
            shown: address.shown(),
            address,
            base: PathBuf::new(),
            connector: OnceCell::new(),
            was_ready: AtomicBool::new(false),
        }))
    }

    /// The same, with the files that its options name in the folder `base`.
    pub(in crate::connectors::postgres) fn within(&self, base: &Path) -> Self {
        Server(Arc::new(Inner { base: base.to_owned(), ..self.0.again() }))
    }

    /// The same, with a limit for what sessions that write may take for a statement; zero is none.
    /// Whoever copies turns it off for that transaction.
    pub(in crate::connectors::postgres) fn limiting(&self, statement_timeout: Duration) -> Self {
        Server(Arc::new(Inner { statement_timeout, ..self.0.again() }))
    }

    /// `postgres://user@host:5432/database`, without any secret.
    pub(in crate::connectors::postgres) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// How its sessions are encrypted.
    #[cfg(test)]
    pub(in crate::connectors::postgres) fn mode(&self) -> Mode {
        self.0.tls.mode
    }

    /// A session; `role` is for the application name, such as `reader 3`. The first one of this
    /// server waits for it where `wait_for` says so.
    pub(in crate::connectors::postgres) async fn connect(
        &self,
        purpose: Purpose,
        role: &str,
    ) -> Result<Client> {
        Ok(self.session(purpose, role, None).await?.0)
    }

    /// A session for `COPY … TO STDOUT`, whose rows go past the driver.
    pub(in crate::connectors::postgres) async fn connect_to_copy(
        &self,
        role: &str,
    ) -> Result<Copying> {
        let blocks = Blocks::default();
        let (client, leash) = self.session(Purpose::Read, role, Some(&blocks)).await?;
        Ok(Copying { client, blocks, leash })
    }

    async fn session(
        &self,
        purpose: Purpose,
        role: &str,
        blocks: Option<&Blocks>,
    ) -> Result<(Client, AbortHandle)> {
        if self.0.was_ready.load(Ordering::Relaxed) {
            return self.try_to_connect(purpose, role, blocks).await;
        }
        let attempt = || self.try_to_connect(purpose, role, blocks).boxed();
        let begun = self.0.wait.ready(attempt).await?;
        if !self.0.was_ready.swap(true, Ordering::Relaxed) {
            self.warn();
        }
        Ok(begun)
    }

    /// Says what the mode does not protect from, where somebody could be on the way.
    fn warn(&self) {
        let missing = match self.0.tls.mode {
            _ if self.0.address.host.is_local() => return,
            Mode::Disable => "the session is not encrypted: whoever is on the way can read it",
            Mode::Require => "whose server this is was not looked at: set `tls: verify-full`",
            Mode::VerifyCa | Mode::VerifyFull => return,
        };
        tracing::warn!(server = self.shown(), "{missing}");
    }

    async fn try_to_connect(
        &self,
        purpose: Purpose,
        role: &str,
        blocks: Option<&Blocks>,
    ) -> Result<(Client, AbortHandle)> {
        let password = self.0.password.fetch(&self.0.base, self.0.connect_timeout).await?;
        let config = self.config(purpose, role, password.as_ref());
        let begun = timeout(self.0.connect_timeout, async {
            let (client, leash) = self.open(&config, blocks).await?;
            session::settle(&client, purpose, &self.0.address.server()).await?;
            Ok((client, leash))
        });
        begun.await.unwrap_or_else(|_| Err(self.silent()))
    }

    fn config(&self, purpose: Purpose, role: &str, password: Option<&Secret>) -> Config {
        let mut more = Vec::new();
        if purpose == Purpose::Write {
            let millis = self.0.statement_timeout.as_millis();
            more.push(("statement_timeout", millis.to_string()));
        }
        let mut config = Config::new();
        config.options(session::options(purpose, &more)).application_name(format!("dhow/{role}"));
        config.channel_binding(ChannelBinding::Prefer).ssl_mode(match self.0.tls.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        self.0.address.user.as_ref().map(|user| config.user(user));
        self.0.address.database.as_ref().map(|database| config.dbname(database));
        password.map(|password| config.password(password.reveal()));
        config
    }

    async fn open(
        &self,
        config: &Config,
        blocks: Option<&Blocks>,
    ) -> Result<(Client, AbortHandle)> {
        let wire = socket::open(&self.0.address, self.0.connect_timeout).await?;
        let limit = self.0.read_timeout;
        let begun = match self.0.tls.mode {
            Mode::Disable => {
                let wire = Tap::new(Patient::new(wire, limit), blocks);
                begin(config.clone(), wire, NoTls).await
            }
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => {
                let tls = PatientTls { tls: self.tls().await?, limit };
                begin(config.clone(), wire, TapTls::new(tls, blocks)).await
            }
        };
        begun.map_err(|error| error::connecting(&self.0.address.server(), &error))
    }

    async fn tls(
        &self,
    ) -> Result<<MakeRustlsConnect as MakeTlsConnect<Box<dyn Wire>>>::TlsConnect> {
        let (tls, base) = (&self.0.tls, &self.0.base);
        let connector = self.0.connector.get_or_try_init(async || {
            let (tls, base) = (tls.clone(), base.clone());
            let read = tokio::task::spawn_blocking(move || tls.config(&base)).await;
            let read = read.map_err(|_| Error::bug("reading certificates broke off"))?;
            Ok(MakeRustlsConnect::new(read?))
        });
        let host = match &self.0.address.host {
            Host::Tcp(name) => name.as_str(),
            Host::Socket(_) => "localhost",
        };
        let name = tls.server_name().unwrap_or(host);
        let mut connector: MakeRustlsConnect = connector.await?.clone();
        MakeTlsConnect::<Box<dyn Wire>>::make_tls_connect(&mut connector, name).map_err(|_| {
            let error = Error::config(format!("`{name}` cannot be the name of a server"));
            error.hint("set `tls_server_name` to the name in its certificate")
        })
    }

    fn silent(&self) -> Error {
        let (server, patience) = (self.0.address.server(), self.0.connect_timeout);
        let error = Error::unavailable(format!("`{server}` began no session within {patience:?}"));
        error.hint("see what the server waits for in its log, or raise `connect_timeout`")
    }
}

fn connect_timeout(reader: &Reader<'_>, default: Duration) -> Duration {
    let patience = reader.duration("connect_timeout", default);
    if patience.is_zero() {
        let place = reader.place_of("connect_timeout");
        reader.problem(Problem::new(&place, "`connect_timeout` must be more than 0"));
    }
    patience
}

impl Inner {
    /// The same options, of which nothing has been tried or read yet.
    fn again(&self) -> Self {
        Inner {
            shown: self.shown.clone(),
            address: self.address.clone(),
            password: self.password.clone(),
            tls: self.tls.clone(),
            base: self.base.clone(),
            connector: OnceCell::new(),
            was_ready: AtomicBool::new(false),
            ..*self
        }
    }
}

/// Lets the connection run beside its client. Notices are dropped: they may quote rows.
fn attend<S, T>((client, mut connection): (Client, Connection<S, T>)) -> (Client, AbortHandle)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let task = tokio::spawn(async move {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(_)) => {}
                // The client hears that the session ended, but not why.
                Some(Err(error)) => {
                    let error = error::of("the session with the server broke", &error);
                    return tracing::warn!(reason = ?error.places(), "{error}");
                }
                None => return,
            }
        }
    });
    (client, task.abort_handle())
}

/// Begins a session over `wire`, as a future that any task can wait for.
fn begin<S, T>(
    config: Config,
    wire: S,
    tls: T,
) -> BoxFuture<'static, std::result::Result<(Client, AbortHandle), tokio_postgres::Error>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S> + Send + 'static,
    T::Stream: Send + 'static,
    T::Future: Send,
{
    Box::pin(async move { config.connect_raw(wire, tls).await.map(attend) })
}
