//! What is kept: values of SQL Server's types, tables of them, and who may see which version.

pub(crate) mod catalog;
pub(crate) mod collation;
pub(crate) mod day;
pub(crate) mod kind;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod value;
