//! Where a database is: a `sqlserver://` URL taken apart, or the same in single options.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::connection_string;
use crate::config::{Place, Problem, Reader, Secret};
use crate::network::socket;
use crate::network::tls::Mode;

/// Where a server listens unless it is told otherwise.
pub(super) const PORT: u16 = 1433;

/// Where a database is, and as whom to go there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// The server: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The instance whose port is asked for.
    pub instance: Option<String>,
    /// The database; the server takes the one of the login when there is none.
    pub database: Option<String>,
    /// The login.
    pub user: Option<String>,
}

/// What a URL can say beside the address.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// The password.
    pub password: Option<Secret>,
    /// What `encrypt` and `trustServerCertificate` come to.
    pub tls: Option<Mode>,
    /// `connect_timeout`.
    pub connect_timeout: Option<Duration>,
}

impl Address {
    /// Takes `url`, or `host`, `port`, `database` and `user`.
    pub(super) fn read(reader: &Reader<'_>) -> (Self, Extras) {
        let host = reader.text("host");
        let port = u16::try_from(reader.number("port", PORT.into(), 1..=65535)).unwrap_or(PORT);
        let (database, user) = (reader.text("database"), reader.text("user"));
        let instance = reader.text("instance");
        if let Some(url) = reader.text("url") {
            refuse_beside_url(reader);
            return Url { reader, place: reader.place_of("url") }.read(&url);
        }
        let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| {
            let problem = Problem::new(&reader.place_of("host"), "`url` or `host` is missing");
            let hint = "`sqlserver://user@host:1433/database`, or `host: localhost`";
            reader.problem(problem.hint(hint));
            "localhost".to_owned()
        });
        if host.contains(['\\', ',']) {
            let message = "`host` names an instance or a port as well";
            let hint = "give them as `instance` or `port`";
            reader.problem(Problem::new(&reader.place_of("host"), message).hint(hint));
        }
        if instance.is_some() && reader.node("port").is_some() {
            let message = "`instance` and `port` are both given";
            reader.problem(Problem::new(&reader.place_of("instance"), message).hint("keep one"));
        }
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
        (Address { host: host.to_owned(), port, instance, database, user }, Extras::default())
    }

    /// Whether nobody can listen between us and it.
    pub(super) fn is_local(&self) -> bool {
        socket::is_local(&self.host)
    }

    /// The server and the port for people: `db.example.com:1433`.
    pub(super) fn server(&self) -> String {
        match (&self.instance, self.host.contains(':')) {
            (Some(instance), _) => format!("{}\\{instance}", self.host),
            (None, true) => format!("[{}]:{}", self.host, self.port),
            (None, false) => format!("{}:{}", self.host, self.port),
        }
    }

    /// All of it as a URL for people.
    pub(super) fn shown(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let database = self.database.as_deref().unwrap_or_default();
        format!("sqlserver://{user}{}/{database}", self.server())
    }
}

fn refuse_beside_url(reader: &Reader<'_>) {
    for name in ["host", "port", "instance", "database", "user", "password"] {
        if reader.node(name).is_some() {
            let message = format!("`{name}` is given beside `url`");
            let hint = "write all of the address in `url`, or none of it";
            reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
        }
    }
}

/// Reads a URL. Its problems never show a part of it: what is in the wrong place may be a password.
struct Url<'r, 'a> {
    reader: &'r Reader<'a>,
    place: Place,
}

impl Url<'_, '_> {
    fn read(&self, url: &str) -> (Address, Extras) {
        let mut address =
            Address { host: "localhost".to_owned(), port: PORT, ..Address::default() };
        let mut extras = Extras::default();
        if connection_string::is_one(url) {
            return connection_string::read(url).unwrap_or_else(|message| {
                self.wrong(message, STRING);
                (address, extras)
            });
        }
        let rest = url.strip_prefix("sqlserver://").or_else(|| url.strip_prefix("mssql://"));
        let Some(rest) = rest else {
            self.wrong("`url` must begin with `sqlserver://` or `mssql://`", FORM);
            return (address, extras);
        };
        if rest.contains('#') {
            self.wrong("there is a `#` in `url`", ESCAPE);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        (address.host, address.port) = self.server(server);
        (address.user, address.database) = (self.part(user), self.part(database));
        extras.password = self.part(password).map(Secret::guarded);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = self.part(value).unwrap_or_default();
            self.parameter(&key.to_ascii_lowercase(), &value, &mut address, &mut extras);
        }
        if address.host.is_empty() {
            self.wrong("there is no host in `url`", FORM);
        }
        (address, extras)
    }

