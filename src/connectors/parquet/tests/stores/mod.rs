//! Files and tables in object stores: every file source and this sink, on S3, Azure and what stands
//! in for Google.

mod contract;
mod faults;
mod mistakes;
mod sources;
mod stand;

#[path = "../../../../../tests/databases/stores/mod.rs"]
mod servers;
