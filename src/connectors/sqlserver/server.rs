//! How to reach a server, and sessions with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::time::timeout;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use super::address::Address;
use super::session::{Session, VALUE_BYTES};
use super::{browser, error};
use crate::config::{Problem, Reader, Secret};
use crate::connectors::OptionDoc;
use crate::error::{Error, Result};
use crate::network::password::Password;
use crate::network::socket;
use crate::network::tls::{Mode, Tls};
use crate::network::wait::Wait;

/// Bytes of a packet: larger ones are fewer turns, and those within TLS end before 16,384.
const PACKET: u32 = 16_000;

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
    wait: Wait,
    /// The folder from which the files in the options are looked for.
    base: PathBuf,
    /// Bytes of a value, at most.
    longest: usize,
    /// Whether there has been a session.
    was_ready: AtomicBool,
}

/// The options that every connection takes, for the manual.
pub(super) const CONNECTION: &[OptionDoc] = &[
    doc(
        "url",
        None,
        "`sqlserver://user@host:1433/database`, a connection string, or these in single options",
    ),
    doc("host", None, "the server"),
    doc("port", Some("1433"), "its port"),
    doc("instance", None, "a named instance, whose port SQL Server Browser is asked for"),
    doc("database", Some("that of the login"), "the database"),
    doc("user", None, "the login"),
    doc("password", None, "the password: `${VARIABLE}`, not the text itself"),
    doc("password_file", None, "a file with the password, that its owner alone may read"),
    doc("password_command", None, "a program that prints the password: a list, without a shell"),
    doc(
        "tls",
        Some("verify-full; disable on this machine"),
        "disable, require (encrypt, whoever answers) or verify-full",
    ),
    doc("tls_ca", None, "a file of authorities to trust beside those of the system"),
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
    OptionDoc { name, role: None, default, summary }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

impl Server {
    /// Takes the options of a connection.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let (address, extras) = Address::read(reader);
        let patience = extras.connect_timeout.unwrap_or(Duration::from_secs(10));
        let connect_timeout = reader.duration("connect_timeout", patience);
        if connect_timeout.is_zero() {
            let place = reader.place_of("connect_timeout");
            reader.problem(Problem::new(&place, "`connect_timeout` must be more than 0"));
        }
        let tls = Tls::read(reader, extras.tls, address.is_local());
        refuse_what_cannot_be(reader, &tls);
        Server(Arc::new(Inner {
            password: Password::read(reader, extras.password),
            tls,
            connect_timeout,
            read_timeout: reader.duration("read_timeout", Duration::ZERO),
            wait: Wait::read(reader),
            shown: address.shown(),
            address,
            base: PathBuf::new(),
            longest: VALUE_BYTES,
            was_ready: AtomicBool::new(false),
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
            was_ready: AtomicBool::new(false),
            ..*self.0
        }))
    }

    /// The same, for values of up to `longest` bytes.
    #[cfg(test)]
    pub(super) fn with_longest(self, longest: usize) -> Self {
        let same = self.within(&self.0.base);
        let mut inner = Arc::into_inner(same.0).expect("nobody else has it");
        inner.longest = longest;
        Server(Arc::new(inner))
    }

    /// A session; `role` is for the application name, such as `reader`. The first one of this
    /// server waits for it where `wait_for` says so.
    pub(super) async fn connect(&self, role: &str) -> Result<Session> {
        if self.0.was_ready.load(Ordering::Relaxed) {
            return self.try_to_connect(role).await;
        }
        let session = self.0.wait.ready(|| self.try_to_connect(role).boxed()).await?;
        if !self.0.was_ready.swap(true, Ordering::Relaxed) {
            self.warn();
        }
        Ok(session)
    }

    /// Says what the mode does not protect from, where somebody could be on the way.
    fn warn(&self) {
        let missing = match self.0.tls.mode {
            _ if self.0.address.is_local() => return,
            Mode::Disable => "the session is not encrypted: whoever is on the way can read it",
            Mode::Require => "whose server this is was not looked at: set `tls: verify-full`",
            Mode::VerifyCa | Mode::VerifyFull => return,
        };
        tracing::warn!(server = self.0.shown, "{missing}");
    }

    async fn try_to_connect(&self, role: &str) -> Result<Session> {
        let password = self.0.password.fetch(&self.0.base, self.0.connect_timeout).await?;
        let config = self.config(role, password.as_ref()).await?;
        let begun = timeout(self.0.connect_timeout, self.open(config)).await;
        begun.unwrap_or_else(|_| {
            let (server, patience) = (self.0.address.server(), self.0.connect_timeout);
            let message = format!("`{server}` began no session within {patience:?}");
            Err(Error::unavailable(message)
                .hint("see what the server waits for in its log, or raise `connect_timeout`"))
        })
    }

    async fn open(&self, config: Config) -> Result<Session> {
        let (mut address, patience) = (self.0.address.clone(), self.0.connect_timeout);
        if let Some(instance) = address.instance.take() {
            let found = browser::port_of(&address.host, browser::PORT, &instance, patience);
            address.port = found.await?;
        }
        let stream = socket::tcp(&address.host, address.port, &address.server(), patience).await?;
        let client = match Client::connect(config.clone(), stream.compat_write()).await {
            Err(tiberius::error::Error::Routing { host, port }) => {
                self.follow(config, &host, port).await?
            }
            client => client.map_err(|e| error::connecting(&address.server(), &e))?,
        };
        Session::begin(client, self.0.read_timeout, self.0.longest).await
    }

    /// Goes where the server says that the database is. Our password goes there too, so that only
    /// a server that has proven who it is may say so, and the other one has to as well.
    async fn follow(
        &self,
        mut config: Config,
        host: &str,
        port: u16,
    ) -> Result<Client<tokio_util::compat::Compat<tokio::net::TcpStream>>> {
        let server = self.0.address.server();
        if self.0.tls.mode != Mode::VerifyFull || self.0.tls.server_name().is_some() {
            let message = format!("`{server}` sends us on to another server");
            return Err(Error::denied(message).at("to", format!("{host}:{port}")).hint(
                "set `tls: verify-full` without `tls_server_name`, so that both servers show who \
                 they are; or name that server as `host`",
            ));
        }
        let address = Address { host: host.to_owned(), port, ..self.0.address.clone() };
        config.host(host);
        config.port(port);
        let stream =
            socket::tcp(&address.host, address.port, &address.server(), self.0.connect_timeout)
                .await?;
        let client = Client::connect(config, stream.compat_write()).await;
        client.map_err(|e| error::connecting(&address.server(), &e))
    }

    async fn config(&self, role: &str, password: Option<&Secret>) -> Result<Config> {
        let Inner { address, tls, .. } = &*self.0;
        let mut config = Config::new();
        config.host(&address.host);
        config.port(address.port);
        address.database.iter().for_each(|database| config.database(database));
        config.application_name(format!("dhow/{role}"));
        config.packet_size(PACKET);
        // Both are ours to watch: rows of a large table arrive for as long as they do.
        config.handshake_timeout(None);
        config.command_timeout(None);
        let user = address.user.as_deref().unwrap_or_default();
        let password = password.map(Secret::reveal).unwrap_or_default();
        config.authentication(AuthMethod::sql_server(user, password));
        match tls.mode {
            Mode::Disable => config.encryption(EncryptionLevel::NotSupported),
            Mode::Require => {
                config.encryption(EncryptionLevel::Required);
                config.trust_cert();
            }
            Mode::VerifyCa | Mode::VerifyFull => {
                config.encryption(EncryptionLevel::Required);
                tls.server_name().iter().for_each(|name| config.hostname_in_certificate(name));
                if let Some(path) = tls.authorities() {
                    config.trust_cert_ca_bundle(authorities(&self.0.base.join(path)).await?);
                }
            }
        }
        Ok(config)
    }
}

async fn authorities(path: &Path) -> Result<Vec<u8>> {
    let read = tokio::fs::read(path).await;
    read.map_err(|e| Error::io(&e, "read", path).at("option", "tls_ca"))
}

/// What the driver has no way for.
fn refuse_what_cannot_be(reader: &Reader<'_>, tls: &Tls) {
    if tls.mode == Mode::VerifyCa {
        let message = "`verify-ca` is not possible with SQL Server";
        let hint = "use verify-full, with `tls_server_name` where the certificate has another name";
        reader.problem(Problem::new(&reader.place_of("tls"), message).hint(hint));
    }
    if tls.own().is_some() {
        let message = "`tls_cert` is not possible with SQL Server";
        let hint = "it knows its users by their passwords";
        reader.problem(Problem::new(&reader.place_of("tls_cert"), message).hint(hint));
    }
    if tls.mode == Mode::Require && tls.authorities().is_some() {
        let message = "`tls_ca` is given, but `tls: require` looks at no certificate";
        reader.problem(Problem::new(&reader.place_of("tls_ca"), message).hint("use verify-full"));
    }
}
