//! dhow into BigQuery: a stand-in for it, the proof that it is one, and what befalls the real binary.

mod gate;
mod proof;
mod site;
