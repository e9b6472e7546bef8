//! Names and values in SQL text: the only way by which they get there.

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `value` as a literal. Our sessions have neither `NO_BACKSLASH_ESCAPES` nor another encoding than
/// UTF-8: see `server/session.rs`.
pub(super) fn literal(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// Bytes, given as hexadecimal digits by the server, as a literal; anything else than such digits
/// is left out, so that it cannot end the literal.
pub(super) fn bytes(digits: &str) -> String {
    let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
    format!("X'{digits}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtick_in_a_name_is_doubled() {
        assert_eq!(identifier("a`; drop table b -- "), "`a``; drop table b -- `");
    }

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r"'a\\''b'");
        assert_eq!(bytes("4a'; drop"), "X'4ad'");
    }
}
