//! What a failure of the server or of the way to it means: the one place that looks at the numbers
//! of SQL Server's errors.

use tiberius::error::TokenError;

use crate::error::{Error, Kind};

/// The error for `error`, without any row data; `what` was tried: "could not read `orders`".
pub(super) fn of(what: &str, error: &tiberius::error::Error) -> Error {
    use tiberius::error::Error as Tds;
    match error {
        Tds::Server(answer) => of_server(what, answer),
        Tds::Io { message, .. } => Error::unavailable(what).at("connection", message),
        Tds::Tls(reason) => Error::unavailable(what).at("connection", reason),
        Tds::Utf8 | Tds::Utf16 | Tds::Encoding(_) => {
            let error = Error::data(what).at("reason", "a text is not what its collation says");
            error.hint("correct the text, or cast it to varbinary with a `query`")
        }
        // Their texts may quote bytes of rows.
        Tds::Protocol(_) | Tds::Conversion(_) | Tds::ParseInt(_) => Error::unavailable(what)
            .at("connection", "what the server sent cannot be understood")
            .hint("see that SQL Server itself answers there, and nothing in front of it"),
        _ => Error::unsupported(what).at("driver", error),
    }
}

/// The error for a session with `server` that could not begin.
pub(super) fn connecting(server: &str, error: &tiberius::error::Error) -> Error {
    use tiberius::error::Error as Tds;
    let what = format!("could not connect to `{server}`");
    match error {
        Tds::Tls(reason) if is_of_encryption(reason) => without_encryption(server),
        Tds::Protocol(reason) if is_of_encryption(reason) => without_encryption(server),
        Tds::Tls(reason) => {
            let reason = reason.split(" To connect anyway").next().unwrap_or_default();
            Error::denied(format!("the certificate of `{server}` is not trusted"))
                .at("reason", reason)
                .hint(
                    "name its authority as `tls_ca`, or the name in it as `tls_server_name`; \
                     `tls: require` encrypts whoever answers",
                )
        }
        error => of(&what, error),
    }
}

/// Whether the two sides did not agree on encryption at all.
fn is_of_encryption(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("encrypt") && !reason.contains("certificate")
}

fn without_encryption(server: &str) -> Error {
    Error::denied(format!("`{server}` and `tls` do not agree on encryption")).hint(
        "turn encryption on at the server; `tls: disable` does without where nobody can listen, \
         `tls: require` does with where the server insists",
    )
}

/// A memory-optimized table was read at the level SNAPSHOT.
const IN_SNAPSHOT: u32 = 41_332;
/// It was read in a transaction at the level READ COMMITTED.
const IN_TRANSACTION: u32 = 41_368;
/// It was read together with tables on disk under READ_COMMITTED_SNAPSHOT.
const WITH_DISK: u32 = 41_359;
/// Tables of another server, or external ones, were read at the level SNAPSHOT.
const FAR_IN_SNAPSHOT: u32 = 3996;

/// Who must act, by the number of an answer, and by its class where the number is not known.
/// `sys.messages` has them all.
fn kind(number: u32, class: u8) -> Kind {
    match number {
        18452 | 18456 | 18461 | 18470 | 18486 | 18487 | 18488 | 40532 | 40607 | 40615 | 40914 => {
            Kind::Denied
        }
        229 | 230 | 262 | 297 | 300 | 371 | 916 | 15562 | 33_512 | 1105 | 9002 => Kind::Denied,
        4060 | 4063 | 4064 | 207 | 208 | 911 | 2812 | 15_151 => Kind::Missing,
        1205 | 1222 | 3960 | 596 | 6005 | 10_053 | 10_054 | 10_060 | 17_142 | 18_401 | 922
        | 924 | 926 | 927 | 942 | 945 | 976 | 978 | 983 | 40_143 | 40_166 | 40_197 | 40_540
        | 40_613 | 41_301 | 4221 | 64 | 121 | 233 | 258 | 3617 => Kind::Unavailable,
        701
        | 802
        | 1204
        | 3958
        | 3959
        | 3966
        | 3967
        | 8645
        | 8651
        | 8657
        | 8658
        | 10_928
        | 10_929
        | 17_300
        | 17_803
        | 17_809
        | 40_501
        | 40_544
        | 40_549..=40_553
        | 49_918
        | 49_919
        | 49_920 => Kind::Limit,
        3957 | 3961 | 601 => Kind::Conflict,
        3952 | 3906 | 102 | 103 | 104 | 105 | 156 | 170 | 174 | 195 | 319 | 1033 | 4104 | 8155
        | 8156 | 8180 | 468 | 457 | IN_SNAPSHOT | IN_TRANSACTION | WITH_DISK | FAR_IN_SNAPSHOT => {
            Kind::Config
        }
        2571 | 4864 | 40_515 => Kind::Unsupported,
        _ => match class {
            13 => Kind::Unavailable,
            14 => Kind::Denied,
            15 => Kind::Config,
            17..=19 => Kind::Limit,
            20.. => Kind::Unavailable,
            // A value that is not what it must be.
            _ => Kind::Data,
        },
    }
}

