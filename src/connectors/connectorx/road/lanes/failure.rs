//! What the messages of databases and of connectorx mean.
//!
//! Databases say what is wrong with a statement before the first row, and then it is shown. What
//! breaks while rows are read may quote a value, and is not.

use std::fmt::Display;

use super::Place;
use crate::error::{Error, Kind};

impl Place<'_> {
    /// The error of kind `kind` for what the database `said` of the statement or of us.
    pub(super) fn refused(&self, kind: Kind, said: impl Display) -> Error {
        let said = said.to_string();
        let shown: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let error = Error::new(kind, self.what()).at("server", &self.wanted.shown);
        let error = error.at("said", shown.trim());
        match kind {
            Kind::Denied => error.hint("correct the user, the password, or what it may read"),
            Kind::Missing => error.hint("correct the name: letters count as they are written"),
            Kind::Unavailable => error.hint("see that the server runs there, and answers us"),
            _ => error,
        }
    }

    /// The error for rows that stopped coming, without what was said.
    pub(super) fn broken(&self) -> Error {
        Error::data(self.what())
            .at("server", &self.wanted.shown)
            .at("said", "connectorx could not carry a value, or the connection was lost")
            .hint("ask for the columns in question as text: `columns: {name: text}`")
    }

    /// The error for what a database said in words alone.
    pub(super) fn in_words(&self, said: impl Display) -> Error {
        let said = said.to_string();
        self.refused(kind_of_words(&said), said)
    }

    fn what(&self) -> String {
        let (label, server) = (self.wanted.rows.label(), self.wanted.server.name());
        format!("could not read `{label}` of {server} through connectorx")
    }
}

/// Who must act, where a database gives no code that we can see.
fn kind_of_words(said: &str) -> Kind {
    let said = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["dpi-1047", "ora-01017", "ora-01031", "login failed", "denied", "authentication"]) {
        Kind::Denied
    } else if has(&["ora-00942", "ora-00904", "invalid object", "not exist", "not found"]) {
        Kind::Missing
    } else if has(&["refused", "timed out", "connect", "unreachable", "resolve", "ora-12"]) {
        Kind::Unavailable
    } else {
        Kind::Config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_who_must_act() {
        for (said, kind) in [
            ("ORA-01017: invalid username/password; logon denied", Kind::Denied),
            ("ORA-00942: table or view does not exist", Kind::Missing),
            ("Invalid object name 'dbo.a'", Kind::Missing),
            ("ORA-12541: TNS:no listener", Kind::Unavailable),
            ("tcp connect error: Connection refused", Kind::Unavailable),
            ("ORA-00923: FROM keyword not found where expected", Kind::Missing),
            ("line 1:8: mismatched input 'form'", Kind::Config),
        ] {
            assert_eq!(kind_of_words(said), kind, "{said}");
        }
    }
}
