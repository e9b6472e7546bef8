//! What a failure of the server or of the way to it means: the one place that looks at the numbers
//! of its errors. They are those of MySQL's reference manual ("Server Error Message Reference") and
//! of MariaDB's knowledge base ("MariaDB Error Codes").

use super::wire::{Answer, Failure};
use crate::error::{Error, Kind};

/// The error for `failure`, without any row data; `what` was tried: "could not read `orders`".
pub(super) fn of(what: &str, failure: Failure) -> Error {
    match failure {
        Failure::Told(error) => error,
        Failure::Lost(seen) => Error::unavailable(what).at("connection", seen),
        Failure::Server(answer) => of_server(what, &answer),
    }
}

/// Whether the server said so with one of these numbers.
pub(super) fn is_one_of(failure: &Failure, codes: &[u16]) -> bool {
    matches!(failure, Failure::Server(answer) if codes.contains(&answer.code))
}

/// The right to do something is missing.
pub(super) const DENIED: &[u16] =
    &[1044, 1045, 1095, 1130, 1142, 1143, 1227, 1370, 1410, 1419, 1698, 1290, 1792, 1836];
/// A lock was not granted in time.
pub(super) const LOCKED: &[u16] = &[1205, 1213, 3572];
/// The statement was stopped by somebody.
pub(super) const STOPPED: &[u16] = &[1317, 1969, 3024];
/// The server knows no such variable.
pub(super) const UNKNOWN_VARIABLE: u16 = 1193;

/// Who must act, by the number of an answer.
fn kind(code: u16, state: &str) -> Kind {
    match code {
        // Too many connections: 1040 and 1203 of the server and the user, 1226 of an account.
        1040 | 1203 | 1226 | 1461 | 1041 | 1135 => Kind::Limit,
        1049 | 1051 | 1054 | 1072 | 1109 | 1146 | 1305 | 1449 | 1932 => Kind::Missing,
        // Its definition changed since the snapshot, or another session did something to the row.
        1412 | 1020 | 1684 => Kind::Conflict,
        1053
        | 1077
        | 1080
        | 1129
        | 1152
        | 1158..=1161
        | 1184
        | 1927
        | 1928
        | 1317
        | 1969
        | 3024
        | 4031
        | 2006
        | 2013 => Kind::Unavailable,
        1021 | 1114 => Kind::Limit,
        // Of the system of the server: its files, its memory.
        1..=119 => Kind::Unavailable,
        _ if LOCKED.contains(&code) => Kind::Unavailable,
        _ if DENIED.contains(&code) => Kind::Denied,
        1251 | 1235 | 1274 | 1275 | 1524 | 1817 | 2059 => Kind::Unsupported,
        1356 | 1046 | 1064 | 1055 | 1140 | 1149 | 1176 | 1222 | 1248 | 1052 | 1060 | 1193
        | 1231 | 1267 | 1270 | 1271 | 1115 | 1273 | 1298 | 1102 | 1103 => Kind::Config,
        // Damaged tables are the owner's to repair.
        126 | 127 | 134 | 144 | 145 | 1033..=1035 | 1194 | 1195 | 1712 => Kind::Data,
        _ => match state.get(..2).unwrap_or_default() {
            "08" => Kind::Unavailable,
            "28" => Kind::Denied,
            "42" => Kind::Config,
            _ => Kind::Data,
        },
    }
}

