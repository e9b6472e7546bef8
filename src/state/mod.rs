//! The state database: the ledger, which must be right, and the history, which is nice to have.
//!
//! Both live in one embedded SQLite file, `.dhow/state.db`; nothing else opens it.

pub mod history;
