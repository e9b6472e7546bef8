//! Names and values in GoogleSQL text: the only way by which they get there.

use super::name::TableName;

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", escaped(name, '`'))
}

/// A table with its project and dataset; project names may have hyphens and colons.
pub(super) fn table(name: &TableName) -> String {
    let parts = [&name.project, &name.dataset, &name.table];
    parts.map(|part| identifier(part)).join(".")
}

/// `value` as a string literal.
pub(super) fn literal(value: &str) -> String {
    format!("'{}'", escaped(value, '\''))
}

/// `names` as a list, each with `prefix` before it, such as `load.`.
pub(super) fn columns<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter().map(|name| format!("{prefix}{}", identifier(name)));
    names.collect::<Vec<_>>().join(", ")
}

/// The escapes are those of GoogleSQL's lexical structure; quoted identifiers have the same.
fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            c if c == quote => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_where_it_should() {
        assert_eq!(identifier("a`; drop table b --"), "`a\\`; drop table b --`");
        assert_eq!(identifier("a\\"), "`a\\\\`");
        assert_eq!(columns("load.", ["a", "b"]), "load.`a`, load.`b`");
    }

    #[test]
    fn a_table_of_a_project_with_a_domain_is_quoted_in_parts() {
        let name =
            TableName { project: "example.com:p-1".into(), dataset: "d".into(), table: "t".into() };
        assert_eq!(table(&name), "`example.com:p-1`.`d`.`t`");
    }

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(literal("it's\n\\"), "'it\\'s\\n\\\\'");
        assert_eq!(literal("\u{7}"), "'\\u0007'");
        assert_eq!(literal("größe"), "'größe'");
    }
}
