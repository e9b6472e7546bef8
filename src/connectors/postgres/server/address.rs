//! Where a database is: a `postgres://` URL taken apart, or the same in single options.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::config::{Place, Problem, Reader, Secret};
use crate::network::socket;
use crate::network::tls::Mode;

const PORT: u16 = 5432;

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum Host {
    /// A name or an address.
    Tcp(String),
    /// The folder of a Unix socket.
    Socket(PathBuf),
}

impl Host {
    fn of(text: String) -> Self {
        if text.starts_with('/') { Host::Socket(text.into()) } else { Host::Tcp(text) }
    }

    /// Whether nobody can listen between us and it.
    pub(in crate::connectors::postgres) fn is_local(&self) -> bool {
        match self {
            Host::Socket(_) => true,
            Host::Tcp(name) => socket::is_local(name),
        }
    }
}

/// Where a database is, and as whom to go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Address {
    /// The server.
    pub host: Host,
    /// Its port, which is also in the name of its Unix socket.
    pub port: u16,
    /// The database; the server takes the one of the user's name when there is none.
    pub database: Option<String>,
    /// The user; that of the operating system when there is none.
    pub user: Option<String>,
}

/// What a URL can say beside the address.
#[derive(Debug, Default)]
pub(in crate::connectors::postgres) struct Extras {
    /// The password.
    pub password: Option<Secret>,
    /// `sslmode`.
    pub tls: Option<Mode>,
    /// `connect_timeout`.
    pub connect_timeout: Option<Duration>,
}

impl Address {
    /// Takes `url`, or `host`, `port`, `database` and `user`.
    pub(in crate::connectors::postgres) fn read(reader: &Reader<'_>) -> (Self, Extras) {
        let host = reader.text("host");
        let port = u16::try_from(reader.number("port", PORT.into(), 1..=65535)).unwrap_or(PORT);
        let (database, user) = (reader.text("database"), reader.text("user"));
        if let Some(url) = reader.text("url") {
            refuse_beside_url(reader);
            return Url { reader, place: reader.place_of("url") }.read(&url);
        }
        let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| {
            let problem = Problem::new(&reader.place_of("host"), "`url` or `host` is missing");
            let hint = "`postgres://user@host:5432/database`, or `host: localhost`";
            reader.problem(problem.hint(hint));
            "localhost".to_owned()
        });
        refuse_many(reader, "host", &host);
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
        let host = Host::of(host.to_owned());
        (Address { host, port, database, user }, Extras::default())
    }

    /// The server and the port for people: `db.example.com:5432`.
    pub(in crate::connectors::postgres) fn server(&self) -> String {
        match &self.host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", self.port),
            Host::Tcp(name) => format!("{name}:{}", self.port),
            Host::Socket(folder) => format!("{}:{}", folder.display(), self.port),
        }
    }

    /// All of it as a URL for people.
    pub(in crate::connectors::postgres) fn shown(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let database = self.database.as_deref().unwrap_or_default();
        format!("postgres://{user}{}/{database}", self.server())
    }
}

fn refuse_beside_url(reader: &Reader<'_>) {
    for name in ["host", "port", "database", "user", "password"] {
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
        let rest = url.strip_prefix("postgres://").or(url.strip_prefix("postgresql://"));
        let Some(rest) = rest else {
            self.wrong("`url` must begin with `postgres://`", FORM);
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
        let (host, port) = self.server(server);
        let mut address = Address {
            host: Host::of(host),
            port,
            database: self.part(database),
            user: self.part(user),
        };
        let password = password.and_then(|password| self.part(password)).map(Secret::guarded);
        let mut extras = Extras { password, ..Extras::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.parameter(key, &self.part(value).unwrap_or_default(), &mut address, &mut extras);
        }
        if address.host == Host::Tcp(String::new()) {
            self.wrong("there is no host in `url`", FORM);
        }
        (address, extras)
    }

    /// The host and port of `text`.
    fn server(&self, text: &str) -> (String, u16) {
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
        (self.part(host).unwrap_or_default(), port)
    }

    fn parameter(&self, key: &str, value: &str, address: &mut Address, extras: &mut Extras) {
        match key {
            "host" if value.starts_with('/') && address.host == Host::Tcp(String::new()) => {
                address.host = Host::of(value.to_owned());
            }
            "host" => self.wrong(
                "`host` behind the `?` of `url` is no folder of a socket",
                "write a name before the `/`: `postgres://user@host/database`",
            ),
            "sslmode" => match Mode::named(value) {
                Some(mode) => extras.tls = Some(mode),
                None => self.wrong(
                    "`sslmode` in `url` must be one of disable, require, verify-ca, verify-full",
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
            "options" | "application_name" => self.wrong(
                &format!("`{key}` cannot be set in `url`"),
                "leave it out: dhow sets what its sessions need, and names them itself",
            ),
            _ => self.wrong(
                "`url` has a parameter that is not known",
                "behind the `?` there may be host, sslmode and connect_timeout; \
                 `tls_ca`, `tls_cert` and `tls_key` are options of their own",
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

const FORM: &str = "write `postgres://user@host:5432/database`";
const ESCAPE: &str = "in a user, password or database write %2F for /, %3A for :, %40 for @, \
                      %3F for ?, %23 for # and %25 for %";

impl Address {
    fn nowhere() -> Self {
        let host = Host::Tcp("localhost".to_owned());
        Address { host, port: PORT, database: None, user: None }
    }
}
