//! dhow into BigQuery: a stand-in for it, the proof that it is one, and what befalls the real binary.

mod account;
mod gate;
// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
mod killed;
mod lost;
mod mistakes;
mod proof;
mod site;
mod standin;
