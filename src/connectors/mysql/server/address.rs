//! Where a database is: a `mysql://` URL taken apart, or the same in single options.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::config::{Place, Problem, Reader, Secret};
use crate::connectors::mysql::wire::Host;
use crate::network::socket;
use crate::network::tls::Mode;

const PORT: u16 = 3306;

/// Where a database is, and as whom to go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Address {
    /// The server.
    pub host: Host,
    /// The database to begin in.
    pub database: Option<String>,
    /// The user.
    pub user: String,
}

/// What a URL can say beside the address.
#[derive(Debug, Default)]
pub(in crate::connectors::mysql) struct Extras {
    /// The password.
    pub password: Option<Secret>,
    /// `ssl-mode`.
    pub tls: Option<Mode>,
    /// `connect_timeout`.
    pub connect_timeout: Option<Duration>,
}

impl Address {
    /// Takes `url`, or `host`, `port`, `socket`, `database` and `user`.
    pub(in crate::connectors::mysql) fn read(reader: &Reader<'_>) -> (Self, Extras) {
        let (host, socket) = (reader.text("host"), reader.text("socket"));
        let port = u16::try_from(reader.number("port", PORT.into(), 1..=65535)).unwrap_or(PORT);
        let (database, user) = (reader.text("database"), reader.text("user"));
        let (address, extras) = match reader.text("url") {
            Some(url) => {
                refuse_beside_url(reader);
                Url { reader, place: reader.place_of("url") }.read(&url)
            }
            None => {
                let host = given(reader, host, port, socket);
                (Address { host, database, user: user.unwrap_or_default() }, Extras::default())
            }
        };
        if address.user.is_empty() {
            let problem = Problem::new(&reader.place_of("user"), "`user` is missing");
            reader.problem(problem.hint("give `user`, or `mysql://user@host:3306/database`"));
        }
        (address, extras)
    }

    /// Whether nobody can listen between us and it.
    pub(in crate::connectors::mysql) fn is_local(&self) -> bool {
        match &self.host {
            Host::Socket(_) => true,
            Host::Tcp(name, _) => socket::is_local(name),
        }
    }

    /// The server for people: `db.example.com:3306`.
    pub(in crate::connectors::mysql) fn server(&self) -> String {
        match &self.host {
            Host::Tcp(name, port) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name, port) => format!("{name}:{port}"),
            Host::Socket(path) => path.display().to_string(),
        }
    }

    /// All of it as a URL for people.
    pub(in crate::connectors::mysql) fn shown(&self) -> String {
        let database = self.database.as_deref().unwrap_or_default();
        format!("mysql://{}@{}/{database}", self.user, self.server())
    }
}

fn given(reader: &Reader<'_>, host: Option<String>, port: u16, socket: Option<String>) -> Host {
    if let Some(path) = socket {
        for name in ["host", "port"] {
            if reader.node(name).is_some() {
                let message = format!("`{name}` is given beside `socket`");
                reader.problem(Problem::new(&reader.place_of(name), message));
            }
        }
        return Host::Socket(path.into());
    }
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| {
        let message = "`url`, `host` or `socket` is missing";
        let problem = Problem::new(&reader.place_of("host"), message);
        let hint = "`mysql://user@host:3306/database`, or `host: localhost`";
        reader.problem(problem.hint(hint));
        "localhost".to_owned()
    });
    refuse_many(reader, "host", &host);
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
    Host::Tcp(host.to_owned(), port)
}

fn refuse_beside_url(reader: &Reader<'_>) {
    for name in ["host", "port", "socket", "database", "user", "password"] {
        if reader.node(name).is_some() {
            let message = format!("`{name}` is given beside `url`");
            let hint = "write all of the address in `url`, or none of it";
            reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
        }
    }
}

fn refuse_many(reader: &Reader<'_>, name: &str, hosts: &str) {
    if hosts.contains(',') {
        let message = "there is more than one host";
        let hint = "name one server: a copy is made of one, and which one must be known";
        reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
    }
}

/// Reads a URL. Its problems never show a part of it: what is in the wrong place may be a password.
struct Url<'r, 'a> {
    reader: &'r Reader<'a>,
    place: Place,
}

