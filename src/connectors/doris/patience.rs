//! Waits between two questions about the same thing. To ask again is not to try again: what is
//! asked about is never sent a second time.

use std::time::{Duration, Instant};

/// Between the first two questions.
const FIRST: Duration = Duration::from_millis(50);

/// Between later ones, at most.
const LAST: Duration = Duration::from_secs(5);

/// How long something is asked about, and how often.
#[derive(Debug)]
pub(super) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    /// Patience for so long.
    pub(super) fn of(limit: Duration) -> Self {
        Patience { until: Instant::now() + limit, pause: FIRST }
    }

    /// Waits until the next question; `false` when there has been enough of them.
    pub(super) async fn wait(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        tokio::time::sleep(self.pause.min(left)).await;
        self.pause = (self.pause * 2).min(LAST);
        true
    }
}
