//! How long and how often a cluster is asked about the same thing.

use std::time::Duration;

use crate::network::pause::Pauses;

/// Pauses between questions, until `limit` is over.
pub(super) fn of(limit: Duration) -> Pauses {
    Pauses::new(Duration::from_millis(50), Duration::from_secs(5)).within(limit)
}
