//! The road itself: all that needs the crate connectorx.

mod bridge;
mod fit;
mod frozen;
mod lanes;
mod pull;
mod quote;
mod source;
mod statement;
#[cfg(test)]
mod tests;
mod thread;

pub(super) use source::open;
