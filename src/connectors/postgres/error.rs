//! What a failure of the server or of the way to it means: the one place that looks at SQLSTATE.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::DbError;

use crate::connectors::postgres::server::session;
use crate::error::{Error, Kind};
use crate::network;

/// The error for `error`, without any row data; `what` was tried: "could not read `orders`".
pub(super) fn of(what: &str, error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(answer) => of_server(what, answer),
        None => of_wire(what, error),
    }
}

/// The error for a session with `server` that could not begin.
pub(super) fn connecting(server: &str, error: &tokio_postgres::Error) -> Error {
    let what = format!("could not connect to `{server}`");
    match error.as_db_error() {
        Some(answer) if answer.message().contains("startup parameter") => session::pooled(server),
        Some(answer) => of_server(&what, answer),
        None => of_handshake(server, error).unwrap_or_else(|| of_wire(&what, error)),
    }
}

/// Who must act, by the code of an answer. Appendix A of PostgreSQL's manual has them all.
fn kind(code: &str) -> Kind {
    match (code.get(..2).unwrap_or_default(), code) {
        (_, "08P01" | "26000" | "42P05") => Kind::Unsupported,
        (_, "42501" | "25006" | "53100") => Kind::Denied,
        (_, "42P01" | "42883" | "42704" | "42703" | "57P04") => Kind::Missing,
        (_, "55P03" | "55006" | "57014" | "25P03" | "25P04") => Kind::Unavailable,
        ("08" | "40" | "57", _) => Kind::Unavailable,
        ("53", _) => Kind::Limit,
        ("28" | "0L" | "0P" | "58", _) => Kind::Denied,
        ("3D" | "3F", _) => Kind::Missing,
        ("72", _) => Kind::Conflict,
        ("0A", _) => Kind::Unsupported,
        ("42" | "2B", _) => Kind::Config,
        // Most are of class 22 and 23: a value that is not what it must be.
        _ => Kind::Data,
    }
}

/// What whoever must act can do.
fn hint(code: &str) -> Option<&'static str> {
    let hint = match code {
        "28P01" => "correct the user or the password",
        "28000" => "pg_hba.conf of the server has no line that lets this user in, or only with TLS",
        "3D000" => "correct the database, or create it",
        "42P01" => "correct the name, or create the table",
        "42501" => "grant the user what it lacks",
        "22P05" => {
            "the encoding of the database lacks this character: replace it in a model, or load a \
             database in UTF8"
        }
        "25006" => "write to the primary: this server, or this user, only reads",
        "26000" | "42P05" => "connect to the server itself: this looks like a connection pooler",
        "53100" => "make room on the disk of the server",
        "53300" => "lower `--jobs`, or raise `max_connections` of the server",
        "55P03" => "somebody holds a lock on it: `select * from pg_locks where not granted`",
        "57014" => "somebody cancelled it, or it took longer than `statement_timeout`",
        _ => return None,
    };
    Some(hint)
}

/// Details, context and the statement itself are left out: they may quote rows.
fn of_server(what: &str, answer: &DbError) -> Error {
    let code = answer.code().code();
    let shown: String =
        answer.message().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let error = Error::new(kind(code), what).at("server", shown).at("sqlstate", code);
    // The code is that of a missing right, but no grant on the table would help.
    let is_policy = code == "42501" && answer.message().contains("row-level security");
    // What the server says of a message that it cannot make; it names other limits with the code.
    let is_row = code == "54000"
        && ["out of memory", "string buffer"].iter().any(|said| answer.message().contains(said));
    match hint(code) {
        _ if is_row => error.hint(
            "the server sends no row of more than 1 GiB: leave long values out, or read them in \
             parts, with a `query`",
        ),
        _ if is_policy => error.hint(
            "a policy hides rows from this user, and a copy would lack them: read as a user with \
             `bypassrls`, or as the owner of the table",
        ),
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The server did not answer, or what it said cannot be understood.
fn of_wire(what: &str, error: &tokio_postgres::Error) -> Error {
    let answer = error.to_string();
    let failure = match answer.as_str() {
        "error parsing response from server" | "unexpected message from server" => {
            let failure = Error::unsupported(what);
            failure.hint("see that PostgreSQL itself answers there, and nothing in front of it")
        }
        // The statement and its values do not fit: ours, not theirs.
        _ if answer.contains("serializ") || answer.contains("column") => Error::bug(what),
        _ => Error::unavailable(what),
    };
    match error.source() {
        Some(cause) => failure.at("connection", format!("{answer}: {cause}")),
        None => failure.at("connection", answer),
    }
}

/// What stopped a session on the way from the first byte to the password.
fn of_handshake(server: &str, error: &tokio_postgres::Error) -> Option<Error> {
    let cause = error.source()?;
    if let Some(broken) = cause.downcast_ref::<io::Error>() {
        let broken = broken.get_ref()?.downcast_ref::<rustls::Error>()?;
        return Some(network::refused(server, broken));
    }
    match (error.to_string().as_str(), cause.to_string().as_str()) {
        (_, "server does not support TLS") => {
            let message = format!("`{server}` does not encrypt, and `tls` asks for it");
            let hint = "turn `ssl` on at the server; or set `tls: disable` where nobody can listen";
            Some(Error::denied(message).hint(hint))
        }
        (_, "password missing") => {
            let message = format!("`{server}` asks for a password, and none is given");
            let hint = "give `password: ${SOME_VARIABLE}`, `password_file` or `password_command`";
            Some(Error::denied(message).hint(hint))
        }
        ("authentication error", reason) => {
            let message = format!("could not prove to `{server}` who we are, or it to us");
            Some(Error::denied(message).at("reason", reason))
        }
        _ => None,
    }
}
