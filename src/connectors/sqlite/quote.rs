//! Names in SQL text.

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_quote_in_a_name_is_doubled() {
        assert_eq!(super::identifier(r#"a"; drop table b --"#), r#""a""; drop table b --""#);
    }
}
