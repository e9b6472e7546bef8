//! How long to wait before the next try (pure).

use std::time::Duration;

/// No wait is longer than this.
const CEILING: Duration = Duration::from_secs(60);

/// The wait before try number `attempt` (the second try is number 2): `first`, doubled with every
/// try, at most a minute; of that a share between a half and the whole, so that many splits that
/// failed together do not come back together. `salt` decides the share: the same split waits the
/// same time.
pub(super) fn delay(first: Duration, attempt: u32, salt: &str) -> Duration {
    let doublings = attempt.saturating_sub(2).min(20);
    let whole = first.saturating_mul(1 << doublings).min(CEILING);
    let hash = blake3::hash(format!("{salt}/{attempt}").as_bytes());
    let share = f64::from(hash.as_bytes()[0]) / 255.0;
    whole.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling_and_differ_between_splits() {
        let first = Duration::from_secs(1);
        for (attempt, whole) in [(2, 1), (3, 2), (4, 4), (5, 8), (9, 60), (u32::MAX, 60)] {
            let wait = delay(first, attempt, "000001");
            let whole = Duration::from_secs(whole);
            assert!(wait >= whole / 2 && wait <= whole, "{attempt}: {wait:?}");
        }
        assert_ne!(delay(first, 3, "000001"), delay(first, 3, "000002"));
        assert_eq!(delay(first, 3, "000001"), delay(first, 3, "000001"));
    }
}
