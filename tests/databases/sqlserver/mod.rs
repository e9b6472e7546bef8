//! dhow from SQL Server: the real binary against the stand-in in `tests/databases/tds`, or, where
//! [`round`] says so, against the server that `DHOW_TEST_SQLSERVER_URL` names
//! (`mssql://user:password@host:1433/database`), in which it makes tables `dhow_test_…` and removes
//! them.

// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
mod killed;
mod round;
mod shards;

use crate::tds::Tds;

/// A server with a table of `rows` rows in `shop`: `id`, `name` and a rowversion.
pub(super) fn with_rows(rows: usize) -> Tds {
    let server = Tds::start();
    let table = "create table t (id int not null primary key, name nvarchar(50) not null, \
                 rv rowversion not null)";
    server.execute("shop", table);
    add(&server, 0..rows);
    server
}

/// Adds rows with these numbers.
pub(super) fn add(server: &Tds, ids: std::ops::Range<usize>) {
    let rows: Vec<_> = ids.map(|id| format!("({id}, N'имя {id}')")).collect();
    for some in rows.chunks(500) {
        server.execute("shop", &format!("insert into t (id, name) values {}", some.join(", ")));
    }
}
