//! Names and values in SQL text: the only way by which they get there.

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `names` as a list in SQL text.
pub(super) fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(identifier).collect::<Vec<_>>().join(", ")
}

/// `value` as a literal that means the same under every setting of the server.
pub(super) fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''").replace('\\', "\\\\");
    if value.contains('\\') { format!("E'{quoted}'") } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        assert_eq!(identifier(r#"a"; drop table b --"#), r#""a""; drop table b --""#);
    }

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
    }
}
