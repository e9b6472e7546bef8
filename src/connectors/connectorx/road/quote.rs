//! Names in SQL text, as each database wants them.

use crate::connectors::connectorx::server::Server;

/// `name` as an identifier, whatever stands in it.
pub(super) fn identifier(server: Server, name: &str) -> String {
    match server {
        Server::MySql => format!("`{}`", name.replace('`', "``")),
        Server::SqlServer => format!("[{}]", name.replace(']', "]]")),
        // ClickHouse takes a backslash as an escape within quotes.
        Server::ClickHouse => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// The table whose parts are `parts`.
pub(super) fn table(server: Server, parts: &[String]) -> String {
    parts.iter().map(|part| identifier(server, part)).collect::<Vec<_>>().join(".")
}

/// `text` as a literal, for the databases that are asked about a statement by a statement.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The type of `cast(… as …)` that makes text of any value.
pub(super) fn text_type(server: Server) -> &'static str {
    match server {
        Server::ClickHouse => "Nullable(String)",
        Server::MySql => "char",
        Server::Oracle => "varchar2(4000)",
        Server::Postgres | Server::Sqlite => "text",
        Server::SqlServer => "nvarchar(max)",
        Server::Trino => "varchar",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_statement() {
        let name = |server| identifier(server, "a\"b`c]d\\");
        assert_eq!(name(Server::Postgres), r#""a""b`c]d\""#);
        assert_eq!(name(Server::MySql), r#"`a"b``c]d\`"#);
        assert_eq!(name(Server::SqlServer), r#"[a"b`c]]d\]"#);
        assert_eq!(name(Server::ClickHouse), r#""a\"b`c]d\\""#);
    }
}
