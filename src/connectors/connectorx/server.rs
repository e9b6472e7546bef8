//! The databases that connectorx reads, by the scheme of their URLs.

/// A kind of database.
#[expect(clippy::enum_variant_names, reason = "SQL Server is called that")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Server {
    /// ClickHouse, over HTTP.
    ClickHouse,
    /// MySQL and MariaDB.
    MySql,
    /// Oracle, through its client library.
    Oracle,
    /// PostgreSQL.
    Postgres,
    /// SQL Server.
    SqlServer,
    /// A SQLite file.
    Sqlite,
    /// Trino.
    Trino,
}

/// Schemes as they are written, for messages.
pub(super) const SCHEMES: &str = "`clickhouse://`, `mssql://`, `mysql://`, `oracle://`, \
                                  `postgres://`, `sqlite://`, `trino://`, `trino+https://`";

impl Server {
    /// The database that URLs with `scheme` name.
    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        Some(match scheme {
            "clickhouse" => Server::ClickHouse,
            "mysql" => Server::MySql,
            "oracle" => Server::Oracle,
            "postgres" | "postgresql" => Server::Postgres,
            "mssql" => Server::SqlServer,
            "sqlite" => Server::Sqlite,
            "trino" | "trino+https" => Server::Trino,
            _ => return None,
        })
    }

    /// Its name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Server::ClickHouse => "ClickHouse",
            Server::MySql => "MySQL",
            Server::Oracle => "Oracle",
            Server::Postgres => "Postgres",
            Server::SqlServer => "SQL Server",
            Server::Sqlite => "SQLite",
            Server::Trino => "Trino",
        }
    }
}
