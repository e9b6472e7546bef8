//! dhow moves tables as Arrow record batches through SQL models and proves that every row arrived
//! exactly once.
//!
//! Modules from top to bottom; each may import only what stands below it, which
//! `tests/architecture.rs` enforces.

pub mod cli;
pub mod engine;
pub mod transform;
pub mod plan;
pub mod connectors;
pub mod state;
pub mod files;
pub mod config;
pub mod sink;
pub mod source;
pub mod memory;
pub mod event;
pub mod faults;
pub mod error;
