//! How to reach a server, and sessions with it.

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
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::password::Password;
use super::patience::{Patient, PatientTls};
use super::socket::{self, Wire};
use super::tls::{Mode, Tls};
use super::wait::Wait;
use super::{error, session};
use crate::config::{Problem, Reader, Secret};
use crate::connectors::{OptionDoc, Role};
use crate::error::{Error, Result};

/// How to reach a database: cheap to clone.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

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
pub(super) enum Purpose {
    /// Read-only; hidden rows are an error.
    Read,
    /// Writes.
    Write,
}

/// The options that every connection takes, for the manual.
pub(super) const CONNECTION: &[OptionDoc] = &[
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

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Server {
    /// Takes the options of a connection.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let (address, extras) = Address::read(reader);
        let patience = extras.connect_timeout.unwrap_or(Duration::from_secs(10));
        Server(Arc::new(Inner {
            password: Password::read(reader, extras.password),
            tls: Tls::read(reader, extras.tls, &address.host),
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
    pub(super) fn within(&self, base: &Path) -> Self {
        Server(Arc::new(Inner { base: base.to_owned(), ..self.0.again() }))
    }

    /// The same, with a limit for what sessions that write may take for a statement; zero is none.
    /// Whoever copies turns it off for that transaction.
    pub(super) fn limiting(&self, statement_timeout: Duration) -> Self {
        Server(Arc::new(Inner { statement_timeout, ..self.0.again() }))
    }

    /// `postgres://user@host:5432/database`, without any secret.
    pub(super) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// How its sessions are encrypted.
    pub(super) fn mode(&self) -> Mode {
        self.0.tls.mode
    }

    /// A session; `role` is for the application name, such as `reader 3`. The first one of this
    /// server waits for it where `wait_for` says so.
    pub(super) async fn connect(&self, purpose: Purpose, role: &str) -> Result<Client> {
        if self.0.was_ready.load(Ordering::Relaxed) {
            return self.try_to_connect(purpose, role).await;
        }
        let client = self.0.wait.ready(|| self.try_to_connect(purpose, role).boxed()).await?;
        self.0.was_ready.store(true, Ordering::Relaxed);
        Ok(client)
    }

    async fn try_to_connect(&self, purpose: Purpose, role: &str) -> Result<Client> {
        let password = self.0.password.fetch(&self.0.base, self.0.connect_timeout).await?;
        let config = self.config(purpose, role, password.as_ref());
        let begun = timeout(self.0.connect_timeout, async {
            let client = self.open(&config).await?;
            session::settle(&client, purpose, &self.0.address.server()).await?;
            Ok(client)
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

    async fn open(&self, config: &Config) -> Result<Client> {
        let wire = socket::open(&self.0.address, self.0.connect_timeout).await?;
        let limit = self.0.read_timeout;
        let begun = match self.0.tls.mode {
            Mode::Disable => begin(config.clone(), Patient::new(wire, limit), NoTls).await,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => {
                let tls = PatientTls { tls: self.tls().await?, limit };
                begin(config.clone(), wire, tls).await
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
            let read = tokio::task::spawn_blocking(move || tls.connector(&base)).await;
            read.map_err(|_| Error::bug("reading certificates broke off"))?
        });
        let name = tls.server_name(&self.0.address.host);
        let mut connector: MakeRustlsConnect = connector.await?.clone();
        MakeTlsConnect::<Box<dyn Wire>>::make_tls_connect(&mut connector, &name).map_err(|_| {
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
fn attend<S, T>((client, mut connection): (Client, Connection<S, T>)) -> Client
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
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
    client
}

fn begin<S, T>(
    config: Config,
    wire: S,
    tls: T,
) -> BoxFuture<'static, std::result::Result<Client, tokio_postgres::Error>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S> + Send + 'static,
    T::Stream: Send + 'static,
    T::Future: Send,
{
    Box::pin(async move { config.connect_raw(wire, tls).await.map(attend) })
}