/// What whoever must act can do.
fn hint(code: u16) -> Option<&'static str> {
    let hint = match code {
        1045 | 1698 => {
            "correct the user or the password; an account is for one host: see `select user, host \
             from mysql.user`"
        }
        1044 => "correct the database, or grant the user a right on it",
        1049 => "correct the database, or create it",
        1146 => "correct the name, or create the table",
        1142 | 1143 => "grant the user what it lacks: `grant select on … to …`",
        1227 => "grant the user what it lacks: see `show grants`",
        1040 | 1203 | 1226 | 1461 => {
            "lower `--jobs`, or raise `max_connections` of the server or the limit of the user"
        }
        1129 => "too many sessions from here broke off: `flush hosts` at the server",
        1130 => "the server has no account for this host: create one, or connect from another",
        1153 => "raise `max_allowed_packet` of the server: a value is larger",
        1161 | 1160 => "the network broke, or the server did not wait: raise `net_write_timeout`",
        1205 => "somebody holds a lock on it: see `show processlist`",
        1235 | 1251 | 1524 | 2059 => "see which ways to log in the account has: `show create user`",
        1290 | 1836 | 1792 => "the server, or this session, only reads",
        1317 | 1969 | 3024 => "somebody killed it, or it took longer than the server lets it",
        1356 => "a table or function of the view is gone, or its definer lacks a right",
        1449 => "the account that defined the view is gone: define the view anew",
        1412 => "run again: the load starts over with a new snapshot",
        1..=119 => "see the log of the server: its system failed it",
        145 | 144 | 1194 | 1195 | 1034 => "repair it: `check table`, then `repair table`",
        4031 | 2006 | 2013 => "see the log of the server: it ended the session",
        _ => return None,
    };
    Some(hint)
}

/// Messages that say nothing but names, numbers of bytes and settings. All others are left out:
/// they may quote rows, as 1062 quotes a key and 1292 a value.
const WITHOUT_ROWS: &[u16] = &[
    1020, 1021, 1033, 1034, 1035, 1040, 1041, 1044, 1045, 1046, 1049, 1051, 1052, 1053, 1054, 1055,
    1060, 1064, 1072, 1080, 1095, 1102, 1103, 1109, 1114, 1115, 1129, 1130, 1135, 1140, 1142, 1143,
    1146, 1149, 1153, 1158, 1159, 1160, 1161, 1176, 1184, 1193, 1194, 1195, 1203, 1205, 1213, 1222,
    1226, 1227, 1231, 1235, 1248, 1251, 1267, 1270, 1271, 1273, 1274, 1275, 1290, 1298, 1305, 1317,
    1356, 1370, 1410, 1412, 1419, 1449, 1461, 1524, 1684, 1698, 1712, 1792, 1817, 1836, 1927, 1928,
    1932, 1969, 3024, 3572, 4031, 144, 145, 126, 127, 134,
];

fn of_server(what: &str, answer: &Answer) -> Error {
    let Answer { code, state, message } = answer;
    let mut error = Error::new(kind(*code, state), what);
    if WITHOUT_ROWS.contains(code) {
        let shown: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        error = error.at("server", shown);
    }
    error = error.at("error", format!("{code} ({state})"));
    match hint(*code) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, state: &str, message: &str) -> Error {
        let (state, message) = (state.to_owned(), message.to_owned());
        of("could not read `t`", Failure::Server(Answer { code, state, message }))
    }

    #[test]
    fn a_message_that_may_quote_a_row_is_not_shown() {
        let error = answer(1292, "22007", "Incorrect datetime value: '4711' for column");
        assert_eq!(error.kind(), Kind::Data);
        assert_eq!(error.places(), [("error".to_owned(), "1292 (22007)".to_owned())]);
        let error = answer(1146, "42S02", "Table 'a.b' doesn't exist");
        assert_eq!(error.places()[0].1, "Table 'a.b' doesn't exist");
    }

    #[test]
    fn each_number_says_who_must_act() {
        for (code, state, expected) in [
            (1045, "28000", Kind::Denied),
            (1040, "08004", Kind::Limit),
            (1049, "42000", Kind::Missing),
            (1146, "42S02", Kind::Missing),
            (1054, "42S22", Kind::Missing),
            (1064, "42000", Kind::Config),
            (1205, "HY000", Kind::Unavailable),
            (1317, "70100", Kind::Unavailable),
            (1927, "70100", Kind::Unavailable),
            (1412, "HY000", Kind::Conflict),
            (1251, "08004", Kind::Unsupported),
            (1062, "23000", Kind::Data),
            (9999, "08S01", Kind::Unavailable),
        ] {
            assert_eq!(answer(code, state, "").kind(), expected, "{code}");
        }
    }
}
