//! Statements: sessions with the query port of a front end, in MySQL's protocol.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{ClientIdentity, Conn, Opts, OptsBuilder, Row, SslOpts, Value};

use super::address::Address;
use super::error;
use super::login::Login;
use super::options::Cluster;
use super::quote::identifier;
use crate::error::{Error, Kind, Result};
use crate::network::tls::{Mode, Tls, settle_provider};

/// A row, each value as text.
pub(super) type Texts = Vec<Option<String>>;

/// How long the server may take longer than it was told, before the session is given up.
const SLACK: Duration = Duration::from_secs(30);

/// Where sessions are opened.
#[derive(Debug)]
pub(super) struct Sessions<'a> {
    /// The servers.
    pub cluster: &'a Cluster,
    /// As whom to go there.
    pub login: &'a Login,
    /// The database that names without one are in.
    pub database: &'a str,
    /// The folder from which files are looked for.
    pub base: &'a Path,
    /// How long a statement may take.
    pub timeout: Duration,
}

/// A session with one front end.
#[derive(Debug)]
pub(super) struct Session {
    connection: Conn,
    server: String,
    /// The database that names are of.
    pub database: String,
    timeout: Duration,
}

impl Sessions<'_> {
    /// A session with the first front end that answers.
    pub(super) async fn open(&self) -> Result<Session> {
        let mut last = Error::bug("there is no front end to ask");
        for server in &self.cluster.query {
            match self.open_one(server).await {
                Ok(session) => return Ok(session),
                Err(error) if error.kind() == Kind::Unavailable => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn open_one(&self, address: &Address) -> Result<Session> {
        let server = address.shown();
        let options = OptsBuilder::default()
            .ip_or_hostname(&address.host)
            .tcp_port(address.port)
            .prefer_socket(false)
            // Known already: it would ask for them otherwise.
            .max_allowed_packet(Some(64 * 1024 * 1024))
            .wait_timeout(Some(28_800))
            .ssl_opts(encryption(&self.cluster.tls, self.base));
        let options: Opts = self.login.session(options).await?.into();
        let failed = format!("no session with `{server}` could begin");
        let connected = tokio::time::timeout(self.cluster.connect_timeout, Conn::new(options));
        let connection = match connected.await {
            Ok(connected) => connected.map_err(|cause| error::of(&failed, &server, &cause))?,
            Err(_) => return Err(Error::unavailable(format!("`{server}` did not answer in time"))),
        };
        let mut session = Session {
            connection,
            server,
            database: self.database.to_owned(),
            timeout: self.timeout,
        };
        session.prepare(self).await?;
        Ok(session)
    }
}

impl Session {
    async fn prepare(&mut self, sessions: &Sessions<'_>) -> Result<()> {
        let seconds = sessions.timeout.as_secs().max(1);
        let settings = [
            // A value that does not fit is an error, not a NULL.
            "set enable_insert_strict = true".to_owned(),
            format!("set query_timeout = {seconds}"),
            format!("set insert_timeout = {seconds}"),
            "set time_zone = '+00:00'".to_owned(),
            // One front end may lag behind another, which has taken the rows.
            "set enable_strong_consistency_read = true".to_owned(),
        ];
        for setting in settings {
            match self.run("the session cannot be set up", &setting).await {
                Err(error) if error.kind() == Kind::Unsupported => {
                    tracing::debug!(setting, "the server does not know a setting");
                }
                done => done?,
            }
        }
        let database = sessions.database;
        let failed = format!("database `{database}` cannot be used");
        self.run(&failed, &format!("use {}", identifier(database))).await
    }

    /// Runs a statement that gives no rows.
    ///
    /// # Errors
    /// `failed`, with what the server says; [`Kind::Unavailable`] means that nobody knows whether
    /// it was carried out.
    pub(super) async fn run(&mut self, failed: &str, sql: &str) -> Result<()> {
        self.rows(failed, sql).await.map(|_| ())
    }

    /// Runs a statement and gives its rows.
    pub(super) async fn rows(&mut self, failed: &str, sql: &str) -> Result<Vec<Texts>> {
        tracing::debug!(server = self.server, sql, "statement");
        let limit = self.timeout.saturating_add(SLACK);
        let rows = tokio::time::timeout(limit, self.connection.query::<Row, _>(sql)).await;
        let Ok(rows) = rows else {
            let error = Error::unavailable(failed).at("server", &self.server);
            return Err(error.at("reason", format!("no answer within {} s", limit.as_secs())));
        };
        let rows = rows.map_err(|cause| error::of(failed, &self.server, &cause))?;
        Ok(rows.into_iter().map(texts).collect())
    }

    /// The one number that a statement gives.
    pub(super) async fn number(&mut self, failed: &str, sql: &str) -> Result<u64> {
        let rows = self.rows(failed, sql).await?;
        let text = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::unavailable(failed).at("reason", "the answer is no number"))
    }
}

fn texts(row: Row) -> Texts {
    let text = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    };
    row.unwrap().into_iter().map(text).collect()
}

/// The same trust as over HTTP, in the words of this driver. `verify-ca` is stricter here: the driver
/// (0.37.1) knows a wrong name by a text that rustls no longer uses, so it refuses it all the same.
fn encryption(tls: &Tls, base: &Path) -> Option<SslOpts> {
    if tls.mode == Mode::Disable {
        return None;
    }
    settle_provider();
    let authorities = tls.authorities().map(|path| PathBuf::from(base).join(path));
    let system = rustls_native_certs::load_native_certs().certs;
    let system = system.into_iter().map(|certificate| certificate.to_vec().into());
    let roots = authorities.into_iter().map(Into::into).chain(system).collect();
    let options = SslOpts::default()
        .with_root_certs(roots)
        .with_disable_built_in_roots(true)
        .with_danger_skip_domain_validation(tls.mode < Mode::VerifyFull)
        .with_danger_accept_invalid_certs(tls.mode < Mode::VerifyCa);
    let own = tls.own().map(|(certificate, key)| {
        ClientIdentity::new(base.join(certificate).into(), base.join(key).into())
    });
    let options = options.with_client_identity(own);
    Some(match tls.server_name() {
        Some(name) => options.with_danger_tls_hostname_override(Some(name.to_owned())),
        None => options,
    })
}
