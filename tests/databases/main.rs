//! dhow against real databases, started by the tests themselves.

mod bigquery;
mod cluster;
mod doris;
mod in_stores;
// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
mod held;
#[cfg(debug_assertions)]
mod killed;
mod login_analytics;
mod mariadb;
mod mysql;
mod patience;
mod project;
mod writers;
mod faults;
mod limits;
mod mistakes;
mod money;
mod network;
mod proxy;
mod shards;
mod sqlserver;
mod tds;
mod tds_stand;
mod stores;
mod types;

#[test]
fn the_cluster_answers_and_its_folder_goes_with_it() {
    let own = cluster::Cluster::start(&[]);
    let database = own.database("a");
    assert_eq!(own.psql(&database, "select 1 + 1"), "2");
    own.order("crash");
    assert_eq!(own.psql(&database, "select 2 + 2"), "4");
    assert!(own.try_psql(&database, "select nothing").unwrap_err().contains("nothing"));
    let folder = own.socket.clone();
    drop(own);
    assert!(!folder.exists());
    assert!(cluster::SHARED.url("b").0.starts_with("postgres://postgres@%2Ftmp%2F"));
}
