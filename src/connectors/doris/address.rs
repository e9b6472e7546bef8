//! Where a server is: `host:port`, or a URL.

use std::collections::BTreeMap;

use crate::config::{Problem, Reader};
use crate::network::socket;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    /// `http` or `https`, if it was written.
    pub scheme: Option<&'static str>,
    /// A name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Address {
    /// Reads `host`, `host:port` or a URL of nothing more.
    pub(super) fn read(text: &str, port: u16) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("http", rest)) => (Some("http"), rest),
            Some(("https", rest)) => (Some("https"), rest),
            Some(_) => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, port),
            Some((host, rest)) => (host, rest.strip_prefix(':')?.parse().ok()?),
            None => match rest.split_once(':') {
                None => (rest, port),
                Some((host, port)) => (host, port.parse().ok()?),
            },
        };
        let is_host = |c: char| c.is_alphanumeric() || "-_.:".contains(c);
        let is_good = !host.is_empty() && host.chars().all(is_host) && port > 0;
        is_good.then(|| Address { scheme, host: host.to_ascii_lowercase(), port })
    }

    /// The same server at another port.
    pub(super) fn at_port(&self, port: u16) -> Self {
        Address { scheme: None, host: self.host.clone(), port }
    }

    /// Whether nobody can listen between us and it.
    pub(super) fn is_local(&self) -> bool {
        socket::is_local(&self.host)
    }

    /// `host:port`, for people and for URLs.
    pub(super) fn shown(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// The servers that an option lists. What is wrong is never shown: it may hold a password.
pub(super) fn list(reader: &Reader<'_>, name: &'static str, port: u16) -> Vec<Address> {
    let texts = reader.list(name);
    let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
    let mut addresses = Vec::new();
    for text in parts.filter(|text| !text.is_empty()) {
        match Address::read(text, port) {
            Some(address) => addresses.push(address),
            None => {
                let message = format!("there is something in `{name}` that is no `host:port`");
                let hint = format!(
                    "write `host:{port}`, or `https://host:{port}`; user and password have \
                     options of their own"
                );
                reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
            }
        }
    }
    addresses
}

/// `address_map`: the servers that are reached elsewhere.
pub(super) fn map(reader: &Reader<'_>) -> BTreeMap<String, Address> {
    let mut map = BTreeMap::new();
    for (from, place, to) in reader.pairs("address_map") {
        match (Address::read(&from, 8040), Address::read(&to, 8040)) {
            (Some(from), Some(to)) => {
                map.insert(from.shown(), to);
            }
            _ => {
                let message = "`address_map` has something that is no `host:port`";
                reader.problem(Problem::new(&place, message));
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports_or_urls_of_nothing_more() {
        let read = |text| Address::read(text, 8030).map(|address| address.shown());
        assert_eq!(read("Db.Example.com").as_deref(), Some("db.example.com:8030"));
        assert_eq!(read("https://db:8050/").as_deref(), Some("db:8050"));
        assert_eq!(read("[::1]:1").as_deref(), Some("[::1]:1"));
        assert_eq!(read("[fe80::1]").as_deref(), Some("[fe80::1]:8030"));
        for bad in ["", ":1", "db:0", "db:x", "http://u:p@db:1", "ftp://db", "db/x", "a b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |text| Address::read(text, 1).unwrap().is_local();
        assert!(local("localhost") && local("127.0.0.1") && local("[::1]"));
        assert!(!local("10.0.0.1") && !local("localhost.example.com"));
    }
}
