//! dhow into Doris: the real binary, against the stand-in in [`stand`] and, if one is named,
//! against a cluster.
//!
//! | variable | what |
//! | --- | --- |
//! | `DHOW_TEST_DORIS_FE` | `host:8030` of a front end; without it the stand-in is used |
//! | `DHOW_TEST_DORIS_QUERY` | `host:9030` of its query port |
//! | `DHOW_TEST_DORIS_USER` | the user, `root` if not given |
//! | `DHOW_TEST_DORIS_PASSWORD` | its password, none if not given |
//! | `DHOW_TEST_DORIS_DATABASE` | a database that is there, in which tables `dhow_test_…` are made |
//!
//! Only [`round`] can use a cluster: `cargo test --test databases doris::round`. All else
//! scripts faults, which no cluster lets a client do.

// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
mod killed;
mod lost;
mod mistakes;
mod outcomes;
mod round;
mod site;
mod stand;
mod standin;
