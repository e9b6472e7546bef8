//! Names that a pipeline may give: those that SQL uses, and those that become file names.

use crate::config::{Place, Problem};

/// What a name is used for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// A table name of SQL.
    Sql,
    /// A key of the state and part of file names.
    Key,
}

/// The longest name, in characters, so that ids made of two of them fit everywhere.
const LONGEST: usize = 40;

/// What is wrong with `name`, the name of a `what` such as "source".
pub(super) fn check(what: &str, name: &str, usage: Use, place: &Place) -> Option<Problem> {
    let (fits, letters) = match usage {
        Use::Sql => (is_identifier(name), "letters, digits and `_`, and begin with no digit"),
        Use::Key => (is_key(name), "letters, digits, `_` and `-`, and do not begin with `-`"),
    };
    let shown = crate::source::Refused::shown(name.as_bytes());
    let problem = |message: String| Some(Problem::new(place, message));
    if !fits {
        let message = format!("`{shown}` cannot be the name of a {what}");
        return problem(message).map(|p| p.hint(format!("names are made of {letters}")));
    }
    if name.len() > LONGEST {
        let message = format!("`{shown}` is too long for the name of a {what}");
        return problem(message).map(|p| p.hint(format!("use at most {LONGEST} characters")));
    }
    if name.to_ascii_lowercase().starts_with("_dhow") {
        let message = format!("`{shown}` begins with `_dhow`, which dhow keeps for itself");
        return problem(message).map(|p| p.hint("choose another name"));
    }
    None
}

/// Whether `name` is `[A-Za-z_][A-Za-z0-9_]*`.
pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_key(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, usage: Use) -> Option<String> {
        check("sink", name, usage, &Place::without_lines("x")).map(|problem| problem.message)
    }

    #[test]
    fn a_name_fits_its_use() {
        for name in ["a", "_a1", "Orders_2026"] {
            assert_eq!(message(name, Use::Sql), None);
            assert_eq!(message(name, Use::Key), None);
        }
        assert_eq!(message("nightly-orders", Use::Key), None);
        assert_eq!(message("2026-orders", Use::Key), None);
        let cannot = |name: &str| Some(format!("`{name}` cannot be the name of a sink"));
        for name in ["nightly-orders", "1a", "", "a b", "ä", "a.b"] {
            assert_eq!(message(name, Use::Sql), cannot(name));
        }
        for name in ["../x", "a/b", "-a", "", "."] {
            assert_eq!(message(name, Use::Key), cannot(name));
        }
        assert_eq!(
            message("_Dhow_x", Use::Key).unwrap(),
            "`_Dhow_x` begins with `_dhow`, which dhow keeps for itself"
        );
        let long = "a".repeat(41);
        let too_long = format!("`{long}` is too long for the name of a sink");
        assert_eq!(message(&long, Use::Sql), Some(too_long));
    }
}
