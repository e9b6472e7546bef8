//! The stand-in for SQL Server, asked by clients that others wrote.

mod catalog;
mod clients;
mod driver;
mod faults;
mod snapshots;
mod types;
