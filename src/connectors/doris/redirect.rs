//! Where a front end sends us, and whether we go there: with the password, so only to hosts that
//! are known, and never from an encrypted connection to a plain one.
//!
//! The address that it names may hold a user and a password. They are dropped unread, and the
//! address is never shown.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;

use super::address::Address;
use crate::error::{Error, Result};

/// How often we let ourselves be sent on for one request.
pub(super) const HOPS: usize = 3;

/// Hosts that may see the password, and where they are reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    hosts: BTreeSet<String>,
    map: BTreeMap<String, Address>,
}

impl Known {
    /// These hosts, and those that the map leads to.
    pub(super) fn new(
        hosts: impl IntoIterator<Item = String>,
        map: &BTreeMap<String, Address>,
    ) -> Self {
        let mapped = map.values().map(|address| address.host.clone());
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase());
        Known { hosts: hosts.chain(mapped).collect(), map: map.clone() }
    }

    /// Where the server is reached that the cluster knows as `address`.
    pub(super) fn reached(&self, address: Address) -> Address {
        self.map.get(&address.shown()).cloned().unwrap_or(address)
    }

    /// Whether this host may see the password.
    pub(super) fn has(&self, host: &str) -> bool {
        self.hosts.contains(&host.to_ascii_lowercase())
    }
}

/// The URL to go to, asked at `from` and sent to `location`.
///
/// # Errors
/// [`crate::error::Kind::Denied`] when we do not go there.
pub(super) fn follow(from: &Url, location: Option<&str>, known: &Known) -> Result<Url> {
    let asked = from.authority().to_owned();
    let nowhere = || {
        let error = Error::unavailable(format!("`{asked}` sends us on, but not to an address"));
        error.hint("something else than Doris may answer there")
    };
    let mut url = from.join(location.ok_or_else(nowhere)?).map_err(|_| nowhere())?;
    // What stands there as user and password is not ours to use.
    if url.set_username("").and(url.set_password(None)).is_err() {
        return Err(nowhere());
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(nowhere());
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(nowhere());
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    let reached = known.reached(Address { scheme: None, host, port });
    if from.scheme() == "https" && url.scheme() == "http" {
        let error = Error::denied(format!("`{asked}` sends us to a server without encryption"));
        let error = error.at("server", reached.shown());
        return Err(
            error.hint("enable https at the back ends too, or name them as `be: https://…`")
        );
    }
    if !known.has(&reached.host) {
        let error = Error::denied(format!("`{asked}` sends us to a host that is not known"));
        let error = error.at("server", reached.shown());
        return Err(error.hint("if it is one of yours, name it in `be` or in `allowed_hosts`"));
    }
    at(&mut url, &reached).ok_or_else(nowhere)?;
    // Front ends write a `?` behind the path, with nothing after it.
    if url.query() == Some("") {
        url.set_query(None);
    }
    Ok(url)
}

/// Puts the server into the URL.
fn at(url: &mut Url, server: &Address) -> Option<()> {
    let host = match server.host.contains(':') {
        true => format!("[{}]", server.host),
        false => server.host.clone(),
    };
    url.set_host(Some(&host)).ok()?;
    url.set_port(Some(server.port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn known() -> Known {
        let to = Address::read("lb:18040", 1).unwrap();
        let map = BTreeMap::from([("10.0.0.5:8040".to_owned(), to)]);
        Known::new(["fe".to_owned(), "BE1".to_owned(), "::1".to_owned()], &map)
    }

    fn sent(from: &str, location: &str) -> Result<String, (Kind, String)> {
        let from = Url::parse(from).unwrap();
        let url = follow(&from, Some(location), &known());
        url.map(|url| url.to_string()).map_err(|error| (error.kind(), error.report()))
    }

    #[test]
    fn user_and_password_of_the_address_are_dropped() {
        let url = sent("http://fe:8030/api/a/b/_stream_load", "http://u:p@be1:8040/api/a/b/_l?");
        assert_eq!(url.unwrap(), "http://be1:8040/api/a/b/_l");
    }

    #[test]
    fn an_address_of_the_inside_is_reached_from_the_outside() {
        let url = sent("http://fe:8030/x", "http://10.0.0.5:8040/x?a=b");
        assert_eq!(url.unwrap(), "http://lb:18040/x?a=b");
        assert_eq!(sent("http://fe:8030/x", "/y").unwrap(), "http://fe:8030/y");
        assert_eq!(sent("http://fe:8030/x", "http://[::1]:8040/x").unwrap(), "http://[::1]:8040/x");
    }

    #[test]
    fn nobody_unknown_gets_the_password_and_nothing_is_shown_of_the_address() {
        let (kind, report) = sent("http://fe:8030/x", "http://u:pw@evil:8040/secret").unwrap_err();
        assert_eq!(kind, Kind::Denied);
        assert!(report.contains("evil:8040"), "{report}");
        assert!(!report.contains("pw") && !report.contains("secret"), "{report}");
    }

    #[test]
    fn encryption_is_never_lost_on_the_way() {
        assert_eq!(sent("https://fe:8050/x", "http://be1:8040/x").unwrap_err().0, Kind::Denied);
        assert!(sent("http://fe:8030/x", "https://be1:8050/x").is_ok());
    }

    #[test]
    fn what_is_no_address_is_not_followed() {
        for location in ["ftp://be1/x", "http://", "mailto:a@b", "http://be1:99999/"] {
            let found = sent("http://fe:8030/x", location);
            assert_eq!(found.unwrap_err().0, Kind::Unavailable, "{location}");
        }
        let from = Url::parse("http://fe:8030/x").unwrap();
        assert_eq!(follow(&from, None, &known()).unwrap_err().kind(), Kind::Unavailable);
    }
}
