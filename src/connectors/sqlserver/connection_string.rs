//! A connection string as .NET writes it: `Server=tcp:host,1433;Database=shop;User Id=…;Password=…`.

use super::address::{Address, Extras, PORT};
use crate::config::Secret;
use crate::connectors::dotted::unquoted;
use crate::network::tls::Mode;

/// Whether `text` looks like one.
pub(super) fn is_one(text: &str) -> bool {
    !text.contains("://") && text.contains('=')
}

/// Takes `text` apart, or says what is wrong with it, without any part of it.
pub(super) fn read(text: &str) -> Result<(Address, Extras), &'static str> {
    let (mut address, mut extras) = (Address::default(), Extras::default());
    address.port = PORT;
    let (mut encrypts, mut trusts) = (true, false);
    for (key, value) in pairs(text).ok_or("the connection string in `url` is not well formed")? {
        match key.to_ascii_lowercase().replace(' ', "").as_str() {
            "server" | "datasource" | "addr" | "address" | "networkaddress" => {
                server(&value, &mut address)?;
            }
            "database" | "initialcatalog" => address.database = Some(value),
            "userid" | "user" | "uid" => address.user = Some(value),
            "password" | "pwd" => extras.password = Some(Secret::guarded(value)),
            "encrypt" => encrypts = !is_no(&value),
            "trustservercertificate" => trusts = !is_no(&value),
            "connecttimeout" | "connectiontimeout" | "timeout" => {
                let seconds = value.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
                let seconds = seconds.ok_or("the timeout in `url` is no number from 1 to 86400")?;
                extras.connect_timeout = Some(std::time::Duration::from_secs(seconds));
            }
            "integratedsecurity" | "trusted_connection" if !is_no(&value) => {
                return Err("logins of Windows, as `url` has one, are not spoken");
            }
            // What dhow decides itself, or has no use for.
            "integratedsecurity"
            | "trusted_connection"
            | "persistsecurityinfo"
            | "multipleactiveresultsets"
            | "applicationname"
            | "app"
            | "pooling" => {}
            _ => return Err("the connection string in `url` has a key that is not known"),
        }
    }
    extras.tls = match (encrypts, trusts) {
        (false, _) => Some(Mode::Disable),
        (true, true) => Some(Mode::Require),
        (true, false) => None,
    };
    match address.host.is_empty() {
        true => Err("the connection string in `url` names no `Server`"),
        false => Ok((address, extras)),
    }
}

/// `tcp:host\instance,port`.
fn server(text: &str, address: &mut Address) -> Result<(), &'static str> {
    let text = text.trim();
    let text = text.strip_prefix("tcp:").unwrap_or(text);
    let (host, port) = text.split_once(',').unwrap_or((text, ""));
    let (host, instance) = host.split_once('\\').unwrap_or((host, ""));
    address.host = match host.trim() {
        "." | "(local)" => "localhost".to_owned(),
        host => host.to_owned(),
    };
    match port.trim() {
        "" => address.instance = Some(instance.to_owned()).filter(|name| !name.is_empty()),
        port => {
            let port = port.parse().ok().filter(|port| *port > 0);
            address.port = port.ok_or("the port in `url` is no number from 1 to 65535")?;
        }
    }
    Ok(())
}

fn is_no(value: &str) -> bool {
    ["false", "no", "optional", "disable"].iter().any(|no| value.eq_ignore_ascii_case(no))
}

/// Keys and values between semicolons; a value may stand in quotes, which are doubled inside.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let (mut pairs, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (value, after) = match quote {
            Some(quote) => unquoted(after.get(1..)?, quote)?,
            None => {
                let (value, after) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        pairs.push((key.trim().to_owned(), value));
        rest = after.trim_start_matches([' ', ';']);
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_has_all_of_an_address() {
        let text = "Server=tcp:db.example,14330; Initial Catalog=shop;User Id=etl;\
                    Password='a;b''c';Encrypt=True;TrustServerCertificate=yes;App=x;";
        let (address, extras) = read(text).unwrap();
        assert_eq!(address.shown(), "sqlserver://etl@db.example:14330/shop");
        assert_eq!(extras.password.map(|p| p.reveal().to_owned()).as_deref(), Some("a;b'c"));
        assert_eq!(extras.tls, Some(Mode::Require));
        let (address, extras) = read("Data Source=.\\SHOP;Encrypt=false").unwrap();
        assert_eq!(
            (address.host.as_str(), address.instance.as_deref()),
            ("localhost", Some("SHOP"))
        );
        assert_eq!(extras.tls, Some(Mode::Disable));
    }

    #[test]
    fn what_is_wrong_is_said_without_a_part_of_it() {
        for (text, expected) in [
            ("Database=shop", "the connection string in `url` names no `Server`"),
            (
                "Server=a;Pasword=secret",
                "the connection string in `url` has a key that is not known",
            ),
            ("Server=a;Password='secret", "the connection string in `url` is not well formed"),
            ("Server=a,b", "the port in `url` is no number from 1 to 65535"),
            (
                "Server=a;Trusted_Connection=yes",
                "logins of Windows, as `url` has one, are not spoken",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
    }
}
