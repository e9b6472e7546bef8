//! Begins a session: the socket, the greeting, encryption, and the proof of who we are.

use std::io;
use std::sync::Arc;

use mysql_common::constants::{CapabilityFlags as Flags, MariadbCapabilities};
use mysql_common::packets::{HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::greeting::Greeting;
use super::login::{Host, Login};
use super::proof::{self, Plugin, Way};
use super::stream::Stream;
use super::{Result, failure, socket};
use crate::error::Error;
use crate::network::socket::refused;
use crate::network::tls::Mode;

/// The largest packet that we say we take; the server has a limit of its own.
const PACKET_BYTES: u32 = 1 << 30;
/// `utf8mb4_general_ci`, which every server knows.
const COLLATION: u8 = 45;

/// A session that has begun.
pub(super) struct Opened {
    pub stream: Stream,
    pub greeting: Greeting,
    /// What both sides have agreed on.
    pub flags: Flags,
    /// Whether the server tells more of its types than the protocol of MySQL has room for.
    pub extended: bool,
}

/// Begins a session.
pub(super) async fn open(login: &Login) -> Result<Opened> {
    let begun = timeout(login.connect_timeout, begin(login)).await;
    begun.unwrap_or_else(|_| {
        Err(refused(&io::ErrorKind::TimedOut.into(), &login.shown, login.connect_timeout).into())
    })
}

async fn begin(login: &Login) -> Result<Opened> {
    let socket = socket::open(login).await?;
    let mut stream = Stream::new(socket, &login.shown, login.read_timeout);
    let greeting = Greeting::read(stream.packet().await?)?;
    let agreed = Agreed::of(&greeting, login)?;
    let mut way = match login.host {
        Host::Socket(_) => Way::Socket,
        Host::Tcp(..) => Way::Open,
    };
    if login.tls.mode != Mode::Disable {
        stream.send(&agreed.request()).await?;
        stream = encrypted(stream, login).await?;
        way = Way::Encrypted;
    }
    prove(&mut stream, &greeting, &agreed, login, way).await?;
    Ok(Opened { stream, greeting, flags: agreed.flags, extended: agreed.extended })
}

/// What both sides can do.
struct Agreed {
    flags: Flags,
    extended: bool,
}

impl Agreed {
    fn of(greeting: &Greeting, login: &Login) -> Result<Self> {
        let needed =
            Flags::CLIENT_PROTOCOL_41 | Flags::CLIENT_SECURE_CONNECTION | Flags::CLIENT_PLUGIN_AUTH;
        if !greeting.flags.contains(needed) {
            let message = format!("`{}` is older than MySQL 5.5.7", login.shown);
            return Err(Error::unsupported(message).at("version", &greeting.version).into());
        }
        let encrypts = login.tls.mode != Mode::Disable;
        if encrypts && !greeting.flags.contains(Flags::CLIENT_SSL) {
            let message = format!("`{}` does not encrypt, and `tls` asks for it", login.shown);
            let hint = "give the server a certificate (`ssl_cert`, `ssl_key`); or set `tls: \
                        disable` where nobody can listen";
            return Err(Error::denied(message).hint(hint).into());
        }
        // Neither files of this machine nor several statements at once: nobody can ask for them.
        let wanted = needed
            | Flags::CLIENT_LONG_FLAG
            | Flags::CLIENT_TRANSACTIONS
            | Flags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
            | Flags::CLIENT_CONNECT_ATTRS
            | Flags::CLIENT_DEPRECATE_EOF;
        let mut flags = wanted & greeting.flags;
        flags.set(Flags::CLIENT_SSL, encrypts);
        flags.set(Flags::CLIENT_CONNECT_WITH_DB, login.database.is_some());
        // MariaDB reads its own abilities only where this one of MySQL is not set.
        let extended = greeting.is_mariadb() && greeting.tells_types();
        flags.set(Flags::CLIENT_LONG_PASSWORD, !extended);
        Ok(Agreed { flags, extended })
    }

    fn mariadb(&self) -> MariadbCapabilities {
        let mut own = MariadbCapabilities::empty();
        own.set(MariadbCapabilities::MARIADB_CLIENT_EXTENDED_METADATA, self.extended);
        own
    }

    /// Asks for encryption.
    fn request(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        let request = SslRequest::new(self.flags, PACKET_BYTES, COLLATION);
        request.with_mariadb_capabilities(self.mariadb()).serialize(&mut payload);
        payload
    }
}

/// Encrypts what follows.
async fn encrypted(stream: Stream, login: &Login) -> Result<Stream> {
    let sequence = stream.sequence();
    let config = login.tls.config(&login.base)?;
    let name = match (login.tls.server_name(), &login.host) {
        (Some(name), _) => name,
        (None, Host::Tcp(name, _)) => name,
        (None, Host::Socket(_)) => "localhost",
    };
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        let message = format!("`{name}` is no name that a certificate could be made out to");
        Error::config(message).hint("give the name in the certificate as `tls_server_name`")
    })?;
    let connector = TlsConnector::from(Arc::new(config));
    let socket = connector.connect(name, stream.into_socket()?).await;
    let socket = socket.map_err(|error| failure::lost(&error, &login.shown))?;
    let mut stream = Stream::new(Box::new(socket), &login.shown, login.read_timeout);
    stream.go_on(sequence);
    Ok(stream)
}

/// Says who we are, and proves it as the server asks.
async fn prove(
    stream: &mut Stream,
    greeting: &Greeting,
    agreed: &Agreed,
    login: &Login,
    way: Way,
) -> Result<()> {
    let plugin = Plugin::named(&greeting.plugin);
    // The server may ask for another proof; a first answer in clear text would give it away.
    let plugin = plugin.filter(|plugin| plugin.is_hash()).unwrap_or(Plugin::Native);
    let proof = proof::first(plugin, login, &greeting.nonce, way)?;
    let program = [("program_name", "dhow"), ("_client_version", env!("CARGO_PKG_VERSION"))];
    let program = program.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let has_attributes = agreed.flags.contains(Flags::CLIENT_CONNECT_ATTRS);
    let response = HandshakeResponse::new(
        Some(&proof[..]),
        (5, 7, 0),
        Some(login.user.as_bytes()),
        login.database.as_deref().map(str::as_bytes),
        Some(plugin.common()),
        agreed.flags,
        has_attributes.then(|| program.into()),
        PACKET_BYTES,
    );
    let mut payload = Vec::new();
    response.with_mariadb_ext_capabilities(agreed.mariadb()).serialize(&mut payload);
    stream.send(&payload).await?;
    proof::settle(stream, plugin, login, way).await
}
