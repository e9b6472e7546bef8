//! How to reach a server, and sessions with it.

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::password::Password;
use super::socket::{self, Wire};
use super::tls::{Mode, Tls};
use super::{error, session};
use crate::config::{Reader, Secret};
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
    statement_timeout: Duration,
    /// The folder from which the files in the options are looked for.
    base: PathBuf,
    /// The certificates, read once.
    connector: OnceCell<MakeRustlsConnect>,
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
    OptionDoc {
        role: Some(Role::Sink),
        ..doc("statement_timeout", Some("0: none"), "how long a statement but COPY may take")
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
            connect_timeout: reader.duration("connect_timeout", patience),
            statement_timeout: reader.duration("statement_timeout", Duration::ZERO),
            shown: address.shown(),
            address,
            base: PathBuf::new(),
            connector: OnceCell::new(),
        }))
    }

    /// The same, with the files that its options name in the folder `base`.
    pub(super) fn within(&self, base: &Path) -> Self {
        Server(Arc::new(Inner {
            shown: self.0.shown.clone(),
            address: self.0.address.clone(),
            password: self.0.password.clone(),
            tls: self.0.tls.clone(),
            base: base.to_owned(),
            connector: OnceCell::new(),
            ..*self.0
        }))
    }

    /// `postgres://user@host:5432/database`, without any secret.
    pub(super) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// A session; `role` is for the application name, such as `reader 3`.
    pub(super) async fn connect(&self, purpose: Purpose, role: &str) -> Result<Client> {
        let password = self.0.password.fetch(&self.0.base, self.0.connect_timeout).await?;
        let config = self.config(purpose, role, password.as_ref());
        let opened = timeout(self.0.connect_timeout, self.open(&config)).await;
        let client = opened.unwrap_or_else(|_| Err(self.silent()))?;
        session::settle(&client, purpose, &self.0.address.server()).await?;
        Ok(client)
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
        match self.0.tls.mode {
            Mode::Disable => match config.connect_raw(wire, NoTls).await {
                Ok((client, connection)) => Ok(attend(client, connection)),
                Err(error) => Err(self.failed(&error)),
            },
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => {
                let tls = self.tls().await?;
                match config.connect_raw(wire, tls).await {
                    Ok((client, connection)) => Ok(attend(client, connection)),
                    Err(error) => Err(self.failed(&error)),
                }
            }
        }
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

    fn failed(&self, error: &tokio_postgres::Error) -> Error {
        error::connecting(&self.0.address.server(), error)
    }

    fn silent(&self) -> Error {
        let (server, patience) = (self.0.address.server(), self.0.connect_timeout);
        let error = Error::unavailable(format!("`{server}` began no session within {patience:?}"));
        error.hint("see what the server waits for in its log, or raise `connect_timeout`")
    }
}

/// Lets `connection` run beside its client. Notices are dropped: they may quote rows.
fn attend<S, T>(client: Client, mut connection: Connection<S, T>) -> Client
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        // Whoever uses the client hears of an error from it.
        while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {}
    });
    client
}
fn probe1<'a>(s: &'a Server, c: &'a Config) { fn is<T: Send>(_: T) {} is(s.open(c)); }
fn probe2<'a>(s: &'a Server) { fn is<T: Send>(_: T) {} is(s.tls()); }
fn probe3<'a>(s: &'a Server) { fn is<T: Send>(_: T) {} is(s.0.password.fetch(&s.0.base, s.0.connect_timeout)); }
fn probe4<'a>(s: &'a Client) { fn is<T: Send>(_: T) {} is(session::settle(s, Purpose::Read, "")); }
