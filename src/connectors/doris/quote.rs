//! Names and values in SQL text: the only way by which they get there.

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `names` as a list in SQL text.
pub(super) fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(identifier).collect::<Vec<_>>().join(", ")
}

/// `names` as a list of columns of the table with this alias.
pub(super) fn columns_of<'a>(alias: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let qualified = |name| format!("{alias}.{}", identifier(name));
    names.into_iter().map(qualified).collect::<Vec<_>>().join(", ")
}

/// `value` as a literal. The backslash escapes in this SQL, so it is escaped itself.
pub(super) fn literal(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('\'');
    for c in value.chars() {
        match c {
            '\'' => text.push_str("\\'"),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\0' => text.push_str("\\0"),
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// `values` as a list of literals.
pub(super) fn literals<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(literal).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_and_no_value_ends_its_quotes() {
        assert_eq!(identifier("a`; drop table b"), "`a``; drop table b`");
        assert_eq!(literal("it's \\ a\nline"), "'it\\'s \\\\ a\\nline'");
        assert_eq!(columns(["a", "b c"]), "`a`, `b c`");
        assert_eq!(columns_of("s", ["a", "b"]), "s.`a`, s.`b`");
    }
}
