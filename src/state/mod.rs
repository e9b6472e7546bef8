//! The state database: the ledger, which must be right, and the history, which is nice to have.
