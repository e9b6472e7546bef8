//! The views of the catalog, and the functions that ask it.

mod describe;
mod functions;
mod views;

pub(crate) use describe::{describe, describe_or_fault, described, described_or_faulty};
pub(crate) use functions::{function, permissions, variant_int, variant_text};
pub(crate) use views::view;
