//! `dhow` from a real MariaDB into Postgres and Parquet. The oracles are the `mariadb` and `psql`
//! command lines, and the Parquet reader of the Arrow project.

mod increments;
#[cfg(debug_assertions)]
mod killed;
mod mistakes;
mod moved;

use crate::cluster::SHARED as POSTGRES;
use crate::mariadb::MariaDb;
use crate::project::Project;

#[test]
fn the_server_answers_and_its_folder_goes_with_it() {
    let own = MariaDb::start(&[]);
    let database = own.database("a");
    assert_eq!(own.sql(&database, "select 1 + 1"), "2");
    own.order("crash");
    assert_eq!(own.sql(&database, "select 2 + 2"), "4");
    assert!(own.try_sql(&database, "select nothing").unwrap_err().contains("nothing"));
    let folder = own.folder.clone();
    drop(own);
    assert!(!folder.exists());
}

/// A pipeline from a table of MariaDB into a table of Postgres; answers with it the name of the
/// database there.
fn into_postgres(source: &str, sink: &str) -> (Project, String) {
    let (url, database) = POSTGRES.url("from_mariadb");
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: mysql, {source} }}\n\
         sinks:\n  out: {{ from: rows, type: postgres, url: \"{url}\", table: copy, {sink} }}\n"
    ));
    (project, database)
}
