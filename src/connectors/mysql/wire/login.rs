//! What is needed to begin a session.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Secret;
use crate::network::tls::Tls;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) enum Host {
    /// A name or an address, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Socket(PathBuf),
}

/// What is needed to begin a session.
#[derive(Debug, Clone)]
pub(in crate::connectors::mysql) struct Login {
    /// Where the server listens.
    pub host: Host,
    /// How the server is called in messages: `db.example.org:3306`.
    pub shown: String,
    /// The user.
    pub user: String,
    /// Its password; `None` for none.
    pub password: Option<Secret>,
    /// The database to begin in.
    pub database: Option<String>,
    /// How the session is encrypted.
    pub tls: Tls,
    /// The folder that the files in `tls` are looked for from.
    pub base: PathBuf,
    /// How long a session may take to begin.
    pub connect_timeout: Duration,
    /// How long the server may be silent while an answer is awaited; zero for no limit.
    pub read_timeout: Duration,
}