    /// The host and port of `text`.
    fn server(&self, text: &str) -> (String, u16) {
        if text.contains(',') {
            self.wrong("there is more than one host in `url`", FORM);
        }
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
        let lower = value.to_ascii_lowercase();
        match (key, lower.as_str()) {
            ("database", _) if address.database.is_none() => {
                address.database = Some(value.to_owned());
            }
            ("instance", _) => address.instance = Some(value.to_owned()),
            ("encrypt", "true" | "yes" | "mandatory") => {}
            ("encrypt", "false" | "no" | "disable" | "optional") => {
                extras.tls = Some(Mode::Disable);
            }
            ("trustservercertificate", "true" | "yes") => extras.tls = Some(Mode::Require),
            ("trustservercertificate", "false" | "no") => {}
            ("sslmode", name) if Mode::named(name).is_some() => extras.tls = Mode::named(name),
            ("connect_timeout", _) => match value.parse() {
                Ok(seconds @ 1..=86_400) => {
                    extras.connect_timeout = Some(Duration::from_secs(seconds));
                }
                _ => self.wrong(
                    "`connect_timeout` in `url` must be a whole number of seconds from 1 to 86400",
                    "leave it out for 10 seconds",
                ),
            },
            _ => self.wrong(
                "`url` has a parameter that is not known, or has another value than it can have",
                "behind the `?` there may be database, encrypt=true|false, \
                 trustServerCertificate=true|false and connect_timeout",
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

const FORM: &str = "write `sqlserver://user@host:1433/database`";
const STRING: &str = "write `Server=host,1433;Database=…;User Id=…;Password=…`, or a URL";
const ESCAPE: &str = "in a user, password or database write %2F for /, %3A for :, %40 for @, \
                      %3F for ?, %23 for # and %25 for %";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn read(entries: &[(&str, &str)]) -> (Address, Extras, Vec<String>) {
        let options = Options::of_arguments(entries);
        let reader = options.reader();
        let (address, extras) = Address::read(&reader);
        let found = reader.finish().into_iter().map(|problem| problem.message).collect();
        (address, extras, found)
    }

    #[test]
    fn a_url_has_all_of_an_address() {
        let url = "mssql://etl%40corp:p%2Fw@db.example.com:14330/shop?encrypt=true&TrustServerCertificate=true";
        let (address, extras, problems) = read(&[("url", url)]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(address.shown(), "sqlserver://etl@corp@db.example.com:14330/shop");
        assert_eq!(extras.password.map(|p| p.reveal().to_owned()).as_deref(), Some("p/w"));
        assert_eq!(extras.tls, Some(Mode::Require));
        let (address, _, problems) = read(&[("url", "sqlserver://[::1]?database=shop")]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(address.shown(), "sqlserver://[::1]:1433/shop");
        assert!(address.is_local());
    }

    #[test]
    fn what_is_wrong_is_said_without_a_part_of_the_url() {
        for (entries, expected) in [
            (
                &[("url", "postgres://u:secret@h/d")][..],
                "`url` must begin with `sqlserver://` or `mssql://`",
            ),
            (&[("url", "mssql://u:se#cret@h/d")], "there is a `#` in `url`"),
            (&[("url", "mssql:///d")], "there is no host in `url`"),
            (&[("url", "mssql://h:0/d")], "the port in `url` is no number from 1 to 65535"),
            (&[("url", "mssql://h/d"), ("host", "x")], "`host` is given beside `url`"),
            (&[("host", "h\\SQLEXPRESS")], "`host` names an instance or a port as well"),
            (&[], "`url` or `host` is missing"),
        ] {
            let (.., problems) = read(entries);
            assert_eq!(problems, [expected]);
        }
    }
}
