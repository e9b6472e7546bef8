//! Names for places that nobody else writes to.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Sixteen hexadecimal digits that no other attempt has.
pub fn nonce() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = jiff::Timestamp::now().as_nanosecond();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // RandomState is seeded by the operating system; time, process and count guard against forks.
    let hash = RandomState::new().hash_one((now, std::process::id(), count));
    format!("{hash:016x}")
}