/// What whoever must act can do.
fn hint(number: u32) -> Option<&'static str> {
    let hint = match number {
        18456 | 18452 => "correct the user or the password; the log of the server says which",
        18470 => "enable the login: `alter login … enable`",
        18487 | 18488 => "the password has expired: change it",
        40_615 | 40_914 => "let this machine through the firewall of the server",
        4060 | 4063 | 4064 | 911 => {
            "correct the database, create it, or let the user into it: `create user … for login …`"
        }
        207 | 208 => "correct the name, or create the table",
        229 | 230 | 262 | 297 | 300 | 371 | 916 => "grant the user what it lacks",
        1205 => "another session held what this one waited for, and the server chose this one",
        1222 => "somebody holds a lock on it: see `sys.dm_tran_locks`",
        3952 => {
            "allow it: `alter database … set allow_snapshot_isolation on`; or set \
             `consistency: split`"
        }
        3906 => "the database only reads, which is enough for a source: is it the right one?",
        3961 | 3957 | 601 => "the table was changed while it was read: run again",
        701 | 802 | 8645 | 8651 | 8657 | 8658 => {
            "the server has too little memory for this: lower `--jobs`, or give it more"
        }
        10_928 | 10_929 | 40_501 | 49_918 | 49_919 | 49_920 | 40_544 | 40_549..=40_553 => {
            "the service allows no more at once: lower `--jobs`, or choose a larger tier"
        }
        1105 | 9002 | 3958 | 3959 | 3966 | 3967 => {
            "make room on the disk of the server, or in tempdb"
        }
        IN_SNAPSHOT => {
            "let the user see that the table is memory-optimized (`grant view definition`): dhow \
             then reads it without a transaction"
        }
        FAR_IN_SNAPSHOT => {
            "read what another server has as a source of its own, with that `host` and `database`"
        }
        IN_TRANSACTION | WITH_DISK => {
            "write `with (snapshot)` behind the memory-optimized table in a `query`, or `alter \
             database … set memory_optimized_elevate_to_snapshot = on`"
        }
        1033 => "leave `order by` out of the `query`: rows come split by split",
        468 | 457 => "say which collation decides, with `collate` in the `query`",
        _ => return None,
    };
    Some(hint)
}

/// A text that may quote values of rows is left out; so are the procedure and the line.
fn of_server(what: &str, answer: &TokenError) -> Error {
    let number = answer.code();
    let kind = kind(number, answer.class());
    let shown: String =
        answer.message().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let error = Error::new(kind, what);
    let error = match kind {
        Kind::Data => error.at("server", "its message may quote rows and is not shown"),
        _ => error.at("server", shown),
    };
    let error = error.at("number", number);
    match hint(number) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_who_must_act() {
        use Kind::{Config, Conflict, Data, Denied, Limit, Missing, Unavailable};
        for (kind_of, numbers) in [
            (Unavailable, &[1205, 1222, 40_613, 596][..]),
            (Limit, &[701, 10_928, 10_929, 40_501, 49_918, 49_919, 49_920]),
            (Denied, &[18_456, 229, 230, 916]),
            (Missing, &[4060, 208, 207]),
            (Config, &[3952, 3996, 102, 41_332, 41_368, 41_359]),
            (Conflict, &[3961]),
            (Data, &[8152, 2628, 245, 8115]),
        ] {
            for number in numbers {
                assert_eq!(kind(*number, 16), kind_of, "{number}");
            }
        }
        assert_eq!(kind(99_999, 14), Denied);
        assert_eq!(kind(99_999, 20), Unavailable);
    }
}