impl Url<'_, '_> {
    fn read(&self, url: &str) -> (Address, Extras) {
        let rest = url.strip_prefix("mysql://").or(url.strip_prefix("mariadb://"));
        let Some(rest) = rest else {
            self.wrong("`url` must begin with `mysql://` or `mariadb://`", FORM);
            return (Address::nowhere(), Extras::default());
        };
        if rest.contains('#') {
            self.wrong("there is a `#` in `url`", ESCAPE);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let mut address = Address {
            host: self.server(server),
            database: self.part(database),
            user: self.part(user).unwrap_or_default(),
        };
        let password = password.and_then(|password| self.part(password)).map(Secret::guarded);
        let mut extras = Extras { password, ..Extras::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.parameter(key, &self.part(value).unwrap_or_default(), &mut address, &mut extras);
        }
        if matches!(&address.host, Host::Tcp(name, _) if name.is_empty()) {
            self.wrong("there is no host in `url`", FORM);
        }
        (address, extras)
    }

    /// The host and port of `text`.
    fn server(&self, text: &str) -> Host {
        refuse_many(self.reader, "url", text);
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
            None => text.rsplit_once(':').unwrap_or((text, "")),
        };
        let port = match port {
            "" => PORT,
            _ => port.parse().ok().filter(|port| *port > 0).unwrap_or_else(|| {
                self.wrong("the port in `url` is no number from 1 to 65535", ESCAPE);
                PORT
            }),
        };
        Host::Tcp(self.part(host).unwrap_or_default(), port)
    }

    fn parameter(&self, key: &str, value: &str, address: &mut Address, extras: &mut Extras) {
        match key {
            "socket" if value.starts_with('/') => {
                address.host = Host::Socket(PathBuf::from(value));
            }
            "socket" => self.wrong(
                "`socket` behind the `?` of `url` is no path",
                "write the whole path: `mysql://user@localhost/database?socket=/run/mysqld/s`",
            ),
            "ssl-mode" | "sslmode" => match mode(value) {
                Some(mode) => extras.tls = Some(mode),
                None => self.wrong(
                    "`ssl-mode` in `url` must be one of disabled, required, verify_ca, \
                     verify_identity",
                    "others would silently go on without encryption",
                ),
            },
            "connect_timeout" => match value.parse() {
                Ok(seconds @ 1..=86_400) => {
                    extras.connect_timeout = Some(Duration::from_secs(seconds));
                }
                _ => self.wrong(
                    "`connect_timeout` in `url` must be a whole number of seconds from 1 to 86400",
                    "leave it out for 10 seconds",
                ),
            },
            _ => self.wrong(
                "`url` has a parameter that is not known",
                "behind the `?` there may be socket, ssl-mode and connect_timeout; `tls_ca`, \
                 `tls_cert` and `tls_key` are options of their own",
            ),
        }
    }

    /// `text` with `%2F` and the like put back; nothing for an empty text.
    fn part(&self, text: &str) -> Option<String> {
        let broken = text.match_indices('%').any(|(at, _)| {
            let digits = text.as_bytes().get(at + 1..at + 3);
            !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        let decoded = percent_decode_str(text).decode_utf8().unwrap_or_default();
        if broken || decoded.contains('\0') || (decoded.is_empty() && !text.is_empty()) {
            self.wrong("there is a `%` in `url` that no two fitting digits follow", ESCAPE);
        }
        Some(decoded.into_owned()).filter(|decoded| !decoded.is_empty())
    }

    fn wrong(&self, message: &str, hint: &str) {
        self.reader.problem(Problem::new(&self.place, message).hint(hint));
    }
}

/// The names of MySQL's own clients, in any case, beside those of the option `tls`.
fn mode(name: &str) -> Option<Mode> {
    match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "disabled" => Some(Mode::Disable),
        "required" => Some(Mode::Require),
        "verify-identity" => Some(Mode::VerifyFull),
        name => Mode::named(name),
    }
}

const FORM: &str = "write `mysql://user@host:3306/database`";
const ESCAPE: &str = "in a user, password or database write %2F for /, %3A for :, %40 for @, \
                      %3F for ?, %23 for # and %25 for %";

impl Address {
    fn nowhere() -> Self {
        let host = Host::Tcp("localhost".to_owned(), PORT);
        Address { host, database: None, user: "nobody".to_owned() }
    }
}
