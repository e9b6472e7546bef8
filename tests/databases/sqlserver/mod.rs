//! dhow from SQL Server: the real binary against the stand-in in `tests/databases/tds`, or, where
//! [`round`] says so, against the server that `DHOW_TEST_SQLSERVER_URL` names
//! (`mssql://user:password@host:1433/database`), in which it makes tables `dhow_test_…` and removes
//! them.

// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
mod killed;
mod round;
mod shards;

#[cfg(feature = "connectorx")]
use crate::cluster::SHARED;
use crate::project::{Ended, Project};
use crate::tds::{Fault, Tds, When};

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

#[cfg(feature = "connectorx")]
#[test]
fn connectorx_reads_the_same_rows() {
    let server = with_rows(100);
    let (url, target) = SHARED.url("two_roads_from_sqlserver");
    for (more, table) in
        [("tls: disable", "own"), ("reader: connectorx, split_by: id, partitions: 2", "other")]
    {
        let project = Project::of(&format!(
            "sources:\n  rows: {{ type: sqlserver, url: \"{}\", query: \"select id, name from t\", {more} }}\n\
             sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: {table}, mode: replace }}\n",
            server.url("shop")
        ));
        let ended = project.run(None);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
    let same = "select count(*), count(distinct name) from own \
                full join other using (id, name)";
    assert_eq!(SHARED.psql(&target, same), "100|100");
}

#[test]
fn no_row_that_the_server_quotes_is_told_or_logged() {
    let server = with_rows(10);
    let text =
        "Conversion failed when converting the nvarchar value 'Ada Lovelace' to data type int.";
    let when = When::statement("select [id], cast([name] as varbinary(100))").always();
    server.fault(when, Fault::ErrorAfter(2, 245, text.to_owned()));
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: sqlserver, url: \"{}\", tls: require, table: t }}\n\
         sinks:\n  out: {{ from: rows, type: parquet, path: out/t, mode: replace }}\n",
        server.url("shop")
    ));
    let ended = Ended::of_call(project.command(&["run"]).env("DHOW_LOG", "trace"));
    let told = ended.out + &ended.err;
    assert!(told.contains("could not read `t`") && told.contains("245"), "{told}");
    for secret in ["Ada", "имя 1", server.password.as_str(), "Trusting the server"] {
        assert!(!told.contains(secret), "{secret} is in: {told}");
    }
}
