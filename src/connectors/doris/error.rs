//! What an error of a session means: the one place that looks at numbers of MySQL's.

use mysql_async::{DriverError, Error as Cause, IoError, ServerError, TlsError};

use super::nodes::shortened;
use crate::error::{Error, Kind};
use crate::network;

/// The error for `message`, of a session with `server`.
pub(super) fn of(message: &str, server: &str, cause: &Cause) -> Error {
    match cause {
        Cause::Server(error) => of_server(message, error).at("server", server),
        Cause::Io(IoError::Tls(error)) => match error {
            TlsError::Tls(error) => network::refused(server, error),
            other => Error::denied(format!("no encrypted session with `{server}` could begin"))
                .at("reason", other),
        },
        Cause::Driver(DriverError::NoClientSslFlagFromServer) => {
            Error::denied(format!("`{server}` does not encrypt its sessions"))
                .hint("set `enable_ssl = true` there, or `tls: disable` if nobody can listen")
        }
        Cause::Io(IoError::Io(error)) => match network::within(error) {
            Some(error) => network::refused(server, error),
            None => Error::unavailable(message).at("server", server).at("reason", error),
        },
        other => Error::unavailable(message).at("server", server).at("reason", other),
    }
}

/// Whether this error means that a label is taken.
pub(super) fn is_label_used(error: &Error) -> bool {
    let said = error.places().iter().find(|(what, _)| what == SAID);
    let said = said.map(|(_, said)| said.to_ascii_lowercase()).unwrap_or_default();
    error.kind() == Kind::Conflict && said.contains("label") && said.contains("already")
}

/// The place under which the server's own words stand.
const SAID: &str = "it says";

fn of_server(message: &str, error: &ServerError) -> Error {
    let (kind, hint) = meaning(error.code, &error.message);
    let error = Error::new(kind, message).at(SAID, shortened(&error.message));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn meaning(code: u16, said: &str) -> (Kind, Option<&'static str>) {
    let lower = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match code {
        1044 | 1045 | 1142 | 1227 | 1370 | 5203 => {
            (Kind::Denied, Some("look at `user`, `password` and the privileges of the user"))
        }
        1049 => (Kind::Missing, Some("create the database, or correct `database`")),
        1051 | 1146 | 1109 => (Kind::Missing, None),
        1050 => (Kind::Conflict, None),
        1193 => (Kind::Unsupported, None),
        1040 | 1203 | 1226 => (Kind::Limit, None),
        _ if has(&["access denied", "privilege"]) => {
            (Kind::Denied, Some("look at the privileges of the user"))
        }
        _ if has(&["label"]) && has(&["already been used", "already exists"]) => {
            (Kind::Conflict, None)
        }
        _ if has(&["enough backend", "replication num"]) => {
            (Kind::Config, Some("set `replication_num` to the number of back ends, at most"))
        }
        _ if has(&[
            "current running txns",
            "e-235",
            "too_many_version",
            "memory",
            "exceed limit",
        ]) =>
        {
            (Kind::Limit, None)
        }
        _ if has(&[
            "timeout",
            "timed out",
            "no alive backend",
            "no backend",
            "rpc",
            "not ready",
        ]) =>
        {
            (Kind::Unavailable, None)
        }
        _ if has(&["unknown table", "does not exist", "unknown database"]) => (Kind::Missing, None),
        _ => (Kind::Data, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u16, said: &str) -> Kind {
        let error = ServerError { code, message: said.to_owned(), state: "HY000".to_owned() };
        of("it failed", "db:9030", &Cause::Server(error)).kind()
    }

    #[test]
    fn the_number_says_who_must_act_and_where_it_says_nothing_the_words_do() {
        assert_eq!(kind(1045, "Access denied"), Kind::Denied);
        assert_eq!(kind(1049, "Unknown database 'x'"), Kind::Missing);
        assert_eq!(kind(1105, "detailMessage = Unknown table 't'"), Kind::Missing);
        assert_eq!(kind(1105, "Failed to find enough backend, …"), Kind::Config);
        assert_eq!(kind(1105, "current running txns on db 1 is 100, larger than 100"), Kind::Limit);
        assert_eq!(kind(1105, "Execute timeout"), Kind::Unavailable);
        assert_eq!(kind(5025, "Insert has filtered data in strict mode"), Kind::Data);
    }

    #[test]
    fn a_taken_label_is_told_from_other_conflicts() {
        let of = |code, said: &str| {
            let error = ServerError { code, message: said.to_owned(), state: String::new() };
            is_label_used(&of("it failed", "db", &Cause::Server(error)))
        };
        assert!(of(1105, "Label [l] has already been used, relate to txn [1]"));
        assert!(!of(1050, "Table 't' already exists"));
    }
}
