//! Names and values in SQL text: the only way by which they get there.

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// `value` as a literal of Unicode text.
pub(super) fn literal(value: &str) -> String {
    format!("N'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_in_a_name_and_a_quote_in_a_value_are_doubled() {
        assert_eq!(identifier("a]; drop table b --"), "[a]]; drop table b --]");
        assert_eq!(identifier("a.b\""), "[a.b\"]");
        assert_eq!(literal("it's"), "N'it''s'");
    }
}
