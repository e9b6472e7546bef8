//! The stand-in for SQL Server, asked by clients that others wrote.

mod driver;
